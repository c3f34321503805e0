"""Tariffs, single rates, and who pays by which tariff."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from apps.pricing import services
from apps.pricing.models import ExchangeRate, TariffAssignment
from apps.pricing.queries import tariff_of
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("pricing-007")
def test_an_account_pays_by_its_own_tariff_before_that_of_anybody_above():
    top, own = make.tariff(), make.tariff()
    reseller = make.reseller()
    subscriber = make.subscriber(parent=reseller)
    services.assign_tariff(account=reseller, tariff=top)
    assert tariff_of(subscriber, "retail") == top
    services.assign_tariff(account=subscriber, tariff=own)
    assert tariff_of(subscriber, "retail") == own
    services.unassign_tariff(account=subscriber, kind="retail")
    assert tariff_of(subscriber, "retail") == top


def test_a_tariff_of_another_kind_is_not_taken():
    reseller = make.reseller()
    services.assign_tariff(account=reseller, tariff=make.tariff("reseller"))
    assert tariff_of(make.subscriber(parent=reseller), "retail") is None


def test_a_new_tariff_takes_the_place_of_the_old_one():
    account = make.subscriber()
    for _ in range(2):
        services.assign_tariff(account=account, tariff=make.tariff())
    assert TariffAssignment.objects.filter(account=account).count() == 1


@pytest.mark.req("pricing-019")
@pytest.mark.parametrize(
    ("account", "kind"), [("subscriber", "carrier"), ("carrier", "retail"), ("subscriber", "reseller")]
)
def test_a_tariff_goes_only_to_accounts_of_its_kind(account, kind):
    with pytest.raises(ValidationError):
        services.assign_tariff(account=make.account(account), tariff=make.tariff(kind))


def test_a_tariff_in_another_currency_needs_an_exchange_rate():
    account, tariff = make.subscriber(currency="HUF"), make.tariff(currency="USD")
    with pytest.raises(ValidationError, match="exchange rate"):
        services.assign_tariff(account=account, tariff=tariff)
    for currency, units in (("HUF", 400), ("USD", Decimal("1.1"))):
        ExchangeRate.objects.create(currency=currency, units=units, valid_from="2026-01-01")
    assert services.assign_tariff(account=account, tariff=tariff).kind == "retail"


def test_currency_and_kind_stay_while_somebody_pays_by_it():
    tariff = make.tariff()
    services.assign_tariff(account=make.subscriber(), tariff=tariff)
    for change in ({"currency": "USD"}, {"kind": "reseller"}):
        with pytest.raises(ValidationError):
            services.change_tariff(tariff=tariff, **change)
    assert services.change_tariff(tariff=tariff, next_increment=60).next_increment == 60


@pytest.mark.parametrize("wrong", [{"price": Decimal("-0.01")}, {"prefix": "36a"}, {"next_increment": 0}, {"max_digits": 3, "min_digits": 9}])  # fmt: skip
def test_a_wrong_rate_is_refused(wrong):
    with pytest.raises(ValidationError):
        services.add_rate(**{"tariff": make.tariff(), "prefix": "36", "price": Decimal("0.1")} | wrong)


def test_a_rate_can_be_changed_and_removed():
    rate = make.rate(make.tariff(), "36", "0.05")
    services.change_rate(rate=rate, price=Decimal("0.06"))
    assert rate.price == Decimal("0.06")
    services.remove_rate(rate=rate)
    assert not rate.tariff.rates.exists()
