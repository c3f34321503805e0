"""Tariffs, single rates, and who pays by which tariff."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.groups.services import add_members, create_group
from apps.pricing import services, snapshot
from apps.pricing.engine.price_lists import Assignment, assignment
from apps.pricing.models import ExchangeRate, Tariff, TariffAssignment
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


@pytest.mark.req("pricing-013", "pricing-014")
def test_a_tariff_of_next_month_waits_its_turn_and_one_for_some_callers_is_theirs_alone():
    account = make.subscriber()
    now, next_month = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    old, new, german = make.tariff(), make.tariff(), make.tariff()
    services.assign_tariff(account=account, tariff=old)
    services.assign_tariff(account=account, tariff=new, valid_from=next_month)
    services.assign_tariff(account=account, tariff=german, caller_prefix="49", valid_until=next_month)
    asked = [(now, "36"), (now, "4930"), (next_month, "36"), (next_month, "4930")]
    found = [tariff_of(account, "retail", caller_number=number, at=at) for at, number in asked]
    assert found == [old, german, new, new]


@pytest.mark.req("pricing-013")
def test_of_tariffs_with_conditions_an_account_has_the_one_that_is_for_it_and_for_the_service():
    account, other = make.subscriber(), make.subscriber()
    gold = create_group(name="gold")
    add_members(group=gold, accounts=[account])
    plain, golden, own, texts = (make.tariff() for _ in range(4))
    for each in (account, other):
        services.assign_tariff(account=each, tariff=plain)
        services.assign_tariff(account=each, tariff=golden, caller_group=gold)
        services.assign_tariff(account=each, tariff=texts, service="sms")
        services.assign_tariff(account=each, tariff=make.tariff(), tech_prefix="99")
    assert (tariff_of(account, "retail"), tariff_of(other, "retail")) == (golden, plain)
    services.assign_tariff(account=account, tariff=own, caller=account)
    assert tariff_of(account, "retail") == own
    assert tariff_of(account, "retail", service="sms") == texts
    assert tariff_of(account, "retail", service="inbound") is None


def test_conditions_reach_the_engine_with_their_names():
    account, trunk = make.subscriber(), make.account("customer_trunk", username="wholesale")
    gold = create_group(name="Gold")
    tariff = make.tariff()
    services.assign_tariff(account=account, tariff=tariff)
    services.assign_tariff(
        account=account, tariff=tariff, service="sms", caller=trunk, caller_group=gold, tech_prefix="9", caller_prefix="36"
    )  # fmt: skip
    plain, full = (assignment(row[2:]) for row in snapshot.assignments())
    assert plain == ("voice", Assignment(tariff.pk))
    service, one = full
    assert (service, one.caller, one.caller_group, one.tech_prefix) == ("sms", trunk.pk, gold.pk, "9")
    assert dict(one.because) == {
        "service": "sms", "caller": "wholesale", "caller_group": "Gold", "tech_prefix": "9", "caller_prefix": "36",
    }  # fmt: skip


def test_a_carrier_has_no_price_for_messages():
    with pytest.raises(ValidationError) as refused:
        services.assign_tariff(account=make.carrier(), tariff=make.tariff("carrier"), service="sms")
    assert list(refused.value.message_dict) == ["service"]


def test_a_changed_assignment_keeps_its_other_conditions():
    account, gold = make.subscriber(), create_group(name="Gold")
    given = services.assign_tariff(account=account, tariff=make.tariff(), caller_group=gold, service="sms")
    changed = services.change_assignment(assignment=given, tech_prefix="7")
    assert (changed.caller_group, changed.service, changed.tech_prefix) == (gold, "sms", "7")
    assert account.tariffs.count() == 1


def test_a_tariff_given_again_for_the_same_callers_and_moment_replaces_the_other():
    account = make.subscriber()
    for _ in range(2):
        services.assign_tariff(account=account, tariff=make.tariff(), caller_prefix="49")
    services.assign_tariff(account=account, tariff=make.tariff())
    assert account.tariffs.count() == 2


def test_a_tariff_that_would_end_before_it_begins_is_refused_and_the_old_one_stays():
    account, tariff = make.subscriber(), make.tariff()
    given = services.assign_tariff(account=account, tariff=tariff)
    begins = datetime(2026, 6, 1, tzinfo=UTC)
    with pytest.raises(ValidationError):
        services.change_assignment(assignment=given, valid_from=begins, valid_until=begins)
    assert account.tariffs.get() == given


def test_a_highest_price_below_the_least_is_refused():
    with pytest.raises(ValidationError) as refused:
        make.tariff(minimum_charge="2", maximum_charge="1")
    assert "maximum_charge" in refused.value.message_dict


@pytest.mark.req("pricing-016")
def test_a_clone_has_all_that_the_first_has_and_a_life_of_its_own(client):
    calendar = services.save_calendar(name="public holidays", country="HU")
    first = make.tariff(prices={"36": "0.05", "": "0.9"}, decimals=2, surcharge="0.01", calendars=[calendar])
    make.rate(first, "40", "0.07", grace_seconds=5)
    client.force_login(make.admin())
    page = reverse("admin:pricing_tariff_clone", args=[first.pk])
    assert client.get(page).status_code == 200
    assert not Tariff.objects.exclude(pk=first.pk).exists(), "looking at the page has made something"
    assert client.post(page, {"name": first.name}).status_code == 422
    assert client.post(page, {"name": "second"}).status_code == 302
    second = Tariff.objects.get(name="second")
    services.change_rate(rate=first.rates.get(prefix="36"), price=Decimal(1))
    assert {rate.prefix: rate.price for rate in second.rates.all()} == {
        "": Decimal("0.9"), "36": Decimal("0.05"), "40": Decimal("0.07"),
    }  # fmt: skip
    assert (second.decimals, second.surcharge, list(second.calendars.all())) == (
        2,
        Decimal("0.01"),
        [calendar],
    )
    assert second.rates.get(prefix="40").grace_seconds == 5
