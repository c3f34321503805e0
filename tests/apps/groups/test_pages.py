"""Groups in the admin and in the API."""

import pytest
from django.test import Client

from apps.groups.models import AccountGroup
from apps.routing.models import RouteRule
from tests import make
from tests.apps.test_admin import form_of
from tests.house import House

pytestmark = pytest.mark.django_db
API = "/api/v1/account-groups/"


def test_a_group_is_made_with_its_members_on_one_page(client: Client, house: House) -> None:
    client.force_login(house.admin)
    form = form_of(client.get("/admin/groups/accountgroup/add/"))
    form |= {"name": "Towns", "members-TOTAL_FORMS": "1", "members-0-account": house.eve.pk}
    response = client.post("/admin/groups/accountgroup/add/", form)
    assert response.status_code == 302, response.context["errors"]
    assert AccountGroup.objects.get(name="Towns").members.get().account == house.eve


def test_the_list_of_accounts_shows_one_group(client: Client, house: House) -> None:
    client.force_login(house.admin)
    page = client.get(f"/admin/users/account/?group={house.account_group.pk}")
    assert list(page.context["cl"].result_list) == [house.ada]


def test_an_account_joins_a_group_on_its_own_page(client: Client, house: House) -> None:
    client.force_login(house.admin)
    path = f"/admin/users/account/{house.eve.pk}/change/"
    form = form_of(client.get(path)) | {
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-group": house.account_group.pk,
    }
    response = client.post(path, form)
    assert response.status_code == 302, response.context["errors"]
    assert house.eve.memberships.get().group == house.account_group


def test_members_are_read_added_and_removed_by_the_api(client: Client, house: House) -> None:
    client.force_login(house.admin)
    path = f"{API}{house.account_group.pk}/members/"
    assert client.get(path).json() == {"accounts": [house.ada.pk]}
    both = {"accounts": sorted([house.ada.pk, house.eve.pk])}
    assert client.post(path, {"accounts": [house.eve.pk]}, "application/json").json() == both
    assert client.delete(path, {"accounts": [house.ada.pk]}, "application/json").json() == {
        "accounts": [house.eve.pk]
    }
    refused = client.post(path, {"accounts": [987_654_321]}, "application/json")
    assert refused.status_code == 400 and "987654321" in refused.content.decode()


@pytest.mark.parametrize("who", ["ada", "reseller", "idle"])
def test_groups_are_not_for_customers_nor_for_staff_without_the_right(
    who: str, client: Client, house: House
) -> None:
    client.force_login(getattr(house, who))
    assert client.get(API).status_code == 403
    assert (
        client.post(
            f"{API}{house.account_group.pk}/members/", {"accounts": []}, "application/json"
        ).status_code
        == 403
    )
    assert client.post(API, {"name": "Mine"}, "application/json").status_code == 403


def test_support_reads_groups_and_changes_none(client: Client, house: House) -> None:
    client.force_login(house.support)
    path = f"{API}{house.account_group.pk}/members/"
    assert client.get(path).status_code == 200
    for method in (client.post, client.delete):
        assert method(path, {"accounts": [house.ada.pk]}, "application/json").status_code == 403
    assert house.account_group.members.count() == 1


def test_a_group_is_deleted_unless_a_rule_names_it(client: Client, house: House) -> None:
    client.force_login(house.admin)
    path = f"/admin/groups/accountgroup/{house.account_group.pk}/delete/"
    make.rule(name="for villages", groups=[house.account_group])
    answer = client.post(path, {"post": "yes"}, follow=True)
    assert "for villages" in answer.content.decode() and "successfully" not in answer.content.decode()
    assert client.delete(f"{API}{house.account_group.pk}/").status_code == 400
    RouteRule.objects.filter(name="for villages").delete()
    client.post(path, {"post": "yes"})
    assert not AccountGroup.objects.filter(pk=house.account_group.pk).exists()
