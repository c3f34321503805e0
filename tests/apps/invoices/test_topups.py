"""What follows when money comes in: bonus, expiry, and early billed resellers."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.config import services as config
from apps.invoices.models import Balance, Expiry, LedgerEntry, Payment
from apps.invoices.services import payments, topups
from apps.invoices.services.check import faults
from apps.users import services as users
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def own(account: Account, **values: Any) -> Account:
    for key, value in values.items():
        users.set_own(account=account, key=key, value=value)
    return account


def pay(account: Account, amount: str, **fields: Any) -> Payment:
    return payments.enter(account=account, amount=Decimal(amount), method="cash", **fields)


def amount(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


def until(account: Account) -> datetime:
    return Expiry.objects.get(account=account).balance_until


# bonus


@pytest.mark.parametrize(
    ("paid", "expected"), [("20", "22"), ("19.99", "19.99"), ("33.33", "36.66"), ("-20", "-22")]
)
def test_a_payment_has_its_bonus_and_takes_it_back(paid: str, expected: str) -> None:
    account = own(make.subscriber(), topupbonus="10", topupbonusfrom="20")
    pay(account, paid)
    assert amount(account) == Decimal(expected)
    assert faults() == []


# expiry


@pytest.mark.req("promotions-008", "promotions-009", "payments-003")
def test_a_payment_lasts_a_day_for_each_unit_up_to_the_most() -> None:
    """The guide's example: 40 a day, 5,000 paid in: 125 days."""
    account = own(make.subscriber(), accountcancelapse=True, creditelapseunit="40", maxcreditelapseday=200)
    pay(account, "5000")
    assert abs(until(account) - timezone.now() - timedelta(days=125)) < timedelta(minutes=1)
    pay(account, "80")
    assert abs(until(account) - timezone.now() - timedelta(days=125)) < timedelta(minutes=1), "never earlier"
    pay(account, "50000")
    assert abs(until(account) - timezone.now() - timedelta(days=200)) < timedelta(minutes=1)


@pytest.mark.req("promotions-008", "payments-004")
def test_without_the_setting_a_payment_expires_when_it_was_entered_so() -> None:
    account = own(make.subscriber(), creditelapseunit="10")
    pay(account, "50")
    assert not Expiry.objects.exists()
    pay(account, "50", elapses=True)
    assert Expiry.objects.filter(account=account).exists()
    pay(make.subscriber(billing="postpaid"), "50", elapses=True)
    assert Expiry.objects.count() == 1


@pytest.mark.req("promotions-008", "promotions-010")
def test_what_is_left_expires_but_for_what_calls_hold_and_then_the_account() -> None:
    account = own(make.subscriber(), accountcancelapse=True, creditelapseunit="10", accelapseday=30)
    pay(account, "100")
    Balance.objects.filter(account=account).update(held=5)
    now = timezone.now()
    assert topups.expire(now=now + timedelta(days=9)) == 0
    assert topups.expire(now=now + timedelta(days=10, hours=1)) == 1
    assert amount(account) == 5
    Balance.objects.filter(account=account).update(held=0)
    assert topups.expire(now=now + timedelta(days=11)) == 1
    assert topups.expire(now=now + timedelta(days=11)) == 0
    assert (amount(account), Account.objects.get(pk=account.pk).is_active) == (0, True)
    topups.expire(now=now + timedelta(days=40, hours=1))
    assert not Account.objects.get(pk=account.pk).is_active
    assert set(LedgerEntry.objects.filter(account=account).values_list("kind", flat=True)) == {
        "payment", "expiry",
    }  # fmt: skip
    assert faults() == []


# early billing


@pytest.mark.req("reseller-024", "reseller-022", "reseller-044", "reseller-008")
def test_an_early_billed_reseller_pays_for_the_credit_that_it_gives() -> None:
    reseller = own(make.reseller(balance="100"), earlypay=True)
    customer = make.subscriber(parent=reseller)
    pay(customer, "60")
    assert (amount(customer), amount(reseller)) == (60, 40)
    with pytest.raises(ValidationError, match="not enough money"):
        pay(customer, "41")
    assert Payment.objects.filter(account=customer).count() == 1
    pay(customer, "-10")
    assert (amount(customer), amount(reseller)) == (50, 50)
    assert faults() == []


@pytest.mark.req("reseller-022")
@pytest.mark.parametrize(
    ("mode", "early", "pays"), [(0, False, 0), (0, True, 10), (1, True, 0), (2, False, 10)]
)
def test_who_is_billed_early(mode: int, early: bool, pays: int) -> None:
    config.set_value(key="defearlypay", value=mode)
    reseller = own(make.reseller(balance="100"), earlypay=early)
    pay(make.subscriber(parent=reseller), "10")
    assert amount(reseller) == 100 - pays


def test_only_the_nearest_reseller_pays_and_what_is_held_is_not_there() -> None:
    top = own(make.reseller(balance="100"), earlypay=True)
    lower = make.reseller(parent=top)
    pay(lower, "30")
    Balance.objects.filter(account=lower).update(held=25)
    customer = make.subscriber(parent=lower)
    with pytest.raises(ValidationError):
        pay(customer, "10")
    pay(customer, "5")
    assert (amount(top), amount(lower), amount(customer)) == (70, 25, 5)
