"""What a carrier takes of a call, and how it stands beside others: its own settings, what is known of it now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from apps.routing.engine import Facts, Standing
from apps.routing.engine.brs import DEFAULTS, POINTS, Figures
from apps.routing.engine.gate import Gate, Prefixes, limiting
from apps.routing.engine.order import UNLIMITED
from switch.call.model import Caller, TrunkAddress, TrunkLogin
from switch.call.stages.state import Call
from switch.world.settings import Settings
from switch.world.world import World

TENTHS = 10
FAR_BEHIND = 2
"""The level of a carrier that does so badly that priorities do not help (`apps.routing.health.engine.Record.level`)."""
NOTHING = (False, "", "", "")
NO_RIGHTS: tuple[str, ...] = ()


class Carrier(NamedTuple):
    """What of a carrier is the same for every call."""

    account: Caller
    trunk: TrunkAddress
    settings: Settings
    gate: Gate | None
    lines: int  # 0: no limit
    logins: Sequence[TrunkLogin]


def carrier_of(world: World, account_id: int) -> Carrier | str:
    """The carrier, remembered by the world; in words why it takes no calls at all."""
    known: dict[int, Carrier | str] = world.carriers
    found = known.get(account_id)
    if found is None:
        found = known[account_id] = _carrier(world, account_id)
    return found


def _carrier(world: World, account_id: int) -> Carrier | str:
    account, trunk = world.account(account_id), world.trunk(account_id)
    if account is None or trunk is None or not account.enabled:
        return "it is disabled" if trunk else "it has no trunk"
    settings = world.settings_of(account)
    if settings.temporarydisabled:
        return "it is disabled for the time being"
    lines = min((most for most in (trunk.max_calls, account.max_calls) if most), default=0)
    return Carrier(account, trunk, settings, _gate(world, settings), lines, world.logins_of(account_id))


def _gate(world: World, settings: Settings) -> Gate | None:
    """What the carrier's settings say of its calls; None: nothing."""
    rights = settings.checkrouterrights
    gate = Gate(
        enabled=limiting(settings.enabledprefixes if rights else NO_RIGHTS),
        blocked=Prefixes(settings.blockprefixes if rights else NO_RIGHTS),
        tech_prefixes=frozenset(_limited(settings.enabledtechprefixes) if rights else NO_RIGHTS),
        partners=people(world, settings.allowedpartners) if rights else None,
        test_prefixes=frozenset(settings.testprefix),
        only_tests=settings.testcallprefix if settings.onlytestcalls else "",
        called_wishes=Prefixes(settings.calledpriority),
        caller_wishes=Prefixes(settings.callerpriority),
        partner_wishes=people(world, settings.prioritypartner) or frozenset(),
        global_absolute=settings.globalabsolutepriority,
        absolute=settings.absolutepriority,
        priority=settings.carrierpriority,
        rest=settings.minsubsecventcallbegin,
    )
    return gate if gate.matters else None


def _limited(listed: Sequence[str]) -> Sequence[str]:
    return () if "*" in listed else listed


def people(world: World, named: Sequence[str]) -> frozenset[int] | None:
    """The accounts of a list of user names and ids; None: everybody. A name that nobody has stands for nobody."""
    if not named or "*" in named:
        return None
    found = (person(world, one) for one in named)
    return frozenset(one for one in found if one is not None)


def person(world: World, named: str) -> int | None:
    """The account with this user name, else with this id."""
    account = world.with_name(named)
    if account is None and named.isascii() and named.isdigit() and world.account(int(named)) is not None:
        return int(named)
    return account


def standing(call: Call, world: World, facts: Facts, carrier: Carrier, used: int) -> Standing:
    """How the carrier stands for this call. `used`: lines of it that are taken."""
    usage, gate, account_id = call.usage, carrier.gate, carrier.account.id
    far, demoted, here, remark = _behind(call, world, carrier)
    common = Standing(
        far_behind=far,
        demoted=demoted,
        demoted_here=here,
        remark=remark,
        figures=figures_of(call, world, account_id),
        free_lines=(carrier.lines or UNLIMITED) - used,
        routed_at=usage.routed_at(account_id),
    )
    if gate is None:
        return common
    return common._replace(
        global_absolute=gate.global_absolute,
        absolute=gate.absolute,
        called_wish=gate.called_wish(facts),
        caller_wish=gate.caller_wish(facts),
        partner_wish=gate.partner_wish(facts),
        priority=gate.priority,
        rested=not gate.rest or usage.idle(account_id) >= gate.rest,
    )


def _behind(call: Call, world: World, carrier: Carrier) -> tuple[bool, str, str, str]:
    """Whether calls by the carrier go badly (`apps.routing.health`): far too badly; why, for all calls or for such numbers; a remark."""
    account_id = carrier.account.id
    found = world.health.of(account_id, call.called)
    if found is not None and world.settings.can_failover and carrier.settings.hasfailover:
        whole = found is world.health.of(account_id, "")
        chance = crc32(call.request.call_id.encode())
        behind = found.behind(call.now, chance, carrier.settings.failover_probe_share)
        if not behind:
            return False, "", "", f"demoted, and tried by this call: {found.why}"
        why = f"demoted: {found.why}"
        return behind >= FAR_BEHIND, why if whole else "", "" if whole else why, why
    settings = call.settings
    if settings.failover_repeat_seconds and account_id in call.usage.tried(
        call.caller.id, call.called, settings.failover_repeat_within
    ):
        why = "the caller had a short call to this number by it just now"
        return True, "", why, why
    return NOTHING


def figures_of(call: Call, world: World, account_id: int) -> Figures:
    """What is known of the carrier's quality for such numbers; more of it counts for important callers."""
    figures = world.routes.figures_of(account_id, call.called) or DEFAULTS
    important = call.settings.qualification
    if not important:
        return figures
    weight = figures.quality_percent
    return figures._replace(quality_percent=weight + (POINTS - weight) * important // TENTHS)
