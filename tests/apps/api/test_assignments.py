"""Tariffs given to accounts through the API: with all their conditions, for staff who may."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.groups.services import create_group
from apps.pricing.engine.price_lists import assignment
from apps.pricing.models import TariffAssignment
from apps.pricing.queries import tariff_of
from apps.pricing.snapshot import assignments
from tests import make
from tests.apps.api.test_api import api, boss, rows
from tests.house import House

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
URL = "/api/v1/tariff-assignments/"


def given(boss: APIClient, **fields: Any) -> dict[str, Any]:
    answer = boss.post(URL, fields, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


@pytest.mark.req("pricing-013")
def test_a_tariff_is_given_for_calls_of_a_trunk_a_group_a_tech_prefix_a_caller_prefix_and_a_service(
    boss: APIClient, house: House
) -> None:
    trunk, gold, tariff = make.account("customer_trunk"), create_group(name="Gold"), make.tariff()
    asked = {
        "account": house.ada.pk, "tariff": tariff.pk, "service": "sms", "caller": trunk.pk, "caller_group": gold.pk,
        "tech_prefix": "9", "caller_prefix": "36", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    made = given(boss, **asked)
    assert made == asked | {"id": made["id"], "kind": "retail"}
    [one] = [row for row in assignments() if row[2] == tariff.pk]
    service, found = assignment(one[2:])
    assert service == "sms"
    assert (found.caller, found.caller_group, found.tech_prefix, found.caller_prefix) == (
        trunk.pk,
        gold.pk,
        "9",
        "36",
    )


def test_one_without_conditions_holds_for_all_calls_and_another_one_takes_its_place(
    boss: APIClient, house: House
) -> None:
    first, second = make.tariff(), make.tariff()
    made = given(boss, account=house.ada.pk, tariff=first.pk)
    again = given(boss, account=house.ada.pk, tariff=second.pk)
    assert again["id"] == made["id"] and (again["service"], again["caller"]) == ("voice", None)
    assert tariff_of(house.ada, "retail") == second


def test_what_is_changed_keeps_its_id_and_what_is_not_named(boss: APIClient, house: House) -> None:
    made = given(boss, account=house.ada.pk, tariff=make.tariff().pk, tech_prefix="7", caller_prefix="36")
    changed = boss.patch(f"{URL}{made['id']}/", {"caller_prefix": "49"}, format="json").json()
    assert changed == made | {"caller_prefix": "49"}


def test_what_is_changed_to_the_conditions_of_another_one_takes_its_place(
    boss: APIClient, house: House
) -> None:
    tariff = make.tariff()
    made = given(boss, account=house.ada.pk, tariff=tariff.pk, tech_prefix="7")
    given(boss, account=house.ada.pk, tariff=make.tariff().pk, tech_prefix="8")
    assert boss.patch(f"{URL}{made['id']}/", {"tech_prefix": "8"}, format="json").status_code == 200
    assert list(house.ada.tariffs.values_list("pk", "tariff", "tech_prefix")) == [
        (made["id"], tariff.pk, "8")
    ]


def test_one_that_is_taken_back_leaves_the_others(boss: APIClient, house: House) -> None:
    tariff = make.tariff()
    kept = given(boss, account=house.ada.pk, tariff=tariff.pk)
    gone = given(boss, account=house.ada.pk, tariff=tariff.pk, tech_prefix="7")
    assert boss.delete(f"{URL}{gone['id']}/").status_code == 204
    assert list(house.ada.tariffs.values_list("pk", flat=True)) == [kept["id"]]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"tech_prefix": "abc"}, "tech_prefix"),
        ({"service": "fax"}, "service"),
        ({"caller": 10**9}, "caller"),
        ({"valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}, "__all__"),
        ({"account": None}, "account"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(
    boss: APIClient, house: House, fields: dict[str, Any], wrong: str
) -> None:
    answer = boss.post(URL, {"account": house.ada.pk, "tariff": house.tariff.pk} | fields, format="json")
    assert answer.status_code == 400 and wrong in answer.json()["errors"]
    assert not house.ada.tariffs.exists()


def test_a_carriers_tariff_is_for_carriers_only(boss: APIClient, house: House) -> None:
    answer = boss.post(URL, {"account": house.ada.pk, "tariff": make.tariff("carrier").pk}, format="json")
    assert answer.status_code == 400 and "tariff" in answer.json()["errors"]


def test_they_are_found_by_account_tariff_condition_and_moment(boss: APIClient, house: House) -> None:
    ada, tariff = house.ada.pk, make.tariff()
    plain = given(boss, account=ada, tariff=tariff.pk)["id"]
    past = given(boss, account=ada, tariff=tariff.pk, tech_prefix="7", valid_until="2026-01-01T00:00:00Z")[
        "id"
    ]
    coming = given(boss, account=ada, tariff=tariff.pk, service="sms", valid_from="2030-01-01T00:00:00Z")[
        "id"
    ]

    def found(words: str) -> list[int]:
        return [row["id"] for row in rows(boss, f"tariff-assignments/?{words}")]

    assert found(f"account={ada}") == found(f"tariff={tariff.pk}") == [coming, past, plain]
    assert found("tech_prefix=7") == [past] and found("service=sms") == [coming]
    assert found(f"account={ada}&valid_at=2026-06-01T00:00:00Z") == [plain]
    assert found(f"account={ada}&valid_at=2025-06-01T00:00:00Z") == [past, plain]
    assert found(f"account={ada}&valid_at=2030-01-01T00:00:00Z") == [coming, plain]


def test_pages_of_them_repeat_none(boss: APIClient, house: House) -> None:
    tariff = make.tariff()
    for prefix in "123":
        given(boss, account=house.ada.pk, tariff=tariff.pk, tech_prefix=prefix)
    page = boss.get(f"{URL}?account={house.ada.pk}&page_size=2").json()
    rest = boss.get(page["next"]).json()
    seen = [row["tech_prefix"] for row in page["results"] + rest["results"]]
    assert seen == ["3", "2", "1"] and rest["next"] is None


def test_who_may_only_read_them_changes_none(house: House) -> None:
    from django.contrib.auth.models import Permission

    helper = make.account("support")
    helper.groups.clear()
    assert api(helper).get(URL).status_code == 403
    helper.user_permissions.add(Permission.objects.get(codename="view_tariffassignment"))
    client = api(type(helper).objects.get(pk=helper.pk))
    assert client.get(f"{URL}{house.assignment.pk}/").json()["tariff"] == house.tariff.pk
    changes = [
        client.post(URL, {"account": house.ada.pk, "tariff": house.tariff.pk}),
        client.patch(f"{URL}{house.assignment.pk}/", {"tech_prefix": "7"}),
        client.delete(f"{URL}{house.assignment.pk}/"),
    ]
    assert [answer.status_code for answer in changes] == [403] * 3
    assert TariffAssignment.objects.filter(pk=house.assignment.pk, tech_prefix="").exists()
