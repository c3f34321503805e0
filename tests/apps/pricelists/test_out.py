"""Lists that leave the house: files that we read back, and letters to those whose prices change."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from celery.exceptions import Retry
from django.test import Client
from django.utils import timezone

from apps.pricelists import services, tasks
from apps.pricelists.models import Change, ChangeSet, Notice
from apps.pricelists.reading import Options, guess, open_sheet, read_lines
from apps.pricelists.services.notices import customers_of
from apps.pricing.models import Tariff
from apps.pricing.services import assign_tariff
from apps.users.models import Account
from tests import make
from tests.support import free_port

pytestmark = pytest.mark.django_db


class Postman:
    """Keeps letters; refuses as many as it is told to."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.refuse = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            self.refuse -= 1
            return "451 Come back later"
        self.letters.append(
            (envelope, email.message_from_bytes(envelope.content, policy=email.policy.default))
        )
        return "250 OK"


@pytest.fixture
def postman(settings: Any) -> Any:
    handler = Postman()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield handler
    controller.stop()


@pytest.fixture
def tariff() -> Tariff:
    made = make.tariff(prices={"36": "0.05", "3630": "0.10"})
    make.rate(
        made,
        "40",
        "0.03",
        destination='=HYPERLINK("http://example.com")',
        first_increment=60,
        next_increment=6,
    )
    return made


@pytest.fixture
def customer(tariff: Tariff) -> Account:
    made = make.subscriber(
        email="ada@example.com", display_name="Ada", parent=make.company(email="billing@example.com")
    )
    assign_tariff(account=made, tariff=tariff)
    return made


def applied(
    tariff: Tariff, text: str = "Code,Rate,Destination\n36,0.06,Hungary\n", tells: bool = True
) -> ChangeSet:
    found = services.upload(tariff=tariff, file_name="list.csv", data=text.encode())
    services.stage(change_set=found)
    services.begin_applying(change_set=found, tells_customers=tells)
    return services.apply(change_set=found)


def deliver(found: ChangeSet) -> None:
    for notice in found.notices.all():
        tasks.deliver_notice.apply(args=[notice.pk], throw=True)


def read_back(data: bytes) -> dict[str, Any]:
    rows = list(open_sheet(data).rows)
    layout = guess(rows)
    found = read_lines(rows, Options(layout.columns, "EUR", layout.heading))
    assert not found.errors, found.errors
    return {line.prefix: line for line in found.lines}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_tariff_is_written_in_columns_that_we_read_back(tariff: Tariff, kind: str) -> None:
    table = services.rate_rows(tariff)
    found = read_back(services.as_csv(table) if kind == "csv" else services.as_xlsx(table, "Prices"))
    assert {prefix: line.price for prefix, line in found.items()} == {
        "36": Decimal("0.05"), "3630": Decimal("0.10"), "40": Decimal("0.03")}  # fmt: skip
    assert (found["40"].first_increment, found["40"].next_increment) == (60, 6)


def test_no_cell_of_a_file_is_a_formula(tariff: Tariff) -> None:
    lines = services.as_csv(services.rate_rows(tariff)).decode("utf-8-sig")
    assert "'=HYPERLINK" in lines
    found = read_back(
        services.as_xlsx(services.rate_rows(tariff), "[x]:*?/\\ a very long name of a tariff indeed")
    )
    assert found["40"].destination.startswith(
        "=HYPERLINK"
    )  # a text in its cell: a formula would have no value


def test_the_letter_carries_the_changes_as_a_workbook_and_as_pdf(
    tariff: Tariff, customer: Account, postman: Postman
) -> None:
    deliver(applied(tariff))
    ((envelope, letter),) = postman.letters
    assert envelope.rcpt_tos == ["ada@example.com"] and envelope.mail_from == "billing@example.com"
    assert "Dear Ada," in letter.get_body().get_content()
    workbook, document = letter.iter_attachments()
    assert document.get_content().startswith(b"%PDF")
    rows = [cells for _, cells in open_sheet(workbook.get_content()).rows]
    assert rows[1][:4] == ["Hungary", "36", "0.05", "0.06"] and rows[1][-1] == "increase"


