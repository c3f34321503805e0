"""What of a carrier is the same for every call: its own settings, and what they let it take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from apps.routing.engine.gate import Gate, Prefixes, limiting
from switch.call.model import Caller, TrunkAddress, TrunkLogin
from switch.world.minutes import Prices
from switch.world.screening import NO_LISTS
from switch.world.settings import Settings
from switch.world.world import World

LEARNT = 500
NO_RIGHTS: tuple[str, ...] = ()


class Carrier(NamedTuple):
    """What of a carrier is the same for every call."""

    account: Caller
    trunk: TrunkAddress
    settings: Settings
    gate: Gate | None
    lines: int  # 0: no limit
    logins: Sequence[TrunkLogin]
    choosy: bool  # there is something to ask before it takes a call
    prices: Prices | None  # None: they depend on the call


def carrier_of(world: World, account_id: int) -> Carrier | str:
    """The carrier, remembered by the world; in words why it takes no calls at all."""
    known: dict[int, Carrier | str] = world.carriers
    found = known.get(account_id)
    if found is None:
        found = known[account_id] = _carrier(world, account_id)
    return found


def learn_carriers(world: World) -> Iterator[None]:
    """Find all that the first call by each carrier would have to find, step by step: of so many carriers, the others wait for that call."""
    for account_id in islice(world.trunks, LEARNT):
        carrier_of(world, account_id)
        yield


def _carrier(world: World, account_id: int) -> Carrier | str:
    account, trunk = world.account(account_id), world.trunk(account_id)
    if account is None or trunk is None or not account.enabled:
        return "it is disabled" if trunk else "it has no trunk"
    settings = world.settings_of(account)
    if settings.temporarydisabled:
        return "it is disabled for the time being"
    lines = min((most for most in (trunk.max_calls, account.max_calls) if most), default=0)
    gate = _gate(world, settings)
    choosy = (
        bool(gate or lines or account.calls_per_second or settings.refusedcallers)
        or settings.autoban_special != "no"
        or (settings.filtering != "no" and world.called_lists is not NO_LISTS)
        or world.talks_within(account)
    )
    logins, prices = world.logins_of(account_id), world.usual_prices(account)
    return Carrier(account, trunk, settings, gate, lines, logins, choosy, prices)


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
