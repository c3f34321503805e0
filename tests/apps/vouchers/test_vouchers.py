"""Vouchers are printed once, redeemed once, and not guessed."""

from __future__ import annotations

import csv
import io
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config import services as config
from apps.invoices.models import Balance, LedgerEntry, Payment
from apps.invoices.services import payments
from apps.invoices.services.check import faults
from apps.users import services as users
from apps.users.models import Account
from apps.vouchers import services
from apps.vouchers.codes import LENGTH, new_code, read, written
from apps.vouchers.models import Attempts, Batch, State, Voucher
from apps.vouchers.services import Locked
from tests import make

pytestmark = pytest.mark.django_db


def balance(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


def codes(by: Account, *, value: str = "10", count: int = 3, **fields: Any) -> list[str]:
    """Codes of a new batch."""
    batch = services.open_batch(by=by, name="cards", value=Decimal(value), count=count, **fields)
    return [one.code for one in services.print_codes(batch=batch, by=by)]


def test_a_code_is_digits_and_is_read_as_people_write_it() -> None:
    made = {new_code() for _ in range(50)}
    assert len(made) == 50 and all(len(one) == LENGTH and one.isdigit() for one in made)
    code = made.pop()
    assert read(written(code)) == read(f" {code[:4]}-{code[4:]} ") == code
    assert [read(wrong) for wrong in ("", code[:-1], code + "1", "٣" * LENGTH, "x" * LENGTH)] == [""] * 5


def test_codes_are_handed_out_once_and_kept_nowhere() -> None:
    admin = make.admin()
    batch = services.open_batch(by=admin, name="cards", value=Decimal(10), count=500)
    printed = services.print_codes(batch=batch, by=admin)
    assert len({one.code for one in printed}) == 500 and {one.serial for one in printed} == set(range(1, 501))
    with pytest.raises(ValidationError, match="already"):
        services.print_codes(batch=batch, by=admin)
    with connection.cursor() as cursor:
        cursor.execute("SELECT v::text FROM vouchers_voucher v")
        kept = "\n".join(row[0] for row in cursor.fetchall())
    assert not any(one.code in kept for one in printed)


def test_a_voucher_is_redeemed_once_by_one_account() -> None:
    code, *_ = codes(make.admin())
    ada, ben = make.subscriber(balance="1"), make.subscriber()
    payment = services.redeem(account=ada, code=written(code))
    assert services.redeem(account=ada, code=code) == payment  # sent again
    with pytest.raises(ValidationError, match="no code"):
        services.redeem(account=ben, code=code)
    assert (balance(ada), balance(ben)) == (11, 0) and payment.method == "voucher" and faults() == []
    voucher = Voucher.objects.get(payment=payment)
    assert voucher.state == State.REDEEMED and LedgerEntry.objects.filter(payment=payment).count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_redeem_it_once() -> None:
    code, *_ = codes(make.admin(username="issuer"))
    accounts = [make.subscriber() for _ in range(4)]
    done: list[Payment] = []

    def race(account: Account) -> None:
        try:
            done.append(services.redeem(account=account, code=code))
        except ValidationError:
            pass
        finally:
            connection.close()

    runners = [threading.Thread(target=race, args=(account,)) for account in accounts * 2]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(60)
    assert len({one.pk for one in done}) == 1 and sum(balance(account) for account in accounts) == 10
    assert faults() == []


def test_who_guesses_is_locked_out_for_a_while() -> None:
    config.set_value(key="vouchertries", value="3")
    code, other, *_ = codes(make.admin())
    ada = make.subscriber()
    services.redeem(account=ada, code=other)
    for _ in range(2):
        with pytest.raises(ValidationError, match="no code"):
            services.redeem(account=ada, code=new_code())
    services.redeem(account=ada, code=other)  # what it has redeemed already wipes nothing out
    with pytest.raises(ValidationError, match="no code"):
        services.redeem(account=ada, code="nonsense")
    with pytest.raises(Locked):
        services.redeem(account=ada, code=code)
    services.redeem(account=make.subscriber(), code=code)  # others are not
    Attempts.objects.filter(account=ada).update(locked_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ValidationError, match="no code"):
        services.redeem(account=ada, code=code)
    assert Attempts.objects.get(account=ada).failed == 1 and balance(ada) == 10


def test_old_tries_are_forgotten() -> None:
    config.set_value(key="vouchertries", value="2")
    ada = make.subscriber()
    for _ in range(3):
        with pytest.raises(ValidationError, match="no code"):
            services.redeem(account=ada, code=new_code())
        Attempts.objects.filter(account=ada).update(since=timezone.now() - timedelta(minutes=61))


def test_an_expired_or_cancelled_voucher_is_worth_nothing() -> None:
    admin, ada = make.admin(), make.subscriber()
    code, *_ = codes(admin, valid_until=timezone.now() + timedelta(days=1))
    batch = Batch.objects.get()
    Batch.objects.update(valid_until=timezone.now())
    with pytest.raises(ValidationError, match="valid until"):
        services.redeem(account=ada, code=code)
    Batch.objects.update(valid_until=None)
    services.redeem(account=ada, code=code)
    assert services.cancel(batch=batch, by=admin) == 2 and services.cancel(batch=batch, by=admin) == 0
    assert Voucher.objects.filter(state=State.CANCELLED).count() == 2 and balance(ada) == 10
    with pytest.raises(ValidationError, match="cancelled"):
        services.print_codes(batch=batch, by=admin)


@pytest.mark.parametrize("kind", ["admin", "support", "carrier", "extension"])
def test_who_has_no_balance_redeems_nothing(kind: str) -> None:
    parent = make.subscriber() if kind == "extension" else None
    with pytest.raises(PermissionDenied):
        services.redeem(account=make.account(kind, parent=parent), code=new_code())


def test_a_voucher_of_another_currency_is_refused() -> None:
    code, *_ = codes(make.admin())
    with pytest.raises(ValidationError, match="another currency"):
        services.redeem(account=make.subscriber(currency="HUF"), code=code)


# resellers


@pytest.fixture
def partner() -> Account:
    return make.reseller(username="partner", parent=make.company())


@pytest.mark.req("reseller-031")
def test_a_reseller_billed_late_makes_vouchers_whatever_it_has(partner: Account) -> None:
    """Redeemed, they are the customer's money; calls are then paid by both (tests/flows/test_calls.py)."""
    ada = make.subscriber(parent=partner)
    code, *_ = codes(partner, value="1000")
    assert balance(partner) == 0
    services.redeem(account=ada, code=code)
    assert (balance(ada), balance(partner)) == (1000, 0) and faults() == []


@pytest.mark.req("reseller-032", "reseller-024")
def test_a_reseller_billed_early_pays_when_they_are_printed(partner: Account) -> None:
    users.set_own(account=partner, key="earlypay", value="yes")
    payments.enter(account=partner, amount=Decimal(35), method="cash")
    with pytest.raises(ValidationError, match="not enough money"):
        codes(partner, count=4)
    assert balance(partner) == 35 and not Voucher.objects.exists()
    code, *_ = codes(partner, count=3)
    ada = make.subscriber(parent=partner)
    services.redeem(account=ada, code=code)
    assert (balance(partner), balance(ada)) == (5, 10)  # redeeming costs it nothing more
    services.cancel(batch=Batch.objects.get(printed_at__isnull=False), by=partner)
    assert balance(partner) == 25 and faults() == []


@pytest.mark.req("reseller-033")
def test_vouchers_made_before_it_was_billed_early_are_paid_when_redeemed(partner: Account) -> None:
    """The guide's warning of lost money: here none is, because the reseller pays then."""
    code, *_ = codes(partner)
    users.set_own(account=partner, key="earlypay", value="yes")
    ada = make.subscriber(parent=partner)
    with pytest.raises(ValidationError, match="not enough money"):
        services.redeem(account=ada, code=code)
    assert Voucher.objects.filter(state=State.OPEN).count() == 3
    payments.enter(account=partner, amount=Decimal(10), method="cash")
    services.redeem(account=ada, code=code)
    assert (balance(partner), balance(ada)) == (0, 10) and faults() == []


def test_vouchers_are_for_the_customers_of_their_issuer(partner: Account) -> None:
    mine, *_ = codes(partner)
    houses, *_ = codes(make.admin())
    ada, direct = make.subscriber(parent=partner), make.subscriber()
    far = make.subscriber(parent=make.reseller(parent=partner))
    for account, code in ((ada, houses), (direct, mine), (far, mine), (partner, mine)):
        with pytest.raises(ValidationError, match="no code"):
            services.redeem(account=account, code=code)
    services.redeem(account=ada, code=mine)
    services.redeem(account=partner, code=houses)


def test_a_reseller_without_the_right_makes_none(partner: Account) -> None:
    rival = make.reseller(parent=partner.parent)
    batch = services.open_batch(by=partner, name="mine", value=Decimal(1), count=1)
    for attempt in (lambda: services.print_codes(batch=batch, by=rival), lambda: services.cancel(batch=batch, by=rival),
                    lambda: services.open_batch(by=partner, name="x", value=Decimal(1), count=1, issuer=rival)):  # fmt: skip
        with pytest.raises(PermissionDenied):
            attempt()
    for key, value in (("rights", "minimal"), ("feature_creditedit", "no")):
        users.set_own(account=partner, key=key, value=value)
        with pytest.raises(PermissionDenied):
            codes(partner)
        with pytest.raises(PermissionDenied):
            services.print_codes(batch=batch, by=partner)
        users.clear_own(account=partner, key=key)
    with pytest.raises(PermissionDenied):
        codes(make.subscriber(parent=partner))


# four eyes


def test_a_dear_batch_waits_for_a_second_person(partner: Account) -> None:
    config.set_value(key="approval_payment_limit", value="100")
    asker, other = make.admin(), make.admin()
    batch = services.open_batch(by=asker, name="dear", value=Decimal(10), count=11)
    with pytest.raises(ValidationError, match="second person"):
        services.print_codes(batch=batch, by=asker)
    with pytest.raises(ValidationError):
        approvals.approve(approval=Approval.objects.get(), by=asker)
    approvals.approve(approval=Approval.objects.get(), by=other)
    assert len(services.print_codes(batch=batch, by=asker)) == 11
    refused = services.open_batch(by=asker, name="dearer", value=Decimal(10), count=12)
    approvals.reject(approval=Approval.objects.get(payload__batch=refused.pk), by=other)
    with pytest.raises(ValidationError):
        services.print_codes(batch=refused, by=asker)
    with pytest.raises(ValidationError, match="office"):
        codes(partner, count=11)


@pytest.mark.parametrize(
    "fields", [{"value": "0"}, {"value": "-1"}, {"count": 0}, {"count": 50_001}, {"name": ""}]
)
def test_a_batch_of_nonsense_is_refused(fields: dict[str, Any]) -> None:
    wanted = {"name": "cards", "value": "10", "count": 1} | fields
    with pytest.raises(ValidationError):
        services.open_batch(
            by=make.admin(), name=wanted["name"], value=Decimal(wanted["value"]), count=wanted["count"]
        )
    with pytest.raises(ValidationError):
        services.open_batch(by=make.admin(), name="x", value=Decimal(1), count=1, valid_until=timezone.now())


# pages and API


def test_the_portal_redeems_a_code(client: Client) -> None:
    code, *_ = codes(make.admin())
    ada = make.subscriber()
    client.force_login(ada)
    assert "/vouchers/redeem/" in client.get("/payments/").content.decode()
    assert "no code" in client.post("/vouchers/redeem/", {"code": "1234"}).content.decode()
    done = client.post("/vouchers/redeem/", {"code": written(code)}, follow=True).content.decode()
    assert "is on your balance" in done and balance(ada) == 10
    users.set_own(account=ada, key="feature_recharge", value="no")
    assert client.get("/vouchers/redeem/").status_code == 404


def test_a_reseller_prints_and_cancels_in_the_portal(client: Client, partner: Account) -> None:
    client.force_login(partner)
    client.post("/vouchers/", {"name": "spring", "value": "5", "count": "3", "valid_until": "2099-01-01"})
    batch = Batch.objects.get(issuer=partner)
    assert "spring" in client.get("/vouchers/").content.decode()
    response = client.post(f"/vouchers/{batch.pk}/print.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert len(rows) == 3 and response.headers["Cache-Control"] == "no-store"
    services.redeem(account=make.subscriber(parent=partner), code=rows[0]["code"])
    assert client.post(f"/vouchers/{batch.pk}/print.csv").status_code == 302
    client.post(f"/vouchers/{batch.pk}/cancel/")
    assert Voucher.objects.filter(state=State.CANCELLED).count() == 2
    client.force_login(make.reseller(parent=partner.parent))
    for path in ("print.csv", "print.pdf", "cancel/"):
        assert client.post(f"/vouchers/{batch.pk}/{path}").status_code == 404


def test_the_admin_opens_prints_and_cancels(client: Client) -> None:
    client.force_login(make.admin())
    client.post("/admin/vouchers/batch/add/", {"name": "house", "value": "5", "count": "2", "issuer": ""})
    batch = Batch.objects.get()
    page = f"/admin/vouchers/batch/{batch.pk}/"
    assert (
        client.get(f"{page}pdf/").status_code == 200 and not Voucher.objects.exists()
    )  # a link does nothing
    response = client.post(f"{page}pdf/")
    assert response.content.startswith(b"%PDF") and Voucher.objects.count() == 2
    assert "printed" in client.get("/admin/vouchers/batch/").content.decode()
    client.post(f"{page}cancel/")
    assert Voucher.objects.filter(state=State.CANCELLED).count() == 2
    assert client.get("/admin/vouchers/voucher/?q=house").status_code == 200


def test_the_api_redeems_once_and_locks_out(client: Client) -> None:
    config.set_value(key="vouchertries", value="2")
    code, *_ = codes(make.admin())
    ada = make.subscriber()
    header = {"Authorization": f"Token {Token.objects.create(user=ada).key}"}
    first, second = (
        client.post("/api/v1/vouchers/redeem/", {"code": code}, headers=header).json() for _ in range(2)
    )
    assert first == second and first["amount"] == "10.000000" and balance(ada) == 10
    answers = [
        client.post("/api/v1/vouchers/redeem/", {"code": wrong}, headers=header).status_code
        for wrong in ("1", "2", code)
    ]
    assert answers == [400, 400, 400] and Attempts.objects.get(account=ada).locked_until
    assert client.post("/api/v1/vouchers/redeem/", {"code": code}).status_code == 401
