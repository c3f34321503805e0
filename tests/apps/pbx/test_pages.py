"""Call features in the portal, the API and the admin: everybody sets their own, and nobody those of others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from apps.pbx.models import RingGroup
from apps.users.models import Account
from apps.users.queries import settings_of
from tests.house import House

pytestmark = pytest.mark.django_db


def own(account: Account, key: str) -> Any:
    return next(one.value for one in settings_of(account) if one.definition.key == key)


# the portal


@pytest.mark.req("pbx-021", "pbx-007")
def test_a_subscriber_sets_forwards_wishes_and_short_numbers(client: Client, house: House) -> None:
    client.force_login(house.ada)
    assert 'value="+3612345678"' in client.get("/features/").content.decode()
    data = {"always": "", "busy": "", "no_answer": "+3699", "seconds": "15", "unreachable": "", "donotdisturb": "on",
            "speed_dials": "7 +3670 Bob the builder\n8 eve"}  # fmt: skip
    assert client.post("/features/", data).status_code == 302
    assert [(one.kind, one.number, one.seconds) for one in house.ada.forwards.all()] == [
        ("no_answer", "+3699", 15)
    ]
    assert (own(house.ada, "donotdisturb"), own(house.ada, "callwaiting")) == (True, False)
    dials = house.ada.speed_dials.order_by("code").values_list("code", "number", "name")
    assert list(dials) == [("7", "+3670", "Bob the builder"), ("8", "eve", "")]


def test_what_is_refused_changes_nothing_and_is_said(client: Client, house: House) -> None:
    client.force_login(house.ada)
    data = {"busy": "1002", "always": "not a number", "callwaiting": "on", "speed_dials": ""}
    answer = client.post("/features/", data)
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()
    assert [(one.kind, one.number) for one in house.ada.forwards.all()] == [("busy", "+3612345678")]
    assert house.ada.speed_dials.count() == 1


def test_a_reseller_sets_those_of_its_customers_and_of_nobody_else(client: Client, house: House) -> None:
    data = {"always": "1002", "callwaiting": "on"}
    path = f"/accounts-below/{house.ada.pk}/features/"
    client.force_login(house.rival)
    assert client.post(path, data).status_code == 404
    client.force_login(house.reseller)
    assert client.get("/features/").status_code == 404
    assert client.post(path, data).status_code == 302
    assert house.ada.forwards.get().number == "1002"


# the API


def test_the_api_sets_and_ends_a_forward(client: Client, house: House) -> None:
    client.force_login(house.ada)
    body = {"account": house.ada.pk, "kind": "always", "number": "1002"}
    made = client.post("/api/v1/forwards/", body, content_type="application/json")
    assert made.status_code == 201, made.content
    again = client.post("/api/v1/forwards/", body | {"number": "1003"}, content_type="application/json")
    assert again.json()["id"] == made.json()["id"]
    assert client.delete(f"/api/v1/forwards/{made.json()['id']}/").status_code == 204
    assert not house.ada.forwards.filter(kind="always").exists()


def test_the_api_sets_nothing_for_others(client: Client, house: House) -> None:
    client.force_login(house.eve)
    for path, body in (
        ("forwards", {"kind": "always", "number": "1002"}),
        ("ring-groups", {"members": [{"number": "1002"}]}),
        ("speed-dials", {"code": "1", "number": "1002"}),
    ):
        answer = client.post(
            f"/api/v1/{path}/", body | {"account": house.ada.pk}, content_type="application/json"
        )
        assert answer.status_code == 400, path
    assert client.delete(f"/api/v1/forwards/{house.forward.pk}/").status_code == 404
    assert client.get("/api/v1/forwards/").json()["results"] == []


def test_the_api_sets_a_group_with_its_members(client: Client, house: House) -> None:
    client.force_login(house.admin)
    body = {"account": house.ada.pk, "mode": "serial", "members": [{"number": "1"}, {"number": "2"}]}
    assert client.post("/api/v1/ring-groups/", body, content_type="application/json").status_code == 201
    group = RingGroup.objects.get(account=house.ada)
    assert (group.mode, [one.number for one in group.members.all()]) == ("serial", ["1", "2"])


# the admin


def test_the_admin_shows_and_sets_forwards_on_the_account(client: Client, house: House) -> None:
    client.force_login(house.admin)
    page = client.get(f"/admin/users/account/{house.ada.pk}/change/").content.decode()
    assert "+3612345678" in page and "Grandma" in page
    fields = dict(re.findall(r'name="([^"]+)"[^>]*? value="([^"]*)"', page))
    assert fields["forwards-0-number"] == "+3612345678" and fields["speed_dials-0-code"] == "1"


def test_the_admin_makes_a_group_and_its_members(client: Client, house: House) -> None:
    client.force_login(house.admin)
    data = {
        "account": house.eve.pk, "mode": "serial", "own_phones": "on", "members-TOTAL_FORMS": "1",
        "members-INITIAL_FORMS": "0", "members-MIN_NUM_FORMS": "0", "members-MAX_NUM_FORMS": "1000",
        "members-0-place": "1", "members-0-number": "ada", "members-0-delay_seconds": "0", "members-0-ring_seconds": "0",
    }  # fmt: skip
    answer = client.post("/admin/pbx/ringgroup/add/", data)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert [one.number for one in RingGroup.objects.get(account=house.eve).members.all()] == ["ada"]
