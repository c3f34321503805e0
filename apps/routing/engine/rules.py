"""Route rules: which calls each takes, and which of several that take a call is asked first (guide 3156-3173, 3259-3264)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from apps.core.values.windows import Days, Hours, TimeWindow
from apps.pricing.engine.price_lists import Calendar, special_days
from apps.routing.engine.brs import Figures

LEAST_COST = "least_cost"
WEIGHT = "weight"
BEST_ROUTE = "best_route"
BEST_THEN_CHEAPEST = "best_then_cheapest"
BALANCED = "balanced"
BY_SETTING = ""
"""The rule leaves it to the setting `brs_lcr`."""
ALGORITHMS = (BALANCED, LEAST_COST, LEAST_COST, BEST_ROUTE, BEST_ROUTE, BEST_THEN_CHEAPEST)
"""By the value of `brs_lcr`; 1 and 3 leave out GSM, which no carrier trunk is."""
ANY = "*"
VOICE, SMS = "voice", "sms"


class RuleTarget(NamedTuple):
    """A carrier that a rule offers: the lower priority number first, equals by the rule's strategy.

    What it may take of this rule's calls: `lines` at once, `per_second` (0: no limit), only in its `window`, and nothing
    before `full_until` (epoch seconds): its minutes are used up. `share` per cent of the calls go to it first.
    """

    carrier: int  # account id
    priority: int = 1
    weight: int = 1
    id: int = 0
    share: int = 0
    lines: int = 0
    per_second: int = 0
    window: Hours | TimeWindow | None = None
    full_until: int = 0
    last_resort: bool = False


#: The fields of a target from `lines` to `full_until` that let it have every call.
UNLIMITED = RuleTarget(0)[5:9]


class Inside(NamedTuple):
    """Somebody of ours to whom a rule leads: an account, or (`account` 0) a group of them. Only in its `window`."""

    account: int
    group: int
    priority: int = 1
    window: Hours | TimeWindow | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that it takes and the carriers it offers. Without a condition it takes every call.

    One with `inside` offers no carriers: its calls stay with subscribers of ours, who ring one after the other, or
    `together`.
    """

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
    tech_prefixes: tuple[str, ...] = ()  # with which the call came; none or "*": with any
    service: str = ""  # "voice" | "sms"; "": both
    groups: frozenset[int] = frozenset()  # the caller, or somebody above it, is in one of them
    calendars: tuple[int, ...] = ()  # whose dates do not count as their weekday
    inside: tuple[Inside, ...] = ()
    together: bool = False
    open: bool = field(init=False, repr=False, compare=False)
    """Whether each of its targets may have every call, and none is there twice."""
    alike: bool = field(init=False, repr=False, compare=False)
    """Whether it says the same of all its targets but the weight, and gives none a share."""

    def __post_init__(self) -> None:
        targets = self.targets
        limits = {one[5:9] for one in targets}
        twice = len({one[0] for one in targets}) < len(targets)
        object.__setattr__(self, "open", limits <= {UNLIMITED} and not twice)
        said = {(one[1], one[4], one[9]) for one in targets}  # priority, share, last resort
        object.__setattr__(self, "alike", len(said) <= 1 and not any(share for _, share, _ in said))


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask about a call."""

    caller_path: tuple[int, ...]  # account ids from the top of the tree down to the caller
    caller_number: str
    called: str
    zone: str = "UTC"
    tech_prefix: str = ""
    service: str = VOICE
    groups: frozenset[int] = frozenset()


class Match(NamedTuple):
    """A rule that takes the call, and how many digits of the called number it asked for."""

    rule: Rule
    digits: int


#: Which of the rules that take a call is asked first: the first key in which they differ decides, the smaller value wins.
RULE_ORDER: tuple[tuple[str, Callable[[Match], int]], ...] = (
    ("priority of the rule", lambda match: match.rule.priority),
    ("longer called prefix", lambda match: -match.digits),
    ("rule of this caller", lambda match: match.rule.caller is None),
    ("rule of a group of the caller", lambda match: not match.rule.groups),
    ("rule of this tech prefix", lambda match: not match.rule.tech_prefixes),
    ("rule of this hour", lambda match: match.rule.window is None),
    ("older rule", lambda match: match.rule.id),
)


class _Conditions(NamedTuple):
    """A rule's lists, made ready to be asked."""

    callers: frozenset[str]
    caller_lengths: tuple[int, ...]
    tech_prefixes: frozenset[str]


