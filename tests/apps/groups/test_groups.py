"""Groups of accounts: who is in them, and who learns of it."""

import pytest
from django.core.exceptions import ValidationError

from apps.groups import queries, services, snapshot
from apps.groups.models import AccountGroup, GroupMember
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("groups-002", "groups-006")
@pytest.mark.parametrize("kind", ["subscriber", "customer_trunk", "carrier", "reseller"])
def test_accounts_of_every_kind_are_grouped(kind):
    account = make.account(kind)
    group = services.create_group(name="East", accounts=[account])
    assert list(queries.groups_of(account)) == [group]
    assert list(queries.accounts_in(group)) == [account]


@pytest.mark.req("groups-007")
def test_one_account_is_added_to_a_new_group_once():
    group, ada = services.create_group(name=" testgroup "), make.subscriber()
    assert services.add_members(group=group, accounts=[ada]) == 1
    assert services.add_members(group=group, accounts=[ada, ada]) == 0
    assert group.name == "testgroup" and group.members.get().account == ada


@pytest.mark.req("groups-008")
def test_all_accounts_that_a_search_finds_are_added_at_once(django_assert_max_num_queries):
    for number in range(30):
        make.subscriber(username=f"x111-{number}")
    make.subscriber(username="x222")
    group = services.create_group(name="ones")
    with django_assert_max_num_queries(6):
        added = services.add_members(group=group, accounts=Account.objects.filter(username__contains="111"))
    assert added == 30 and group.members.count() == 30


@pytest.mark.req("groups-009")
def test_a_removed_group_leaves_its_accounts():
    ada = make.subscriber(username="ada")
    group = services.create_group(name="testgroup", accounts=[ada])
    assert [member.account.username for member in group.members.all()] == ["ada"]
    services.remove_group(group=group)
    assert not GroupMember.objects.exists() and not AccountGroup.objects.exists()
    assert Account.objects.filter(pk=ada.pk).exists()


def test_who_stands_below_a_member_belongs_to_the_group():
    reseller = make.reseller()
    below, beside = make.subscriber(parent=reseller), make.subscriber()
    group = services.create_group(name="East", accounts=[reseller])
    assert set(queries.accounts_in(group)) == {reseller, below}
    assert list(queries.groups_of(below)) == [group]
    assert not queries.groups_of(beside).exists()


def test_two_groups_have_different_names():
    services.create_group(name="East")
    with pytest.raises(ValidationError) as refused:
        services.create_group(name="East")
    assert "name" in refused.value.message_dict


def test_the_groups_of_an_account_are_replaced():
    ada = make.subscriber()
    old, new = services.create_group(name="old", accounts=[ada]), services.create_group(name="new")
    services.set_groups(account=ada, groups=[new])
    assert list(queries.groups_of(ada)) == [new] and not old.members.exists()


def test_the_switch_is_told_who_is_in_which_group():
    ada = make.subscriber()
    first, second = (
        services.create_group(name="b", accounts=[ada]),
        services.create_group(name="a", accounts=[ada]),
    )
    assert list(snapshot.memberships()) == [(ada.pk, first.pk), (ada.pk, second.pk)]


def test_a_group_that_a_route_rule_names_is_not_removed():
    group = services.create_group(name="East", accounts=[make.subscriber()])
    rule = make.rule(name="for the east", groups=[group])
    with pytest.raises(ValidationError, match="for the east"):
        services.remove_group(group=group)
    assert list(rule.groups.all()) == [group] and group.members.exists()
