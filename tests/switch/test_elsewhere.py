"""A call that comes before this worker has heard of the phone: the lookup, step by step, and with real workers and Redis."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from switch.live import REGISTRATIONS, Live
from switch.net import Flow
from switch.registrar import Binding
from switch.registrar.elsewhere import AGAIN, WITHIN, Elsewhere
from tests.support import wait_for
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened

ACCOUNT = 7


class Scene:
    """Redis, this worker's table and its clock, all in the test's hand."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.away = False
        self.asked: list[Callable[[], None]] = []
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.done = 0
        self.elsewhere = Elsewhere(self.known.__contains__, lambda delay, do: self.alarms.append((delay, do)))
        self.elsewhere.shelf = self

    def look_up(self, accounts: Iterable[int], then: Callable[[], None]) -> bool:
        if not self.away:
            self.asked.append(then)
        return not self.away

    def seek(self, *accounts: int) -> Scene:
        def then() -> None:
            self.done += 1

        self.elsewhere.seek(accounts, then)
        return self

    def ring(self, delay: float) -> None:
        """The time comes that was asked for."""
        next(do for one, do in self.alarms if one == delay)()


def test_whose_phone_is_known_here_nobody_is_asked() -> None:
    scene = Scene()
    scene.known.add(ACCOUNT)
    assert (scene.seek(ACCOUNT).done, scene.asked) == (1, [])


def test_what_redis_knows_is_enough() -> None:
    scene = Scene().seek(ACCOUNT)
    scene.known.add(ACCOUNT)
    scene.asked.pop()()
    assert scene.done == 1 and not scene.asked
    scene.ring(WITHIN)
    assert scene.done == 1


@pytest.mark.parametrize("told", [True, False])
def test_whom_redis_does_not_know_yet_it_is_asked_for_once_more_unless_the_worker_was_told(
    told: bool,
) -> None:
    scene = Scene().seek(ACCOUNT)
    scene.asked.pop()()
    assert scene.done == 0
    if told:
        scene.known.add(ACCOUNT)
    scene.ring(AGAIN)
    assert (scene.done, len(scene.asked)) == ((1, 0) if told else (0, 1))
    if not told:
        scene.asked.pop()()
    assert scene.done == 1


def test_a_call_does_not_wait_for_a_redis_that_is_away_or_silent() -> None:
    scene = Scene()
    scene.away = True
    assert scene.seek(ACCOUNT).done == 1
    scene = Scene().seek(ACCOUNT)
    scene.ring(WITHIN)
    assert scene.done == 1
    scene.asked.pop()()  # the answer comes all the same
    assert scene.done == 1


def test_a_worker_without_redis_asks_nobody() -> None:
    assert not Live(None, "", "node-1-1", lambda: ({}, {})).look_up([1], lambda: None)


# --- with real workers ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, redis_url=settings.REDIS_URL) as found:
        wait_for(lambda: _listens(found), 5, "the worker to know Redis")
        yield found


def _listens(house: House) -> bool:
    client = redis.Redis.from_url(settings.REDIS_URL)
    return bool(client.pubsub_numsub(REGISTRATIONS)[0][1]) and bool(client.keys("mizu:usage:*"))


@pytest.fixture
def written(house: House) -> Iterator[Callable[[Peer], None]]:
    """Write a registration down as another worker does, and do not tell it."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    key = f"{REGISTRATIONS}:{house.ids['1002']}"

    def write(phone: Peer) -> None:
        flow = Flow("udp", phone.host, phone.port, False, 0, 2)
        uri = phone.contact.strip("<>")
        binding = Binding(uri, flow, time.time() + 60, 1.0, "a-call-id", 1)
        client.hset(key, binding.key, json.dumps(binding.as_json()))

    yield write
    client.delete(key)


def test_a_call_reaches_a_phone_that_the_worker_has_not_been_told_of(
    house: House, written: Callable[[Peer], None]
) -> None:
    trunk, phone = house.peer("rich"), Peer(house.switch.port, "1002")
    began = time.monotonic()
    invite = trunk.invite("1002")
    trunk.send(invite)
    trunk.ack(invite, trunk.told(480))
    assert time.monotonic() - began < 10 * WITHIN  # looked twice, and not for long
    written(phone)
    invite = trunk.invite("1002")
    trunk.send(invite)
    phone.answer(phone.asked("INVITE"), 486)
    trunk.ack(invite, trunk.told(486))
    phone.asked("ACK")
    trunk.close()
    phone.close()
