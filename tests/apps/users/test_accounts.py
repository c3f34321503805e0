"""Opening, changing and moving accounts."""

import pytest
from django.core.exceptions import ValidationError

from apps.invoices.models import Balance
from apps.users import queries, services
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def test_an_account_is_opened_with_a_balance_of_zero():
    assert Balance.objects.get(account=make.subscriber()).amount == 0


@pytest.mark.req("users-022")
def test_the_path_names_everybody_above():
    top = make.reseller()
    middle = make.reseller(parent=top)
    bottom = make.subscriber(parent=middle)
    assert bottom.path == f"/{top.pk}/{middle.pk}/{bottom.pk}/"


def test_a_moved_reseller_takes_everybody_below_along():
    old, new = make.reseller(), make.reseller()
    moved = make.reseller(parent=old)
    phone = make.subscriber(parent=moved)
    services.change_account(account=moved, parent=new)
    phone.refresh_from_db()
    assert phone.path == f"/{new.pk}/{moved.pk}/{phone.pk}/"
    assert list(queries.below(old)) == []


def test_an_account_cannot_be_moved_below_itself():
    top = make.reseller()
    child = make.reseller(parent=top)
    with pytest.raises(ValidationError, match="below itself"):
        services.change_account(account=top, parent=child)
    top.refresh_from_db()
    assert top.parent is None


def test_a_path_with_the_same_first_digits_is_not_below():
    top = make.reseller()
    Account.objects.filter(pk=top.pk).update(path="/7/")
    Account.objects.filter(pk=make.reseller().pk).update(path="/70/")
    top.refresh_from_db()
    assert not queries.below(top).exists()


@pytest.mark.parametrize(
    ("kind", "above"),
    [
        ("extension", None),
        ("extension", "reseller"),
        ("subscriber", "subscriber"),
        ("subscriber", "carrier"),
        ("reseller", "subscriber"),
        ("owner", "reseller"),
        ("carrier", "reseller"),
        ("admin", "reseller"),
    ],
)
def test_a_kind_stands_only_where_it_may(kind, above):
    parent = make.account(above) if above else None
    with pytest.raises(ValidationError) as refused:
        make.account(kind, parent=parent)
    assert "parent" in refused.value.message_dict


@pytest.mark.req("users-007")
def test_the_subscriber_above_pays_for_an_extension():
    subscriber = make.subscriber()
    assert queries.billing_account(make.extension(parent=subscriber)) == subscriber


def test_a_subscriber_with_extensions_cannot_become_a_reseller():
    subscriber = make.subscriber()
    make.extension(parent=subscriber)
    with pytest.raises(ValidationError, match="below this one"):
        services.change_account(account=subscriber, kind="reseller")


@pytest.mark.req("users-031")
def test_a_user_name_is_unique():
    make.subscriber(username="1001")
    with pytest.raises(ValidationError) as refused:
        make.subscriber(username="1001")
    assert "username" in refused.value.message_dict


@pytest.mark.req("users-063")
@pytest.mark.parametrize(
    "username", ["", "a b", '"x"', "'x'", "<x>", "a;b", "a,b", "x&y", "a@b", "1001\n", "é"]
)
def test_a_user_name_with_characters_of_the_protocol_is_refused(username):
    with pytest.raises(ValidationError):
        make.subscriber(username=username)


@pytest.mark.req("users-064")
@pytest.mark.parametrize(
    ("username", "good"),
    [
        ("ada*1", True), ("ada#1", True), ("ada$", True), ("1-_+.$*#9", True), ("ada*", True),
        ("*21*ada", False), ("#ada", False), ("$ada", False), ("ada#", False), ("ada%23", False),
    ],
)  # fmt: skip
def test_a_user_name_may_have_these_signs_where_no_phone_takes_them_for_a_code(username, good):
    if good:
        assert make.subscriber(username=username).username == username
    else:
        with pytest.raises(ValidationError):
            make.subscriber(username=username)


def test_only_staff_kinds_open_the_admin():
    assert [
        (make.account(k).is_staff, make.account(k).is_superuser) for k in ("admin", "support", "reseller")
    ] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_a_reseller_cannot_be_given_all_rights():
    with pytest.raises(ValidationError):
        make.account("reseller", is_superuser=True)
    with pytest.raises(ValidationError):
        services.change_account(account=make.reseller(), is_staff=True)


def test_an_admin_made_something_else_loses_the_rights():
    was = make.admin()
    services.change_account(account=was, kind="sales")
    assert (was.is_staff, was.is_superuser) == (False, False)


def test_a_limited_admin_stays_limited_when_something_else_changes():
    admin = make.admin(is_superuser=False)
    services.change_account(account=admin, email="a@example.com")
    assert (admin.is_staff, admin.is_superuser) == (True, False)


def test_a_secret_field_cannot_be_set_by_the_way():
    with pytest.raises(TypeError, match="path"):
        services.change_account(account=make.subscriber(), path="/")


def test_the_currency_stays_once_money_has_moved():
    account = make.subscriber(balance="1")
    with pytest.raises(ValidationError, match="Money has moved"):
        services.change_account(account=account, currency="USD")


def test_a_postpaid_limit_is_not_negative():
    with pytest.raises(ValidationError):
        make.subscriber(billing="postpaid", credit_limit=-1)


def test_the_command_for_a_first_admin_opens_an_account_with_a_balance():
    admin = Account.objects.create_superuser("root", "Long-enough-1 secret")
    assert admin.is_superuser and admin.balance.amount == 0 and admin.check_password("Long-enough-1 secret")


@pytest.fixture
def tree():
    owner = make.company()
    reseller = make.reseller(parent=owner)
    subscriber = make.subscriber(parent=reseller)
    return {
        "owner": owner,
        "reseller": reseller,
        "subscriber": subscriber,
        "extension": make.extension(parent=subscriber),
        "stranger": make.subscriber(parent=make.reseller()),
        "admin": make.admin(),
    }


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("reseller", {"reseller", "subscriber", "extension"}),
        ("owner", {"owner", "reseller", "subscriber", "extension"}),
        ("subscriber", {"subscriber", "extension"}),
        ("extension", {"extension"}),
        ("stranger", {"stranger"}),
    ],
)
def test_everybody_sees_what_stands_below(tree, who, sees):
    assert set(queries.visible_to(tree[who])) == {tree[name] for name in sees}


def test_staff_sees_everybody(tree):
    assert queries.visible_to(tree["admin"]).count() == Account.objects.count()


def test_a_disabled_reseller_sees_nobody(tree):
    services.change_account(account=tree["reseller"], is_active=False)
    assert not queries.visible_to(tree["reseller"]).exists()


def test_ancestors_come_nearest_first(tree):
    assert queries.ancestors(tree["extension"]) == [tree["subscriber"], tree["reseller"], tree["owner"]]


def test_an_account_without_a_path_sees_itself_only(tree):
    Account.objects.filter(pk=tree["reseller"].pk).update(path="")
    tree["reseller"].refresh_from_db()
    assert list(queries.visible_to(tree["reseller"])) == [tree["reseller"]]
    assert not queries.below(tree["reseller"]).exists()
