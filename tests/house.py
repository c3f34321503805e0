"""One office with two resellers, their customers, prices, a route, calls and documents, for tests that only look.

It is made once per module, inside a transaction that is rolled back; each test's own changes are rolled back before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from apps.approvals.models import Approval
from apps.cdrs.models import Cdr, Rerating
from apps.cdrs.services import forget_months
from apps.desk.models import Batch as AccountBatch
from apps.dids import services as dids
from apps.dids.models import Contact, Did, ShortNumber
from apps.groups import services as groups
from apps.groups.models import AccountGroup
from apps.invoices.models import Allowance, Fee, Growth, Invoice, LedgerEntry, Payment, Reminder, Usage
from apps.invoices.services import allowances, fees, issuing, payments, rerating
from apps.numbers.models import NumberList, PrefixRule, RewriteRule
from apps.numbers.services import rules as number_rules
from apps.numbers.services.lists import create_list
from apps.pbx import services as pbx
from apps.pbx.models import Forward, RingGroup, SpeedDial
from apps.portability import services as portability
from apps.portability.models import NumberBlock, Operator, PortedNumber
from apps.pricelists import services as pricelists
from apps.pricelists.models import ChangeSet, RouteReplay
from apps.pricing import services as pricing
from apps.pricing.models import (
    Calendar,
    CurrencyPrecision,
    PriceGroup,
    Rate,
    Tariff,
    TariffAssignment,
    TimeWindow,
)
from apps.recordings.models import Listening, Recording
from apps.routing.health import services as health
from apps.routing.health.engine import Tally
from apps.routing.models import BestRoute, RouteRule, TrunkDay, TrunkEvent, TrunkHealth, TrunkHour
from apps.screening import services as screening
from apps.screening.models import Alert, Ban, CallerStanding, FirewallRule, ScreenedNumber
from apps.signalling.models import HangupCause, HeaderRule
from apps.signalling.services import create_header_rule
from apps.users.models import Account, KnownNumber, TrunkAccount
from apps.users.services import note_number
from apps.vouchers import services as vouchers
from apps.vouchers.models import Batch, Voucher
from tests import make
from tests.traffic import DAY, settled_day

DAY_ONE = date(2026, 1, 1)


@dataclass
class House:
    """`ada` is a customer of `reseller`, `eve` of `rival`; `idle` is a member of the staff without any right."""

    admin: Account
    support: Account
    idle: Account
    company: Account
    reseller: Account
    rival: Account
    ada: Account
    eve: Account
    carrier: Account
    trunk_account: TrunkAccount
    tariff: Tariff
    rate: Rate
    assignment: TariffAssignment
    group: PriceGroup
    account_group: AccountGroup
    account_batch: AccountBatch
    window: TimeWindow
    calendar: Calendar
    precision: CurrencyPrecision
    rule: RouteRule
    best_route: BestRoute
    header_rule: HeaderRule
    number_list: NumberList
    rewrite_rule: RewriteRule
    prefix_rule: PrefixRule
    cause: HangupCause
    call: Cdr
    invoice: Invoice
    payment: Payment
    entry: LedgerEntry
    forward: Forward
    ring_group: RingGroup
    speed_dial: SpeedDial
    rerating: Rerating
    recording: Recording
    listening: Listening
    change_set: ChangeSet
    route_replay: RouteReplay
    fee: Fee
    allowance: Allowance
    usage: Usage
    growth: Growth
    approval: Approval
    did: Did
    ported: PortedNumber
    operator: Operator
    block: NumberBlock
    contact: Contact
    known_number: KnownNumber
    short_number: ShortNumber
    screened: ScreenedNumber
    firewall_rule: FirewallRule
    ban: Ban
    standing: CallerStanding
    health: TrunkHealth
    trunk_event: TrunkEvent
    trunk_hour: TrunkHour
    trunk_day: TrunkDay
    alert: Alert
    batch: Batch
    reminder: Reminder
    voucher: Voucher


def build() -> House:
    company = make.company()
    reseller, rival = (
        make.reseller(username=name, parent=company, billing="postpaid", credit_limit=Decimal(100))
        for name in ("reseller-a", "reseller-b")
    )
    ada = make.subscriber(
        password="ada-rides-horses",
        username="ada",
        parent=reseller,
        balance="20",
        vat_rate=Decimal(20),
        email="ada@example.com",
    )
    eve = make.subscriber(username="eve", parent=rival, balance="20", vat_rate=Decimal(20))
    carrier = make.carrier(username="carrier-a", price="0.01", parent=company)
    trunk_account = make.trunk_account(carrier)
    tariff = make.tariff(name="Retail", prices={"": "0.05", "36": "0.03", "3620": "0.06"})
    assignment = pricing.assign_tariff(account=company, tariff=tariff)
    admin = make.admin(username="boss", display_name="The Boss")
    support = make.account("support", username="helper")
    idle = make.account("support", username="idle")
    idle.groups.clear()
    change_set = pricelists.upload(
        tariff=tariff, file_name="prices.csv", data=b"Code,Rate\n36,0.04\n", by=admin
    )
    pricelists.stage(change_set=change_set)
    did = dids.add(number="36211112222", area="Budapest")
    dids.assign(did=did, account=ada)
    now = time.time()
    settled_day(calls=40, midnight=now - DAY - 3600)
    end = datetime.fromtimestamp(now, UTC) - timedelta(minutes=5)
    batch = vouchers.open_batch(by=admin, name="cards", value=Decimal(5), count=1)
    vouchers.print_codes(batch=batch, by=admin)
    invoice = issuing.issue(account=ada, period_start=end - timedelta(days=3), period_end=end, by=admin)
    payment = payments.enter(account=ada, amount=Decimal(5), method="cash", by=admin)
    call = Cdr.objects.filter(caller=ada, answered_at__isnull=False).latest("started_at")
    recording = make.recording(call, for_caller=ada)
    [event] = health.observe(tallies={(carrier.pk, ""): Tally(attempts=30, failed=30)}, now=now)
    return House(
        admin=admin, support=support, idle=idle, company=company, reseller=reseller, rival=rival, ada=ada, eve=eve,
        carrier=carrier, trunk_account=trunk_account, tariff=tariff, rate=tariff.rates.get(prefix="36"), assignment=assignment,
        group=PriceGroup.objects.create(name="Europe"),
        account_batch=AccountBatch.objects.create(kind="subscriber", first="0001", count=1, created_by=admin),
        account_group=groups.create_group(name="Villages", accounts=[ada]),
        precision=pricing.set_precision(currency="JPY", decimals=0),
        calendar=pricing.save_calendar(name="public holidays", country="HU"),
        window=TimeWindow.objects.create(name="working days", weekdays=31, starts="08:00", ends="18:00"),
        rule=make.rule(carrier, name="world"),
        best_route=BestRoute.objects.create(carrier=carrier, prefix="3620"),
        header_rule=create_header_rule(action="drop", header="X-Secret"),
        number_list=create_list(name="house_numbers", purpose="caller", numbers=["3612000001", "3612000002"]),
        rewrite_rule=number_rules.create_rule(name="no 0900", called_prefixes="36900", target="reject"),
        prefix_rule=number_rules.create_prefix_rule(rewrite_from="011"),
        cause=make.cause("no_route"),
        call=call, recording=recording, listening=make.listening(recording, support),
        invoice=invoice, payment=payment, entry=LedgerEntry.objects.get(payment=payment),
        forward=pbx.set_forward(account=ada, kind="busy", number="+3612345678"),
        ring_group=pbx.set_ring_group(account=ada, members=[{"number": "eve"}]),
        speed_dial=pbx.set_speed_dial(account=ada, code="1", number="+3612345678", name="Grandma"),
        rerating=rerating.ask(by=admin, since=end - timedelta(days=3), until=end, reason="a look", start=False),
        change_set=change_set,
        route_replay=RouteReplay.objects.create(title="other routes", since=end - timedelta(days=3), until=end, prices_at=end),
        fee=fees.open_fee(account=ada, name="Line", net=Decimal(10)),
        allowance=allowances.give(account=ada, name="Welcome", included=Decimal(600), directions="36"),
        usage=Usage.objects.filter(account=ada).latest("day"),
        growth=Growth.objects.create(account=ada, month=DAY_ONE, before=10, after=12),
        alert=Alert.objects.create(account=ada, day=DAY_ONE, calls=9, cost=90, usual_cost=1, currency="EUR", raised_at=end),
        standing=screening.set_standing(key="36309998877", good=0, expires_at=end + timedelta(days=9)),
        firewall_rule=screening.create_rule(source="203.0.113.9"),
        ban=Ban.objects.create(source="203.0.113.7", reason="guessed", worker="w", banned_at=end, until=end + timedelta(days=1)),
        screened=screening.list_number(number="3690", account=ada),
        health=TrunkHealth.objects.get(), trunk_event=event, trunk_hour=TrunkHour.objects.get(),
        trunk_day=TrunkDay.objects.get(),
        approval=payments.ask_for(account=ada, amount=Decimal(5000), method="cash", by=support),
        did=did,
        ported=portability.port(number="36309998888", carrier=carrier),
        operator=portability.save_operator(code="telco", carrier=carrier),
        block=portability.save_block(prefix="5511", spid="telco"),
        contact=dids.save_contact(account=ada, name="Cleo", number="+36301234567"),
        known_number=note_number(account=ada, number="36309990000"),
        short_number=dids.set_short_number(account=ada, number="101"),
        reminder=Reminder.objects.create(invoice=invoice, days=7, amount=1),
        batch=batch, voucher=batch.vouchers.get(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)
    forget_months()  # the partitions went with the rollback
