"""What is above a limit waits for a second person, who is never the first one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from apps.approvals import services
from apps.approvals.models import Approval, State
from apps.cdrs.models import Cdr, CdrPrice
from apps.config.services import set_value
from apps.invoices.models import Payment
from apps.invoices.services import payments
from apps.pricelists import services as lists
from apps.pricelists import tasks
from apps.pricelists.models import ChangeSet
from apps.pricelists.models import State as ListState
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> tuple[Account, Account, Account]:
    """One who asks, one who may decide, one who may not."""
    return make.admin(), make.admin(), make.account("support")


@pytest.fixture
def limits() -> None:
    set_value(key="approval_payment_limit", value="100")
    set_value(key="approval_pricelist_limit", value="0.01")


def post_payment(client: Client, account: Account, amount: str) -> Any:
    data = {"account": account.pk, "amount": amount, "method": "cash", "reference": "R1"}
    return client.post("/admin/invoices/payment/add/", data, follow=True)


def test_without_a_limit_nothing_waits(client: Client, people: tuple[Account, ...]) -> None:
    ada = make.subscriber()
    client.force_login(people[0])
    post_payment(client, ada, "100000")
    ada.balance.refresh_from_db()
    assert ada.balance.amount == 100000 and not Approval.objects.exists()


@pytest.mark.parametrize("amount", ["100.01", "-100.01"])
def test_a_payment_above_the_limit_waits_and_then_is_entered_once(
    client: Client, people: tuple[Account, ...], limits: None, amount: str
) -> None:
    asker, other, _ = people
    ada = make.subscriber()
    client.force_login(asker)
    assert "waits for a second person" in post_payment(client, ada, amount).content.decode()
    approval = Approval.objects.get()
    assert (approval.asked_by, approval.amount) == (asker, Decimal(amount)) and not Payment.objects.exists()
    page = f"/admin/approvals/approval/{approval.pk}/"
    client.post(page + "approve/")  # by the one who asked
    assert not Payment.objects.exists()
    client.force_login(other)
    client.post(page + "approve/", {"comment": "seen the transfer"})
    client.post(page + "approve/")
    payment = Payment.objects.get()
    ada.balance.refresh_from_db()
    assert (payment.amount, payment.entered_by, ada.balance.amount) == (
        Decimal(amount),
        asker,
        Decimal(amount),
    )
    approval.refresh_from_db()
    assert (approval.state, approval.decided_by, approval.comment) == (
        State.APPROVED,
        other,
        "seen the transfer",
    )
    trail = LogEntry.objects.filter(object_id=str(approval.pk), content_type__model="approval")
    assert [one.user for one in trail.order_by("id")] == [asker, other]


def test_a_payment_up_to_the_limit_is_entered_at_once(
    client: Client, people: tuple[Account, ...], limits: None
) -> None:
    ada = make.subscriber()
    client.force_login(people[0])
    post_payment(client, ada, "100")
    ada.balance.refresh_from_db()
    assert ada.balance.amount == 100 and not Approval.objects.exists()


def test_the_services_and_so_the_api_refuse_what_should_wait(
    people: tuple[Account, ...], limits: None
) -> None:
    with pytest.raises(ValidationError, match="second person"):
        payments.enter(account=make.subscriber(), amount=Decimal(101), method="cash", by=people[0])
    assert not Payment.objects.exists()


def test_a_rejected_payment_is_never_entered(people: tuple[Account, ...], limits: None) -> None:
    asker, other, _ = people
    approval = payments.ask_for(account=make.subscriber(), amount=Decimal(101), method="cash", by=asker)
    services.reject(approval=approval, by=other, comment="no such transfer")
    with pytest.raises(ValidationError, match="rejected already"):
        services.approve(approval=approval, by=other)
    assert not Payment.objects.exists()


def test_what_could_not_be_entered_cannot_be_asked_for(people: tuple[Account, ...]) -> None:
    with pytest.raises(ValidationError):
        payments.ask_for(account=make.subscriber(), amount=Decimal(101), method="sea shells", by=people[0])
    assert not Approval.objects.exists()


def test_nobody_decides_without_the_right_or_agrees_with_themselves(
    people: tuple[Account, ...], limits: None
) -> None:
    asker, _, support = people
    approval = payments.ask_for(account=make.subscriber(), amount=Decimal(101), method="cash", by=asker)
    for person in (support, asker):
        with pytest.raises(ValidationError):
            services.approve(approval=approval, by=person)
    with pytest.raises(IntegrityError), transaction.atomic():  # nor by hand-written SQL
        Approval.objects.filter(pk=approval.pk).update(state="approved", decided_by=asker)
    assert not Payment.objects.exists()


def moving_list(by: Account) -> ChangeSet:
    """A list that would have moved a cent and a half."""
    tariff = make.tariff(prices={"36": "0.05"})
    cdr = make.call(make.subscriber(), at=_recently(), seconds=90)
    Cdr.objects.filter(pk=cdr.pk).update(called_number="36301234567")
    CdrPrice.objects.filter(call_id=cdr.pk).update(tariff_id=tariff.pk)
    found = lists.upload(tariff=tariff, file_name="list.csv", data=b"Code,Rate\n36,0.06\n", by=by)
    return lists.stage(change_set=found)


def _recently() -> Any:
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() - timedelta(days=2)


def test_a_list_that_moves_more_than_the_limit_waits_for_a_second_person(
    people: tuple[Account, ...],
    limits: None,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asker, other, _ = people
    asked: list[tuple[int, int | None]] = []
    monkeypatch.setattr(tasks.carry_out, "delay", lambda pk, by=None: asked.append((pk, by)))
    found = moving_list(asker)
    assert lists.begin_applying(change_set=found, by=asker).state == ListState.WAITING
    with pytest.raises(lists.ListError):
        lists.apply(change_set=found)
    approval = Approval.objects.get()
    assert approval.amount == Decimal("0.015")
    with django_capture_on_commit_callbacks(execute=True):
        services.approve(approval=approval, by=other)
    tasks.carry_out(*asked[-1])
    found.refresh_from_db()
    assert (found.state, found.applied_by) == (ListState.APPLIED, other)


def test_a_list_that_was_refused_can_be_changed_and_asked_for_again(
    people: tuple[Account, ...], limits: None
) -> None:
    asker, other, _ = people
    found = moving_list(asker)
    lists.begin_applying(change_set=found, by=asker)
    services.reject(approval=Approval.objects.get(), by=other)
    found.refresh_from_db()
    assert found.state == ListState.READY
    assert lists.begin_applying(change_set=found, by=asker).state == ListState.WAITING


def test_a_list_that_moves_less_is_applied_at_once(people: tuple[Account, ...]) -> None:
    set_value(key="approval_pricelist_limit", value="0.015")
    assert lists.begin_applying(change_set=moving_list(people[0]), by=people[0]).state == ListState.APPLYING