@pytest.mark.parametrize(
    ("language", "subject", "kind"),
    [("hu", "Az árak változnak", "emelkedés"), ("de", "Preise ändern sich", "Erhöhung")],
)
def test_the_letter_and_its_files_are_in_the_customers_language(
    tariff: Tariff, customer: Account, postman: Postman, language: str, subject: str, kind: str
) -> None:
    Account.objects.filter(pk=customer.pk).update(language=language)
    deliver(applied(tariff))
    ((_, letter),) = postman.letters
    assert letter["Subject"].strip().startswith(subject)
    workbook = next(letter.iter_attachments())
    assert [cells for _, cells in open_sheet(workbook.get_content()).rows][1][-1] == kind


def test_a_customer_is_told_once_however_often_it_is_delivered(
    tariff: Tariff, customer: Account, postman: Postman
) -> None:
    found = applied(tariff)
    deliver(found)
    deliver(found)
    assert len(postman.letters) == 1
    assert found.notices.get().mailed_at


def test_a_letter_that_is_refused_goes_out_later(tariff: Tariff, customer: Account, postman: Postman) -> None:
    found = applied(tariff)
    postman.refuse = 1
    with pytest.raises(Retry):
        tasks.deliver_notice.apply(args=[found.notices.get().pk], throw=True, retries=0)
    assert found.notices.get().mailed_at is None
    deliver(found)
    assert len(postman.letters) == 1


def test_nobody_is_told_unless_asked_for_nor_once_the_list_is_undone(
    tariff: Tariff, customer: Account, postman: Postman
) -> None:
    assert not applied(tariff, tells=False).notices.exists()
    found = applied(tariff, "Code,Rate\n36,0.07\n")
    services.undo(change_set=found)
    deliver(found)
    assert not postman.letters


def test_customers_are_those_who_pay_by_the_tariff_themselves_or_by_what_is_above(tariff: Tariff) -> None:
    reseller = make.reseller(email="reseller@example.com")
    heir = make.subscriber(parent=reseller, email="heir@example.com")
    other = make.subscriber(parent=reseller, email="other@example.com")
    make.subscriber(parent=reseller)  # without an address
    make.extension(parent=heir, email="extension@example.com")
    make.subscriber(email="stranger@example.com")
    assign_tariff(account=reseller, tariff=tariff)
    assign_tariff(account=other, tariff=make.tariff())
    assert [one.email for one in customers_of(tariff)] == ["heir@example.com"]
    assert list(customers_of(make.tariff("carrier"))) == []


@pytest.mark.parametrize(("minutes", "found"), [(1, 0), (30, 1), (60 * 24 * 8, 0)])
def test_notices_that_nobody_was_asked_to_deliver_are_found(
    tariff: Tariff, customer: Account, monkeypatch: pytest.MonkeyPatch, minutes: int, found: int
) -> None:
    notice = applied(tariff).notices.get()
    asked: list[int] = []
    monkeypatch.setattr(tasks.deliver_notice, "delay", asked.append)
    with time_machine.travel(notice.created_at + timedelta(minutes=minutes)):
        tasks.deliver_waiting_notices()
    assert len(asked) == found


def test_rows_of_old_lists_are_dropped_and_then_they_cannot_be_undone(tariff: Tariff) -> None:
    found = applied(tariff)
    assert tasks.forget_old_lists() == 0
    ChangeSet.objects.filter(pk=found.pk).update(created_at=timezone.now() - timedelta(days=91))
    assert tasks.forget_old_lists() == 1
    found.refresh_from_db()
    assert found.summary["increase"] == 1 and not Change.objects.filter(change_set=found).exists()
    with pytest.raises(services.ListError, match="no longer kept"):
        services.undo(change_set=found)


def test_files_are_for_those_who_may_see_prices(client: Client, tariff: Tariff) -> None:
    found = applied(tariff)
    paths = [f"/admin/pricelists/changeset/{found.pk}/changes.xlsx", f"/admin/pricelists/changeset/tariff/{tariff.pk}/rates.csv",
             f"/admin/pricing/tariff/{tariff.pk}/xlsx/"]  # fmt: skip
    idle = make.account("support")
    idle.groups.clear()
    client.force_login(idle)
    assert {client.get(path).status_code for path in paths} == {403}
    client.force_login(make.account("support"))
    for path in paths:
        response = client.get(path, follow=True)
        assert response.status_code == 200 and "attachment" in response.headers["Content-Disposition"]
    assert not Notice.objects.exists()
