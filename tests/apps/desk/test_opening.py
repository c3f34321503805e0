"""A new account that begins as another, or as one of the usual ones."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from apps.desk.services import open_like, open_start
from apps.desk.starts import BY_KEY, STARTS
from apps.groups import services as groups
from apps.pricing import services as pricing
from apps.pricing.models import TariffKind
from apps.pricing.queries import tariff_of
from apps.users import services as users
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import settings_of
from apps.users.rules import PARENTS
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make.admin()


@pytest.fixture
def ada():
    """An account with everything that a copy could want."""
    reseller = make.reseller()
    account = make.subscriber(
        username="ada", parent=reseller, balance="20", billing="postpaid", credit_limit=Decimal(50), max_calls=3,
        vat_rate=Decimal(27), country="HU", language="hu", caller_number="+3612345678", display_name="Ada", email="a@example.com",
        contract_number="K-1", comment="pays late",
    )  # fmt: skip
    users.set_own(account=account, key="ringtimeout", value="33")
    pricing.assign_tariff(account=account, tariff=make.tariff("retail", name="Gold"))
    groups.create_group(name="East", accounts=[account])
    return account


@pytest.mark.req("users-004", "users-058", "users-061")
def test_a_copy_has_the_settings_groups_and_tariffs_and_nothing_that_is_the_others_own(boss, ada):
    made = open_like(source=ada, username="eve", by=boss, password="correct-horse-9")
    assert (made.kind, made.parent, made.billing, made.credit_limit, made.max_calls, made.vat_rate, made.language) == (
        ada.kind, ada.parent, "postpaid", Decimal(50), 3, Decimal(27), "hu",
    )  # fmt: skip
    own = {one.definition.key: one.value for one in settings_of(made) if one.source == made}
    assert own == {"ringtimeout": 33}
    assert tariff_of(made, TariffKind.RETAIL).name == "Gold"
    assert made.memberships.get().group.name == "East"
    assert (made.caller_number, made.display_name, made.email, made.contract_number, made.comment) == (
        "",
    ) * 5
    assert made.balance.amount == 0 and made.check_password("correct-horse-9") and made.added_by == boss
    assert made.sip.ha1_md5 != ada.sip.ha1_md5


@pytest.mark.req("users-004", "users-061")
def test_what_is_named_is_stronger_than_what_is_copied(boss, ada):
    made = open_like(source=ada, username="eve", by=boss, parent=None, billing="prepaid", credit_limit=0)
    assert (made.parent, made.billing) == (None, "prepaid")


@pytest.mark.req("users-057")
def test_a_traffic_sender_is_copied_without_its_addresses(boss):
    source = make.customer_trunk(addresses=["192.0.2.7"], tech_prefix="77")
    users.set_own(account=source, key="needauth", value="network")
    made = open_like(source=source, username="other", by=boss)
    assert made.kind == Kind.CUSTOMER_TRUNK and not made.addresses.exists() and made.tech_prefix == ""
    users.set_addresses(account=made, networks=["192.0.2.8"])
    assert {one.definition.key: one.value for one in settings_of(made)}["needauth"] == "network"


def test_a_carrier_is_copied_with_its_trunk_but_without_the_secret(boss):
    source = make.carrier(price="0.01")
    users.set_trunk(account=source, host="192.0.2.9", username="u", realm="r", password="x")
    made = open_like(source=source, username="other", by=boss)
    assert (made.trunk.host, made.trunk.username, made.trunk.ha1_md5) == ("192.0.2.9", "", "")
    assert tariff_of(made, TariffKind.CARRIER) == tariff_of(source, TariffKind.CARRIER)


def test_nothing_is_opened_when_something_cannot_be_copied(boss, ada):
    with pytest.raises(ValidationError):
        open_like(source=ada, username="ada", by=boss)
    assert Account.objects.filter(username="ada").count() == 1


def test_support_copies_without_credit_and_copies_no_staff(ada, boss):
    helper = make.account("support")
    made = open_like(source=ada, username="eve", by=helper)
    assert (made.billing, made.credit_limit) == ("prepaid", 0)
    with pytest.raises(ValidationError):
        open_like(source=boss, username="boss2", by=helper)


@pytest.mark.req("users-004")
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.key)
def test_every_usual_account_is_opened(start, boss):
    above = PARENTS[start.kind]
    parent = None if "" in above else make.account(above[0])
    made = open_start(start=start, username="new-one", by=boss, parent=parent)
    assert made.kind == start.kind
    assert {name: getattr(made, name) for name in start.fields} == dict(start.fields)
    assert {key: made.settings.get(key=key).value for key in start.settings} == dict(start.settings)


def test_every_kind_has_a_usual_account():
    assert {start.kind for start in BY_KEY.values()} == set(Kind)


@pytest.mark.req("users-012", "users-055")
def test_a_wholesale_customer_is_known_by_its_addresses_from_the_beginning(boss):
    made = open_start(start=BY_KEY["wholesale"], username="acme", by=boss)
    users.set_addresses(account=made, networks=["192.0.2.0/28"])
    assert {one.definition.key: one.value for one in settings_of(made)}["needauth"] == "network"
    assert not hasattr(made, "sip") and not made.has_usable_password()
