"""What would stop the calls of an account, or let them fail: sentences, the worst first. Pure: facts in, findings out.

It asks what the switch asks, in the order of the pipeline, but without a number that is called: whether one number has a
price and a way, only the route tester says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from apps.users.choices import Billing, Kind

STOPS, WARNS = "stops", "warns"
#: Kinds that stand behind a phone that registers.
PHONES = (Kind.SUBSCRIBER, Kind.EXTENSION, Kind.AGENT)
#: Kinds of which calls begin or end.
CALLING = (*PHONES, Kind.CALLING_CARD, Kind.CUSTOMER_TRUNK, Kind.CARRIER)
#: Values of `needauth` by which an account is known without addresses.
_BY_SECRET = ("password", "user", "open", "prefix")


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who pays while a call of the account runs."""

    username: str
    kind: str
    billing: str
    amount: Decimal
    held: Decimal
    credit_limit: Decimal
    tariff: str  # name; "": none

    @property
    def spendable(self) -> Decimal:
        credit = self.credit_limit if self.billing == Billing.POSTPAID else Decimal(0)
        return self.amount + credit - self.held


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an account. None: nobody could say, because the switch did not answer."""

    kind: str
    enabled: bool
    disabled_above: tuple[str, ...] = ()
    settings: Any = None  # key → typed value, as they hold for the account
    has_secret: bool = False
    addresses: int = 0
    tech_prefix: str = ""
    phones: int | None = 0
    ever_seen: bool = False
    payers: tuple[Payer, ...] = ()
    calls: int | None = 0
    max_calls: int = 0
    used_up: tuple[str, ...] = ()
    rules: int = 0  # route rules that this caller can use; of a carrier: that offer it
    has_trunk: bool = False
    has_tariff: bool = False  # a carrier's own
    answers: bool | None = None  # a carrier's


@dataclass(frozen=True, slots=True)
class Finding:
    """`weight`: STOPS or WARNS. `where`: the page that mends it (`overview.PLACES`)."""

    weight: str
    text: str
    where: str = ""


def findings(facts: Facts) -> list[Finding]:
    """All that is wrong, what stops calls first."""
    if facts.kind not in CALLING:
        return sorted(_enabled(facts), key=_by_weight)
    parts = (
        (_enabled, _carrier)
        if facts.kind == Kind.CARRIER
        else (_enabled, _known, _reached, _limits, _money, _routes)
    )
    return sorted((one for part in parts for one in part(facts)), key=_by_weight)


def _by_weight(finding: Finding) -> bool:
    return finding.weight != STOPS


def _enabled(facts: Facts) -> Iterator[Finding]:
    if not facts.enabled:
        yield Finding(STOPS, _("The account is disabled."), "account")
    for name in facts.disabled_above:
        yield Finding(STOPS, _("%s above it is disabled, and everybody below with it.") % name, "account")


def _known(facts: Facts) -> Iterator[Finding]:
    """Can the switch know its calls?"""
    mode = facts.settings["needauth"]
    if facts.kind == Kind.CALLING_CARD:
        return
    if (
        facts.kind in PHONES
        and not facts.has_secret
        and mode in ("auto", "password", "address_password", "network_password")
    ):
        yield Finding(STOPS, _("It has no SIP password, so that no phone can register."), "account")
    if (
        facts.kind == Kind.CUSTOMER_TRUNK
        and not facts.addresses
        and not facts.has_secret
        and mode not in _BY_SECRET
    ):
        yield Finding(STOPS, _("It has no source address: the switch cannot know its calls."), "account")
    if mode in ("prefix", "address_prefix") and not facts.tech_prefix:
        yield Finding(STOPS, _("Its calls are known by a tech prefix, and it has none."), "account")
    if mode == "open":
        yield Finding(WARNS, _("It is an open relay: anybody may call at its cost."), "settings")


def _reached(facts: Facts) -> Iterator[Finding]:
    """Can it be called?"""
    if facts.kind not in PHONES:
        return
    if facts.phones is None:
        yield Finding(WARNS, _("Whether a phone is registered cannot be said: Redis does not answer."))
    elif not facts.phones:
        ever = _("No phone is registered: calls to it fail or are forwarded.")
        yield Finding(WARNS, ever if facts.ever_seen else _("No phone has ever registered."), "phones")
    if facts.settings["donotdisturb"]:
        yield Finding(WARNS, _("It does not want to be disturbed: calls to it hear busy."), "settings")


def _limits(facts: Facts) -> Iterator[Finding]:
    if facts.calls is not None and facts.max_calls and facts.calls >= facts.max_calls:
        text = _("All its %(most)d calls at once are in use.") % {"most": facts.max_calls}
        yield Finding(STOPS, text, "calls")
    for key in facts.used_up:
        yield Finding(STOPS, _("It has used up its %s.") % key, "settings")


def _money(facts: Facts) -> Iterator[Finding]:
    for payer in facts.payers:
        kind = _("retail") if payer.kind == "retail" else _("reseller")
        if not payer.tariff:
            text = _("%(name)s has no %(kind)s tariff: calls that cost money are refused.")
            yield Finding(STOPS, text % {"name": payer.username, "kind": kind}, "account")
        if payer.spendable <= 0:
            text = _("%(name)s has nothing left to spend (%(left)s).")
            yield Finding(STOPS, text % {"name": payer.username, "left": f"{payer.spendable:f}"}, "ledger")
    if not facts.payers:
        yield Finding(STOPS, _("Nobody would pay for its calls."), "account")


def _routes(facts: Facts) -> Iterator[Finding]:
    if not facts.rules:
        yield Finding(
            STOPS, _("No route rule takes its calls: only calls to our own subscribers go through."), "routes"
        )


def _carrier(facts: Facts) -> Iterator[Finding]:
    if not facts.has_trunk:
        yield Finding(STOPS, _("It has no trunk: nobody knows where to send calls."), "account")
    if not facts.has_tariff:
        yield Finding(STOPS, _("It has no tariff: without a cost it is never chosen."), "account")
    if not facts.rules:
        yield Finding(STOPS, _("No route rule offers it."), "routes")
    if facts.answers is False:
        yield Finding(STOPS, _("It does not answer at the moment."), "carriers")
    if facts.calls is not None and facts.max_calls and facts.calls >= facts.max_calls:
        yield Finding(STOPS, _("All its %(most)d lines are in use.") % {"most": facts.max_calls}, "calls")
