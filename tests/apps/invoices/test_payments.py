"""Payments entered by hand."""

from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.invoices.models import Balance, LedgerEntry, Payment
from apps.invoices.services import payments
from tests import make

pytestmark = pytest.mark.django_db


def balance(account):
    return Balance.objects.get(account=account).amount


@pytest.mark.req("payments-007")
def test_a_payment_is_a_ledger_entry_and_raises_the_balance():
    account, clerk = make.subscriber(), make.admin()
    payment = payments.enter(
        account=account, amount=Decimal("12.50"), method="transfer", reference="R7", by=clerk
    )
    assert balance(account) == Decimal("12.50")
    assert (payment.entry.amount, payment.entry.kind, payment.entered_by) == (
        Decimal("12.50"),
        "payment",
        clerk,
    )


def test_a_wrong_payment_is_taken_back_by_a_negative_one():
    account = make.subscriber(balance="5")
    payments.enter(account=account, amount=Decimal(-5), method="cash")
    assert balance(account) == 0
    assert LedgerEntry.objects.filter(account=account).count() == 2


def test_the_same_key_twice_is_one_payment():
    account = make.subscriber()
    entered = [
        payments.enter(account=account, amount=Decimal(7), method="cash", idempotency_key="k1")
        for _ in range(2)
    ]
    assert entered[0] == entered[1]
    assert balance(account) == 7


@pytest.mark.parametrize("other", [{"amount": Decimal(8)}, {"method": "card"}, {"reference": "x"}])
def test_the_same_key_for_another_payment_is_refused(other):
    account = make.subscriber()
    first = {"account": account, "amount": Decimal(7), "method": "cash", "idempotency_key": "k1"}
    payments.enter(**first)
    with pytest.raises(ValidationError, match="another payment"):
        payments.enter(**first | other)
    assert balance(account) == 7


@pytest.mark.parametrize("amount", ["0", "0.0000001", "1e12", "NaN", "Infinity"])
def test_an_amount_that_is_none_is_refused(amount):
    account = make.subscriber()
    with pytest.raises(ValidationError):
        payments.enter(account=account, amount=Decimal(amount), method="cash")
    assert not Payment.objects.exists()


def test_a_float_is_not_money():
    with pytest.raises(TypeError):
        payments.enter(account=make.subscriber(), amount=0.1, method="cash")


def test_an_unknown_method_is_refused():
    with pytest.raises(ValidationError):
        payments.enter(account=make.subscriber(), amount=Decimal(1), method="shells")


def test_an_extension_has_no_money_of_its_own():
    extension = make.extension(parent=make.subscriber())
    with pytest.raises(ValidationError):
        payments.enter(account=extension, amount=Decimal(1), method="cash")


@pytest.mark.django_db(transaction=True)
def test_the_same_key_by_two_clerks_at_once_is_one_payment():
    account, together, ids, errors = make.subscriber(), Barrier(2), [], []

    def clerk():
        try:
            together.wait(10)
            entered = payments.enter(account=account, amount=Decimal(7), method="cash", idempotency_key="k1")
            ids.append(entered.pk)
        except Exception as error:  # told to the test, which runs in another thread
            errors.append(error)
        finally:
            connection.close()

    clerks = [Thread(target=clerk) for _ in range(2)]
    for each in clerks:
        each.start()
    for each in clerks:
        each.join(20)
    assert not errors
    assert len(ids) == 2 and len(set(ids)) == 1
    assert balance(account) == 7
