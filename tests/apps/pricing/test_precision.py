"""How documents in a currency are written, and what is paid in whole coins."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from apps.core.values import cash_rounding
from apps.invoices.services import issuing
from apps.invoices.services.pdf import html
from apps.pricing import services
from apps.pricing.models import CurrencyPrecision
from apps.pricing.queries import document_digits, to_pay
from tests import make


@pytest.mark.parametrize(
    ("amount", "step", "added"),
    [(12, 5, -2), (13, 5, 2), (15, 5, 0), (-13, 5, -2), (25, 10, 5), (-25, 10, -5), (7, 0, 0)],
)
def test_an_amount_is_rounded_to_the_nearest_coin_a_half_away_from_zero(
    amount: int, step: int, added: int
) -> None:
    assert cash_rounding(amount, step) == added


@pytest.mark.django_db
def test_without_a_precision_a_currency_is_as_iso_4217_has_it():
    assert [document_digits(one) for one in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert to_pay(Decimal("12.3456"), "EUR") == Decimal("12.3456")


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"decimals": 7}, {"decimals": 2, "cash_step": Decimal(-1)}])
def test_a_precision_that_cannot_be_is_refused(fields):
    with pytest.raises(ValidationError):
        services.set_precision(currency="HUF", **fields)


def issue(**fields):
    make.company()
    payer = make.subscriber(currency="HUF", vat_rate=Decimal(27), **fields)
    end = timezone.now() - timedelta(minutes=5)
    for net in ("100.4", "23.3"):
        make.call(payer, at=end - timedelta(hours=1), net=net, vat_rate="27", destination=f"to {net}")
    return issuing.issue(account=payer, period_start=end - timedelta(days=2), period_end=end)


@pytest.mark.django_db
@pytest.mark.req("currency-007")
def test_an_invoice_has_the_decimals_of_its_currency_and_is_paid_in_whole_coins():
    services.set_precision(currency="HUF", decimals=0, cash_step=Decimal(5))
    invoice = issue(language="en")
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal(123), Decimal(33), Decimal(156))
    assert (invoice.rounding, invoice.to_pay) == (Decimal(-1), Decimal(155))
    page = html(invoice)
    assert "HUF156<" in page
    assert "HUF155<" in page


@pytest.mark.django_db
def test_a_document_stays_as_it_was_issued_and_its_note_pays_back_what_was_paid():
    services.set_precision(currency="HUF", decimals=0, cash_step=Decimal(5))
    invoice = issue()
    services.set_precision(currency="HUF", decimals=2, cash_step=Decimal(0))
    note = issuing.credit(invoice=invoice)
    assert (note.gross, note.rounding, note.to_pay, note.digits) == (-156, 1, -155, 0)
    assert "HUF156<" in html(invoice)


@pytest.mark.django_db
def test_an_invoice_that_needs_no_rounding_says_nothing_of_it():
    invoice = issue()
    assert (invoice.gross, invoice.rounding) == (Decimal("157.10"), 0)
    assert "To pay" not in html(invoice)


@pytest.mark.django_db
def test_the_admin_sets_the_precision_by_the_service(client):
    client.force_login(make.admin())
    add = reverse("admin:pricing_currencyprecision_add")
    assert client.post(add, {"currency": "HUF", "decimals": 9, "cash_step": 5}).status_code == 200
    assert client.post(add, {"currency": "HUF", "decimals": 0, "cash_step": 5}).status_code == 302
    assert CurrencyPrecision.objects.get().cash_step == 5
