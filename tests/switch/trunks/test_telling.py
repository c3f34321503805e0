"""What workers tell each other and the office about calls by trunks, through a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from apps.core.workers import WORKERS
from apps.routing.health import collect
from apps.routing.health.engine import Tally
from switch.call.usage import UsageCounters
from switch.trunks import telling
from switch.trunks.outcomes import Outcomes
from switch.trunks.repeats import MOST as MOST_REPEATS
from switch.trunks.repeats import Repeats
from switch.trunks.telling import Telling

CARRIER, CALLER, CALLED = 7, 9, "493012345"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Worker:
    def __init__(self, label: str, clock: Clock, client: redis.Redis) -> None:
        self.label, self.client = label, client
        self.usage, self.outcomes = UsageCounters(clock), Outcomes(clock)
        self.telling = Telling(self.outcomes, self.usage, label, lambda call, *values: call(*values))
        client.zadd(WORKERS, {label: 1})

    def tell(self) -> None:
        self.telling.gather()(self.client)


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as found:
        found.delete(collect.QUEUE, WORKERS)
        yield found
        found.delete(collect.QUEUE, WORKERS, telling.SENT + "n-1-a", telling.SENT + "n-2-b")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def both(client: redis.Redis, clock: Clock) -> tuple[Worker, Worker]:
    return Worker("n-1-a", clock, client), Worker("n-2-b", clock, client)


def test_the_office_takes_what_all_workers_counted_in_its_order(
    both: tuple[Worker, Worker], clock: Clock
) -> None:
    one, two = both
    one.outcomes.failed(CARRIER, CALLED)
    one.tell()
    for _ in range(2):
        two.outcomes.failed(CARRIER, CALLED)
    call = two.outcomes.answered(CARRIER, CALLED, 1.25, 20)
    two.outcomes.failed(CARRIER, "36")
    two.tell()
    one.outcomes.failed(CARRIER, CALLED)
    one.tell()
    clock.now += 25
    two.outcomes.ended(call, 25.0, 4.1)
    two.tell()
    [found] = list(collect.waiting())
    assert found[CARRIER, "4930"] == Tally(
        attempts=5,
        answered=1,
        failed=1,
        lasted=1,
        ended=1,
        seconds=25,
        delays=1,
        delay_ms=1250,
        heard=1,
        mos=410,
    )
    assert found[CARRIER, ""] == found[CARRIER, "4930"]._replace(attempts=6, failed=2)
    assert found[CARRIER, "36"] == Tally(attempts=1, failed=1)
    assert list(collect.waiting()) == []


@pytest.mark.req("routing-009")
def test_calls_per_second_of_a_trunk_are_those_of_all_workers(
    both: tuple[Worker, Worker], clock: Clock
) -> None:
    one, two = both
    for _ in range(3):
        one.usage.send(CARRIER)
    two.usage.send(CARRIER)
    one.tell()
    two.tell()
    one.tell()
    assert (one.usage.carrier_attempts(CARRIER), two.usage.carrier_attempts(CARRIER)) == (4, 4)
    clock.now += 1.1
    one.client.delete(telling.SENT + "n-1-a")  # as it does by itself 1.5 s after a worker fell silent
    two.tell()
    assert two.usage.carrier_attempts(CARRIER) == 0


def test_a_short_call_is_known_to_the_other_workers(both: tuple[Worker, Worker], client: redis.Redis) -> None:
    one, two = both
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(telling.REPEATS)
        channel.get_message(timeout=2)
        one.usage.repeats.short(CALLER, CALLED, CARRIER)
        one.tell()
        one.tell()
        news = channel.get_message(timeout=5)
        assert channel.get_message(timeout=0.1) is None
    assert news is not None and news["data"].startswith(b'{"from":"n-1-a",')
    two.telling.heard(json.loads(news["data"]))
    assert two.usage.tried(CALLER, CALLED, 300) == {CARRIER}
    assert two.usage.tried(CALLER + 1, CALLED, 300) == frozenset()


def test_of_repeats_the_oldest_are_forgotten_first(clock: Clock) -> None:
    repeats = Repeats(clock)
    for number in range(MOST_REPEATS + 1):
        repeats.short(CALLER, str(number), CARRIER)
    assert repeats.tried(CALLER, "0", 300) == frozenset()
    assert repeats.tried(CALLER, "1", 300) == {CARRIER}
    repeats.short(CALLER, "1", CARRIER + 1)
    assert repeats.tried(CALLER, "1", 300) == {CARRIER, CARRIER + 1}
    repeats.lasted(CALLER, "1")
    assert repeats.tried(CALLER, "1", 300) == frozenset()


@pytest.mark.parametrize("news", [{}, {"repeats": [[1, 2]]}, {"repeats": [["x", "y", "z"]]}, {"repeats": 7}])
def test_garbled_news_are_told_as_such_to_who_listens(
    both: tuple[Worker, Worker], news: dict[str, object]
) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        both[0].telling.heard(news)  # `Live` catches these, and says so


def test_what_is_told_while_redis_is_away_is_told_later(both: tuple[Worker, Worker]) -> None:
    one, _ = both
    for _ in range(3):
        one.outcomes.failed(CARRIER, CALLED)
    one.tell()
    [found] = list(collect.waiting())
    assert found[CARRIER, ""] == Tally(attempts=3, failed=3)
