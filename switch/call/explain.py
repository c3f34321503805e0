"""Where a call would go, and why: the decision of the pipeline with everything that it found on its way, as plain JSON.

Asked by the office (`apps.routing.simulation`); nothing is dialled, held or recorded. The moment and the call's id may be those of
a past call: then rules, prices of that time and the lot are the same, while lines, registrations and demotions are today's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import redis

from apps.core.compact import encoded
from apps.core.workers import ANSWERS
from apps.pricing.engine import Terms
from apps.routing.engine import BEST_ROUTE, BEST_THEN_CHEAPEST, decimal
from apps.routing.engine.brs import autoprice, autoquality
from apps.routing.engine.order import Candidate
from switch.call.model import Caller, CallRequest, NeedsDigest, Party, Rejection, Target
from switch.call.pipeline import identify, run
from switch.call.rewriting import before_authentication, in_whose_name
from switch.call.stages.state import Call, Usage
from switch.world.minutes import minute_cost
from switch.world.world import World

KEPT = 60
MOST_RULES = 200
AHEAD = ("direct", "ported")
"""What stands in place of a rule of ways that go before those of route rules (`switch.call.stages.targets`)."""
NO_CALL = UUID(int=0)
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """The call in question. Without an account it is identified by where it comes from, like any other."""

    called: str
    account: int | None
    from_user: str
    host: str
    port: int
    at: float
    call_id: str

    @classmethod
    def read(cls, order: dict[str, Any], now: float) -> Asked:
        """From an order. KeyError, TypeError, ValueError for what is none."""
        host, _, port = str(order.get("address") or "").rpartition(":")
        account, at = order.get("account"), order.get("at")
        return cls(
            called=str(order["called"])[:128],
            account=None if account is None else int(account),
            from_user=str(order.get("from") or "")[:128],
            host=host.strip("[]"),
            port=int(port or 0),
            at=now if at is None else float(at),
            call_id=str(UUID(order["call"]) if order.get("call") else NO_CALL),
        )


def answered(
    order: dict[str, Any], world: World, now: float, usage: Usage
) -> Callable[[redis.Redis], object] | None:
    """What is to be done with Redis to answer the order; None: it is no such order."""
    token = order.get("token")
    if not isinstance(token, str) or not _TOKEN.match(token):
        return None
    try:
        asked = Asked.read(order, now)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    answer = encoded(explain(asked, world, usage))

    def tell(client: redis.Redis) -> None:
        with client.pipeline(transaction=False) as pipe:
            pipe.rpush(ANSWERS + token, answer)
            pipe.expire(ANSWERS + token, KEPT)
            pipe.execute()

    return tell


def explain(asked: Asked, world: World, usage: Usage) -> dict[str, Any]:
    """The decision about that call, step by step."""
    request = request_of(asked)
    caller = caller_of(asked, request, world)
    head = {"world": world.version, "at": asked.at, "currency": world.settings.currency}
    if not isinstance(caller, Caller):
        return head | _nobody(caller)
    call, rejection = run(request, caller, world, asked.at, usage, curious=True)
    return head | {
        "caller": {"id": caller.id, "username": caller.username, "kind": caller.kind},
        "refused": _refused(rejection),
        "trace": [*call.trace, *([f"Refused: {rejection.detail}."] if rejection else [])],
        "called": call.called,
        "caller_number": call.caller_number,
        "destination": call.destination,
        "rules": list(islice(_rules(call, world), MOST_RULES)),
        "targets": _inside(call) if call.local else [*_ahead(call), *_targets(call, world)],
        "skipped": _skipped(call, world),
        "payers": [_payer(payer.account_id, payer.kind, payer.terms, call, world) for payer in call.payers],
    }


def caller_of(asked: Asked, request: CallRequest, world: World) -> Caller | NeedsDigest | Rejection | None:
    """Who calls, after the rules that change a request as it comes."""
    named = world.account(asked.account) if asked.account is not None else None
    if asked.account is not None:
        if named is None:
            return None
        request.from_user = request.from_user or named.username
    found = before_authentication(request, world) or named or identify(request, world)
    return in_whose_name(request, found, world) if isinstance(found, Caller) else found


def request_of(asked: Asked) -> CallRequest:
    """The INVITE that would have come."""
    return CallRequest(
        call_id=asked.call_id,
        received_at=asked.at,
        source_host=asked.host,
        source_port=asked.port,
        transport="udp",
        sip_call_id="",
        from_user=asked.from_user,
        from_display="",
        called=asked.called,
        called_host="",
    )


def _nobody(found: NeedsDigest | Rejection | None) -> dict[str, Any]:
    if isinstance(found, Rejection):
        why = _refused(found)
    else:
        told = (
            "there is no such account"
            if found is None
            else "nobody is known by this: a password would be asked for"
        )
        why = {"cause": "unknown_source", "status": 401, "detail": told}
    assert why is not None
    return {"caller": None, "refused": why, "trace": [f"Refused: {why['detail']}."]}


def _refused(rejection: Rejection | None) -> dict[str, Any] | None:
    if rejection is None:
        return None
    cause = rejection.cause
    return {"cause": cause.name, "status": cause.status, "detail": rejection.detail or cause.text}


def _rules(call: Call, world: World) -> Iterator[dict[str, Any]]:
    """Those that take the call, in order, then those that are for such a number and caller and do not."""
    if call.plan is None or call.facts is None:
        return
    taken = call.plan.rules
    for rule in taken:
        yield {
            "id": rule.id,
            "name": rule.name,
            "priority": rule.priority,
            "final": rule.final,
            "why_not": "",
        }
    for rule, why in world.routes.refusals(call.facts, call.now):
        yield {
            "id": rule.id,
            "name": rule.name,
            "priority": rule.priority,
            "final": rule.final,
            "why_not": why,
        }
    for rule in _behind(call, world, {one.id for one in taken}):
        yield {"id": rule.id, "name": rule.name, "priority": rule.priority, "final": rule.final,
               "why_not": "a rule before it has the last word"}  # fmt: skip


def _behind(call: Call, world: World, taken: set[int]) -> Iterator[Any]:
    """Rules that would take the call, but are not asked."""
    assert call.facts is not None
    everybody = world.routes.matching(call.facts, call.now, whole=True)
    return (match.rule for match in everybody if match.rule.id not in taken)


def _targets(call: Call, world: World) -> list[dict[str, Any]]:
    """The ways in their order; `dialled`: as far as the caller's maxreroute and the prices let them be tried."""
    if call.plan is None:
        return []
    numbers = {(one.account.id, one.rule): one.number for one in call.targets}
    found: list[dict[str, Any]] = []
    ahead = sum(one.rule in AHEAD for one in call.targets)
    for place, one in enumerate(call.plan.targets):
        account = one.offer.details[0].account
        number = numbers.get((account.id, one.rule.name))
        found.append(
            {
                "place": ahead + place + 1,
                "account": account.username,
                "account_id": account.id,
                "rule": one.rule.name,
                "number": number or "",
                "dialled": number is not None,
                "cost": decimal(one.offer.cost),
                "why": one.why,
                "before_next": call.plan.before_next(place),
                "best_route": _best_route(one.candidate),
                "standing": _standing(one.candidate),
            }
        )
    return found


