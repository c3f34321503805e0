"""Balances change through the ledger only, and `check_ledger` finds what does not fit."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.invoices.models import Balance, EntryKind, LedgerEntry
from apps.invoices.services import holds, settlement
from apps.invoices.services.ledger import LedgerError, post
from apps.users.models import Account
from tests.charging import account, record

pytestmark = pytest.mark.django_db


def check(**options: object) -> tuple[int, str]:
    """The exit code of `check_ledger` and what it printed."""
    out = StringIO()
    try:
        call_command("check_ledger", stdout=out, **options)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def corrupt(statement: str, *values: object) -> None:
    """Change a row behind the back of the services, as a mistake by hand would."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the triggers would refuse it
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.fixture
def charged() -> tuple[Account, str]:
    """An account that has paid for a call of ten seconds, and holds money for another one."""
    payer = account(balance="100")
    call = record(payer)
    settlement.settle(records=[call])
    holds.take(requests=[holds.Request(str(uuid4()), [(payer.pk, 5_000_000, 1)])], worker="n-1-1")
    return payer, call["id"]


def test_an_entry_changes_the_balance_by_its_amount() -> None:
    owner = account(balance="7.5")
    entry = post(
        account=owner, amount=Decimal("-2.000001"), kind=EntryKind.CORRECTION, text="error in a price"
    )
    assert Balance.objects.get(account=owner).amount == Decimal("5.499999")
    assert (entry.currency, entry.text) == (owner.currency, "error in a price")


@pytest.mark.parametrize(
    ("amount", "kind", "currency"),
    [("0", EntryKind.CORRECTION, ""), ("1", EntryKind.CORRECTION, "USD"), ("1", EntryKind.CALL, "")],
)
def test_an_entry_of_nothing_in_foreign_money_or_for_a_call_is_refused(
    amount: str, kind: EntryKind, currency: str
) -> None:
    owner = account()
    with pytest.raises(LedgerError):
        post(account=owner, amount=Decimal(amount), kind=kind, currency=currency)
    assert not LedgerEntry.objects.filter(account=owner).exists()


def test_books_that_are_right_are_found_right(charged: tuple[Account, str]) -> None:
    code, printed = check()
    assert code == 0, printed


def test_a_balance_that_was_changed_by_hand_is_found(charged: tuple[Account, str]) -> None:
    Balance.objects.filter(account=charged[0]).update(amount=91)
    code, printed = check()
    assert code == 1
    assert printed.strip() == (
        f"account {charged[0].pk}: the balance is 91.000000, its ledger entries sum up to 90.000000"
    )


def test_held_money_without_a_hold_is_found(charged: tuple[Account, str]) -> None:
    corrupt("DELETE FROM invoices_hold WHERE account_id = %s", charged[0].pk)
    code, printed = check()
    assert code == 1
    assert "5.000000 is held, its holds sum up to 0" in printed


def test_a_charge_without_a_record_is_found(charged: tuple[Account, str]) -> None:
    corrupt("DELETE FROM cdrs_cdr WHERE id = %s", charged[1])
    code, printed = check()
    assert code == 1
    assert f"call {charged[1]}: account {charged[0].pk} is charged, and there are 0 call records" in printed


def test_a_second_record_of_a_call_is_found(charged: tuple[Account, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE copy ON COMMIT DROP AS SELECT * FROM cdrs_cdr WHERE id = %s", [charged[1]]
        )
        cursor.execute("UPDATE copy SET started_at = started_at + interval '1 second'")
        cursor.execute("INSERT INTO cdrs_cdr SELECT * FROM copy")
    code, printed = check()
    assert code == 1
    assert f"call {charged[1]}: there are 2 call records" in printed


def test_a_charge_that_differs_from_the_price_is_found(charged: tuple[Account, str]) -> None:
    corrupt("UPDATE invoices_ledgerentry SET amount = -9 WHERE call_id = %s", charged[1])
    corrupt("UPDATE invoices_balance SET amount = 91 WHERE account_id = %s", charged[0].pk)
    code, printed = check()
    assert code == 1
    assert printed.strip() == (
        f"call {charged[1]}: account {charged[0].pk} was charged 9.000000, its prices sum up to 10.000000"
    )


def test_a_price_that_was_never_charged_is_found(charged: tuple[Account, str]) -> None:
    corrupt("DELETE FROM invoices_ledgerentry WHERE call_id = %s", charged[1])
    corrupt("UPDATE invoices_balance SET amount = 100 WHERE account_id = %s", charged[0].pk)
    code, printed = check(days=1)
    assert code == 1
    assert "was charged 0, its prices sum up to 10.000000" in printed


def test_the_check_can_be_limited_to_an_account_and_to_some_lines(charged: tuple[Account, str]) -> None:
    others = [account(balance="1") for _ in range(3)]
    Balance.objects.filter(account__in=others).update(amount=2)
    assert check(account=charged[0].username)[0] == 0
    assert check(account=others[0].username)[1].count("\n") == 1
    assert check(limit=2)[1].count("\n") == 2
    assert check(account="nobody")[0] == 2
