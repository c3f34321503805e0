"""Delivery by a real SMTP server, which may fail."""

import email
import email.policy
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from celery.exceptions import Retry
from django.utils import timezone

from apps.invoices.models import Invoice
from apps.invoices.services.issuing import issue
from apps.invoices.tasks import deliver_invoice, deliver_waiting_invoices
from tests import make
from tests.support import free_port

pytestmark = pytest.mark.django_db
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


class Postman:
    """Keeps letters; refuses as many as it is told to."""

    def __init__(self):
        self.letters, self.refuse = [], 0

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            self.refuse -= 1
            return "451 Come back later"
        self.letters.append(
            (envelope, email.message_from_bytes(envelope.content, policy=email.policy.default))
        )
        return "250 OK"


@pytest.fixture
def postman(settings, tmp_path):
    handler = Postman()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.MEDIA_ROOT = tmp_path
    yield handler
    controller.stop()


def invoice(**fields):
    account = make.subscriber(parent=make.company(email="billing@example.com"), **fields)
    make.call(account, at=START)
    return issue(account=account, period_start=START, period_end=END)


def deliver(document):
    deliver_invoice.apply(args=[document.pk], throw=True)
    document.refresh_from_db()


def test_the_letter_carries_the_pdf_to_the_customer(postman):
    document = invoice(email="ada@example.com", display_name="Ada")
    deliver(document)
    ((envelope, letter),) = postman.letters
    assert envelope.rcpt_tos == ["ada@example.com"]
    assert envelope.mail_from == "billing@example.com"
    assert document.number in letter["Subject"]
    assert "Dear Ada," in letter.get_body().get_content()
    (attached,) = letter.iter_attachments()
    assert attached.get_filename() == f"{document.number}.pdf"
    assert attached.get_content() == bytes(document.pdf)
    assert document.mailed_at


def test_the_letter_is_in_the_customers_language(postman):
    document = invoice(email="ada@example.com", language="hu")
    deliver(document)
    assert postman.letters[0][1]["Subject"].startswith("Számla")


def test_a_document_is_mailed_once_however_often_it_is_delivered(postman):
    document = invoice(email="ada@example.com")
    deliver(document)
    deliver(document)
    assert len(postman.letters) == 1


def test_a_letter_that_is_refused_goes_out_later(postman):
    document = invoice(email="ada@example.com")
    postman.refuse = 1
    with pytest.raises(Retry):
        deliver_invoice.apply(args=[document.pk], throw=True, retries=0)
    document.refresh_from_db()
    assert document.mailed_at is None
    deliver(document)
    assert len(postman.letters) == 1


def test_without_an_address_there_is_only_the_pdf(postman):
    document = invoice()
    deliver(document)
    assert document.pdf and not document.mailed_at and not postman.letters


def test_a_name_with_a_line_break_adds_no_header(postman):
    document = invoice(email="ada@example.com")
    company = document.issuer
    type(company).objects.filter(pk=company.pk).update(display_name="x\r\nBcc: spy@example.com")
    document = Invoice(
        issuer_name="x\r\nBcc: spy@example.com", number="1", customer_email="a@example.com", issuer=company
    )
    from apps.invoices.tasks import letter

    letter(document, b"%PDF").send()
    assert postman.letters[0][0].rcpt_tos == ["a@example.com"]
    assert postman.letters[0][1]["Bcc"] is None


@pytest.mark.parametrize(("minutes", "found"), [(1, 0), (30, 1), (60 * 24 * 8, 0)])
def test_documents_that_nobody_was_asked_to_deliver_are_found(postman, monkeypatch, minutes, found):
    document = invoice(email="ada@example.com")
    asked = []
    monkeypatch.setattr(deliver_invoice, "delay", asked.append)
    monkeypatch.setattr(timezone, "now", lambda: document.issued_at + timedelta(minutes=minutes))
    deliver_waiting_invoices()
    assert len(asked) == found
