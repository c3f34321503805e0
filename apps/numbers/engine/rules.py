"""Rules that rewrite the numbers of a call: conditions, data, check, action, set (guide 2821-2837, 2891-2994).

1. Rules of a stage are asked in their order; one whose conditions fit loads its data from the call and checks it.
2. Its action makes something of the data, which is set where the rule says; the next rule sees it.
3. A rule can also refuse the call, or be the last one of its stage.
A rule that cannot be carried out, or would make something that is no number, has no effect; the trace says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from apps.numbers.engine.actions import ACTIONS, CHECKS, SAME
from apps.numbers.engine.expression import Expression, Template
from apps.numbers.engine.functions import Scope, text_of
from apps.numbers.engine.values import NUMBERS, SHOWN, WrongExpression

REJECT, STOP = "reject", "stop"
SETTABLE: Final = frozenset(
    ("called", "caller", "caller_name", "sent", "identity", "tech_prefix", "called_account", "caller_account")
)
"""What a rule may set, beside refusing the call and ending its stage."""
ANONYMOUS = "anonymous"
_GOOD = re.compile(r"[A-Za-z0-9*#+._-]{1,32}\Z")
_NAME = re.compile(r"[^\x00-\x1f\x7f\"\\<>]{0,128}\Z")


class Stage(IntEnum):
    """When rules are asked (the guide's calledat)."""

    BEFORE_AUTHENTICATION = 1  # the caller is not known yet
    AFTER_AUTHENTICATION = 2  # the caller is known, the number stands as it was dialled
    BEFORE_ROUTING = 3  # the number has been normalised
    AFTER_ROUTING = 4  # once for each way of the call: for that one alone
    WHO_CALLS = 5  # between the first two: whose call it is, for all that follows

    @property
    def switch(self) -> str:
        """The setting by which its rules are switched on and off."""
        return f"checkdialplan{2 if self is Stage.WHO_CALLS else int(self)}"


class Where(NamedTuple):
    """Who takes part, by ids from the top of the tree of accounts down; and from where the call comes."""

    caller: Sequence[int] = ()
    called: Sequence[int] = ()
    source: str = ""
    transport: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Empty conditions fit every call."""

    id: int
    name: str
    stage: Stage
    caller: int | None = None
    called: int | None = None
    network: IPv4Network | IPv6Network | None = None
    transport: str = ""
    called_prefixes: tuple[str, ...] = ()
    caller_prefixes: tuple[str, ...] = ()
    when: Expression | None = None
    data: str = "called"
    check: str = "any"
    against: str = ""
    action: str = "keep"
    find: str = ""
    put: Template | None = None
    target: str = SAME
    last: bool = False

    def takes(self, where: Where, scope: Scope) -> bool:
        """Whether its conditions fit. Raises WrongExpression."""
        if self.caller is not None and self.caller not in where.caller:
            return False
        if self.called is not None and self.called not in where.called:
            return False
        if self.transport and self.transport != where.transport:
            return False
        if self.called_prefixes and not text_of(scope.fields["called"]).startswith(self.called_prefixes):
            return False
        if self.caller_prefixes and not text_of(scope.fields["caller"]).startswith(self.caller_prefixes):
            return False
        if self.network is not None and not _inside(where.source, self.network):
            return False
        return self.when is None or bool(self.when(scope))


class Verdict(NamedTuple):
    """The call is refused by a rule; `play`: after this recording."""

    rule: str
    play: str = ""


@dataclass(slots=True)
class Outcome:
    """What rules have made of a call: the fields that they set, a refusal, and what each did in words."""

    set: dict[str, str] = field(default_factory=dict)
    fixed: bool = False  # what was set last is a text of the rule, made of nothing that the call brought
    verdict: Verdict | None = None
    steps: list[str] = field(default_factory=list)


class RuleBook:
    """All rules by stage, in order."""

    __slots__ = ("_stages",)

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._stages: dict[Stage, list[Rule]] = {}
        for rule in rules:
            self._stages.setdefault(rule.stage, []).append(rule)

    def of(self, stage: Stage) -> Sequence[Rule]:
        """Those that are asked then; mostly there are none."""
        return self._stages.get(stage, ())


def rewrite(rules: Sequence[Rule], where: Where, scope: Scope, fields: dict[str, Any]) -> Outcome:
    """Ask the rules of one stage; `fields`, the call's as `scope` has them, are changed as they go."""
    outcome = Outcome()
    for rule in rules:
        try:
            if not rule.takes(where, scope) or not _checked(rule, scope):
                continue
            _carry_out(rule, where, scope, fields, outcome)
        except WrongExpression as error:
            outcome.steps.append(f"Rule {rule.name} has no effect: {error}")
            continue
        moved = rule.stage is Stage.WHO_CALLS and "caller_account" in outcome.set
        if outcome.verdict is not None or rule.last or rule.target == STOP or moved:
            break
    return outcome


def _checked(rule: Rule, scope: Scope) -> bool:
    return CHECKS[rule.check](text_of(scope.fields.get(rule.data, "")), rule.against, scope)


def _carry_out(rule: Rule, where: Where, scope: Scope, fields: dict[str, Any], outcome: Outcome) -> None:
    if rule.target == REJECT:
        play = rule.put(scope) if rule.put is not None else ""
        outcome.verdict = Verdict(rule.name, play)
        outcome.steps.append(f"Rule {rule.name} refuses the call{f' and plays {play}' if play else ''}.")
        return
    if rule.target == STOP:
        outcome.steps.append(f"Rule {rule.name} is the last one here.")
        return
    scope.invented = rule.data in scope.tainted and rule.action != "replace"
    target = rule.data if rule.target == SAME else rule.target
    before = text_of(fields.get(target, ""))
    put = rule.put(scope) if rule.put is not None else ""
    value = ACTIONS[rule.action](text_of(fields.get(rule.data, "")), rule.find, put)
    _permit(rule, target, value, where, scope)
    if value != before:
        fields[target] = value
        (scope.tainted.add if scope.invented else scope.tainted.discard)(target)
        outcome.set[target] = value
        outcome.fixed = rule.action == "replace" and (rule.put is None or rule.put.fixed)
        outcome.steps.append(f"Rule {rule.name}: {target} {before or '(none)'} → {value or '(none)'}.")


def _permit(rule: Rule, target: str, value: str, where: Where, scope: Scope) -> None:
    """Raises WrongExpression for what must not be set: no number, or a number by chance that the caller has no right to show."""
    if target in NUMBERS and not (_GOOD.match(value) or (not value and target == "tech_prefix")):
        raise WrongExpression(f"{value[:40]!r} is no number.")
    if not _NAME.match(value):
        raise WrongExpression(f"{value[:40]!r} cannot stand there.")
    if target in SHOWN and scope.invented and value != ANONYMOUS:
        shown = value.removeprefix("+")
        if shown != scope.fields.get("own_number") and not scope.lists.may_show(shown, where.caller):
            raise WrongExpression(
                f"{value} was made by chance, and stands in no pool of numbers that the caller may show."
            )


#: Kinds in whose name a call may be made. A carrier brings calls to us, and makes none.
_CALLERS = frozenset(("subscriber", "extension", "agent", "calling_card", "customer_trunk", "reseller"))


def not_in_its_name(caller: int, kind: str, path: Sequence[int], *, fixed: bool) -> str:
    """Why a rule must not let the call of `caller` go on as that of the account with this kind and path; "": it may.

    An account that the operator has written into the rule may be anybody's. One that is made of what the call brought, which
    the caller chooses, has to be the caller's own: else a forged number would call at the cost of others.
    """
    if kind not in _CALLERS:
        return "is of a kind that makes no calls"
    if not fixed and caller not in path:
        return "is made of what the call brought, and stands not below who calls"
    return ""


def clock(at: float, zone: str) -> dict[str, int]:
    """The fields that tell the time, by the wall clock of a zone."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return {
        "year": local.year,
        "month": local.month,
        "day": local.day,
        "hour": local.hour,
        "minute": local.minute,
        "weekday": local.isoweekday(),
    }


def _inside(source: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in network


def compiled(row: Sequence[Any]) -> Rule:
    """A rule from its row (`apps.numbers.snapshot.rewrite_rules`). Raises WrongExpression or ValueError."""
    network, when, put = row[5], row[9], row[15]
    return Rule(
        id=row[0],
        name=row[1],
        stage=Stage(row[2]),
        caller=row[3],
        called=row[4],
        network=ip_network(network, strict=False) if network else None,
        transport=row[6],
        called_prefixes=tuple(row[7]),
        caller_prefixes=tuple(row[8]),
        when=Expression(when) if when else None,
        data=row[10],
        check=row[11],
        against=row[12],
        action=row[13],
        find=row[14],
        put=Template(put) if put else None,
        target=row[16],
        last=row[17],
    )


def stage_for(*, called: bool, data: str, target: str) -> Stage:
    """The stage that fits a rule for which none was chosen ("auto guess").

    Whose call it is has to be known before all else. What is about one way of the call belongs after routing, what names who is called before it, and all else behind
    authentication: then the caller is known, and prices and routes go by the new number.
    """
    if target == "caller_account" or (target == SAME and data == "caller_account"):
        return Stage.WHO_CALLS
    if called or {data, target} & {"sent", "identity"}:
        return Stage.AFTER_ROUTING
    if target == "called_account":
        return Stage.BEFORE_ROUTING
    return Stage.AFTER_AUTHENTICATION
