"""What workers tell each other through a real Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from apps.core.workers import WORKERS, labels
from switch.live import FORGOTTEN, REGISTRATIONS, USAGE, Live, _store
from switch.net import Flow
from switch.registrar import Binding

Counts = tuple[dict[int, int], dict[int, int]]


class AtOnce:
    """A reactor that does what another thread asks for at once."""

    def callFromThread(self, do: Callable[..., object], *arguments: Any) -> None:
        do(*arguments)


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    made = redis.Redis.from_url(settings.REDIS_URL)
    made.delete(WORKERS)
    yield made
    made.delete(WORKERS)


def worker(label: str, heard: list[Counts]) -> Live:
    live = Live(AtOnce(), settings.REDIS_URL, label, lambda: ({}, {}))
    live.on_usage = lambda calls, carriers: heard.append((calls, carriers))
    return live


def test_a_worker_hears_the_sum_of_what_all_others_count(client: redis.Redis) -> None:
    heard: list[Counts] = []
    for label, calls in (("node-2-1", 3), ("node-3-1", 4)):
        worker(label, [])._publish(client, ({7: calls}, {8: 1}))
    worker("node-1-1", heard)._publish(client, ({7: 100}, {}))
    assert heard == [({7: 7}, {8: 2})]


def test_the_counts_of_a_worker_that_is_gone_are_forgotten(client: redis.Redis) -> None:
    heard: list[Counts] = []
    worker("node-2-1", [])._publish(client, ({7: 3}, {}))
    client.delete(USAGE + "node-2-1")  # as Redis does ten seconds after the worker's last word
    worker("node-1-1", heard)._publish(client, ({}, {}))
    assert heard == [({}, {})]


def test_a_worker_that_says_nothing_for_a_minute_is_asked_for_no_more(client: redis.Redis) -> None:
    worker("node-2-1", [])._publish(client, ({7: 3}, {}))
    client.zadd(WORKERS, {"node-2-1": time.time() - FORGOTTEN - 1})
    worker("node-1-1", [])._publish(client, ({}, {}))
    assert labels(client) == ["node-1-1"]


def test_a_phone_is_told_to_the_other_workers_whatever_its_name_is_made_of(client: redis.Redis) -> None:
    news: list[bytes] = []
    odd = Binding(
        "sip:a@192.0.2.1", Flow("udp", "192.0.2.1", 5060, False, 0, 1), 2e9, 1.0, "c", 1, agent="\udcff"
    )
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(REGISTRATIONS)
        channel.get_message(timeout=2.0)
        _store(client, "node-1-1", {7: {odd.key: odd}})
        while not news:
            if (message := channel.get_message(timeout=2.0)) is not None:
                news.append(message["data"])
    told: list[tuple[int, list[Binding]]] = []
    for label in ("node-1-1", "node-2-1"):  # who has sent it needs it no more
        live = worker(label, [])
        live.on_bindings = lambda account, bindings: told.append((account, bindings))
        live._heard(REGISTRATIONS, news[0])
    assert told == [(7, [odd])]
    assert client.hkeys(f"{REGISTRATIONS}:7") == [odd.key.encode()]
    client.delete(f"{REGISTRATIONS}:7")
