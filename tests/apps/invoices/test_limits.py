"""Limits of a day and of a month: what is held counts as spent, so that calls at the same time cannot overrun them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from apps.config import services as config
from apps.invoices import snapshot
from apps.invoices.models import Growth, Usage, UsedUp
from apps.invoices.services import holds, limits
from apps.invoices.services.check import faults
from apps.invoices.services.holds import Cap, Refusal
from apps.invoices.services.rated import Use
from apps.invoices.services.settlement import settle
from apps.users import services as users
from apps.users.models import Account
from apps.users.queries import setting_of
from tests import make
from tests.charging import account, record, terms

pytestmark = pytest.mark.django_db
UNIT = 1_000_000
DAY = 86_400


def ask(payer: Account, units: int, cap: Cap | None = None, *, least: int = 1, floor: int = 0) -> int:
    """One new call that wants so many whole units; what it got, or why it got nothing."""
    share = (payer.pk, units * UNIT, least * UNIT, floor * UNIT)
    request = holds.Request(str(uuid4()), [share], {payer.pk: cap} if cap else {})
    granted = holds.take(requests=[request], worker="n-1-1")[0][payer.pk]
    return granted // UNIT if granted > 0 else granted


def spend(payer: Account, units: int, *, days_ago: int = 0) -> None:
    """The account has spent so much on calls that ended then."""
    limits.note(uses=[Use(payer.pk, time.time() - days_ago * DAY, units * UNIT, 0)])


@pytest.mark.req("limits-057", "limits-058", "limits-059")
def test_a_day_costs_no_more_than_its_limit_whatever_the_balance_is() -> None:
    payer = account(balance="1000")
    spend(payer, 6)
    cap = Cap(day=10 * UNIT)
    assert [ask(payer, 3, cap), ask(payer, 3, cap), ask(payer, 3, cap)] == [3, 1, Refusal.DAY]


@pytest.mark.req("limits-057")
def test_a_postpaid_account_is_held_to_the_limit_of_the_day_too() -> None:
    payer = account(billing="postpaid", credit_limit=Decimal(500))
    assert [ask(payer, 8, Cap(day=8 * UNIT)), ask(payer, 1, Cap(day=8 * UNIT))] == [8, Refusal.DAY]


def test_another_day_does_not_count() -> None:
    payer = account(balance="1000")
    spend(payer, 100, days_ago=1)
    assert ask(payer, 5, Cap(day=10 * UNIT)) == 5


@pytest.mark.req("limits-053", "limits-065", "limits-071", "billing-011")
def test_a_month_costs_no_more_than_its_limit_even_if_postpaid() -> None:
    payer = account(billing="postpaid", credit_limit=Decimal(5000))
    spend(payer, 300, days_ago=32)
    spend(payer, 30)
    assert [ask(payer, 15, Cap(month=40 * UNIT)), ask(payer, 1, Cap(month=40 * UNIT))] == [10, Refusal.MONTH]


def test_the_limit_that_leaves_less_is_the_one_that_is_told() -> None:
    payer = account(balance="1000")
    spend(payer, 5)
    assert ask(payer, 1, Cap(day=5 * UNIT, month=90 * UNIT)) == Refusal.DAY
    assert ask(payer, 1, Cap(day=50 * UNIT, month=5 * UNIT)) == Refusal.MONTH
    assert ask(account(), 1, Cap(day=5 * UNIT)) == Refusal.MONEY


@pytest.mark.req("fraud-011", "fraud-012", "fraud-014", "fraud-016")
def test_the_days_of_the_guides_example() -> None:
    """Guide 9050-9060: 10 on Monday, nothing, 5, 30 on Thursday; on Friday it ends at seven times thirty."""
    payer = account(balance="100000")
    cap = Cap(times=7, floor=10 * UNIT)
    assert ask(payer, 11, cap, least=11) == Refusal.DYNAMIC, "Monday may cost what never is stopped"
    spend(payer, 10, days_ago=4)
    assert ask(payer, 70, cap, least=70) == 70, "Tuesday: seven times Monday"
    holds.release(call_ids=[str(one.call_id) for one in payer.holds.all()])
    spend(payer, 5, days_ago=2)
    assert ask(payer, 71, cap, least=71) == Refusal.DYNAMIC, "Wednesday's 5 change nothing"
    spend(payer, 30, days_ago=1)
    spend(payer, 200)
    assert [ask(payer, 20, cap), ask(payer, 1, cap)] == [10, Refusal.DYNAMIC]
    assert list(Usage.objects.filter(account=payer).order_by("day").values_list("spent", "highest")) == [
        (10, 0),
        (5, 10),
        (30, 10),
        (200, 30),
    ]


def test_spending_of_today_does_not_raise_todays_limit() -> None:
    payer = account(balance="1000")
    spend(payer, 9)
    assert ask(payer, 5, Cap(times=7, floor=10 * UNIT)) == 1


def test_a_day_that_is_written_late_counts_for_those_after_it() -> None:
    payer = account(balance="1000")
    spend(payer, 3)
    spend(payer, 8, days_ago=2)
    spend(payer, 5, days_ago=1)
    assert list(Usage.objects.filter(account=payer).order_by("day").values_list("highest", flat=True)) == [
        0,
        8,
        8,
    ]


@pytest.mark.req("limits-006", "limits-028", "limits-033")
def test_with_less_than_the_floor_nothing_is_granted() -> None:
    payer = account(balance="10")
    assert ask(payer, 1, floor=11) == Refusal.FLOOR
    assert ask(payer, 1, floor=10) == 1
    assert ask(account(), 1, floor=10) == Refusal.MONEY


@pytest.mark.req("billing-027", "billing-053")
def test_who_is_not_checked_gets_whatever_it_asks_for_and_its_day_is_limited_all_the_same() -> None:
    payer = account(kind="customer_trunk")
    assert ask(payer, 50, Cap(unchecked=True)) == 50
    assert ask(payer, 50, Cap(unchecked=True, day=60 * UNIT)) == 10
    assert ask(account(is_active=False), 1, Cap(unchecked=True)) == Refusal.MONEY


def test_a_refused_payer_leaves_nothing_held_of_the_others() -> None:
    rich, limited = account(balance="100"), account(kind="reseller", balance="100")
    request = holds.Request(
        str(uuid4()), [(rich.pk, UNIT, 1), (limited.pk, UNIT, 1)], {limited.pk: Cap(day=0)}
    )
    assert holds.take(requests=[request], worker="n-1-1") == [{rich.pk: 0, limited.pk: Refusal.DAY}]
    assert not rich.holds.exists()
    assert faults() == []


@pytest.mark.django_db(transaction=True)
def test_many_calls_at_once_from_four_connections_do_not_overrun_a_day() -> None:
    """What is held becomes what is spent while others ask: the sum never passes the limit."""
    payer = account(balance="1000")
    cap = Cap(day=40 * UNIT)

    def call(number: int) -> int:
        try:
            one = str(uuid4())
            share = [(payer.pk, UNIT, UNIT)]
            (granted,) = holds.take(requests=[holds.Request(one, share, {payer.pk: cap})], worker="n-1-1")
            if granted[payer.pk] > 0 and number % 2:
                ended = time.time()
                settle(
                    records=[
                        record(payer, id=one, seconds=1, started=ended - 2, answered=ended - 1, ended=ended)
                    ]
                )
            return granted[payer.pk]
        finally:
            if number % 10 == 9:
                connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        granted = list(pool.map(call, range(120)))
    connections.close_all()
    assert granted.count(UNIT) == 40
    assert set(granted) == {UNIT, Refusal.DAY}
    assert faults() == []


# what is noted


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_call_counts_on_the_day_of_the_accounts_zone_on_which_it_ended() -> None:
    payer = account(balance="1000", time_zone="Asia/Tokyo")
    ended = at("2026-05-03T15:00:05")
    settle(records=[record(payer, started=ended - 12, answered=ended - 10, ended=ended)])
    assert Usage.objects.values_list("account", "day", "spent", "seconds").get() == (
        payer.pk,
        date(2026, 5, 4),
        10,
        10,
    )


@pytest.mark.req("limits-062")
def test_seconds_count_for_who_calls_who_pays_and_the_carrier_and_a_replay_counts_once() -> None:
    payer, carrier = account(balance="100"), account(kind="carrier")
    phone = account(kind="extension", parent=payer)
    call = record(payer, caller=phone.pk, carrier=carrier.pk, cost=terms(), seconds=7)
    settle(records=[call])
    settle(records=[call])
    found = set(Usage.objects.values_list("account", "spent", "seconds"))
    assert found == {(payer.pk, 7, 7), (phone.pk, 0, 7), (carrier.pk, 0, 7)}


@pytest.mark.req("limits-060", "limits-061", "limits-063")
@pytest.mark.parametrize("key", ["maxslperday", "maxslpermonth"])
def test_the_switch_is_told_whose_seconds_are_used_up(key: str) -> None:
    payer = make.subscriber(balance="1000")
    users.set_own(account=payer, key=key, value=20)
    now = time.time()
    for _ in range(2):
        assert not list(snapshot.used_up())
        settle(records=[record(payer, started=now - 12, answered=now - 10, ended=now)])
    ((who, what, seconds, until),) = snapshot.used_up()
    assert (who, what, seconds) == (payer.pk, key, 20)
    assert now < until <= now + 32 * DAY
    assert limits.forget_old(now=timezone.now() + timedelta(days=40)) == 1
    assert not UsedUp.objects.exists()


# the limit that grows


def limited(**values: Any) -> Account:
    payer = make.subscriber()
    for key, value in values.items():
        users.set_own(account=payer, key=key, value=value)
    return payer


@pytest.mark.req("limits-007", "limits-054", "limits-055")
def test_a_monthly_limit_grows_after_a_month_of_calls_up_to_its_end_and_once() -> None:
    payer = limited(maxmonthlycredit="100", maxmonthlycreditinc="30", maxmonthlycreditend="150")
    idle = limited(maxmonthlycredit="100", maxmonthlycreditinc="30")
    for month in (4, 5, 6):
        limits.note(uses=[Use(payer.pk, at(f"2026-0{month}-15T12:00:00"), UNIT, 1)])
        for _ in range(2):
            limits.grow(now=datetime(2026, month + 1, 2, tzinfo=UTC))
    grown = [
        (one.month.month, one.before, one.after)
        for one in Growth.objects.filter(account=payer).order_by("month")
    ]
    assert grown == [(4, 100, 130), (5, 130, 150)]
    assert (setting_of(payer, "maxmonthlycredit"), setting_of(idle, "maxmonthlycredit")) == ("150", "100")


def test_a_limit_without_growth_stays_and_one_of_everybody_does_too() -> None:
    payer, other = limited(maxmonthlycredit="100"), account(balance="10")
    config.set_value(key="maxmonthlycredit", value="50")
    config.set_value(key="maxmonthlycreditinc", value="0")
    for one in (payer, other):
        limits.note(uses=[Use(one.pk, at("2026-04-15T12:00:00"), UNIT, 1)])
    assert limits.grow(now=datetime(2026, 5, 2, tzinfo=UTC)) == 0
