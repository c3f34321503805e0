"""By which carriers a call may leave, in which order, and why. Pure: values in, values out.

What decides about the order stands in `ORDER`, one named key per line, the most important first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log
from typing import Generic, NamedTuple, TypeVar

from apps.core.values.windows import Hours, TimeWindow

LEAST_COST = "least_cost"
WEIGHT = "weight"

T = TypeVar("T")


class RuleTarget(NamedTuple):
    """A carrier that a rule offers: the lower priority number first, equals by the rule's strategy."""

    carrier: int  # account id
    priority: int = 1
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that it takes and the carriers it offers. Without a condition it takes every call."""

    id: int
    name: str
    priority: int
    targets: tuple[RuleTarget, ...]
    strategy: str = LEAST_COST
    final: bool = False  # rules after it are not asked
    caller: int | None = None  # account id: this account or anybody below it
    caller_prefixes: tuple[str, ...] = ()
    called_prefixes: tuple[str, ...] = ()
    window: Hours | TimeWindow | None = None  # on the caller's wall clock


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask about a call."""

    caller_path: tuple[int, ...]  # account ids from the top of the tree down to the caller
    caller_number: str
    called: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """What an eligible carrier asks: `cost` of one minute begun now, in billionths of the currency unit.

    The cost of a minute, not the price per minute, is compared: connect fee, minimum and increments count.
    """

    cost: int
    details: T


class Ranked(NamedTuple, Generic[T]):
    """A carrier in its place, and the reason for it in words."""

    carrier: int
    rule: Rule
    offer: Offer[T]
    why: str


class Plan(NamedTuple, Generic[T]):
    """The carriers in the order in which they are tried; `skipped` are (carrier, rule, reason) of the others."""

    targets: list[Ranked[T]]
    rules: list[Rule]  # that took the call, in order
    skipped: list[tuple[int, Rule, str]]


class Match(NamedTuple):
    """A rule that takes the call, and how many digits of the called number it asked for."""

    rule: Rule
    digits: int


class Candidate(NamedTuple, Generic[T]):
    """An eligible carrier before it has a place."""

    match: Match
    target: RuleTarget
    offer: Offer[T]
    draw: float  # of the weighted lot; lower first


#: Why one carrier stands before another: the first key in which they differ decides, the smaller value wins.
RULE_ORDER: tuple[tuple[str, Callable[[Match], int]], ...] = (
    ("priority of the rule", lambda match: match.rule.priority),
    ("longer called prefix", lambda match: -match.digits),
    ("rule of this caller", lambda match: match.rule.caller is None),
    ("rule of this hour", lambda match: match.rule.window is None),
    ("older rule", lambda match: match.rule.id),
)
TARGET_ORDER: tuple[tuple[str, Callable[[Candidate[object]], float]], ...] = (
    ("priority in the rule", lambda one: one.target.priority),
    (
        "strategy of the rule",
        lambda one: one.offer.cost if one.match.rule.strategy == LEAST_COST else one.draw,
    ),
    ("lower account id", lambda one: one.target.carrier),
)


