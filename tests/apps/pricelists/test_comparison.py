"""Tariffs side by side: the least cost against the retail price, by name and by number."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from apps.pricelists.comparison import Line, compare
from apps.pricing.models import Tariff, TimeWindow
from apps.pricing.services import set_exchange_rate
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def retail() -> Tariff:
    made = make.tariff(name="retail", prices={"": "0.50", "36": "0.05"})
    make.rate(made, "3630", "0.10", destination="Hungary mobile")
    return made


@pytest.fixture
def carriers() -> list[Tariff]:
    return [make.tariff("carrier", name=name, prices=prices) for name, prices in (
        ("cheap", {"36": "0.04", "3630": "0.12"}), ("dear", {"36": "0.045", "3630": "0.11", "40": "0.6"}))]  # fmt: skip


def shown(line: Line) -> list[str]:
    return [
        f"{cell.offer.price.normalize():f}{'*' if cell.least else ''}" if cell.offer else ""
        for cell in line.cells
    ]


@pytest.mark.req("pricing-020")
def test_the_least_cost_of_each_destination_is_compared_with_the_retail_price(
    retail: Tariff, carriers: list[Tariff]
) -> None:
    lines = {line.prefix: line for line in compare(carriers, retail).lines}
    assert list(lines) == ["", "36", "3630", "40"]
    assert shown(lines["36"]) == ["0.04*", "0.045"] and shown(lines["3630"]) == ["0.12", "0.11*"]
    assert (lines["36"].margin, lines["36"].grade) == (Decimal("20.0"), "good")
    assert (lines["3630"].margin, lines["3630"].grade) == (Decimal("-10.0"), "loss")
    assert (lines["40"].margin, lines["40"].grade) == (
        Decimal("-20.0"),
        "loss",
    )  # by the retail price of everything
    assert lines["40"].reference and lines["40"].reference.prefix == ""
    assert lines["3630"].destination == "Hungary mobile"


def test_a_number_is_priced_by_the_longest_prefix_of_each_tariff(
    retail: Tariff, carriers: list[Tariff]
) -> None:
    (line,) = compare(carriers, retail, text="+36 (30) 123-4567").lines
    assert (line.prefix, line.destination) == ("36301234567", "Hungary mobile")
    assert shown(line) == ["0.12", "0.11*"] and line.cells[0].shorter


def test_a_name_finds_its_destinations(retail: Tariff, carriers: list[Tariff]) -> None:
    assert [line.prefix for line in compare(carriers, retail, text="mobile").lines] == ["3630"]
    assert compare(carriers, retail, text="Atlantis").lines == []


def test_only_prices_in_force_count_and_of_several_hours_the_dearest(retail: Tariff) -> None:
    carrier = make.tariff("carrier", prices={"36": "0.02"})
    make.rate(carrier, "36", "0.09", valid_from=timezone.now() + timedelta(days=1))
    window = TimeWindow.objects.create(name="peak", starts="08:00", ends="18:00", weekdays=31)
    make.rate(carrier, "36", "0.03", window=window)
    (line,) = compare([carrier], retail, text="36").lines[:1]
    assert shown(line) == ["0.03*"]


def test_currencies_and_vat_are_taken_into_account(retail: Tariff) -> None:
    set_exchange_rate(currency="USD", valid_from=date(2020, 1, 1), units=Decimal(2))
    dollars = make.tariff("carrier", currency="USD", prices={"36": "0.06"})  # 0.03 EUR
    gross = make.tariff("carrier", vat_included=True, vat_rate=Decimal(25), prices={"36": "0.05"})  # 0.04 net
    unknown = make.tariff("carrier", currency="CHF", prices={"36": "0.001"})
    (line,) = compare([dollars, gross, unknown], retail, text="36").lines[:1]
    assert shown(line) == ["0.06*", "0.05", "0.001"]
    assert line.margin == Decimal("40.0")


def test_pages_follow_each_other_without_gaps(retail: Tariff) -> None:
    carrier = make.tariff("carrier", prices={f"4{n}": "0.01" for n in range(10)})
    first = compare([carrier], None, size=4)
    second = compare([carrier], None, size=4, after=first.after)
    third = compare([carrier], None, size=4, after=second.after)
    assert [line.prefix for sheet in (first, second, third) for line in sheet.lines] == [
        f"4{n}" for n in range(10)
    ]
    assert not third.after


def test_the_page_compares_carriers_with_the_retail_tariff_unless_others_are_chosen(
    client: Client, retail: Tariff, carriers: list[Tariff]
) -> None:
    client.force_login(make.admin())
    page = client.get("/admin/prices/").content.decode()
    assert "office-margin-loss" in page and "office-margin-good" in page and "cheap" in page
    query = f"?tariffs={carriers[1].pk}&reference={retail.pk}&q=3630"
    page = client.get("/admin/prices/" + query).content.decode()
    assert "0.110000" in page and "0.120000" not in page
    assert client.get("/admin/prices/?tariffs=999999").status_code == 422
    many = "&".join(f"tariffs={make.tariff().pk}" for _ in range(9))
    assert client.get(f"/admin/prices/?{many}").status_code == 422


def test_comparing_a_page_asks_few_questions(
    retail: Tariff, carriers: list[Tariff], django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        compare(carriers, retail)
