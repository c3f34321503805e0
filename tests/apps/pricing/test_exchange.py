"""Exchange rates: from a file, from the European Central Bank's history, and what the switch gets of them."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.config import services as config
from apps.pricing import services, snapshot
from apps.pricing.models import ExchangeRate
from apps.pricing.queries import in_own_currency
from apps.pricing.services import ImportRefused
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(make.admin())
    return client


def rates():
    return {(one.currency, str(one.valid_from)): one.units for one in ExchangeRate.objects.all()}


@pytest.mark.req("currency-006", "currency-012")
def test_a_file_brings_the_rates_of_many_days_and_replaces_those_that_it_names():
    services.set_exchange_rate(currency="HUF", valid_from=date(2026, 1, 1), units=Decimal(400))
    loaded = services.import_exchange_rates(
        data=b"currency,day,units\nhuf,2026-01-01,390.5\nUSD,2026-01-02,1.08\n"
    )
    assert (loaded.added, loaded.changed) == (1, 1)
    assert rates() == {("HUF", "2026-01-01"): Decimal("390.5"), ("USD", "2026-01-02"): Decimal("1.08")}


def test_a_decimal_comma_is_understood_where_semicolons_separate():
    services.import_exchange_rates(data="\ufeffHUF;2026-01-01;390,5".encode())
    assert rates() == {("HUF", "2026-01-01"): Decimal("390.5")}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("HUF,2026-01-01", "are expected"),
        ("XXQ,2026-01-01,1", "ISO 4217"),
        ("EUR,2026-01-01,1", "own currency"),
        ("HUF,1.1.2026,390", "not a day"),
        ("HUF,2026-02-30,390", "not a day"),
        ("HUF,2026-01-01,0", "positive"),
        ("HUF,2026-01-01,-1", "positive"),
        ("HUF,2026-01-01,1e3", "positive"),
        ("HUF,2026-01-01,0.123456789", "positive"),
        ("USD,2026-01-01,1.5", "earlier line"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_taken(line, reason):
    with pytest.raises(ImportRefused) as refused:
        services.import_exchange_rates(data=f"USD,2026-01-01,1.1\n{line}\n".encode())
    ((number, said),) = refused.value.errors
    assert number == 2
    assert reason in said
    assert rates() == {}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"currency,day,units\n", b"\xff\xfe"])
def test_a_file_without_rates_is_refused(data):
    with pytest.raises(ImportRefused):
        services.import_exchange_rates(data=data)


@pytest.mark.req("currency-002")
def test_the_banks_history_comes_with_the_program():
    make.subscriber(currency="HUF")
    loaded = services.load_ecb(since=date(2024, 1, 1))
    assert loaded.added > 250
    found = rates()
    assert found["HUF", "2024-01-02"] == Decimal("382.1")  # published on that day
    assert ("HUF", "2024-01-01") not in found  # a holiday
    assert {currency for currency, _ in found} == {"HUF"}


def test_rates_of_another_own_currency_are_crossed_over_the_euro():
    config.set_value(key="currency", value="USD")
    services.load_ecb(since=date(2024, 1, 2), currencies=["HUF", "EUR"])
    found = rates()
    assert found["HUF", "2024-01-02"] == Decimal("348.75867105")  # 382.10 / 1.0956
    # Of one dollar: 1 / 1.0956.
    assert found["EUR", "2024-01-02"] == Decimal("0.91274188")


def test_a_rate_that_was_entered_is_not_replaced_by_the_banks():
    services.set_exchange_rate(currency="HUF", valid_from=date(2024, 1, 2), units=Decimal(400))
    services.load_ecb(since=date(2024, 1, 2), currencies=["HUF"])
    assert rates()["HUF", "2024-01-02"] == 400


@pytest.mark.parametrize("currencies", [["XAU"], ["HUF", "KWD"]])
def test_what_the_bank_does_not_quote_is_named(currencies):
    with pytest.raises(ValidationError, match=currencies[-1]):
        services.load_ecb(since=date(2024, 1, 2), currencies=currencies)
    assert rates() == {}


@pytest.mark.req("currency-017")
def test_the_rate_of_the_day_holds_until_the_next_one():
    for day, units in ((1, 400), (5, 380)):
        services.set_exchange_rate(currency="HUF", valid_from=date(2026, 1, day), units=Decimal(units))
    asked = [in_own_currency(Decimal(760), "HUF", date(2026, 1, day)) for day in (1, 4, 5, 9)]
    assert asked == [Decimal("1.9"), Decimal("1.9"), 2, 2]
    assert [row[2] for row in snapshot.exchange_rates()] == [400 * 10**8, 380 * 10**8]


@pytest.mark.parametrize(
    ("units", "currency"), [(Decimal(0), "HUF"), (Decimal(-1), "HUF"), (Decimal(2), "EUR")]
)
def test_a_rate_that_cannot_be_is_refused(units, currency):
    with pytest.raises(ValidationError):
        services.set_exchange_rate(currency=currency, valid_from=date(2026, 1, 1), units=units)


def test_the_admin_loads_the_banks_rates_and_says_what_is_wrong(staff):
    page = reverse("admin:pricing_exchangerate_load_ecb")
    assert staff.get(page).status_code == 200
    assert "KWD" in staff.post(page, {"since": "2026-10-01", "currencies": "kwd"}).content.decode()
    assert staff.post(page, {"since": "2026-10-01", "currencies": "huf, usd"}).status_code == 302
    assert {currency for currency, _ in rates()} == {"HUF", "USD"}


def test_the_admin_imports_a_file_or_names_its_bad_lines(staff, tmp_path):
    page = reverse("admin:pricing_exchangerate_import_file")
    file = tmp_path / "rates.csv"
    for text, status in (("HUF,never,1", 422), ("HUF,2026-01-01,390", 302)):
        file.write_text(text)
        with file.open("rb") as stream:
            assert staff.post(page, {"file": stream}).status_code == status
    assert rates() == {("HUF", "2026-01-01"): 390}
