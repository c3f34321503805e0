"""The page and the API that tell where a call would go. The worker that answers is the switch's own code, in a thread here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.core import workers
from apps.routing.forms import WhereForm
from tests.answering import Worker
from tests.house import House, house
from tests.support import wait_for

__all__ = ["house"]
pytestmark = pytest.mark.django_db
NUMBER = "36201234567"


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(house.ada, house.carrier, folder=tmp_path)
    yield made
    made.stop()


@pytest.fixture
def boss(house: House, client: Client) -> Client:
    client.force_login(house.admin)
    return client


def test_the_page_shows_the_ways_of_a_call(boss: Client, worker: Worker) -> None:
    page = boss.get("/admin/where/", {"caller": "ada", "called": f"+{NUMBER}"})
    body = page.content.decode()
    assert "It would go to carrier-a" in body
    assert "rule world (priority 100), target priority 1, least cost 0.03 for one minute" in body
    assert "1. carrier-a: rule world" in body, "the last of the steps"


def test_a_refused_call_is_shown_with_its_reason(boss: Client, worker: Worker) -> None:
    body = boss.get("/admin/where/", {"caller": "ada", "called": "4420"}).content.decode()
    assert "Refused: no_route (SIP 404)" in body
    assert "has no rate for 4420" in body


def test_the_page_asks_about_another_moment_and_an_address(boss: Client, worker: Worker) -> None:
    asked = {"address": "192.0.2.200", "called": NUMBER, "at": "2026-09-21T12:00"}
    assert boss.get("/admin/where/", asked).status_code == 200
    [order] = worker.orders
    assert (order["account"], order["address"], order["at"]) == (None, "192.0.2.200:0", 1_789_992_000.0)


def test_a_past_call_is_decided_once_more_with_its_own_lot(
    boss: Client, worker: Worker, house: House
) -> None:
    page = boss.get(f"/admin/calls/{house.call.pk}/why/")
    assert page.status_code == 200 and "Then it went by" in page.content.decode()
    [order] = worker.orders
    assert (order["call"], order["account"]) == (str(house.call.pk), house.ada.pk)
    assert order["at"] == house.call.started_at.timestamp()
    assert (
        f"/admin/calls/{house.call.pk}/why/"
        in boss.get(f"/admin/cdrs/cdr/{house.call.pk}/change/").content.decode()
    )


def test_without_a_switch_the_page_says_so(boss: Client) -> None:
    page = boss.get("/admin/where/", {"caller": "ada", "called": NUMBER})
    assert page.status_code == 200 and "No switch worker answers" in page.content.decode()


def test_a_worker_that_is_gone_is_followed_by_another(boss: Client, worker: Worker) -> None:
    worker.client.zadd(workers.WORKERS, {"gone-1-x": time.time() + 10})
    try:
        page = boss.get("/admin/where/", {"caller": "ada", "called": NUMBER})
    finally:
        worker.client.zrem(workers.WORKERS, "gone-1-x")
    assert "It would go to carrier-a" in page.content.decode()


@pytest.mark.parametrize(
    "asked",
    [{"called": NUMBER}, {"caller": "nobody", "called": NUMBER}, {"caller": "ada"}, {"caller": "ada", "called": NUMBER, "at": "soon"},
     {"address": "example.com", "called": NUMBER}, {"address": "192.0.2.7:99999", "called": NUMBER}],
)  # fmt: skip
def test_what_makes_no_question_is_said_beside_the_field(asked: dict[str, str], boss: Client) -> None:
    assert boss.get("/admin/where/", asked).status_code == 422


@pytest.mark.parametrize(
    ("said", "address"),
    [("192.0.2.7", "192.0.2.7:0"), ("192.0.2.7:5080", "192.0.2.7:5080"), ("2001:db8::1", "2001:db8::1:0"),
     ("[2001:db8::1]:5080", "[2001:db8::1]:5080")],
)  # fmt: skip
def test_an_address_is_taken_with_a_port_or_without(said: str, address: str) -> None:
    form = WhereForm({"address": said, "called": "1"})
    assert form.is_valid(), form.errors
    assert form.question().address == address


def test_the_api_gives_the_same_decision(house: House, worker: Worker) -> None:
    client = APIClient()
    client.force_authenticate(house.admin)
    found = client.post(
        "/api/v1/routes/explain/", {"account": house.ada.pk, "called": NUMBER}, format="json"
    ).json()
    assert [(one["account"], one["cost"], one["rule"]) for one in found["targets"]] == [
        ("carrier-a", "0.03", "world")
    ]
    assert found["refused"] is None and found["rules"][0]["why_not"] == ""
    past = client.get(f"/api/v1/cdrs/{house.call.pk}/why/").json()
    assert past["caller"]["username"] == "ada"
    wrong = client.post("/api/v1/routes/explain/", {"called": NUMBER}, format="json")
    assert wrong.status_code == 400


def test_the_api_says_when_no_switch_answers(house: House) -> None:
    client = APIClient()
    client.force_authenticate(house.admin)
    answer = client.post(
        "/api/v1/routes/explain/", {"account": house.ada.pk, "called": NUMBER}, format="json"
    )
    assert answer.status_code == 503


def test_whoever_may_not_read_prices_is_not_told_costs(house: House, client: Client) -> None:
    from django.contrib.auth.models import Permission

    house.idle.user_permissions.add(
        Permission.objects.get(codename="view_routerule"), Permission.objects.get(codename="view_cdr")
    )
    client.force_login(house.idle)
    assert client.get("/admin/where/").status_code == 403
    assert client.get(f"/admin/calls/{house.call.pk}/why/").status_code == 403
    api = APIClient()
    api.force_authenticate(house.idle)
    assert api.post("/api/v1/routes/explain/", {}, format="json").status_code == 403


def test_rules_are_found_by_a_called_number(boss: Client, house: House) -> None:
    from tests import make

    make.rule(name="Hungary", called_prefixes="43,36")
    make.rule(name="Hungarian mobiles", called_prefixes="3620,3630")
    make.rule(name="Austria", called_prefixes="43")
    body = boss.get("/admin/routing/routerule/", {"q": "+36201234567"}).content.decode()
    assert [name in body for name in ("Hungary<", "Hungarian mobiles", "Austria", "world")] == [
        True,
        True,
        False,
        True,
    ]


def test_nobody_waits_for_a_worker_that_was_never_there() -> None:
    wait_for(lambda: not workers.labels(workers.client()), 5, "that no worker is known")
    with pytest.raises(workers.NoAnswer):
        workers.ask({"do": "explain"})
