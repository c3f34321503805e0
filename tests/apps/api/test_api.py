"""What the API reads and writes, as an administrator and as a customer."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from apps.api.serializers import CUSTOMER_CDR
from apps.invoices.models import Invoice, LedgerEntry, Payment
from apps.pricing.models import Rate
from apps.routing.models import RouteRule
from tests import make
from tests.house import House

pytestmark = pytest.mark.django_db
LISTS = (
    "accounts",
    "carriers",
    "trunk-accounts",
    "tariffs",
    "tariff-assignments",
    "rates",
    "routes",
    "best-routes",
    "cdrs",
    "current-calls",
    "payments",
    "ledger",
    "invoices",
)


def api(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def boss(house: House) -> APIClient:
    return api(house.admin)


def rows(client: APIClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.parametrize("noun", LISTS)
def test_an_administrator_lists_every_noun_with_few_queries(
    noun: str, boss: APIClient, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(4):
        answer = boss.get(f"/api/v1/{noun}/")
    assert answer.status_code == 200
    assert noun == "current-calls" or answer.json()["results"]


@pytest.mark.parametrize("noun", [noun for noun in LISTS if noun != "current-calls"])
def test_what_is_listed_can_be_read_alone(noun: str, boss: APIClient) -> None:
    first = rows(boss, f"{noun}/?page_size=1")[0]
    assert boss.get(f"/api/v1/{noun}/{first['id']}/").json() == first


def test_an_account_is_opened_changed_and_switched_off_but_never_deleted(
    boss: APIClient, house: House
) -> None:
    data = {
        "username": "new",
        "kind": "subscriber",
        "parent": house.reseller.pk,
        "password": "correct-horse-9",
    }
    made = boss.post("/api/v1/accounts/", data)
    assert made.status_code == 201 and "password" not in made.json()
    path = f"/api/v1/accounts/{made.json()['id']}/"
    assert boss.patch(path, {"display_name": "New", "is_active": False}).json()["is_active"] is False
    assert boss.delete(path).status_code == 405
    assert "username" in boss.post("/api/v1/accounts/", data).json()["errors"]


def test_a_carrier_is_opened_with_its_trunk(boss: APIClient) -> None:
    data = {
        "username": "way",
        "trunk": {"host": "192.0.2.9", "port": 5070, "username": "u", "realm": "r", "password": "p"},
    }
    made = boss.post("/api/v1/carriers/", data, format="json")
    assert made.status_code == 201, made.content
    trunk = boss.get(f"/api/v1/carriers/{made.json()['id']}/").json()["trunk"]
    assert (trunk["host"], trunk["port"]) == ("192.0.2.9", 5070) and "password" not in trunk


def test_a_part_of_a_trunk_is_changed_and_the_rest_stays(boss: APIClient) -> None:
    trunk = {"host": "192.0.2.9", "prefix": "99", "max_calls": 30, "username": "us", "realm": "there"}
    data = {"username": "carrier-b", "trunk": {**trunk, "password": "one-of-a-kind-5"}}
    path = f"/api/v1/carriers/{boss.post('/api/v1/carriers/', data, format='json').json()['id']}/"
    assert boss.patch(path, {"trunk": {"port": 5070}}, format="json").status_code == 200
    now = boss.get(path).json()["trunk"]
    assert {name: now[name] for name in [*trunk, "port"]} == {**trunk, "port": 5070}


def test_rates_are_written_by_the_rules_of_the_service(boss: APIClient, house: House) -> None:
    data = {"tariff": house.tariff.pk, "prefix": "49", "price": "0.04"}
    made = boss.post("/api/v1/rates/", data)
    assert made.status_code == 201
    path = f"/api/v1/rates/{made.json()['id']}/"
    assert boss.patch(path, {"price": "0.05"}).json()["price"] == "0.050000"
    assert "price" in boss.patch(path, {"price": "-1"}).json()["errors"]
    assert boss.delete(path).status_code == 204 and not Rate.objects.filter(prefix="49").exists()


def test_rates_are_found_by_the_number_that_they_price(boss: APIClient, house: House) -> None:
    found = rows(boss, f"rates/?prefix_of=36201234567&tariff={house.tariff.pk}")
    assert {row["prefix"] for row in found} == {"", "36", "3620"}


def test_an_import_says_which_lines_are_wrong_and_changes_nothing(boss: APIClient, house: House) -> None:
    before = set(Rate.objects.values_list("id", flat=True))
    file = io.BytesIO(b"43,0.02,,,,,,\nnot a prefix,0.02,,,,,,\n44,dear,,,,,,\n")
    answer = boss.post(f"/api/v1/tariffs/{house.tariff.pk}/import/", {"file": file}, format="multipart")
    assert answer.status_code == 400
    assert [line["line"] for line in answer.json()["errors"]["lines"]] == [2, 3]
    assert set(Rate.objects.values_list("id", flat=True)) == before


def test_a_route_is_written_with_its_targets_as_a_whole(boss: APIClient, house: House) -> None:
    other = make.carrier(username="carrier-b")
    data = {
        "name": "hungary",
        "priority": 5,
        "called_prefixes": "36, 43",
        "targets": [{"carrier": house.carrier.pk}],
    }
    made = boss.post("/api/v1/routes/", data, format="json")
    assert made.status_code == 201 and made.json()["called_prefixes"] == "36,43"
    path = f"/api/v1/routes/{made.json()['id']}/"
    changed = boss.patch(path, {"targets": [{"carrier": other.pk, "priority": 2}]}, format="json").json()
    assert [(t["carrier"], t["priority"]) for t in changed["targets"]] == [(other.pk, 2)]
    assert boss.patch(path, {"targets": [{"carrier": house.ada.pk}]}, format="json").status_code == 400
    assert RouteRule.objects.get(pk=made.json()["id"]).targets.count() == 1
    inside = boss.patch(path, {"together": True, "targets": [{"subscriber": house.ada.pk}]}, format="json")
    assert [one["subscriber"] for one in inside.json()["targets"]] == [house.ada.pk]
    both = [{"carrier": other.pk}, {"subscriber": house.ada.pk}]
    assert boss.patch(path, {"targets": both}, format="json").status_code == 400
    assert (
        boss.patch(
            path, {"targets": [{"carrier": other.pk, "subscriber": house.ada.pk}]}, format="json"
        ).status_code
        == 400
    )


def test_a_payment_sent_twice_under_one_key_is_entered_once(boss: APIClient, house: House) -> None:
    data = {"account": house.ada.pk, "amount": "10.00", "method": "cash"}
    first, second = (
        boss.post("/api/v1/payments/", data, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
    )
    assert first.json()["id"] == second.json()["id"]
    assert Payment.objects.filter(idempotency_key="k-1").count() == 1
    assert LedgerEntry.objects.filter(payment=first.json()["id"]).count() == 1
    other = boss.post("/api/v1/payments/", data | {"amount": "11.00"}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 400


def test_an_invoice_is_issued_once_for_a_period(boss: APIClient, house: House) -> None:
    start, end = (moment.isoformat() for moment in (house.invoice.period_start, house.invoice.period_end))
    data = {"account": house.eve.pk, "period_start": start, "period_end": end}
    made = boss.post("/api/v1/invoices/", data)
    assert made.status_code == 201 and made.json()["lines"]
    again = boss.post("/api/v1/invoices/", data)
    assert again.status_code == 409 and made.json()["number"] in again.json()["detail"]
    assert boss.get(f"/api/v1/invoices/{made.json()['id']}/pdf/").content.startswith(b"%PDF")


@pytest.mark.req("cdr-001")
def test_calls_are_filtered_by_the_fields_they_show(boss: APIClient, house: House) -> None:
    answered = rows(boss, "cdrs/?answered=true&page_size=500")
    assert answered and all(row["answered_at"] for row in answered)
    failed = rows(boss, "cdrs/?answered=false&page_size=500")
    assert all(row["answered_at"] is None for row in failed)
    number = house.call.called_number[:4]
    found = rows(
        boss, f"cdrs/?called_number={number}&caller={house.ada.pk}&started_after=2020-01-01T00:00:00Z"
    )
    assert str(house.call.pk) in {row["id"] for row in found}
    assert all(row["called_number"].startswith(number) for row in found)


def test_pages_follow_the_cursor_without_gap_or_repetition(boss: APIClient) -> None:
    whole = [row["id"] for row in rows(boss, "cdrs/?page_size=500")]
    seen: list[str] = []
    link = "/api/v1/cdrs/?page_size=7"
    while link:
        page = boss.get(link).json()
        seen += [row["id"] for row in page["results"]]
        link = page["next"]
    assert seen == whole and len(whole) > 14


def test_a_customer_sees_neither_carriers_nor_costs_nor_routes(house: House) -> None:
    client = api(house.ada)
    listed, alone = rows(client, "cdrs/")[0], client.get(f"/api/v1/cdrs/{house.call.pk}/").json()
    assert set(listed) == set(alone) == set(CUSTOMER_CDR)
    assert not {"carrier", "carrier_cost", "route_rule", "attempts", "worker"} & set(alone)
    kinds = {row["kind"] for row in client.get(f"/api/v1/cdrs/{house.call.pk}/prices/").json()}
    assert kinds == {"retail"}
    assert {row["kind"] for row in api(house.admin).get(f"/api/v1/cdrs/{house.call.pk}/prices/").json()} >= {
        "carrier"
    }


@pytest.mark.parametrize("noun", ["accounts", "cdrs", "payments", "ledger", "invoices"])
def test_lists_hold_only_what_is_ones_own_or_below(noun: str, house: House) -> None:
    key = {"accounts": "id", "cdrs": "caller"}.get(noun, "account")
    assert {row[key] for row in rows(api(house.ada), f"{noun}/")} == {house.ada.pk}
    seen = {row[key] for row in rows(api(house.reseller), f"{noun}/?page_size=500")}
    assert house.ada.pk in seen and seen <= {house.ada.pk, house.reseller.pk}


def test_errors_are_problem_details(boss: APIClient, house: House) -> None:
    wrong = boss.post("/api/v1/payments/", {"account": house.ada.pk, "amount": "much", "method": "cash"})
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert wrong.json() == {
        "type": "about:blank", "title": "Bad Request", "status": 400,
        "errors": {"amount": ["A valid number is required."]},
    }  # fmt: skip
    missing = boss.get(f"/api/v1/cdrs/{uuid4()}/")
    assert missing.json()["status"] == 404 and missing.json()["detail"]
    assert APIClient().get("/api/v1/accounts/").json()["status"] == 401


HOSTILE = (
    "accounts/nope/", "accounts/99999999999999999999/", "accounts/%00/", "cdrs/not-a-uuid/", "cdrs/%00/", "rates/-1/",
    "cdrs/?page_size=999999999", "cdrs/?page_size=-1", "cdrs/?cursor=garbage", "cdrs/?cursor=cD0yMDI2LTEzLTQ1",
    "cdrs/?cursor=cD0lMDA%3D", "cdrs/?started_after=yesterday", "cdrs/?started_after=9999-12-31T23:59:59-23:59",
    "cdrs/?started_after=0001-01-01T00:00:00%2B23:59", "cdrs/?caller=x", "cdrs/?caller=99999999999999999999",
    "cdrs/?called_number=%00", "rates/?prefix_of=%00", "rates/?tariff=%27%3B--", "ledger/?call_id=12",
    "invoices/?year=99999999999999999999", "accounts/?username=%00", "accounts/?parent=%EF%BF%BD", "rates/?prefix=%C3%28",
)  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_addresses_are_no_server_errors(path: str, boss: APIClient) -> None:
    assert boss.get(f"/api/v1/{path}").status_code in (200, 400, 404)


@pytest.mark.parametrize(
    "noun", ["accounts", "carriers", "tariffs", "rates", "routes", "payments", "invoices"]
)
@pytest.mark.parametrize(
    "body", ["[]", "null", '"x"', "{", '{"a": 1e999}', '{"username": "a\\u0000b", "name": "\\u0000", "price": "NaN"}',
             '{"username": {}, "account": [], "targets": {"a": 1}, "tariff": "x", "amount": "Infinity", "name": {}}',
             '{"account": 99999999999999999999, "tariff": 99999999999999999999, "parent": -1, "targets": [1]}']
)  # fmt: skip
def test_hostile_bodies_are_no_server_errors(noun: str, body: str, boss: APIClient) -> None:
    answer = boss.post(f"/api/v1/{noun}/", body, content_type="application/json")
    assert answer.status_code == 400, answer.content


def test_the_schema_is_valid_and_for_people_who_logged_in(
    boss: APIClient, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
    assert "Warning" not in capsys.readouterr().err
    assert APIClient().get("/api/schema/").status_code == 401
    assert boss.get("/api/schema/", headers={"Accept": "application/json"}).status_code == 200


def test_the_schema_is_worked_out_once_for_each_language(
    boss: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    german, english = (boss.get(f"/api/schema/?format=json&lang={code}").json() for code in ("de", "en"))
    assert german["paths"].keys() == english["paths"].keys() and german != english
    monkeypatch.delattr(SchemaGenerator, "parse")
    assert boss.get("/api/schema/?format=json&lang=en").json() == english


def test_a_token_opens_the_api(house: House) -> None:
    from rest_framework.authtoken.models import Token

    token = Token.objects.create(user=house.ada)
    client = APIClient(headers={"Authorization": f"Token {token.key}"})
    assert json.loads(client.get("/api/v1/accounts/").content)["results"][0]["username"] == "ada"


def test_only_an_administrator_opens_accounts_for_staff(house: House) -> None:
    from django.contrib.auth.models import Permission

    house.idle.user_permissions.add(Permission.objects.get(codename="add_account"))
    answer = api(type(house.idle).objects.get(pk=house.idle.pk)).post(
        "/api/v1/accounts/", {"username": "sneak", "kind": "admin"}
    )
    assert answer.status_code == 400 and "kind" in answer.json()["errors"]
    assert Invoice.objects.count() == 1
