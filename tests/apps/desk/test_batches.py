"""Many accounts at once, and the sheet with their passwords."""

import pytest
from django.core.exceptions import ValidationError

from apps.desk.models import Batch
from apps.desk.services import generate, print_sheet
from apps.pricing import services as pricing
from apps.pricing.queries import tariff_of
from apps.users.models import Account
from apps.users.services.secrets import ha1s
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make.admin()


def batch(boss, **fields):
    values = {"kind": "subscriber", "count": 3, "prefix": "36", "first": 9, "digits": 3}
    return generate(by=boss, **values | fields)


@pytest.mark.req("users-005", "users-059")
def test_accounts_are_made_with_generated_names_numbers_and_passwords(boss):
    made, slips = batch(boss, parent=make.reseller(username="shop"), number_prefix="3612")
    accounts = [member.account for member in made.members.select_related("account")]
    assert (
        [one.username for one in accounts] == ["36009", "36010", "36011"] == [slip.username for slip in slips]
    )
    assert [one.caller_number for one in accounts] == ["3612009", "3612010", "3612011"]
    assert all(one.parent.username == "shop" and one.added_by == boss for one in accounts)
    assert all(account.check_password(slip.web) for account, slip in zip(accounts, slips, strict=True))
    for account, slip in zip(accounts, slips, strict=True):
        assert account.sip.ha1_md5 == ha1s(account.username, account.sip.realm, slip.sip)[0]
    assert len({slip.web for slip in slips} | {slip.sip for slip in slips}) == 6


def test_they_are_like_another_account(boss):
    like = make.subscriber(max_calls=4)
    tariff = make.tariff()
    pricing.assign_tariff(account=like, tariff=tariff)
    made, _slips = batch(boss, like=like, count=2, web=False)
    for account in Account.objects.filter(batch__batch=made):
        assert (
            account.max_calls == 4
            and tariff_of(account, "retail") == tariff
            and not account.has_usable_password()
        )


def test_one_taken_name_and_nothing_is_made(boss):
    make.subscriber(username="36010")
    with pytest.raises(ValidationError, match="36010"):
        batch(boss)
    assert not Batch.objects.exists() and not Account.objects.filter(username="36009").exists()


@pytest.mark.parametrize(
    ("field", "values"),
    [("count", {"count": 0}), ("count", {"count": 501}), ("digits", {"first": 998, "count": 3}), ("username", {"prefix": "a b"}),
     ("like", {"like": "reseller"}), ("kind", {"kind": "admin"})],
)  # fmt: skip
def test_what_may_not_be_is_refused_by_field(field, values, boss):
    by = make.account("support") if field == "kind" else boss
    if "like" in values:
        values = {"like": make.reseller()}
    with pytest.raises(ValidationError) as refused:
        batch(by, **values)
    assert field in refused.value.message_dict and not Batch.objects.exists()


def test_a_further_sheet_voids_the_passwords_of_the_first(boss):
    made, first = batch(boss, count=1)
    second = print_sheet(batch=made, by=boss)
    account = Account.objects.get(username=first[0].username)
    assert account.check_password(second[0].web) and not account.check_password(first[0].web)
    assert account.sip.ha1_md5 == ha1s(account.username, account.sip.realm, second[0].sip)[0]
    made.refresh_from_db()
    assert made.sheets == 2


def test_no_password_is_stored_in_clear(boss):
    from django.apps import apps
    from django.core import serializers

    _made, slips = batch(boss, count=1)
    stored = "".join(
        serializers.serialize("json", model.objects.all())
        for label in ("users", "desk", "groups", "admin")
        for model in apps.get_app_config(label).get_models()
    )
    assert slips[0].username in stored
    assert slips[0].web not in stored and slips[0].sip not in stored
