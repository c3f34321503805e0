"""Settings of an account: its own, inherited down the tree, shown with where they come from."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.config import services as config
from apps.users import services
from apps.users.models import Account
from apps.users.queries import Effective, settings_of
from apps.users.snapshot import overrides
from tests import make

pytestmark = pytest.mark.django_db


def effective(account: Account, key: str) -> Effective:
    return next(one for one in settings_of(account) if one.definition.key == key)


def test_the_nearest_value_wins_and_names_its_source():
    reseller = make.reseller()
    ada = make.subscriber(parent=reseller)
    assert (effective(ada, "ringtimeout").value, effective(ada, "ringtimeout").source) == (60, None)
    config.set_value(key="ringtimeout", value=50)
    assert effective(ada, "ringtimeout").value == 50
    services.set_own(account=reseller, key="ringtimeout", value="40")
    assert (effective(ada, "ringtimeout").value, effective(ada, "ringtimeout").source) == (40, reseller)
    services.set_own(account=ada, key="ringtimeout", value=30)
    assert (effective(ada, "ringtimeout").value, effective(ada, "ringtimeout").source) == (30, ada)
    services.clear_own(account=ada, key="ringtimeout")
    assert effective(ada, "ringtimeout").source == reseller


@pytest.mark.parametrize(
    ("key", "value"), [("ringtimeout", "soon"), ("ringtimeout", "4"), ("currency", "EUR"), ("nonsense", "1")]
)
def test_a_wrong_value_or_a_setting_that_is_not_for_accounts_is_refused(key: str, value: str):
    account = make.subscriber()
    with pytest.raises(ValidationError):
        services.set_own(account=account, key=key, value=value)
    assert not account.settings.exists()


def test_the_switch_gets_typed_values_and_passes_over_what_no_longer_fits():
    account = make.subscriber()
    services.set_own(account=account, key="reroutedisccodes", value="503,500")
    account.settings.create(key="ringtimeout", value="a while")
    account.settings.create(key="gone", value="1")
    assert list(overrides()) == [(account.pk, "reroutedisccodes", [500, 503])]


@pytest.mark.req("users-056")
def test_staff_change_one_in_the_admin_and_take_it_back(client: Client):
    ada = make.subscriber()
    client.force_login(make.admin())
    page = f"/admin/users/account/{ada.pk}/own-settings/"
    assert "ringtimeout" in client.get(page, {"q": "ring"}).content.decode()
    assert client.post(page + "ringtimeout/", {"value": "20"}).status_code == 302
    assert "its own" in client.get(page, {"q": "ringtimeout"}).content.decode()
    answer = client.post(page + "ringtimeout/", {"value": "1"})
    assert "not between 5 and 600" in answer.content.decode()
    client.post(page + "ringtimeout/", {"value": "20", "inherit": "1"})
    assert effective(ada, "ringtimeout").source is None
    assert client.get(page + "currency/").status_code == 404


def test_programs_read_and_write_them_through_the_api(client: Client):
    ada = make.subscriber()
    client.force_login(make.admin())
    where = f"/api/v1/accounts/{ada.pk}/settings/"
    put = {"content_type": "application/json"}
    assert client.put(where + "ringtimeout/", {"value": "25"}, **put).json()["source"] == ada.pk
    shown = {one["key"]: one["value"] for one in client.get(where).json()}
    assert shown["ringtimeout"] == "25"
    assert client.put(where + "ringtimeout/", {"value": None}, **put).json()["source"] is None
    assert client.put(where + "currency/", {"value": "USD"}, **put).status_code == 400
    assert client.put(where + "currency/", {"value": None}, **put).status_code == 400
