"""Everything that is known about one account, gathered from all apps, for the page that answers "why can it not call?"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from apps.cdrs.live import LiveCall, LiveCallsUnavailable, current_calls
from apps.cdrs.models import Cdr, Service
from apps.cdrs.queries import causes
from apps.desk.findings import Facts, Finding, Payer, findings
from apps.groups.models import AccountGroup
from apps.groups.queries import groups_of
from apps.invoices.models import Balance, UsedUp
from apps.pricing.models import TariffKind
from apps.pricing.queries import tariff_of
from apps.routing.models import RouteRule, RouteTarget
from apps.users.choices import CALLERS, Kind
from apps.users.live import CarrierState, Phone, SwitchUnavailable, carrier_states, phones_of
from apps.users.models import Account, SipCredential, Trunk
from apps.users.queries import Effective, ancestors, billing_account, path_ids, settings_of

DAY, MONTH = timedelta(hours=24), timedelta(days=31)
LAST = 10


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours of an account's calls. ASR in per cent, ACD in seconds."""

    calls: int
    answered: int
    seconds: int
    failures: list[tuple[str, int]]

    @property
    def asr(self) -> int:
        return round(100 * self.answered / self.calls) if self.calls else 0

    @property
    def acd(self) -> int:
        return self.seconds // self.answered if self.answered else 0


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the page shows. `phones`, `states`, `live`: None when the switch did not answer."""

    account: Account
    above: list[Account]
    groups: list[AccountGroup]
    credential: SipCredential | None
    addresses: list[str]
    phones: list[Phone] | None
    states: list[CarrierState] | None
    live: list[LiveCall] | None
    payers: list[Payer]
    own: list[Effective]  # settings that do not hold for everybody
    day: Day
    last: list[Cdr]
    failed: list[Cdr]
    findings: list[Finding]


def analyse(account: Account, by: Account) -> Analysis:
    """Look at an account from all sides."""
    above = ancestors(account)
    settings = settings_of(account)
    calls = calls_of(account)
    phones, states, live = _phones(account), _states(account), _live(account, by)
    payers = list(_payers(account, above))
    credential = SipCredential.objects.filter(account=account).first()
    addresses = [str(one) for one in account.addresses.order_by("network")]
    trunk = Trunk.objects.filter(account=account).first()
    facts = Facts(
        kind=account.kind,
        enabled=account.is_active,
        disabled_above=tuple(one.username for one in above if not one.is_active),
        settings={one.definition.key: one.value for one in settings},
        has_secret=credential is not None,
        addresses=len(addresses),
        tech_prefix=account.tech_prefix,
        phones=None if phones is None else len(phones),
        ever_seen=hasattr(account, "phone_status"),
        payers=tuple(payers),
        calls=None if live is None else len(live),
        max_calls=min(
            (most for most in (account.max_calls, trunk.max_calls if trunk else 0) if most), default=0
        ),
        used_up=tuple(
            UsedUp.objects.filter(account=account, until__gt=timezone.now()).values_list("key", flat=True)
        ),
        rules=_rules(account),
        has_trunk=trunk is not None,
        has_tariff=account.kind == Kind.CARRIER and tariff_of(account, TariffKind.CARRIER) is not None,
        answers=None if not states else any(one.up is not False for one in states),
    )
    return Analysis(
        account=account,
        above=above,
        groups=list(groups_of(account)),
        credential=credential,
        addresses=addresses,
        phones=phones,
        states=states,
        live=live,
        payers=payers,
        own=[one for one in settings if one.source is not None],
        day=_day(calls),
        last=list(calls.order_by("-started_at")[:LAST]),
        failed=list(calls.filter(answered_at=None).order_by("-started_at")[:LAST]),
        findings=findings(facts),
    )


def calls_of(account: Account) -> QuerySet[Cdr]:
    """Of the last month: those that it began; a carrier's, those that it carried."""
    mine = Q(carrier=account) if account.kind == Kind.CARRIER else Q(caller=account)
    rows = Cdr.objects.filter(mine, started_at__gte=timezone.now() - MONTH)
    return rows.exclude(service=Service.SMS).select_related("carrier", "caller")


def _day(calls: QuerySet[Cdr]) -> Day:
    now = timezone.now()
    recent = calls.filter(started_at__gte=now - DAY)
    sums = recent.aggregate(
        calls=Count("id"), answered=Count("id", filter=Q(answered_at__isnull=False)), seconds=Sum("duration")
    )
    failures = causes(recent.filter(answered_at=None), now - DAY, now + DAY)
    return Day(sums["calls"], sums["answered"], sums["seconds"] or 0, failures)


def _payers(account: Account, above: list[Account]) -> Any:
    """Who pays while it calls: the account, its subscriber or their payer, and every reseller above (`apps.pricing.engine.payers`)."""
    if account.kind not in CALLERS:
        return
    billing = billing_account(account)
    yield _payer(billing, TariffKind.RETAIL, account)
    for one in above:
        if one.kind == Kind.RESELLER:
            yield _payer(one, TariffKind.RESELLER, one)


def _payer(account: Account, kind: TariffKind, by: Account) -> Payer:
    """`by`: whose price list it is."""
    balance = Balance.objects.get(account=account)
    tariff = tariff_of(by, kind)
    return Payer(
        account.username, kind.value, account.billing, balance.amount, balance.held, account.credit_limit,
        tariff.name if tariff else "",
    )  # fmt: skip


def _rules(account: Account) -> int:
    if account.kind == Kind.CARRIER:
        return RouteTarget.objects.filter(carrier=account, enabled=True, rule__enabled=True).count()
    for_it = Q(caller=None) | Q(caller__in=path_ids(account))
    of_its_groups = Q(groups=None) | Q(groups__in=groups_of(account))
    return RouteRule.objects.filter(for_it, of_its_groups, enabled=True).distinct().count()


def _phones(account: Account) -> list[Phone] | None:
    try:
        return phones_of([account.pk])
    except SwitchUnavailable:
        return None


def _states(account: Account) -> list[CarrierState] | None:
    if account.kind != Kind.CARRIER:
        return []
    try:
        return carrier_states().get(account.pk, [])
    except SwitchUnavailable:
        return None


def _live(account: Account, by: Account) -> list[LiveCall] | None:
    """Its calls now, with those of everybody below it; a carrier's, those that it carries."""
    try:
        calls = current_calls(by)
    except LiveCallsUnavailable:
        return None
    if account.kind == Kind.CARRIER:
        return [call for call in calls if call.carrier == account.username]
    return [call for call in calls if call.caller_id == account.pk or account.pk in call.path]
