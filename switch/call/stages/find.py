"""Whether a call stays inside: a subscriber of ours is called, a number of ours, or a route rule leads to some of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from apps.core.values.digits import is_digits
from apps.routing.engine import Facts, Match, Plan, Rule
from switch.call.causes import BAD_NUMBER, NOT_AUTHORISED, NOT_REGISTERED
from switch.call.model import Caller, Party, Rejection
from switch.call.stages.dids import OFFLINE, UNDISTURBED, led, nobodys, rank, strangers, to_account
from switch.call.stages.permitted import forbidden
from switch.call.stages.state import Call
from switch.call.stages.targets import by_settings, facts_of
from switch.world.world import World

PHONES = frozenset(("subscriber", "extension", "agent"))
MOST = 100
"""So many accounts of one rule are looked at; a group may have any number of members."""


def find(call: Call, world: World) -> Call | Rejection:
    """Sets `local` and its one target when a subscriber of ours is called. Such calls need no route and no price list."""
    if call.service:
        return call
    account_id = call.wanted
    ours = account_id is None and _looked_up(call, world)
    if ours:
        account_id = world.local(call.called)
    account = world.account(account_id) if account_id is not None else None
    if ours and (found := _ours(call, world, account)) is not None:
        return found
    if account is None:
        if call.caller.kind == "carrier":
            return call.refuse(
                NOT_AUTHORISED, f"{call.called} is not ours, and a carrier brings only calls to us"
            )
        if not call.called.strip("*#") or not is_digits(call.called):
            return call.refuse(BAD_NUMBER, f"{call.called} is neither a number nor a service of ours")
        return call
    if ours and _outside_instead(call, world, account):
        call.note(
            f"No phone of {account.username} is registered: carriers are tried (configallowusertopstn)."
        )
        return call
    return to_account(call, account, world, f"{call.called} is {account.username}, a subscriber of ours")


def _looked_up(call: Call, world: World) -> bool:
    """Whether called numbers are looked for among our subscribers' (guide 4621, 8590)."""
    settings = call.settings
    return settings.checklocalnumbers and settings.allowusercalls != "no"


def _ours(call: Call, world: World, account: Caller | None) -> Call | Rejection | None:
    """Where the called number leads; `account` has it as user name or caller number. None: nowhere inside.

    Of a number that nobody has so: a route rule that names the whole of it; who has it as a number of ours; a route rule
    that names a part of it; who takes what nobody else does.
    """
    if account is not None:
        return led(call, world, account)
    named = world.dids.ours(call.called)
    first = ruled(call, world, whole=True) if named else None
    return first or led(call, world, None) or ruled(call, world) or nobodys(call, world)


def _outside_instead(call: Call, world: World, account: Caller) -> bool:
    """Whether somebody of ours without a phone is called by carriers (guide 2429). A carrier's calls are for us alone."""
    how = call.settings.configallowusertopstn
    if how == "no" or call.caller.kind == "carrier" or not is_digits(call.called):
        return False
    numbered = how == "always" or call.called == account.caller_number.removeprefix("+")
    return numbered and rank(call, world, account.id) == OFFLINE


class Member(NamedTuple):
    """Somebody to whom a rule leads. In this order they are called: the lower first."""

    priority: int  # of the target
    rank: int  # how well it can be reached
    routed_at: float  # when it last got a call
    id: int
    account: Caller


def ruled(call: Call, world: World, *, whole: bool = False) -> Call | Rejection | None:
    """Where the first route rule leads that takes the call and names subscribers or groups; None: to nobody of ours.

    1. Rules that offer carriers and come before keep the call, unless a carrier brings it.
    2. Of a rule's members those ring who can: the best first, or all together.
    3. Nobody can: the next rule, unless this one has the last word.
    4. None is left: they are called all the same, as a phone may have registered this moment.

    `whole`: by rules only that name the whole called number.
    """
    if not world.routes.inside:
        return None
    call.facts = facts = facts_of(call, world)
    ways = by_settings(world, call.settings, facts)
    if ways.emergency is not None or ways.only is not None:
        return None
    call.plan = found = Plan[object]([], [], [])
    away: tuple[Rule, list[Member]] | None = None
    for match in world.routes.matching(facts, call.now):
        rule = match.rule
        if not rule.inside:
            if call.caller.kind != "carrier":
                return None
            continue
        if whole and match.digits < len(call.called):
            continue
        found.rules.append(rule)
        members = sorted(_members(call, world, match, facts))
        ready = [one for one in members if one.rank != OFFLINE]
        if ready:
            return _to(call, world, rule, ready)
        away = away or (rule, members)
        if rule.final:
            break
    if away is None or (whole and not away[0].final):
        return None
    rule, members = away
    if not members:
        return call.refuse(NOT_REGISTERED, f"rule {rule.name} has nobody who can be called")
    return _to(call, world, rule, members)


def _to(call: Call, world: World, rule: Rule, members: list[Member]) -> Call | Rejection:
    """The call stays inside: with the one, or with all of them."""
    best = members[0].account
    among = f", the best of {len(members)}" if len(members) > 1 else ""
    result = to_account(call, best, world, f"rule {rule.name} leads {call.called} to {best.username}{among}")
    if isinstance(result, Rejection):
        return result
    call.targets = [replace(call.targets[0], rule=rule.name)]
    if len(members) > 1:
        parties = tuple(Party(one.account.username, one.account) for one in members)
        call.ringing = (parties,) if rule.together else tuple((one,) for one in parties)
    return call


def _members(call: Call, world: World, match: Match, facts: Facts) -> Iterator[Member]:
    """Those of the rule who may ring, each once; the others are noted in the plan with the reason."""
    rule, seen = match.rule, set[int]()
    named = list(islice(_named(world, rule, int(call.now), facts.zone), MOST))
    alone = len(named) == 1
    for account_id, priority in named:
        account = world.account(account_id)
        if account is None or account_id in seen:
            continue
        seen.add(account_id)
        place = rank(call, world, account_id)
        why = "it is disabled" if place is None else _why_not(call, world, account, place, alone=alone)
        if why:
            assert call.plan is not None
            call.plan.skipped.append((account_id, rule, why))
        else:
            assert place is not None
            yield Member(priority, place, call.usage.routed_at(account_id), account_id, account)


def _named(world: World, rule: Rule, at: int, zone: str) -> Iterator[tuple[int, int]]:
    """The accounts that the rule leads to now, each with its priority."""
    for one in rule.inside:
        if one.window is not None and not one.window.contains(at, zone):
            continue
        for account_id in (one.account,) if one.account else world.members_of(one.group):
            yield account_id, one.priority


def _why_not(call: Call, world: World, account: Caller, place: int, *, alone: bool) -> str:
    """Why somebody is not called, in words; "": it is. Who is `alone` is called like any other, and refuses by itself."""
    if account.kind not in PHONES:
        return "it has no phones"
    if place == OFFLINE:
        return ""
    if alone:
        return ""
    settings = world.settings_of(account)
    if account.id == call.caller.id:
        return "it calls"
    if place == UNDISTURBED:
        return "it does not want to be disturbed"
    if not settings.callwaiting and call.usage.engaged(account.id):
        return "it is in a call"
    if call.request.anonymous and settings.rejectanonymous:
        return "it takes no anonymous calls"
    if strangers(call.caller, account, world):
        return "it has another setting usergroup than the caller"
    return forbidden(call, world, account)
