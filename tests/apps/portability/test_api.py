"""Ported numbers in the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.config.services import set_value
from apps.portability import services
from apps.portability.models import PortedNumber
from tests import make

pytestmark = pytest.mark.django_db
PATH = "/api/v1/ported-numbers/"
NUMBER = "36301234567"


@pytest.fixture
def office() -> APIClient:
    client = APIClient()
    client.force_authenticate(make.admin())
    return client


@pytest.mark.req("lnp-004", "lnp-006", "lnp-008")
def test_a_number_is_entered_changed_and_taken_out(office: APIClient) -> None:
    carrier = make.account("carrier")
    made = office.post(
        PATH, {"number": "+36 30 123 4567", "carrier": carrier.pk, "prefix": "3620"}, format="json"
    )
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["number"], shown["carrier"], shown["prefix"], shown["priority"]) == (
        NUMBER,
        carrier.pk,
        "3620",
        1,
    )
    path = f"{PATH}{shown['id']}/"
    changed = office.patch(
        path, {"carrier": None, "new_number": "0036209998888", "priority": 5}, format="json"
    ).json()
    assert (changed["carrier"], changed["prefix"], changed["new_number"], changed["priority"]) == (
        None,
        "3620",
        "36209998888",
        5,
    )
    assert (
        office.put(path, {"number": NUMBER, "domain": "sip.example.net"}, format="json").json()["port"]
        == 5060
    )
    assert office.delete(path).status_code == 204 and not PortedNumber.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [({}, "number"), ({"number": NUMBER}, "number"), ({"number": "<b>", "prefix": "1"}, "number"),
     ({"number": NUMBER, "domain": "a b"}, "domain"), ({"number": NUMBER, "prefix": "x"}, "prefix"),
     ({"number": NUMBER, "carrier": 0}, "carrier"), ({"number": NUMBER, "domain": "a.example", "port": 70000}, "port")],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_field(office: APIClient, values: dict[str, Any], field: str) -> None:
    answer = office.post(PATH, values, format="json")
    assert answer.status_code == 400 and field in str(answer.json())
    assert not PortedNumber.objects.exists()


def test_somebody_who_is_no_carrier_gets_no_numbers(office: APIClient) -> None:
    answer = office.post(PATH, {"number": NUMBER, "carrier": make.subscriber().pk}, format="json")
    assert answer.status_code == 400


def test_pages_are_read_from_a_cursor_and_a_number_is_found_however_it_is_written(office: APIClient) -> None:
    for last in range(5):
        services.port(number=f"3630000000{last}", prefix="3620")
    page = office.get(PATH, {"page_size": 2}).json()
    assert [one["number"][-1] for one in page["results"]] == ["4", "3"]
    assert [one["number"][-1] for one in office.get(page["next"]).json()["results"]] == ["2", "1"]
    [found] = office.get(PATH, {"number": "+36 30 000 0003"}).json()["results"]
    assert found["number"] == "36300000003"


@pytest.mark.req("lnp-007", "lnp-009", "lnp-010")
def test_it_says_where_a_number_has_gone(office: APIClient) -> None:
    one, two = make.account("carrier"), make.account("carrier")
    services.save_operator(code="0341", name="Vivo", carrier=one, prefix="")
    services.port(number="5511987654321", code="0341")
    services.port(number="5511987654321", carrier=two, priority=2)
    services.save_block(prefix="551198", spid="0341", cnl="11")

    def where(number: str) -> tuple[str, int | None, str]:
        found = office.get(f"{PATH}where/", {"number": number}).json()
        return found["found"], found["carrier"], found["code"]

    assert where("+55 11 98765-4321") == ("number", one.pk, "0341")
    assert where("551187654321") == ("nothing", None, "")
    set_value(key="numporttype", value="brazil")
    assert where("551187654321") == ("number", one.pk, "0341")
    assert where("5511980000000") == ("block", one.pk, "0341")
    assert where("5521980000000") == ("nothing", None, "")
    assert office.get(f"{PATH}where/").status_code == 400


def test_it_is_for_staff_with_that_right_only() -> None:
    ported = services.port(number=NUMBER, prefix="3620")
    client = APIClient()
    for who in (make.subscriber(), make.reseller(), make.account("carrier")):
        client.force_authenticate(who)
        for path in (PATH, f"{PATH}{ported.pk}/", f"{PATH}where/?number={NUMBER}"):
            assert client.get(path).status_code == 403
        assert client.post(PATH, {"number": "361", "prefix": "1"}, format="json").status_code == 403
        assert client.delete(f"{PATH}{ported.pk}/").status_code == 403
