"""What the office shows of phones and carriers that are live, and how it unregisters a phone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from apps.core.workers import WORKERS
from apps.users import services
from apps.users.live import NoSuchPhone, carrier_states, phones_of, unregister
from apps.users.models import TrunkAccount
from apps.users.snapshot import trunk_accounts
from switch.net import Flow
from switch.registrar import Binding
from switch.trunks.states import TrunkStates
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    yield client
    for key in client.scan_iter("mizu:registrations:*"):
        client.delete(key)
    client.delete("mizu:trunks:node", WORKERS)


def put(store: redis.Redis, account: int, uri: str = "sip:1001@10.0.0.5:5062", seconds: float = 600) -> None:
    now = time.time()
    one = Binding(
        uri,
        Flow("udp", "198.51.100.7", 40001, False, 0, 1),
        now + seconds,
        1.0,
        "a@b",
        7,
        (),
        "Phone 1.0",
        now,
    )
    store.hset(f"mizu:registrations:{account}", one.key, json.dumps(one.as_json()))


@pytest.mark.req("registrar-015", "registrar-025")
def test_a_phone_is_shown_with_its_address_its_agent_and_the_time_that_was_agreed(store: redis.Redis) -> None:
    ada = make.subscriber()
    put(store, ada.pk)
    put(store, ada.pk, "sip:gone@10.0.0.6", seconds=-5)
    (phone,) = phones_of([ada.pk])
    assert (phone.contact, phone.address, phone.agent) == (
        "sip:1001@10.0.0.5:5062",
        "198.51.100.7:40001",
        "Phone 1.0",
    )
    assert phone.seconds == 600


@pytest.mark.req("registrar-019")
def test_staff_unregisters_a_phone_by_an_order_to_the_switch(store: redis.Redis) -> None:
    ada, boss = make.subscriber(), make.admin()
    put(store, ada.pk)
    with store.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe("mizu:control")
        channel.get_message(timeout=1.0)
        client = Client()
        client.force_login(boss)
        answer = client.post(
            f"/admin/phones/{ada.pk}/forget/", {"contact": "sip:1001@10.0.0.5:5062"}, follow=True
        )
        assert "unregistered" in answer.content.decode()
        message = channel.get_message(timeout=2.0)
    assert message is not None
    assert json.loads(message["data"]) == {
        "do": "unregister", "account": ada.pk, "contact": "sip:1001@10.0.0.5:5062", "by": boss.username,
    }  # fmt: skip
    with pytest.raises(NoSuchPhone):
        unregister(account=ada, contact="sip:nobody@10.0.0.9", by=boss)


def test_a_subscriber_reads_the_own_phones_and_nobody_elses(store: redis.Redis) -> None:
    ada, eve = make.subscriber(), make.subscriber()
    put(store, ada.pk)
    api = APIClient()
    api.force_authenticate(ada)
    assert [one["agent"] for one in api.get(f"/api/v1/accounts/{ada.pk}/phones/").json()] == ["Phone 1.0"]
    assert api.get(f"/api/v1/accounts/{eve.pk}/phones/").status_code == 404
    assert api.post(f"/api/v1/accounts/{ada.pk}/unregister/", {"contact": "x"}).status_code == 403


@pytest.mark.req("sip-001")
def test_waiting_messages_are_set_through_the_api_for_the_switch(store: redis.Redis) -> None:
    ada, boss = make.subscriber(), make.admin()
    path, body = f"/api/v1/accounts/{ada.pk}/messages-waiting/", {"new": 2, "old": 5}
    api = APIClient()
    api.force_authenticate(ada)
    assert api.put(path, body, format="json").status_code == 403
    api.force_authenticate(boss)
    assert api.put(path, {"new": -1, "old": 0}, format="json").status_code == 400
    assert store.hget("mizu:waiting", str(ada.pk)) is None
    assert api.put(path, body, format="json").status_code == 200
    assert json.loads(store.hget("mizu:waiting", str(ada.pk)) or b"") == [2, 5]
    store.delete("mizu:waiting")


def told(store: redis.Redis, carrier: int, *, up: bool) -> None:
    states: TrunkStates = {
        "carriers": {str(carrier): {"up": up, "since": 1_790_000_000.0, "since_text": "", "detail": "no answer"}},
        "logins": {
            "7": {
                "carrier": carrier, "username": "mizu", "state": "failed", "since": 1_790_000_000.0, "until": 0,
                "detail": "403 Forbidden", "host": "",
            }
        },
    }  # fmt: skip
    store.zadd(WORKERS, {"node-1-1": time.time()})
    store.set("mizu:trunks:node", json.dumps(states))


def test_a_carriers_state_and_our_registrations_with_it_are_shown_since_when(store: redis.Redis) -> None:
    carrier, boss = make.carrier(username="wholesaler"), make.admin()
    told(store, carrier.pk, up=False)
    (state,) = carrier_states()[carrier.pk]
    assert (state.node, state.up, state.uppers[0].detail) == ("node", False, "403 Forbidden")
    client, api = Client(), APIClient()
    client.force_login(boss)
    page = client.get("/admin/carriers/").content.decode()
    assert "wholesaler" in page and "2026-09-21 14:13:20" in page and "403 Forbidden" in page
    api.force_authenticate(boss)
    assert api.get(f"/api/v1/carriers/{carrier.pk}/state/").json()[0]["since"] == "2026-09-21T14:13:20Z"


@pytest.mark.req("registrar-018")
def test_staff_has_the_switch_register_with_a_carrier_again(store: redis.Redis) -> None:
    carrier, boss, client = make.carrier(), make.admin(), Client()
    told(store, carrier.pk, up=True)
    client.force_login(boss)
    path = f"/admin/carriers/{carrier.pk}/register/"
    assert path in client.get("/admin/carriers/").content.decode()
    with store.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe("mizu:control")
        channel.get_message(timeout=1.0)
        answer = client.post(path, follow=True)
        assert "registers with" in answer.content.decode()
        message = channel.get_message(timeout=2.0)
    assert message is not None
    assert json.loads(message["data"]) == {"do": "register", "carrier": carrier.pk, "by": boss.username}
    assert client.post(f"/admin/carriers/{make.subscriber().pk}/register/").status_code == 404


# accounts that carriers have given us


@pytest.mark.req("auth-004", "auth-005", "auth-006")
def test_an_account_with_a_carrier_is_kept_without_its_password_and_told_to_the_switch() -> None:
    carrier = make.carrier()
    account = make.trunk_account(carrier, username="mizu", priority=2, caller_number="442079460000")
    assert (len(account.ha1_md5), len(account.ha1_sha256)) == (32, 64)
    (row,) = trunk_accounts()
    assert row[:4] == (carrier.pk, account.pk, 2, "mizu")
    services.change_trunk_account(account=account, enabled=False)
    assert not list(trunk_accounts())


def test_another_realm_needs_the_password_again() -> None:
    account = make.trunk_account(make.carrier())
    with pytest.raises(ValidationError, match="password again"):
        services.change_trunk_account(account=account, realm="other.example")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"expires": 5}, "expires"),
        ({"realm": 'a"b'}, "realm"),
        ({"password": ""}, "password"),
        ({"username": "<"}, "username"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        make.trunk_account(make.carrier(), **fields)
    assert field in refused.value.message_dict
    assert not TrunkAccount.objects.exists()


def test_who_is_no_carrier_or_registers_with_us_gives_no_accounts() -> None:
    with pytest.raises(ValidationError, match="Only a carrier"):
        make.trunk_account(make.subscriber())
    carrier = make.carrier()
    services.set_trunk(account=carrier, registers=True)
    with pytest.raises(ValidationError, match="registers with us"):
        make.trunk_account(carrier)


def test_a_carrier_without_a_host_must_register() -> None:
    with pytest.raises(ValidationError):
        services.set_trunk(account=make.carrier(), host="")


def test_accounts_with_carriers_are_kept_through_the_api() -> None:
    carrier, api = make.carrier(), APIClient()
    api.force_authenticate(make.admin())
    body = {"carrier": carrier.pk, "username": "mizu", "realm": "carrier.example", "password": "between-us"}
    made = api.post("/api/v1/trunk-accounts/", body, format="json")
    assert made.status_code == 201 and "password" not in made.json()
    path = f"/api/v1/trunk-accounts/{made.json()['id']}/"
    assert api.patch(path, {"priority": 3}, format="json").json()["priority"] == 3
    assert api.delete(path).status_code == 204
