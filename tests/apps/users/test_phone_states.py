"""Phones' states as they are stored for lists and reports."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from apps.config.services import set_value
from apps.core.workers import CALLS, WORKERS
from apps.users.models import Account, PhoneStatus
from apps.users.queries import registered_now
from apps.users.services import store_phone_states
from apps.users.tasks import TURN, store_phones
from switch.net import Flow
from switch.registrar import Binding
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    cache.delete(TURN)
    yield client
    for key in client.scan_iter("mizu:registrations:*"):
        client.delete(key)
    client.delete(CALLS + "node-1-1", WORKERS)
    cache.delete(TURN)


def put(store: redis.Redis, account: Account, *, seconds: float = 600, agent: str = "Phone 1.0") -> None:
    now = time.time()
    one = Binding(
        "sip:x@10.0.0.5",
        Flow("udp", "198.51.100.7", 40001, False, 0, 1),
        now + seconds,
        1.0,
        "a",
        7,
        (),
        agent,
        now,
    )
    store.hset(f"mizu:registrations:{account.pk}", one.key, json.dumps(one.as_json()))


def call(store: redis.Redis, **parties: int) -> None:
    store.zadd(WORKERS, {"node-1-1": time.time()})
    store.hset(CALLS + "node-1-1", "x", json.dumps(parties))


@pytest.mark.req("registrar-001", "registrar-025", "registrar-030", "users-033")
def test_state_time_agreed_seconds_and_agent_of_a_phone_are_stored(store: redis.Redis) -> None:
    ada, eve = make.subscriber(), make.subscriber()
    put(store, ada), put(store, eve)
    call(store, caller_id=0, called_id=eve.pk)
    assert store_phone_states() == 2
    status = PhoneStatus.objects.get(account=ada)
    assert (status.state, status.agreed_seconds, status.address, status.agent) == (
        "registered", 600, "198.51.100.7:40001", "Phone 1.0",
    )  # fmt: skip
    assert PhoneStatus.objects.get(account=eve).state == "in_call"


def test_what_has_not_changed_is_not_written_again_and_the_time_of_a_state_stays(store: redis.Redis) -> None:
    ada = make.subscriber()
    put(store, ada)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    store_phone_states(now=long_ago)
    assert store_phone_states() == 0
    put(store, ada, agent="Phone 2.0")
    assert store_phone_states() == 1
    status = PhoneStatus.objects.get(account=ada)
    assert (status.agent, status.state_at) == ("Phone 2.0", long_ago)


@pytest.mark.req("registrar-015")
def test_who_is_registered_is_enabled_and_has_a_phone_whose_time_is_not_over(store: redis.Redis) -> None:
    ada, late, off = make.subscriber(), make.subscriber(), make.subscriber(is_active=False)
    for one in (ada, late, off):
        put(store, one)
    store_phone_states()
    PhoneStatus.objects.filter(account=late).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert list(registered_now()) == [ada]


def test_a_phone_that_is_gone_is_offline_since_then(store: redis.Redis) -> None:
    ada = make.subscriber()
    put(store, ada)
    store_phone_states()
    store.delete(f"mizu:registrations:{ada.pk}")
    now = datetime.now(UTC)
    assert store_phone_states(now=now) == 1
    status = PhoneStatus.objects.get(account=ada)
    assert (status.state, status.state_at) == ("offline", now)


@pytest.mark.req("registrar-030")
def test_states_are_stored_every_statussaveival_minutes(store: redis.Redis) -> None:
    ada = make.subscriber()
    store_phones()
    put(store, ada)
    store_phones()
    assert not PhoneStatus.objects.exists()
    set_value(key="statussaveival", value=1)
    cache.delete(TURN)
    store_phones()
    assert PhoneStatus.objects.count() == 1
    left = redis.Redis.from_url(settings.REDIS_URL)
    keys: list[Any] = [key for key in left.scan_iter("*") if key.endswith(TURN.encode())]
    assert 0 < left.ttl(keys[0]) <= 60


def test_lists_show_who_is_registered(store: redis.Redis) -> None:
    ada, boss = make.subscriber(username="ada-with-phone"), make.admin()
    make.subscriber(username="eve-without")
    put(store, ada)
    store_phone_states()
    client = Client()
    client.force_login(boss)
    page = client.get("/admin/users/account/?list=registered").content.decode()
    assert "ada-with-phone" in page and "eve-without" not in page
    client.force_login(ada)
    assert "Phone 1.0" in client.get("/").content.decode()