class RouteTable:
    """All enabled rules, compiled: what it costs to ask them does not grow with their number or their lists."""

    __slots__ = ("_called", "_callers", "_lengths", "rules")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: list[Rule] = []
        self._called: dict[str, list[int]] = {}  # called prefix → positions of rules
        self._lengths: list[int] = []  # of called prefixes, longest first
        self._callers: list[tuple[frozenset[str], tuple[int, ...]]] = []  # caller prefixes and their lengths
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """One more rule; only while the table is being made."""
        position = len(self.rules)
        self.rules.append(rule)
        called = dict.fromkeys(rule.called_prefixes or ("",))
        for prefix in called:
            self._called.setdefault(prefix, []).append(position)
        self._lengths = sorted({*self._lengths, *map(len, called)}, reverse=True)
        callers = frozenset(rule.caller_prefixes)
        self._callers.append((callers, tuple({len(prefix) for prefix in callers})))

    def matching(self, facts: Facts, at: float) -> list[Match]:
        """The rules that take the call, best first, up to the first that has the last word."""
        seen: set[int] = set()
        matches: list[Match] = []
        for length in self._lengths:
            if length > len(facts.called):
                continue
            for position in self._called.get(facts.called[:length], ()):
                if position not in seen:
                    seen.add(position)
                    if self._takes(position, facts, at):
                        matches.append(Match(self.rules[position], length))
        if len(matches) > 1:
            matches.sort(key=_rule_rank)
        last = next((place for place, match in enumerate(matches, 1) if match.rule.final), None)
        return matches[:last]

    def _takes(self, position: int, facts: Facts, at: float) -> bool:
        rule = self.rules[position]
        if rule.caller is not None and rule.caller not in facts.caller_path:
            return False
        prefixes, lengths = self._callers[position]
        if prefixes and not any(facts.caller_number[:length] in prefixes for length in lengths):
            return False
        return rule.window is None or rule.window.contains(int(at), facts.zone)


def plan(
    table: RouteTable, facts: Facts, at: float, offer_of: Callable[[int], Offer[T] | str], chance: int = 0
) -> Plan[T]:
    """The carriers that may take the call, in the order in which they are tried.

    `offer_of` says what a carrier (account id) asks now, or in words why it cannot be used. `chance` is the
    lot for weights: the same number gives the same order.

    1. Rules that take the call, in `RULE_ORDER`, up to one that has the last word.
    2. Of each its carriers that can be used, in `TARGET_ORDER`; a carrier that already has a place keeps it.
    3. Who cannot be used is reported, and never moves the others.
    """
    matches = table.matching(facts, at)
    known: dict[int, Offer[T] | str] = {}
    placed: set[int] = set()
    result: Plan[T] = Plan([], [match.rule for match in matches], [])
    for match in matches:
        candidates: list[Candidate[T]] = []
        for target in match.rule.targets:
            carrier = target.carrier
            if carrier in placed:
                continue
            offer = known.get(carrier)
            if offer is None:
                offer = known[carrier] = offer_of(carrier)
            if isinstance(offer, str):
                result.skipped.append((carrier, match.rule, offer))
                continue
            placed.add(carrier)
            candidates.append(Candidate(match, target, offer, _draw(match.rule, target, chance)))
        if len(candidates) > 1:
            candidates.sort(key=_target_rank)
        for one in candidates:
            result.targets.append(Ranked(one.target.carrier, match.rule, one.offer, _why(one)))
    return result


def _rule_rank(match: Match) -> tuple[int, ...]:
    return tuple([key(match) for _, key in RULE_ORDER])


def _target_rank(one: Candidate[T]) -> tuple[float, ...]:
    return tuple([key(one) for _, key in TARGET_ORDER])  # type: ignore[arg-type]  # keys ask nothing of T


def _draw(rule: Rule, target: RuleTarget, chance: int) -> float:
    """A race that a target of weight w wins with w of all weights, each runner's time its own.

    As every carrier has its own lot, one that drops out does not change how the others stand to each other.
    """
    if rule.strategy != WEIGHT:
        return 0.0
    if target.weight <= 0:
        return float("inf")
    return -log((_mixed(chance ^ _mixed(target.carrier)) + 1) / 2**64) / target.weight


def _mixed(value: int) -> int:
    """64 well-spread bits of an integer (the finaliser of splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31


def _why(one: Candidate[T]) -> str:
    rule, target = one.match.rule, one.target
    place = f"rule {rule.name} (priority {rule.priority}), target priority {target.priority}, "
    if rule.strategy == WEIGHT:
        return f"{place}drawn by weight {target.weight}"
    return f"{place}least cost {decimal(one.offer.cost)} for one minute"


def decimal(billionths: int) -> str:
    """Billionths of a currency unit as people write them, without zeros at the end."""
    whole, rest = divmod(abs(billionths), 10**9)
    text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if billionths < 0 else text
