"""What is done to many accounts that were chosen in the list."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.config.services import set_value
from apps.desk.services.chosen import give_setting, group
from apps.groups.services import create_group
from apps.users.models import Account, AccountSetting
from apps.users.queries import setting_of
from tests import make
from tests.house import House

pytestmark = pytest.mark.django_db
LIST = "/admin/users/account/"


def post(client: Client, action: str, *accounts: Account, **data: Any) -> Any:
    chosen = {"action": action, "_selected_action": [one.pk for one in accounts], "select_across": "0"}
    return client.post(LIST, chosen | data)


@pytest.mark.req("users-049")
def test_all_postpaid_subscribers_get_limits_of_a_month(house: House, client: Client) -> None:
    first, second = make.subscriber(billing="postpaid"), make.subscriber(billing="postpaid")
    client.force_login(house.admin)
    shown = list(
        client.get(f"{LIST}?kind__exact=subscriber&billing__exact=postpaid").context["cl"].result_list
    )
    assert {first, second} <= set(shown) and house.ada not in shown
    assert post(client, "choose_setting", *shown).status_code == 200
    for key, value in (
        ("maxmonthlycredit", "100"),
        ("maxmonthlycreditinc", "10"),
        ("maxmonthlycreditend", "200"),
    ):
        assert post(client, "choose_setting", *shown, said="1", key=key, value=value).status_code == 302
        assert setting_of(first, key) == setting_of(second, key) == value
        assert setting_of(house.ada, key) != value


@pytest.mark.req("users-050")
def test_a_new_account_has_the_limit_that_everybody_has() -> None:
    set_value(key="maxmonthlycredit", value="100")
    assert setting_of(make.subscriber(), "maxmonthlycredit") == "100"


def test_one_account_that_cannot_have_it_and_none_gets_it(house: House, client: Client) -> None:
    client.force_login(house.admin)
    answer = post(client, "choose_setting", house.ada, house.eve, said="1", key="ringtimeout", value="soon")
    assert answer.status_code == 200 and "ada" in answer.content.decode()
    assert not AccountSetting.objects.filter(key="ringtimeout").exists()


def test_a_value_is_taken_back(house: House) -> None:
    accounts = Account.objects.filter(pk__in=[house.ada.pk, house.eve.pk])
    assert give_setting(accounts=accounts, key="ringtimeout", value="33", by=house.admin) == 2
    assert give_setting(accounts=accounts, key="ringtimeout", value=None, by=house.admin) == 2
    assert not AccountSetting.objects.filter(key="ringtimeout").exists()
    with pytest.raises(ValidationError):
        give_setting(accounts=accounts, key="no-such", value="1", by=house.admin)


def test_support_changes_no_account_of_staff(house: House) -> None:
    accounts = Account.objects.filter(pk__in=[house.ada.pk, house.admin.pk])
    assert give_setting(accounts=accounts, key="ringtimeout", value="33", by=house.support) == 1
    assert not house.admin.settings.exists()
    villages = create_group(name="Hamlets")
    assert group(accounts=accounts, name=villages, by=house.support) == 1


@pytest.mark.req("groups-008")
def test_accounts_that_a_search_finds_come_into_a_group_and_leave_it(house: House, client: Client) -> None:
    client.force_login(house.admin)
    found = list(client.get(f"{LIST}?q=ada").context["cl"].result_list)
    hamlets = create_group(name="Hamlets")
    assert post(client, "choose_group", *found, said="1", name=hamlets.pk).status_code == 302
    assert [member.account for member in hamlets.members.all()] == [house.ada]
    assert post(client, "choose_group", *found, said="1", name=hamlets.pk, out="on").status_code == 302
    assert not hamlets.members.exists()


def test_support_sees_no_actions_that_change(house: House, client: Client) -> None:
    client.force_login(house.support)
    body = client.get(LIST).content.decode()
    assert "save_csv" in body and "choose_setting" not in body
    post(client, "choose_setting", house.ada, said="1", key="ringtimeout", value="33")
    assert not house.ada.settings.exists()
