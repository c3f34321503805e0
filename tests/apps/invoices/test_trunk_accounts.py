"""What calls use up of accounts that carriers have given us."""

from __future__ import annotations

from decimal import Decimal

import pytest

from apps.invoices.services.settlement import settle
from apps.users import services
from apps.users.models import TrunkAccount, TrunkAccountUse
from apps.users.snapshot import trunk_accounts
from tests import make
from tests.charging import account, record, terms

pytestmark = pytest.mark.django_db


def carried(login: TrunkAccount, seconds: float = 10) -> None:
    """A call that the carrier bills half a unit a second."""
    call = record(
        account(balance="100"),
        seconds=seconds,
        carrier=login.carrier_id,
        cost=terms(30_000_000),
        login=login.pk,
    )
    assert settle(records=[call]).new


@pytest.mark.req("auth-007", "auth-008")
def test_an_account_that_calls_have_used_up_is_not_used_any_more_until_money_is_put_on_it() -> None:
    login = make.trunk_account(make.carrier(), credit=Decimal(8))
    carried(login)
    assert TrunkAccountUse.objects.get(account=login).spent == 5
    assert [row[1] for row in trunk_accounts()] == [login.pk]
    carried(login)
    use = TrunkAccountUse.objects.get(account=login)
    assert (use.spent, use.calls) == (10, 2)
    assert not list(trunk_accounts())
    services.change_trunk_account(account=login, credit=Decimal(20))
    assert [row[1] for row in trunk_accounts()] == [login.pk]


@pytest.mark.req("auth-008")
def test_an_account_that_is_disabled_is_not_used_and_when_it_was_used_last_is_known() -> None:
    login = make.trunk_account(make.carrier())
    call = record(account(balance="9"), started=1_790_000_000.0, carrier=login.carrier_id, login=login.pk)
    settle(records=[call])
    assert TrunkAccountUse.objects.get(account=login).last_used.timestamp() == 1_790_000_000.0
    services.change_trunk_account(account=login, enabled=False)
    assert not list(trunk_accounts())


def test_a_call_counts_once_however_often_its_record_comes() -> None:
    login = make.trunk_account(make.carrier())
    call = record(account(balance="9"), carrier=login.carrier_id, cost=terms(30_000_000), login=login.pk)
    settle(records=[call]), settle(records=[call])
    assert TrunkAccountUse.objects.get(account=login).calls == 1


def test_an_account_that_is_gone_holds_up_no_record() -> None:
    call = record(account(balance="9"), login=2**40)
    assert settle(records=[call]).new
    assert not TrunkAccountUse.objects.exists()
