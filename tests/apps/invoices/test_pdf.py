"""The PDF of a document, read by pdftotext as a customer would read it."""

import stat
import subprocess
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.invoices.models import Invoice
from apps.invoices.services import pdf
from apps.invoices.services.issuing import credit, issue, render
from tests import make

pytestmark = pytest.mark.django_db
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def invoice(calls=1, net="1234.50", seconds=60, **fields):
    company = make.company(display_name="Example Telecom", address="1 Square\nLondon", vat_number="GB123")
    account = make.subscriber(
        **{"parent": company, "display_name": "Ada Árvíztűrő", "address": "2 Lane", "billing": "postpaid"}
        | fields
    )
    for number in range(calls):
        make.call(account, at=datetime(2026, 3, 10, 12, number % 60, tzinfo=UTC), net=net, seconds=seconds)
    return issue(account=account, period_start=START, period_end=END)


def text(data, path):
    file = path / "read.pdf"
    file.write_bytes(data)
    done = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, check=True, text=True)
    return " ".join(done.stdout.split())


def test_it_says_what_the_law_wants(media):
    document = invoice()
    page = text(render(document), media)
    for word in (
        document.number, "Example Telecom", "1 Square", "GB123", "Ada Árvíztűrő", "2 Lane", "1 March 2026",
        "31 March 2026", "Calls to Hungary", "20 %", "€1,234.50", "€246.90", "€1,481.40", "Payable until",
    ):  # fmt: skip
        assert word in page, f"{word!r} is missing in {page}"


@pytest.mark.req("invoices-009")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("hu", ("Számla", "VEVŐ", "Fizetendő", "1 234,50 EUR", "2026. március 1.")),
        ("de", ("Rechnung", "KUNDE", "Zahlbar bis", "1.234,50 €", "1. März 2026")),
    ],
)
def test_it_speaks_the_customers_language(media, language, words):
    page = text(render(invoice(language=language)), media).replace("\N{NO-BREAK SPACE}", " ")
    for word in words:
        assert word in page, f"{word!r} is missing in {page}"


@pytest.mark.req("invoices-008")
def test_the_calls_are_listed_one_by_one(media):
    page = text(render(invoice(calls=3, net="0.0123")), media)
    assert page.count("36301234567") == 3
    assert "0.0123" in page


def test_more_calls_than_a_printer_likes_are_cut_off_with_a_word_about_it(media, monkeypatch):
    monkeypatch.setattr(pdf, "MOST_CALLS", 5)
    page = text(render(invoice(calls=7)), media)
    assert page.count("36301234567") == 5
    assert "The first 5 calls are shown" in page


def test_a_prepaid_customer_is_told_that_nothing_is_left_to_pay(media):
    page = text(render(invoice(billing="prepaid")), media)
    assert "nothing is left to be paid" in page
    assert "Payable until" not in page


def test_a_credit_note_names_the_invoice_it_takes_back(media):
    document = invoice()
    page = text(render(credit(invoice=document)), media)
    assert page.startswith("Credit note")
    assert f"takes back invoice {document.number} in full" in page
    assert "-€1,481.40" in page


def test_it_is_rendered_once_and_stays_the_same(media):
    document = invoice()
    first = render(document)
    assert first.startswith(b"%PDF")
    assert render(Invoice.objects.get(pk=document.pk)) == first


@pytest.mark.req("invoices-012")
def test_it_lies_as_a_file_that_not_everybody_can_read(media):
    document = invoice()
    data = render(document)
    file = media / "invoices" / str(document.issuer_id) / f"{document.number}.pdf"
    assert file.read_bytes() == data
    assert not file.stat().st_mode & stat.S_IRWXO
    file.unlink()
    render(document)
    assert file.read_bytes() == data


def test_what_a_customer_writes_into_a_name_is_text_and_fetches_nothing(media):
    name = "<img src='file:///etc/hostname'><script>1</script>"
    document = invoice(display_name=name, address='"><link rel=attachment href="file:///etc/passwd">')
    page = text(render(document), media)
    assert "<script>1</script>" in page
    listed = subprocess.run(
        ["pdfdetach", "-list", media / "read.pdf"], capture_output=True, check=True, text=True
    )
    assert listed.stdout.startswith("0 embedded files")


def test_the_unit_price_is_per_minute_and_comes_from_the_exact_sum(media):
    document = invoice(net="0.022", seconds=6)  # 0.02 on the line would make 0.20 a minute
    assert document.net == Decimal("0.02")
    assert "0.2200" in text(render(document), media)