def _best_route(one: Candidate[Any]) -> dict[str, Any]:
    """The figures of price and quality, where they were asked for."""
    if one.strategy not in (BEST_ROUTE, BEST_THEN_CHEAPEST) or one.offer.average is None:
        return {}
    figures = one.offer.standing.figures
    return {
        "autopriority": one.autopriority,
        "autoquality": autoquality(figures),
        "autoprice": autoprice(figures, one.offer.average) if figures.max_price else None,
        "asr": figures.day.asr if figures.day else None,
        "acd": figures.day.acd if figures.day else None,
    }


def _standing(one: Candidate[Any]) -> dict[str, Any]:
    """What sets it apart from a carrier that has nothing special."""
    standing, plain = one.offer.standing, type(one.offer.standing)()
    return {
        name: value
        for name in ("global_absolute", "absolute", "called_wish", "caller_wish", "partner_wish", "priority", "demoted",
                     "demoted_here", "rested")
        if (value := getattr(standing, name)) != getattr(plain, name)
    }  # fmt: skip


def _ahead(call: Call) -> list[dict[str, Any]]:
    """Who goes before the carriers of rules because it has the number."""
    return [
        _way(place, one, one.account, decimal(minute_cost(one.cost, call.now)) if one.cost else "0")
        for place, one in enumerate(call.targets, 1)
        if one.rule in AHEAD
    ]


def _inside(call: Call) -> list[dict[str, Any]]:
    """Subscribers of ours: the one who is called, or those to whom a route rule leads; who rings together has the same place."""
    [one] = call.targets
    steps = call.ringing or ((Party(one.account.username, one.account),),)
    return [
        _way(place, one, party.account, "0")
        for place, step in enumerate(steps, 1)
        for party in step
        if party.account is not None
    ]


def _way(place: int, one: Target, account: Caller, cost: str) -> dict[str, Any]:
    return {
        "place": place, "account": account.username, "account_id": account.id, "rule": one.rule, "number": one.number,
        "dialled": True, "cost": cost, "why": one.why, "before_next": "", "best_route": {}, "standing": {},
    }  # fmt: skip


def _skipped(call: Call, world: World) -> list[dict[str, Any]]:
    if call.plan is None:
        return []
    named = ((world.account(carrier), carrier, rule, why) for carrier, rule, why in call.plan.skipped)
    return [
        {"account": account.username if account else str(carrier), "rule": rule.name, "why": why}
        for account, carrier, rule, why in named
    ]


def _payer(account_id: int, kind: str, terms: Terms, call: Call, world: World) -> dict[str, Any]:
    account = world.account(account_id)
    minute = Decimal(minute_cost(terms, call.now)).scaleb(-9).normalize()
    return {
        "account": account.username if account else str(account_id),
        "kind": kind,
        "prefix": terms.bands[0].prefix,
        "minute": f"{minute:f}",
        "currency": terms.currency,
    }
