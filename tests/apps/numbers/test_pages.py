"""Rules and lists of numbers: the pages and the addresses of the API that they are kept by, and the page on which a number is tried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from apps.numbers.models import NumberList, PrefixRule
from apps.numbers.services import rules as services
from tests.apps.test_admin import form_of
from tests.house import House

pytestmark = pytest.mark.django_db


def numbers_of(one: NumberList) -> list[str]:
    return list(one.numbers.order_by("number").values_list("number", flat=True))


# pages


@pytest.mark.req("dialplan-007", "dialplan-008", "dialplan-009", "dialplan-039", "dialplan-041")
def test_an_operator_makes_a_rule_with_conditions_data_check_action_and_set(
    client: Client, house: House
) -> None:
    client.force_login(house.admin)
    page = "/admin/numbers/rewriterule/add/"
    form = form_of(client.get(page)) | {
        "name": "roaming", "called": house.carrier.pk, "data": "called", "check_kind": "begins", "against": "06", "action": "beginning",
        "find": "06", "put": "36", "target": "same",
    }  # fmt: skip
    response = client.post(page, form | {"put": "{pick(}"})
    assert response.status_code == 200 and "ends too early" in response.content.decode()
    assert client.post(page, form).status_code == 302
    body = client.get("/admin/numbers/rewriterule/").content.decode()
    assert "roaming" in body and "for each way of the call" in body and "to carrier-a" in body
    assert "called begins with (one of) 06: called: replace its beginning 06 → 36" in body


@pytest.mark.req("dialplan-033", "dialplan-039", "dialplan-011")
def test_an_operator_makes_a_prefix_rule(client: Client, house: House) -> None:
    client.force_login(house.admin)
    page = "/admin/numbers/prefixrule/add/"
    form = form_of(client.get(page)) | {"source": "192.168.1.8", "rewrite_from": "06", "rewrite_to": "446"}
    assert client.post(page, form).status_code == 302
    assert PrefixRule.objects.filter(source="192.168.1.8", number="called_in").exists()


@pytest.mark.req("dialplan-007")
def test_settings_about_numbers_are_found_by_a_part_of_their_name(client: Client, house: House) -> None:
    client.force_login(house.admin)
    body = client.get("/admin/config/setting/?q=normalize").content.decode()
    assert "normalizenumbers" in body and "normalizedef" in body and "ringtimeout" not in body


def test_a_page_shows_each_step_from_what_is_dialled_to_what_is_sent(client: Client, house: House) -> None:
    services.create_rule(
        name="home", check_kind="begins", against="06", action="beginning", find="06", put="+36"
    )
    services.create_rule(name="mark", called=house.carrier, data="sent", action="insert", put="9")
    client.force_login(house.admin)
    asked = {"caller": "ada", "carrier": "carrier-a"}
    clean = client.get("/admin/numbers/try/", asked | {"dialled": "0110620123"}).content.decode()
    assert "Rule prefix 011 → …: called 0110620123 → 0620123." in clean
    assert "Rule home: called 0620123 → +3620123." in clean and "international escape code + off" in clean
    assert "The carrier is asked for 93620123" in clean
    refused = client.get("/admin/numbers/try/", asked | {"dialled": "3690012"}).content.decode()
    assert "rule no 0900" in refused
    assert client.get("/admin/numbers/try/", asked | {"caller": "nobody", "dialled": "1"}).status_code == 422


@pytest.mark.parametrize("who", ["ada", "idle"])
def test_nobody_without_the_right_tries_numbers(client: Client, house: House, who: str) -> None:
    client.force_login(getattr(house, who))
    assert client.get("/admin/numbers/try/", {"caller": "ada", "dialled": "1"}).status_code in {302, 403}
    assert (
        client.get("/api/v1/rewrite-rules/try/", {"caller": house.eve.pk, "dialled": "1"}).status_code == 403
    )


# API


def test_rules_and_lists_are_kept_by_the_api(client: Client, house: House) -> None:
    client.force_login(house.admin)

    def send(method: str, path: str, **fields: Any) -> Any:
        answer = getattr(client, method)(f"/api/v1/{path}/", json.dumps(fields), "application/json")
        assert answer.status_code < 300, answer.content
        return answer.json()

    made = send("post", "rewrite-rules", name="a", action="insert", put="9")
    assert send("patch", f"rewrite-rules/{made['id']}", put="[caller]")["put"] == "[caller]"
    assert send("post", "prefix-rules", rewrite_from="011")["number"] == "called_in"
    assert send("post", "prefix-rules", rewrite_from="06", country="hu")["country"] == "HU"
    pool = send("post", "number-lists", name="pool", purpose="caller", numbers=["+3612", "3613"])
    assert pool["count"] == 2 and client.get(f"/api/v1/number-lists/{pool['id']}/numbers/").json() == [
        "3612",
        "3613",
    ]
    assert send("patch", f"number-lists/{pool['id']}", numbers=["3614"])["count"] == 1
    assert send("patch", f"number-lists/{pool['id']}", note="x")["count"] == 1
    bad = client.post("/api/v1/rewrite-rules/", json.dumps({"name": "b", "put": "{"}), "application/json")
    assert bad.status_code == 400 and "put" in json.dumps(bad.json())


def test_the_api_tries_a_number(client: Client, house: House) -> None:
    client.force_login(house.admin)
    answer = client.get(
        "/api/v1/rewrite-rules/try/",
        {"caller": house.ada.pk, "dialled": "+36201234567", "carrier": house.carrier.pk},
    )
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["called"], found["sent"], found["refused"]) == ("36201234567", "36201234567", "")
    assert client.get("/api/v1/rewrite-rules/try/", {"dialled": "1"}).status_code == 400


# lists


def test_an_operator_edits_a_list_as_text(client: Client, house: House) -> None:
    client.force_login(house.admin)
    page = f"/admin/numbers/numberlist/{house.number_list.pk}/change/"
    assert "3612000001\n3612000002" in client.get(page).content.decode()
    form: dict[str, Any] = {
        "name": "house_numbers",
        "purpose": "caller",
        "note": "of our carrier",
        "numbers": "3612000009\r\n",
    }
    assert client.post(page, form).status_code == 302
    assert numbers_of(house.number_list) == ["3612000009"]
    answer = client.post(page, form | {"numbers": "bob"})
    assert answer.status_code == 200 and "bob is not a number" in answer.content.decode()
