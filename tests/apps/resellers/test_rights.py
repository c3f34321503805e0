"""What resellers may do, by the table of rights and in the services that ask it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from apps.config import services as config
from apps.invoices.models import Balance
from apps.invoices.services import payments
from apps.invoices.services.check import faults
from apps.pricing import services as pricing
from apps.pricing.models import Rate, Tariff
from apps.pricing.queries import tariff_of
from apps.resellers import services
from apps.resellers.queries import looked_after, rights_of, sources
from apps.resellers.rights import LEVELS, Rights, resolve
from apps.users import services as users
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
KEY = "0123"


def own(account: Account, **values: Any) -> Account:
    for key, value in values.items():
        users.set_own(account=account, key=key, value=value)
    return account


def balance(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


@pytest.fixture
def partner() -> Account:
    """A reseller below the company that pays 0.05 a minute, 0.08 for numbers of 3620."""
    reseller = make.reseller(username="partner", parent=make.company())
    costs = make.tariff("reseller", name="costs", prices={"": "0.05", "3620": "0.08"})
    pricing.assign_tariff(account=reseller, tariff=costs)
    pricing.assign_tariff(account=reseller.parent, tariff=make.tariff(name="house", prices={"": "0.10"}))
    return reseller


def make_list(partner: Account, name: str = "mine", **fields: Any) -> Tariff:
    source = Tariff.objects.get(name="costs")
    return services.create(
        by=partner, name=name, **{"kind": "retail", "source": source, "percent": Decimal(20)} | fields
    )


# the table


@pytest.mark.req("reseller-029", "reseller-045")
@pytest.mark.parametrize(
    ("level", "tariffs", "resellers", "cheaper", "further", "postpaid"),
    [
        ("minimal", False, False, False, False, False),
        ("no_tariffs_no_resellers", False, False, True, False, False),
        ("no_tariffs", False, True, True, False, False),
        ("no_cheaper_tariffs", True, True, False, False, False),
        ("no_resellers", True, False, True, False, False),
        ("normal", True, True, True, False, False),
        ("increased", True, True, True, True, False),
        ("full", True, True, True, True, True),
    ],
)
def test_a_level_gives_these_rights(
    partner: Account, level: str, tariffs: bool, resellers: bool, cheaper: bool, further: bool, postpaid: bool
) -> None:
    own(partner, rights=level)
    assert rights_of(partner) == Rights(level != "minimal", resellers, tariffs, cheaper, further, postpaid)


def test_without_a_word_the_rights_are_normal(partner: Account) -> None:
    assert rights_of(partner) == LEVELS["normal"]


def test_nobody_has_more_rights_than_the_resellers_above(partner: Account) -> None:
    below = own(make.reseller(parent=partner), rights="full")
    own(partner, rights="no_tariffs")
    assert rights_of(below) == Rights(tariffs=False)


def test_others_than_resellers_have_no_rights(partner: Account) -> None:
    for account in (make.subscriber(parent=partner), partner.parent, make.admin()):
        assert not rights_of(account).accounts and not looked_after(account).exists()


@pytest.mark.req("reseller-026", "reseller-027")
@pytest.mark.parametrize(("said", "level", "expected"), [
    ("default", "no_tariffs_no_resellers", False), ("yes", "no_tariffs_no_resellers", True),
    ("default", "normal", True), ("no", "full", False), ("yes", "minimal", False),
])  # fmt: skip
def test_the_allow_settings_have_the_last_word(
    partner: Account, said: str, level: str, expected: bool
) -> None:
    own(partner, rights=level, allow_createresellers=said, allow_tariffedit=said)
    found = rights_of(partner)
    assert (found.resellers, found.tariffs) == (expected, expected)


@pytest.mark.req("reseller-025", "reseller-028")
def test_billed_early_it_has_no_lists_of_its_own_unless_somebody_said_so(partner: Account) -> None:
    config.set_value(key="defearlypay", value="2")
    assert not rights_of(partner).tariffs and rights_of(partner).resellers
    own(partner, allow_tariffedit="yes")
    assert rights_of(partner).tariffs
    own(partner, allow_tariffedit="default", rights="full")
    assert rights_of(partner).tariffs and not rights_of(partner).postpaid  # nobody would have paid for a debt


def test_early_billing_of_one_reseller_counts_the_same() -> None:
    found = resolve(level="normal", set_for_it=False, create_resellers="default", edit_tariffs="default", billed_early=True)  # fmt: skip
    assert not found.tariffs


# accounts


@pytest.mark.req("reseller-002", "reseller-010", "reseller-014", "users-010")
def test_it_opens_customers_and_resellers_directly_below_it(partner: Account) -> None:
    ada = services.open_below(
        by=partner,
        kind="subscriber",
        username="ada",
        password="ada-rides-horses",
        sip_password="rides-well-7",
    )
    sub = services.open_below(by=partner, kind="reseller", username="sub")
    assert (ada.parent, sub.parent) == (partner, partner) and ada.currency == partner.currency
    assert ada.check_password("ada-rides-horses") and ada.sip.username == "ada"
    assert rights_of(sub) == LEVELS["normal"] and list(looked_after(partner).order_by("pk")) == [ada, sub]


@pytest.mark.parametrize("kind", ["carrier", "admin", "support", "owner", "customer_trunk", "sales"])
def test_it_opens_nothing_else(partner: Account, kind: str) -> None:
    own(partner, rights="full")
    with pytest.raises(PermissionDenied):
        services.open_below(by=partner, kind=kind, username="x")


def test_without_the_right_it_opens_none(partner: Account) -> None:
    own(partner, rights="no_resellers")
    with pytest.raises(PermissionDenied):
        services.open_below(by=partner, kind="reseller", username="sub")
    own(partner, rights="minimal")
    with pytest.raises(PermissionDenied):
        services.open_below(by=partner, kind="subscriber", username="ada")
    assert not Account.objects.filter(username__in=("sub", "ada")).exists()


@pytest.mark.parametrize(
    "field",
    [
        "caller_number",
        "is_superuser",
        "tech_prefix",
        "currency",
        "calls_per_second",
        "comment",
        "parent",
        "kind",
    ],
)
def test_what_is_the_offices_it_does_not_change(partner: Account, field: str) -> None:
    own(partner, rights="full")
    ada = make.subscriber(parent=partner)
    with pytest.raises(PermissionDenied):
        services.change_below(by=partner, account=ada, **{field: "1"})


def test_it_changes_only_those_that_it_looks_after(partner: Account) -> None:
    rival = make.subscriber(parent=make.reseller(parent=partner.parent))
    sub = make.reseller(parent=partner)
    far = make.subscriber(parent=sub)
    for account in (rival, partner, partner.parent, far, make.carrier(parent=partner.parent)):
        with pytest.raises(PermissionDenied):
            services.change_below(by=partner, account=account, display_name="mine now")
    own(partner, rights="increased")
    assert services.change_below(by=partner, account=far, display_name="mine now").display_name == "mine now"


def test_only_full_rights_let_accounts_spend_below_zero(partner: Account) -> None:
    ada = make.subscriber(parent=partner)
    for fields in ({"billing": "postpaid"}, {"credit_limit": Decimal(10)}):
        with pytest.raises(ValidationError):
            services.change_below(by=partner, account=ada, **fields)
    own(partner, rights="full")
    services.change_below(by=partner, account=ada, billing="postpaid", credit_limit=Decimal(10))
    ada.refresh_from_db()
    assert ada.billing == "postpaid"
    own(partner, rights="normal")
    services.change_below(
        by=partner, account=ada, billing="postpaid", display_name="as it was"
    )  # nothing new


@pytest.mark.req("reseller-003", "reseller-011", "reseller-038")
def test_resellers_stand_no_deeper_than_maxresellers(partner: Account) -> None:
    config.set_value(key="maxresellers", value="2")
    sub = services.open_below(by=partner, kind="reseller", username="sub")
    with pytest.raises(ValidationError, match="maxresellers"):
        services.open_below(by=sub, kind="reseller", username="sub-sub")
    services.open_below(by=sub, kind="subscriber", username="customer")
    other = make.reseller(parent=partner.parent)
    with pytest.raises(ValidationError, match="maxresellers"):
        users.change_account(account=partner, parent=other)  # it takes its own one along
    config.set_value(key="maxresellers", value="0")
    users.change_account(account=partner, parent=other)
    deepest = other
    for number in range(12):
        deepest = make.reseller(username=f"level-{number}", parent=deepest)
    assert len([part for part in deepest.path.split("/") if part]) == 14


# credit


def test_credit_is_entered_once_by_the_feature_for_it(partner: Account) -> None:
    ada = make.subscriber(parent=partner)
    for _ in range(2):
        services.give(by=partner, account=ada, amount=Decimal(5), key=KEY)
    assert balance(ada) == 5
    services.give(by=partner, account=ada, amount=Decimal(-2), key="other")
    with pytest.raises(ValidationError, match="not so much"):
        services.give(by=partner, account=ada, amount=Decimal("-3.01"), key="third")
    own(partner, feature_creditedit="no")
    with pytest.raises(PermissionDenied):
        services.give(by=partner, account=ada, amount=Decimal(5), key="fourth")
    assert balance(ada) == 3 and faults() == []


def test_a_reseller_that_is_billed_early_pays_for_the_credit_that_it_gives(partner: Account) -> None:
    own(partner, earlypay="yes")
    ada = make.subscriber(parent=partner)
    with pytest.raises(ValidationError, match="not enough money"):
        services.give(by=partner, account=ada, amount=Decimal(5), key=KEY)
    payments.enter(account=partner, amount=Decimal(8), method="cash")
    services.give(by=partner, account=ada, amount=Decimal(5), key=KEY)
    assert (balance(partner), balance(ada)) == (3, 5) and faults() == []


def test_credit_is_not_given_to_whom_another_reseller_looks_after(partner: Account) -> None:
    own(partner, rights="full")
    far = make.subscriber(parent=make.reseller(parent=partner))
    with pytest.raises(PermissionDenied):
        services.give(by=partner, account=far, amount=Decimal(5), key=KEY)


def test_new_accounts_begin_with_the_credit_that_is_set(partner: Account) -> None:
    own(partner, defaultcredit="2.5")
    assert balance(services.open_below(by=partner, kind="subscriber", username="ada")) == Decimal("2.5")
    assert balance(services.open_below(by=partner, kind="subscriber", username="ben", credit=Decimal(7))) == 7
    assert balance(services.open_below(by=partner, kind="subscriber", username="eve", credit=Decimal(0))) == 0
    own(partner, feature_creditfornewusers="no")
    with pytest.raises(ValidationError):
        services.open_below(by=partner, kind="subscriber", username="dan", credit=Decimal(7))
    assert not Account.objects.filter(username="dan").exists()


def test_credit_is_passed_on_among_the_customers_of_one_reseller_only(partner: Account) -> None:
    ada, ben = (make.subscriber(username=name, parent=partner, balance="10") for name in ("ada", "ben"))
    rival = make.subscriber(username="rival", parent=make.reseller(parent=partner.parent))
    with pytest.raises(PermissionDenied):
        services.pass_on(by=ada, to="ben", amount=Decimal(4), key=KEY)
    own(partner, feature_transfercredit="yes")
    for _ in range(2):
        services.pass_on(by=ada, to="ben", amount=Decimal(4), key=KEY)
    assert (balance(ada), balance(ben)) == (6, 14)
    for to, amount in (
        ("rival", "1"),
        ("nobody", "1"),
        ("partner", "1"),
        ("ada", "1"),
        ("ben", "6.01"),
        ("ben", "-1"),
        ("ben", "0"),
    ):
        with pytest.raises(ValidationError):
            services.pass_on(by=ada, to=to, amount=Decimal(amount), key=f"{to}{amount}")
    assert (balance(ada), balance(ben), balance(rival)) == (6, 14, 0) and faults() == []


# price lists


@pytest.mark.req("reseller-004", "reseller-006", "reseller-007", "reseller-016", "reseller-040", "users-010")
def test_a_list_is_copied_from_what_it_pays_and_given_to_a_customer(partner: Account) -> None:
    made = make_list(partner)
    assert made.owner == partner and made.kind == "retail"
    assert dict(Rate.objects.filter(tariff=made).values_list("prefix", "price")) == {
        "": Decimal("0.06"),
        "3620": Decimal("0.096"),
    }
    ada, ben = make.subscriber(parent=partner), make.subscriber(parent=partner)
    services.assign(by=partner, account=ada, kind="retail", tariff=made)
    assert tariff_of(ada, "retail") == made and tariff_of(ben, "retail").name == "house"  # type: ignore[union-attr]
    base = make_list(partner, name="base")
    services.set_base(by=partner, tariff=base)
    assert tariff_of(ben, "retail") == base and tariff_of(ada, "retail") == made
    assert tariff_of(partner, "reseller").name == "costs"  # type: ignore[union-attr] - what it pays itself stays
    services.set_base(by=partner, tariff=None)
    services.assign(by=partner, account=ada, kind="retail", tariff=None)
    assert tariff_of(ada, "retail").name == "house"  # type: ignore[union-attr]


def test_a_reseller_below_it_pays_by_its_list_and_may_copy_that(partner: Account) -> None:
    sub = services.open_below(by=partner, kind="reseller", username="sub")
    sold = make_list(partner, name="wholesale", kind="reseller")
    services.assign(by=partner, account=sub, kind="reseller", tariff=sold)
    assert tariff_of(sub, "reseller") == sold and sold in sources(sub)
    with pytest.raises(ValidationError, match=r"0\.05"):
        services.create(by=sub, name="cheap", kind="retail", source=sold, percent=Decimal("-5"))
    assert services.create(by=sub, name="fine", kind="retail", source=sold).owner == sub
    with pytest.raises(PermissionDenied):
        services.set_price(by=sub, tariff=sold, prefix="1", price=Decimal(1))
    with pytest.raises(PermissionDenied):
        services.assign(
            by=sub, account=sub, kind="reseller", tariff=make_list(sub, "x", kind="reseller", source=None)
        )


def test_lists_of_others_are_out_of_reach(partner: Account) -> None:
    rival = make.reseller(parent=partner.parent)
    theirs = services.create(by=rival, name="theirs", kind="retail", source=None)
    ada = make.subscriber(parent=partner)
    foreign = make.subscriber(parent=rival)
    rate = pricing.add_rate(tariff=theirs, prefix="1", price=Decimal(9))
    mine = make_list(partner)
    for attempt in (
        lambda: services.create(by=partner, name="copy", kind="retail", source=theirs),
        lambda: services.change(by=partner, tariff=theirs, name="mine now"),
        lambda: services.set_price(by=partner, tariff=theirs, prefix="2", price=Decimal(1)),
        lambda: services.set_price(by=partner, tariff=mine, prefix="1", price=Decimal(1), rate=rate),
        lambda: services.remove_price(by=partner, rate=rate),
        lambda: services.raise_prices(by=partner, tariff=theirs, percent=Decimal(1)),
        lambda: services.assign(by=partner, account=ada, kind="retail", tariff=theirs),
        lambda: services.assign(by=partner, account=foreign, kind="retail", tariff=mine),
        lambda: services.set_base(by=partner, tariff=theirs),
        lambda: services.set_base(by=partner, tariff=Tariff.objects.get(name="house")),
        lambda: services.change(by=partner, tariff=mine, owner=rival),
        lambda: services.create(by=partner, name="c", kind="carrier", source=None),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


def test_two_resellers_may_give_their_lists_the_same_name(partner: Account) -> None:
    make_list(partner)
    other = make.reseller(parent=partner.parent)
    services.create(by=other, name="mine", kind="retail", source=None)
    with pytest.raises(ValidationError):
        make_list(partner)


def test_no_price_is_below_what_it_pays_unless_a_setting_allows_it(partner: Account) -> None:
    made = make_list(partner)
    rate = Rate.objects.get(tariff=made, prefix="3620")
    for prefix, price, changed in (("3620", "0.079999", rate), ("36201", "0.06", None), ("1", "0.04", None)):
        with pytest.raises(ValidationError, match="below the least"):
            services.set_price(by=partner, tariff=made, prefix=prefix, price=Decimal(price), rate=changed)
    with pytest.raises(ValidationError, match="below the least"):
        services.raise_prices(by=partner, tariff=made, percent=Decimal(-20))
    assert Rate.objects.get(pk=rate.pk).price == Decimal("0.096") and made.rates.count() == 2
    services.set_price(by=partner, tariff=made, prefix="1", price=Decimal("0.05"))  # at cost
    own(partner, allow_sellbelowcost="yes")
    services.set_price(by=partner, tariff=made, prefix="3620", price=Decimal("0.01"), rate=rate)


@pytest.mark.req("reseller-029")
def test_with_no_cheaper_tariffs_the_houses_prices_are_the_least(partner: Account) -> None:
    own(partner, rights="no_cheaper_tariffs", allow_sellbelowcost="yes")
    with pytest.raises(ValidationError, match="below the least"):
        make_list(partner)  # 0.06, where the house asks 0.10
    assert make_list(partner, percent=Decimal(100)).rates.count() == 2


def test_prices_are_compared_net_and_in_one_currency(partner: Account) -> None:
    from datetime import date

    pricing.set_exchange_rate(currency="HUF", valid_from=date(2020, 1, 1), units=Decimal(400))
    made = services.create(by=partner, name="forint", kind="retail", source=None)
    pricing.change_tariff(tariff=made, currency="HUF", vat_included=True, vat_rate=Decimal(25))
    with pytest.raises(ValidationError, match="25"):  # 0.05 × 400 × 1.25
        services.set_price(by=partner, tariff=made, prefix="1", price=Decimal("24.99"))
    services.set_price(by=partner, tariff=made, prefix="1", price=Decimal(25))


@pytest.mark.parametrize("percent", ["-100", "-101", "1000.001"])
def test_prices_do_not_change_by_any_per_cent(partner: Account, percent: str) -> None:
    own(partner, allow_sellbelowcost="yes")
    with pytest.raises(ValidationError):
        services.raise_prices(by=partner, tariff=make_list(partner), percent=Decimal(percent))


def test_features_open_and_close_what_it_does_with_lists(partner: Account) -> None:
    made = make_list(partner)
    own(partner, feature_createtariffs="no", feature_hasbasetariffs="no")
    with pytest.raises(PermissionDenied):
        make_list(partner, "second")
    with pytest.raises(PermissionDenied):
        services.set_base(by=partner, tariff=made)
    own(partner, rights="no_tariffs")
    with pytest.raises(PermissionDenied):
        services.change(by=partner, tariff=made, name="other")
