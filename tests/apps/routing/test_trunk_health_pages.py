"""The health of trunks as operators see it: admin, dashboard and API."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.routing.health import services
from apps.routing.health.engine import Tally
from apps.routing.models import TrunkEvent, TrunkHealth
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
FAILED = Tally(attempts=30, failed=30)
WHY = "30 calls one after the other were not answered"
LIST = "/admin/routing/trunkhealth/"


@pytest.fixture
def carrier() -> Account:
    return make.carrier(username="shaky")


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make.admin(username="boss"))
    return client


def demoted(carrier: Account, destination: str = "") -> TrunkHealth:
    services.observe(tallies={(carrier.pk, destination): FAILED}, now=time.time())
    return TrunkHealth.objects.get(carrier=carrier, destination=destination)


@pytest.mark.req("failover-007", "failover-026")
def test_the_list_says_why_a_trunk_is_out_and_one_click_sets_it_free(boss: Client, carrier: Account) -> None:
    health = demoted(carrier)
    services.observe(tallies={(make.carrier().pk, ""): Tally(attempts=1, answered=1)}, now=time.time())
    page = boss.get(LIST).content.decode()
    assert WHY in page and "0\u00a0%\u00a0/\u00a030" in page
    assert page.count("Set free</button>") == 1 and f'formaction="{LIST}{health.pk}/reset/"' in page
    answer = boss.post(f"{LIST}{health.pk}/reset/", follow=True)
    assert "shaky is routed to again." in answer.content.decode()
    health.refresh_from_db()
    assert (health.state, health.until, health.failure_demotions) == ("good", None, 0)
    assert TrunkEvent.objects.first().by.username == "boss"
    assert WHY in boss.get("/admin/routing/trunkevent/").content.decode()


def test_several_are_set_free_together(boss: Client, carrier: Account) -> None:
    chosen = [demoted(carrier, prefix).pk for prefix in ("4930", "3620")]
    boss.post(LIST, {"action": "set_all_free", "_selected_action": chosen})
    assert not TrunkHealth.objects.exclude(state="good").exists()


def test_the_page_of_one_shows_figures_hours_and_history(boss: Client, carrier: Account) -> None:
    health = demoted(carrier, "4930")
    page = boss.get(f"{LIST}{health.pk}/change/").content.decode()
    assert page.count(WHY) == 2 and "of 30 calls in the window" in page and "— 30 / 0" in page
    assert f'action="{LIST}{health.pk}/reset/"' in page


@pytest.mark.req("failover-007", "failover-003")
def test_limits_are_set_on_the_page_and_what_makes_no_sense_is_said(boss: Client, carrier: Account) -> None:
    health = demoted(carrier)
    form = {"enabled": "on", "max_failures": "7", "min_asr": "20", "min_acd": "", "min_calls": "40"}
    assert boss.post(f"{LIST}{health.pk}/change/", form).status_code == 302
    health.refresh_from_db()
    assert (health.max_failures, health.min_asr, health.min_acd, health.min_calls) == (7, 20, None, 40)
    refused = boss.post(f"{LIST}{health.pk}/change/", form | {"min_asr": "101"})
    assert "less than or equal to 100" in refused.content.decode()
    health.refresh_from_db()
    assert health.min_asr == 20
    new = {"carrier": carrier.pk, "destination": "49x", "enabled": "on"}
    assert boss.post(f"{LIST}add/", new).status_code == 200
    assert boss.post(f"{LIST}add/", new | {"destination": "49", "min_asr": "3"}).status_code == 302
    assert TrunkHealth.objects.get(destination="49").min_asr == 3


def test_the_dashboard_and_the_sidebar_show_that_something_is_wrong(boss: Client, carrier: Account) -> None:
    heading = "Trunks that are passed over"
    assert heading not in boss.get("/admin/").content.decode()
    demoted(carrier)
    page = boss.get("/admin/").content.decode()
    assert heading in page and WHY in page and "Set free" in page


def test_who_may_only_look_sees_it_and_sets_nothing_free(client: Client, carrier: Account) -> None:
    health = demoted(carrier)
    helper = make.account("support", username="helper")
    client.force_login(helper)
    page = client.get(LIST).content.decode()
    assert WHY in page and "Set free" not in page
    assert "Set free" not in client.get(f"{LIST}{health.pk}/change/").content.decode()
    assert client.post(f"{LIST}{health.pk}/reset/").status_code == 403
    assert client.get(f"{LIST}{health.pk}/reset/").status_code == 403
    client.post(LIST, {"action": "set_all_free", "_selected_action": [health.pk]})
    health.refresh_from_db()
    assert health.state == "demoted"


def api(user: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.mark.req("failover-007", "failover-026")
def test_programs_read_set_limits_and_set_free(carrier: Account) -> None:
    health, boss = demoted(carrier), api(make.admin())
    path = f"/api/v1/trunk-health/{health.pk}/"
    [row] = boss.get("/api/v1/trunk-health/?state=demoted").json()["results"]
    assert (row["carrier"], row["reason"], row["failures"], row["level"]) == (carrier.pk, WHY, 0, 1)
    changed = boss.patch(path, {"max_failures": 4, "state": "good"}, format="json")
    assert (changed.status_code, changed.json()["max_failures"], changed.json()["state"]) == (
        200,
        4,
        "demoted",
    )
    assert boss.patch(path, {"min_asr": 500}, format="json").status_code == 400
    assert boss.patch(path, {"destination": "49"}, format="json").status_code == 400
    assert boss.post(f"{path}reset/").json()["state"] == "good"
    kinds = [one["kind"] for one in boss.get(f"/api/v1/trunk-events/?carrier={carrier.pk}").json()["results"]]
    assert kinds == ["reset", "demoted"]
    [hour] = boss.get("/api/v1/trunk-hours/").json()["results"]
    [day] = boss.get("/api/v1/trunk-days/").json()["results"]
    assert (hour["attempts"], day["attempts"], hour["answered"]) == (30, 30, 0)
    made = boss.post("/api/v1/trunk-health/", {"carrier": carrier.pk, "destination": "49"}, format="json")
    assert (made.status_code, made.json()["window"]["attempts"]) == (201, 0)
    again = boss.post("/api/v1/trunk-health/", {"carrier": carrier.pk, "destination": "49"}, format="json")
    assert again.status_code == 400


@pytest.mark.parametrize("kind", ["subscriber", "reseller", "customer_trunk", "carrier"])
def test_customers_and_carriers_see_nothing_of_it(carrier: Account, kind: str) -> None:
    health, client = demoted(carrier), api(make.account(kind))
    for path in (
        "trunk-health/",
        f"trunk-health/{health.pk}/",
        "trunk-events/",
        "trunk-hours/",
        "trunk-days/",
    ):
        assert client.get(f"/api/v1/{path}").status_code == 403
    assert client.post(f"/api/v1/trunk-health/{health.pk}/reset/").status_code == 403
    support: Any = api(make.account("support"))
    assert support.get("/api/v1/trunk-health/").status_code == 200
    assert support.post(f"/api/v1/trunk-health/{health.pk}/reset/").status_code == 403
    assert support.patch(f"/api/v1/trunk-health/{health.pk}/", {"min_asr": 1}).status_code == 403
