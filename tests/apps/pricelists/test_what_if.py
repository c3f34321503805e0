"""Last month's calls with other tariffs: revenue, cost and margin, before and after."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr, CdrPrice
from apps.pricelists.whatif import Outcome, Swap, what_if
from apps.pricing.models import Tariff
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def retail() -> Tariff:
    return make.tariff(prices={"36": "0.06", "40": "0.09"}, decimals=6)


@pytest.fixture
def cost() -> Tariff:
    return make.tariff("carrier", prices={"36": "0.04", "40": "0.05"}, decimals=6)


@pytest.fixture
def calls(retail: Tariff, cost: Tariff) -> None:
    """One of a minute to Hungary, two of two minutes to Romania, at list prices; one customer had a discount."""
    ada = make.subscriber()
    for number, name, seconds, paid, spent in (("361", "Hungary", 60, "0.06", "0.04"), ("401", "Romania", 120, "0.18", "0.10"),
                                               ("402", "Romania", 120, "0.09", "0.10")):  # fmt: skip
        cdr = make.call(
            ada, at=timezone.now() - timedelta(days=3), seconds=seconds, destination=name, net=paid
        )
        Cdr.objects.filter(pk=cdr.pk).update(called_number=number)
        (price,) = CdrPrice.objects.filter(call_id=cdr.pk)
        CdrPrice.objects.filter(pk=price.pk).update(tariff_id=retail.pk, prefix=number[:2])
        price.pk, price.kind, price.net, price.tariff_id, price.prefix = (
            None,
            "carrier",
            Decimal(spent),
            cost.pk,
            number[:2],
        )
        price.save()


def outcome(*swaps: Swap) -> Outcome:
    now = timezone.now()
    return what_if(swaps, now - timedelta(days=30), now)


def figures(found: Outcome, name: str) -> list[str]:
    row = next(row for row in found.rows if row.destination == name)
    values = (row.revenue, row.revenue_after, row.cost, row.cost_after, row.margin, row.margin_after)
    return [f"{value.normalize():f}" for value in values]


@pytest.mark.req("pricing-011", "pricing-015")
def test_without_a_change_everything_stays(calls: None) -> None:
    found = outcome()
    assert figures(found, "Romania") == ["0.27", "0.27", "0.2", "0.2", "0.07", "0.07"]
    assert (found.total.calls, found.total.seconds, found.total.moved) == (3, 300, 0)


def test_another_list_changes_cost_and_margin_of_each_destination(calls: None, cost: Tariff) -> None:
    other = make.tariff("carrier", prices={"36": "0.05", "40": "0.03"}, decimals=6)
    found = outcome(Swap(cost, other))
    assert figures(found, "Hungary") == ["0.06", "0.06", "0.04", "0.05", "0.02", "0.01"]
    assert figures(found, "Romania") == ["0.27", "0.27", "0.2", "0.12", "0.07", "0.15"]
    assert found.total.moved == Decimal("0.07")


def test_another_carrier_for_some_numbers_leaves_the_others(calls: None, cost: Tariff) -> None:
    other = make.tariff("carrier", prices={"36": "0.05", "40": "0.03"}, decimals=6)
    found = outcome(Swap(cost, other, "40"))
    assert figures(found, "Hungary")[3] == "0.04" and figures(found, "Romania")[3] == "0.12"


def test_a_retail_price_moves_revenue_and_keeps_discounts(calls: None, retail: Tariff) -> None:
    other = make.tariff(prices={"40": "0.10"}, decimals=6)
    found = outcome(Swap(retail, other, "40"))
    assert figures(found, "Romania")[:2] == ["0.27", "0.31"]  # two times two minutes at a cent more


def test_calls_that_another_list_has_no_price_for_are_counted(calls: None, cost: Tariff) -> None:
    assert outcome(Swap(cost, make.tariff("carrier", prices={"36": "0.05"}))).lost == 2


def test_changes_that_clash_are_refused(cost: Tariff, retail: Tariff) -> None:
    other = make.tariff("carrier")
    for swaps in (
        [Swap(cost, retail)],
        [Swap(cost, other), Swap(cost, other, "36")],
        [Swap(cost, make.tariff("carrier", currency="CHF"))],
    ):
        with pytest.raises(ValidationError):
            outcome(*swaps)


def test_the_page_shows_the_difference_and_says_what_is_wrong(
    client: Client, calls: None, cost: Tariff, retail: Tariff
) -> None:
    other = make.tariff("carrier", prices={"36": "0.05", "40": "0.03"}, decimals=6)
    client.force_login(make.admin())
    assert client.get("/admin/what-if/").status_code == 200
    page = client.get(f"/admin/what-if/?0-tariff={cost.pk}&0-by={other.pk}").content.decode()
    assert "0.0700" in page and "Romania" in page
    assert client.get(f"/admin/what-if/?0-tariff={cost.pk}&0-by={retail.pk}").status_code == 422
    assert client.get(f"/admin/what-if/?0-tariff={cost.pk}").status_code == 422
    assert client.get(f"/admin/what-if/?0-tariff={cost.pk}&0-by={other.pk}&0-prefix=x").status_code == 422
