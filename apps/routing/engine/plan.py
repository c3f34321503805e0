"""The ways of one call: which rules take it, which of their carriers can be used, in which order, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

from apps.routing.engine.order import Candidate, Offer, difference, in_order, why
from apps.routing.engine.rules import ALGORITHMS, Facts, Match, RouteTable, Rule, RuleTarget

T = TypeVar("T")

EMERGENCY, ONLY, FALLBACK = -1, -2, -3
"""Ids of rules that settings make: emergencydir, onlyroutealias, fakegwalias."""


class Ranked(NamedTuple, Generic[T]):
    """A carrier in its place."""

    carrier: int
    rule: Rule
    offer: Offer[T]
    candidate: Candidate[T]

    @property
    def why(self) -> str:
        """The reason for the place, in words."""
        return why(self.candidate)


class Plan(NamedTuple, Generic[T]):
    """The carriers in the order in which they are tried, no more than are wanted; `skipped` are (carrier, rule, reason) of the others."""

    targets: list[Ranked[T]]
    rules: list[Rule]  # that took the call, in order
    skipped: list[tuple[int, Rule, str]]

    def before_next(self, place: int) -> str:
        """Why the carrier at this place stands before the next one; "" for the last."""
        if place + 1 >= len(self.targets):
            return ""
        one, other = self.targets[place], self.targets[place + 1]
        if one.rule is not other.rule:
            return f"rule {one.rule.name} is asked before rule {other.rule.name}"
        return difference(one.candidate, other.candidate)


class Limits(NamedTuple):
    """What the carriers of a rule have of its calls now, by the target's id; for targets with limits only."""

    lines: Callable[[int], int]
    begun: Callable[[int], int]  # within the last second


NO_LIMITS = Limits(lambda target: 0, lambda target: 0)


class Ways(NamedTuple):
    """Ways that settings give beside the rules, as account ids; None: none.

    `emergency` takes this call first of all; `only` instead of all rules; `fallback` after everything else.
    """

    emergency: int | None = None
    only: int | None = None
    fallback: int | None = None


NO_WAYS = Ways()


def plan(
    table: RouteTable,
    facts: Facts,
    at: float,
    offers_of: Callable[[Sequence[int]], Iterable[Offer[T] | str]],
    chance: int = 0,
    *,
    algorithm: int = 2,
    limits: Limits = NO_LIMITS,
    ways: Ways = NO_WAYS,
    most: int | None = None,
) -> Plan[T]:
    """The carriers that may take the call, in the order in which they are tried.

    `offers_of` says of carriers (account ids) what each asks now, or in words why it cannot be used. `chance` is the
    lot for weights and shares: the same number gives the same order. `algorithm`: the setting `brs_lcr`. `most`: no more
    ways are wanted; rules that are not needed for them are not looked into.

    1. Rules that take the call, in `RULE_ORDER`, up to one that has the last word.
    2. Of each its carriers that can be used, in `ORDER`; a carrier that already has a place keeps it.
    3. Who cannot be used is reported, and never moves the others.
    """
    matches = rules_for(table, facts, at, ways)
    placed: set[int] = set()
    result: Plan[T] = Plan([], [match.rule for match in matches], [])
    for match in matches:
        if most is not None and len(result.targets) >= most:
            break
        rule = match.rule
        strategy = rule.strategy or ALGORITHMS[algorithm]
        targets: Sequence[RuleTarget] = rule.targets
        if placed:
            targets = [target for target in targets if target[0] not in placed]
        found = list(offers_of([target[0] for target in targets]))
        if rule.open and str not in map(type, found):  # most often
            offers = list(zip(targets, cast("list[Offer[T]]", found), strict=True))
        else:
            offers = []
            for target, offer in zip(targets, found, strict=True):
                if target.carrier in placed:
                    continue
                if isinstance(offer, str):
                    result.skipped.append((target.carrier, rule, offer))
                elif reason := _unfit(target, facts, at, limits):
                    result.skipped.append((target.carrier, rule, reason))
                else:
                    placed.add(target.carrier)
                    offers.append((target, offer))
        placed.update([target[0] for target, _ in offers])
        wanted = None if most is None else most - len(result.targets)
        for one in in_order(match, offers, strategy, at, chance, wanted):
            result.targets.append(Ranked(one.target.carrier, rule, one.offer, one))
    return result


def rules_for(table: RouteTable, facts: Facts, at: float, ways: Ways) -> list[Match]:
    """The rules that are asked, those that settings make among them."""
    if ways.only is not None:
        matches = [_rule(ONLY, "onlyroutealias", ways.only, final=True)]
    else:
        matches = table.matching(facts, at)
        if table.inside:  # such a rule has been asked, and has nobody who could be called
            matches = [match for match in matches if not match.rule.inside]
        if ways.fallback is not None and not (matches and matches[-1].rule.final):
            matches.append(_rule(FALLBACK, "fakegwalias", ways.fallback))
    if ways.emergency is not None:
        matches.insert(0, _rule(EMERGENCY, "emergencydir", ways.emergency))
    return matches


def _rule(number: int, name: str, carrier: int, *, final: bool = False) -> Match:
    return Match(Rule(number, name, 0, (RuleTarget(carrier),), final=final), 0)


#: What stands at the beginning of the reason when a carrier has as many calls as it may.
FULL = "its lines are full"


def _unfit(target: RuleTarget, facts: Facts, at: float, limits: Limits) -> str:
    """Why the rule does not let its target have the call now; "": it does."""
    if target.window is not None and not target.window.contains(int(at), facts.zone):
        return "it is not its hour in this rule"
    if target.full_until > at:
        return "its minutes in this rule are used up"
    if target.lines and limits.lines(target.id) >= target.lines:
        return f"{FULL} in this rule ({target.lines})"
    if target.per_second and limits.begun(target.id) >= target.per_second:
        return f"{FULL} in this rule: {target.per_second} calls began this second"
    return ""
