"""One office with two resellers, their customers, prices, a route, calls and documents, for tests that only look.

It is made once per module, inside a transaction that is rolled back; each test's own changes are rolled back before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from apps.cdrs.models import Cdr
from apps.cdrs.services import forget_months
from apps.invoices.models import Invoice, LedgerEntry, Payment
from apps.invoices.services import issuing, payments
from apps.pbx import services as pbx
from apps.pbx.models import Forward, RingGroup, SpeedDial
from apps.pricing import services as pricing
from apps.pricing.models import Calendar, CurrencyPrecision, PriceGroup, Rate, Tariff, TimeWindow
from apps.routing.models import RouteRule
from apps.signalling.models import HangupCause, HeaderRule
from apps.signalling.services import create_header_rule
from apps.users.models import Account, TrunkAccount
from tests import make
from tests.traffic import DAY, settled_day


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
    group: PriceGroup
    window: TimeWindow
    calendar: Calendar
    precision: CurrencyPrecision
    rule: RouteRule
    header_rule: HeaderRule
    cause: HangupCause
    call: Cdr
    invoice: Invoice
    payment: Payment
    entry: LedgerEntry
    forward: Forward
    ring_group: RingGroup
    speed_dial: SpeedDial


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
    pricing.assign_tariff(account=company, tariff=tariff)
    admin = make.admin(username="boss", display_name="The Boss")
    support = make.account("support", username="helper")
    idle = make.account("support", username="idle")
    idle.groups.clear()
    now = time.time()
    settled_day(calls=40, midnight=now - DAY - 3600)
    end = datetime.fromtimestamp(now, UTC) - timedelta(minutes=5)
    invoice = issuing.issue(account=ada, period_start=end - timedelta(days=3), period_end=end, by=admin)
    payment = payments.enter(account=ada, amount=Decimal(5), method="cash", by=admin)
    return House(
        admin=admin, support=support, idle=idle, company=company, reseller=reseller, rival=rival, ada=ada, eve=eve,
        carrier=carrier, trunk_account=trunk_account, tariff=tariff, rate=tariff.rates.get(prefix="36"),
        group=PriceGroup.objects.create(name="Europe"),
        precision=pricing.set_precision(currency="JPY", decimals=0),
        calendar=pricing.save_calendar(name="public holidays", country="HU"),
        window=TimeWindow.objects.create(name="working days", weekdays=31, starts="08:00", ends="18:00"),
        rule=make.rule(carrier, name="world"),
        header_rule=create_header_rule(action="drop", header="X-Secret"),
        cause=make.cause("no_route"),
        call=Cdr.objects.filter(caller=ada, answered_at__isnull=False).latest("started_at"),
        invoice=invoice, payment=payment, entry=LedgerEntry.objects.get(payment=payment),
        forward=pbx.set_forward(account=ada, kind="busy", number="+3612345678"),
        ring_group=pbx.set_ring_group(account=ada, members=[{"number": "eve"}]),
        speed_dial=pbx.set_speed_dial(account=ada, code="1", number="+3612345678", name="Grandma"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)
    forget_months()  # the partitions went with the rollback
