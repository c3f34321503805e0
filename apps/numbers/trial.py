"""What would become of a number: every step of normalisation and of the rules, without a call.

The decisions are those of the switch (`apps.numbers.engine`), from what stands in the database now. Prices, routes and
forwards are not asked: this is about numbers alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from apps.config import queries as config
from apps.core.values.digits import prefix_of
from apps.numbers import snapshot
from apps.numbers.engine.functions import Scope
from apps.numbers.engine.lists import Lists
from apps.numbers.engine.normalise import normalise
from apps.numbers.engine.plans import plan_of
from apps.numbers.engine.rules import (
    ANONYMOUS,
    Outcome,
    RuleBook,
    Stage,
    Where,
    clock,
    compiled,
    not_in_its_name,
    rewrite,
)
from apps.users.models import Account
from apps.users.queries import path_ids, settings_of

CHANCE = 1
"""The lot of a trial: the same each time, so that a page that is loaded again shows the same."""


@dataclass(slots=True)
class Step:
    """What one stage did; `notes` is empty when nothing changed."""

    title: str
    called: str
    caller: str
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Trial:
    """All steps, the numbers at the end of them, and why the call would be refused ("": it would not)."""

    steps: list[Step]
    called: str
    caller: str
    sent: str = ""
    refused: str = ""


class _Refused(Exception):
    pass


def try_number(
    *,
    caller: Account,
    dialled: str,
    shown: str = "",
    source: str = "",
    transport: str = "udp",
    carrier: Account | None = None,
    at: float | None = None,
) -> Trial:
    """What becomes of a number that the account dials, and of the caller number `shown` in From; sent to that carrier."""
    return _Trying(
        caller, dialled, shown, source, transport, carrier, time.time() if at is None else at
    ).run()


class _Trying:
    """One trial on its way."""

    def __init__(
        self,
        caller: Account,
        dialled: str,
        shown: str,
        source: str,
        transport: str,
        carrier: Account | None,
        at: float,
    ) -> None:
        self.everybody = everybody = config.effective()
        self.caller, self.carrier, self.at = caller, carrier, at
        self.tech_prefixes = caller.tech_prefix
        self.settings = _settings(caller, everybody)
        self.rules = _book(everybody)
        self.lists = _lists()
        self.path = tuple(path_ids(caller))
        self.source, self.transport = source, transport
        self.trial = Trial([], dialled, shown or caller.caller_number.removeprefix("+") or caller.username)
        self.fields: dict[str, Any] = {
            "dialled": dialled, "from_user": shown, "source": source, "transport": transport, "caller_account": caller.username,
            "caller_id": caller.pk, "own_number": caller.caller_number.removeprefix("+"),
            "caller_country": caller.country.upper(), **clock(at, caller.time_zone),
        }  # fmt: skip

    def run(self) -> Trial:
        trial = self.trial
        try:
            self._rules(Stage.BEFORE_AUTHENTICATION, "Rules before it is known who calls")
            self._who_calls()
            self._tech_prefix()
            self._rules(Stage.AFTER_AUTHENTICATION, "Rules when it is known who calls")
            self._normalise()
            self._rules(Stage.BEFORE_ROUTING, "Rules when the number is normalised")
            if self.carrier is not None:
                self._carrier(self.carrier)
        except _Refused as refused:
            trial.refused = str(refused)
        return trial

    def _step(self, title: str, notes: list[str]) -> None:
        self.trial.steps.append(Step(title, self.trial.called, self.trial.caller, notes))

    def _who_calls(self) -> None:
        """In whose name the call goes on; the tech prefix that comes off stays that of who brought it."""
        if not self.rules.of(Stage.WHO_CALLS):
            return
        outcome = self._rules(Stage.WHO_CALLS, "Rules that say whose call it is")
        name = outcome.set.get("caller_account", "")
        account = Account.objects.filter(username=name).first() if name else None
        if account is None:
            return
        path = tuple(path_ids(account))
        if why := not_in_its_name(self.caller.pk, account.kind, path, fixed=outcome.fixed):
            self.trial.steps[-1].notes.append(f"{name} {why}.")
            return
        self.caller, self.path, self.settings = account, path, _settings(account, self.everybody)
        own = account.caller_number.removeprefix("+")
        self.trial.caller = own or account.username
        self.fields |= {"caller_account": account.username, "caller_id": account.pk, "own_number": own}
        self.fields |= {"caller_country": account.country.upper()} | clock(self.at, account.time_zone)

    def _tech_prefix(self) -> None:
        trial, prefix = self.trial, prefix_of(self.tech_prefixes, self.trial.called)
        if prefix:
            trial.called = trial.called.removeprefix(prefix)
            self.fields["tech_prefix"] = prefix
            self._step("Tech prefix", [f"{prefix} off"])
        else:
            self.fields["tech_prefix"] = self.settings.addtechprefix

    def _normalise(self) -> None:
        found = normalise(self.trial.called, plan_of(self.settings, self.caller.kind))
        self.trial.called = found.number or self.trial.called
        self._step("Normalisation", list(found.steps))
        if found.problem:
            raise _Refused(found.problem)

    def _rules(self, stage: Stage, title: str, carrier: Account | None = None) -> Outcome:
        trial = self.trial
        rules = self.rules.of(stage)
        fields = self.fields | {"called": trial.called, "caller": trial.caller}
        known = stage is not Stage.BEFORE_AUTHENTICATION
        scope = Scope(
            fields, self.lists, self.path if known else (), CHANCE + stage, self.settings.cfg_mobileprefixes
        )
        called = tuple(path_ids(carrier)) if carrier is not None else ()
        where = Where(self.path if known else (), called, self.source, self.transport)
        outcome = rewrite(rules, where, scope, fields)
        if carrier is None:
            trial.called = outcome.set.get("called", trial.called)
        trial.caller = outcome.set.get("caller", trial.caller)
        self.fields["tech_prefix"] = fields.get("tech_prefix", "")
        notes = outcome.steps or ([] if rules else ["There are none."])
        if carrier is None:
            self._step(title, notes)
        if outcome.verdict is not None:
            raise _Refused(f"rule {outcome.verdict.rule}")
        return outcome

    def _carrier(self, carrier: Account) -> None:
        trunk = getattr(carrier, "trunk", None)
        strip, prefix = (trunk.strip_digits, trunk.prefix) if trunk is not None else (0, "")
        settings = _settings(carrier, self.everybody)
        change = plan_of(settings, carrier.kind).outgoing
        tech = self.fields["tech_prefix"] if settings.techprefixhandling == "forward" else ""

        def sent(called: str) -> str:
            return str(prefix + tech + change.apply(called[strip:]))

        trial = self.trial
        trial.sent = sent(trial.called)
        self.fields |= {"sent": trial.sent, "called_account": carrier.username, "called_id": carrier.pk}
        outcome = self._rules(Stage.AFTER_ROUTING, "", carrier)
        if "called" in outcome.set:
            trial.sent = sent(outcome.set["called"])
        trial.sent = outcome.set.get("sent", trial.sent)
        self._step(f"To {carrier.username}: {trial.sent} is sent", outcome.steps)
        if trial.caller == ANONYMOUS:
            trial.steps[-1].notes.append("The caller number is hidden.")


def _settings(account: Account, everybody: dict[str, Any]) -> Any:
    own = {one.definition.key: one.value for one in settings_of(account)}
    return SimpleNamespace(**(everybody | own))


def _lists() -> Lists:
    found = Lists()
    found.take("lists", list(snapshot.lists()))
    found.take("listed_numbers", list(snapshot.listed_numbers()))
    return found


def _book(everybody: dict[str, Any]) -> RuleBook:
    asked = {stage for stage in Stage if everybody[stage.switch]}
    prefixes = [compiled(row) for row in snapshot.prefix_rules()] if everybody["checkprefixroules"] else []
    rules = [compiled(row) for row in snapshot.rewrite_rules()]
    return RuleBook([*prefixes, *[one for one in rules if one.stage in asked]])
