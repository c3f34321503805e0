"""In which order the carriers of a rule are tried: the list `ORDER`, one named key per line (guide 3259-3336, without SIM cards).

Emergency calls, the priority of rules and the better fitting rule come before it (guide 3261-3264): see `plan` and `RULE_ORDER`.
Price and quality have no place in the guide's list. Of equals "the system will choose depending on price and quality, when other
settings don't modify the routing (… priorities, failovered directions)" (3392): so they stand after every priority that
somebody has set, and before what only spreads the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from itertools import repeat
from math import log
from typing import Any, Generic, NamedTuple, TypeVar

from apps.routing.engine import brs
from apps.routing.engine.rules import (
    BALANCED,
    BEST_ROUTE,
    BEST_THEN_CHEAPEST,
    LEAST_COST,
    WEIGHT,
    Match,
    Rule,
    RuleTarget,
)

T = TypeVar("T")
_new_tuple = tuple.__new__
NO_LOT = (0.0, False)
UNLIMITED = 1_000_000
"""Free lines of a carrier that has no limit."""
STEP = 100
"""Priorities of targets that differ by so much are more than a wish: they go before demotions (guide 3284)."""


class Standing(NamedTuple):
    """What sets a carrier apart for this call, beside what it costs. Whoever has nothing special is `PLAIN`, most carriers are."""

    global_absolute: int = 0  # its setting globalabsolutepriority
    absolute: int = 0
    called_wish: bool = False  # its calledpriority is the tech prefix or the beginning of the called number
    caller_wish: bool = False  # its callerpriority is the beginning of the caller number
    partner_wish: bool = False  # the caller, or somebody above it, is its prioritypartner
    priority: int = 0
    far_behind: bool = False  # it does so badly that priorities do not help (guide 3520)
    demoted: str = ""  # why it is put back for any call; "": it is not
    demoted_here: str = ""  # why it is put back for such numbers
    remark: str = ""  # why it is put back, or why it is not although it was demoted
    rested: bool = True  # its minsubsecventcallbegin is over
    figures: brs.Figures = brs.DEFAULTS


PLAIN = Standing()


class Offer(NamedTuple, Generic[T]):
    """What an eligible carrier asks: `cost` of one minute begun now, in billionths of the currency unit.

    The cost of a minute, not the price per minute, is compared: connect fee, minimum and increments count.
    `average`: the same of a call of `pricecalcsec`, by which the best route is reckoned.
    """

    cost: int
    details: T
    standing: Standing = PLAIN
    average: int | None = None
    free_lines: int = UNLIMITED
    routed_at: float = 0  # when it last got a call


class Precedence(NamedTuple):
    """The first reasons why one carrier of a rule stands before another: what somebody has set, and what is known of it."""

    global_absolute: int
    absolute: int
    last_resort: bool
    called_wish: bool
    far_behind: bool
    hundreds: int
    demoted: bool
    demoted_here: bool
    target_priority: int
    rested: bool
    caller_wish: bool
    partner_wish: bool
    priority: int


class Rank(NamedTuple):
    """Why one carrier of a rule stands before another: the first field in which they differ decides, the smaller value goes first.

    `ORDER` says the same in words.
    """

    precedence: Precedence
    first: bool
    draw: float
    best_route: int
    cost: int
    free_lines: int
    routed_at: float
    carrier: int


Begun = tuple[Precedence, bool, float, int, int]
"""The fields of a `Rank` up to the cost: most carriers are out of the question by them."""


class Candidate(NamedTuple, Generic[T]):
    """An eligible carrier in its place."""

    match: Match
    target: RuleTarget
    offer: Offer[T]
    strategy: str
    rank: Rank

    @property
    def first(self) -> bool:
        """Whether this call is one of its share, or of those by which its quality is looked at again."""
        return not self.rank.first

    @property
    def autopriority(self) -> int:
        """Price and quality in one figure, where they were asked for."""
        return -self.rank.best_route


def precedence(standing: Standing, target: RuleTarget) -> Precedence:
    """Of a carrier with such a standing, offered by such a target."""
    return Precedence(
        -standing.global_absolute,
        -standing.absolute,
        target.last_resort,
        not standing.called_wish,
        standing.far_behind,
        target.priority // STEP,
        bool(standing.demoted),
        bool(standing.demoted_here),
        target.priority,
        not standing.rested,
        not standing.caller_wish,
        not standing.partner_wish,
        -standing.priority,
    )


class Key(NamedTuple):
    """One reason to stand before another, a field of `Rank`; `told` says a value in words."""

    name: str
    told: Callable[[Candidate[Any]], str]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


#: The fields of `Precedence` and the others of `Rank` in words.
ORDER: tuple[Key, ...] = (
    Key(
        "global absolute priority of the carrier",
        lambda one: str(one.offer.standing.global_absolute),
    ),
    Key(
        "absolute priority of the carrier",
        lambda one: str(one.offer.standing.absolute),
    ),
    Key(
        "not a last resort",
        lambda one: "last resort" if one.target.last_resort else "ordinary",
    ),
    Key(
        "carrier wishes for this called prefix",
        lambda one: _yes(one.offer.standing.called_wish),
    ),
    Key(
        "does not do far too badly",
        lambda one: one.offer.standing.remark or "well",
    ),
    Key(
        f"{STEP}s of the priority in the rule",
        lambda one: str(one.target.priority),
    ),
    Key(
        "carrier is not demoted",
        lambda one: one.offer.standing.demoted or "not demoted",
    ),
    Key(
        "carrier is not demoted for this destination",
        lambda one: one.offer.standing.demoted_here or "not demoted here",
    ),
    Key("priority in the rule", lambda one: str(one.target.priority)),
    Key(
        "time since the carrier's last call ended",
        lambda one: "long enough" if one.offer.standing.rested else "too short",
    ),
    Key(
        "carrier wishes for this caller prefix",
        lambda one: _yes(one.offer.standing.caller_wish),
    ),
    Key(
        "carrier wishes for this customer",
        lambda one: _yes(one.offer.standing.partner_wish),
    ),
    Key(
        "priority of the carrier",
        lambda one: str(one.offer.standing.priority),
    ),
    Key("its share, or its turn to be tried", lambda one: _yes(one.first)),
    Key("lot by weight", lambda one: f"weight {one.target.weight}"),
    Key("best route", lambda one: f"autopriority {one.autopriority}"),
    Key(
        "least cost",
        lambda one: decimal(one.offer.cost),
    ),
    Key(
        "free lines",
        lambda one: "no limit" if one.offer.free_lines >= UNLIMITED // 2 else str(one.offer.free_lines),
    ),
    Key(
        "longest without a call",
        lambda one: f"{one.offer.routed_at:.0f}",
    ),
    Key("lower account id", lambda one: str(one.target.carrier)),
)


def counts_cost(strategy: str, figures: brs.Figures) -> bool:
    """Whether the price decides between those that are equal so far."""
    if strategy == BEST_ROUTE:
        return figures.quality_percent == 0  # "if you would like only LCR" (guide 3390)
    return strategy in (LEAST_COST, BEST_THEN_CHEAPEST)


def in_order(
    match: Match,
    offers: list[tuple[RuleTarget, Offer[T]]],
    strategy: str,
    at: float,
    chance: int,
    most: int | None = None,
) -> list[Candidate[T]]:
    """The eligible carriers of one rule in the order in which they are tried; `most`: only the first of them."""
    begun = _begun(match.rule, offers, strategy, at, chance)
    hopeful: Iterable[int] = range(len(offers))
    if most is not None and most < len(offers):  # there may be many, of which few are tried
        worst = nsmallest(most, begun)[-1]
        hopeful = [place for place, one in enumerate(begun) if one <= worst]
    ranks: list[tuple[Rank, int]] = []
    for place in hopeful:
        target, (_, _, _, _, free_lines, routed_at) = offers[place]
        # As `Rank(…)` does, in half the time.
        ranks.append((_new_tuple(Rank, (*begun[place], -free_lines, routed_at, target[0])), place))
    ranks.sort()
    return [Candidate(match, *offers[place], strategy, rank) for rank, place in ranks[:most]]


def _begun(
    rule: Rule, offers: list[tuple[RuleTarget, Offer[T]]], strategy: str, at: float, chance: int
) -> list[Begun]:
    """Of each carrier its rank up to the cost."""
    if not offers:
        return []
    targets, asked = zip(*offers, strict=True)
    standings = [offer[2] for offer in asked]
    standing: Standing = standings[0]
    same = standings.count(standing) == len(standings)  # mostly nothing special is known of any
    points = [0] * len(offers)
    if len(offers) > 1 and strategy in (BEST_ROUTE, BEST_THEN_CHEAPEST):
        points = _points(asked, standing.figures if same else None)
    if same and rule.alike and strategy != WEIGHT and not standing.figures.try_from:
        foremost, by_cost = precedence(standing, targets[0]), counts_cost(strategy, standing.figures)
        costs: Iterable[int] = [offer[0] for offer in asked] if by_cost else repeat(0)
        draw, first = NO_LOT
        return list(zip(repeat(foremost), repeat(not first), repeat(draw), [-one for one in points], costs))
    found: list[Begun] = []
    for (target, offer), one in zip(offers, points, strict=True):
        figures = offer.standing.figures
        draw, first = _drawn(target, figures, strategy, at, chance)
        cost = offer.cost if counts_cost(strategy, figures) else 0
        found.append((precedence(offer.standing, target), not first, draw, -one, cost))
    return found


def _flat(rank: Rank) -> tuple[Any, ...]:
    return (*rank.precedence, *rank[1:])


def difference(one: Candidate[Any], other: Candidate[Any]) -> str:
    """Why the first stands before the second: the key that decided, and the two values."""
    for key, mine, others in zip(ORDER, _flat(one.rank), _flat(other.rank), strict=True):
        if mine != others:
            return f"{key.name}: {key.told(one)} before {key.told(other)}"
    return ""


def _drawn(
    target: RuleTarget, figures: brs.Figures, strategy: str, at: float, chance: int
) -> tuple[float, bool]:
    """The lot of a carrier, and whether the call is one of its own. As every carrier has a lot of its own, one that drops out does not change how the others stand."""
    lot = (mixed(chance ^ mixed(target.carrier)) + 1) / 2**64
    draw = 0.0
    if (
        strategy == WEIGHT
    ):  # a race that a target of weight w wins with w of all weights, each runner's time its own
        draw = -log(lot) / target.weight if target.weight > 0 else float("inf")
    return draw, lot * 100 <= target.share or brs.has_its_turn(figures, at, mixed(chance))


def _points(offers: Sequence[Offer[T]], same: brs.Figures | None) -> list[int]:
    """Of each carrier price and quality in one figure, all on one scale. `same`: what is known of all."""
    costs = [offer[0] if offer[3] is None else offer[3] for offer in offers]
    dearest = max(costs)
    if same is not None:
        return brs.autopriorities(same, costs, dearest)
    figures = [offer.standing.figures for offer in offers]
    return [brs.autopriority(known, cost, dearest) for known, cost in zip(figures, costs, strict=True)]


def mixed(value: int) -> int:
    """64 well-spread bits of an integer (the finaliser of splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31


def decimal(billionths: int) -> str:
    """Billionths of a currency unit as people write them, without zeros at the end."""
    whole, rest = divmod(abs(billionths), 10**9)
    text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if billionths < 0 else text


def why(one: Candidate[Any]) -> str:
    """The place of a carrier in words."""
    rule, target = one.match.rule, one.target
    place = f"rule {rule.name} (priority {rule.priority}), target priority {target.priority}, "
    remark = f"; {one.offer.standing.remark}" if one.offer.standing.remark else ""
    return f"{place}{_by(one)}{remark}"


def _by(one: Candidate[Any]) -> str:
    """By what the equal carriers of the rule are ordered."""
    if one.strategy == WEIGHT:
        return f"drawn by weight {one.target.weight}"
    if one.strategy == BALANCED:
        return "calls spread evenly"
    if one.strategy == LEAST_COST:
        return f"least cost {decimal(one.offer.cost)} for one minute"
    return f"best route {one.autopriority}, cost {decimal(one.offer.cost)} for one minute"