class RouteTable:
    """All enabled rules, compiled: what it costs to ask them does not grow with their number or their lists.

    Rules are found by the called prefix and the caller that they ask for; only those are looked at one by one.
    """

    __slots__ = ("_conditions", "_found", "_lengths", "calendars", "figures", "inside", "rules")

    def __init__(self, rules: Iterable[Rule] = (), calendars: Mapping[int, Calendar] | None = None) -> None:
        self.rules: list[Rule] = []
        self.calendars: dict[int, Calendar] = dict(calendars or {})
        self.figures: dict[int, dict[str, Figures]] = {}  # carrier → beginning of the called number
        self.inside = False
        """Whether any rule leads to somebody of ours: most installations have none, and calls need not ask."""
        self._found: dict[str, dict[int | None, list[int]]] = {}  # called prefix → caller → positions
        self._lengths: list[int] = []  # of called prefixes, longest first
        self._conditions: list[_Conditions] = []
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """One more rule; only while the table is being made."""
        position = len(self.rules)
        self.rules.append(rule)
        self.inside = self.inside or bool(rule.inside)
        called = dict.fromkeys(rule.called_prefixes or ("",))
        for prefix in called:
            self._found.setdefault(prefix, {}).setdefault(rule.caller, []).append(position)
        lengths = set(map(len, called))
        if not lengths.issubset(self._lengths):
            self._lengths = sorted({*self._lengths, *lengths}, reverse=True)
        callers = frozenset(rule.caller_prefixes)
        techs = frozenset(() if ANY in rule.tech_prefixes else rule.tech_prefixes)
        self._conditions.append(_Conditions(callers, tuple({len(prefix) for prefix in callers}), techs))

    def figures_of(self, carrier: int, called: str) -> Figures | None:
        """What is known of the carrier's price and quality for the longest beginning of the number; None: nothing."""
        known = self.figures.get(carrier)
        if known is None:
            return None
        return next((known[called[:n]] for n in range(len(called), -1, -1) if called[:n] in known), None)

    def matching(self, facts: Facts, at: float, *, whole: bool = False) -> list[Match]:
        """The rules that take the call, best first, up to the first that has the last word; `whole`: those after it too."""
        matches = [
            Match(self.rules[position], digits)
            for position, digits in self._near(facts)
            if not self._refusal(position, facts, at)
        ]
        if len(matches) > 1:
            matches.sort(key=_rank)
        last = None if whole else next((n for n, match in enumerate(matches, 1) if match.rule.final), None)
        return matches[:last]

    def refusals(self, facts: Facts, at: float) -> Iterator[tuple[Rule, str]]:
        """The rules for this number and caller that do not take the call, and why; for whoever asks."""
        for position, _ in self._near(facts):
            if why := self._refusal(position, facts, at):
                yield self.rules[position], why

    def _near(self, facts: Facts) -> Iterator[tuple[int, int]]:
        """Positions of the rules that are for such a number and caller, and how many digits each asked for."""
        called, seen = facts.called, set[int]()
        callers = (None, *facts.caller_path)
        for length in self._lengths:
            by_caller = self._found.get(called[:length]) if length <= len(called) else None
            if by_caller is None:
                continue
            for caller in callers:
                for position in by_caller.get(caller, ()):
                    if position not in seen:
                        seen.add(position)
                        yield position, length

    def _refusal(self, position: int, facts: Facts, at: float) -> str:
        """Which condition of the rule does not hold, in words; "": it takes the call."""
        rule, conditions = self.rules[position], self._conditions[position]
        if rule.service and rule.service != facts.service:
            return f"it is for {rule.service}"
        if conditions.tech_prefixes and facts.tech_prefix not in conditions.tech_prefixes:
            return f"the call came with the tech prefix {facts.tech_prefix or 'none'}"
        number = facts.caller_number
        if conditions.callers and not any(
            number[:length] in conditions.callers for length in conditions.caller_lengths
        ):
            return f"the caller number {number or 'none'} does not begin as it asks"
        if rule.groups and rule.groups.isdisjoint(facts.groups):
            return "the caller is in none of its groups"
        if rule.window is not None and not rule.window.contains(
            int(at), facts.zone, self._days(rule, facts, at)
        ):
            return "it is not its hour"
        return ""

    def _days(self, rule: Rule, facts: Facts, at: float) -> Days:
        if not rule.calendars:
            return ()
        known = [self.calendars[one] for one in rule.calendars if one in self.calendars]
        return special_days(known, facts.called, facts.zone, at)


def _rank(match: Match) -> tuple[int, ...]:
    return tuple([key(match) for _, key in RULE_ORDER])
