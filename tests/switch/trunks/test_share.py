"""Two workers that share what they know through a real Redis: phones, carriers' states, watched calls, published presence."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from apps.core.workers import WORKERS
from mizu_site.run.redis import answers, command
from switch.events.bodies import Line
from switch.events.lines import Lines
from switch.events.published import Published
from switch.events.share import EventsShare
from switch.live import REGISTRATIONS, Live
from switch.net import Flow
from switch.registrar import Binding
from tests.support import wait_for
from tests.switch.loop import Loop


class Events:
    """The part of `switch.events.core.Events` that shares; what it is told, it keeps."""

    def __init__(self) -> None:
        self.lines = Lines(lambda account: None)
        self.published = Published()
        self.wanted: list[int] = []
        self.told_lines: dict[int, list[Line]] = {}
        self.waiting: dict[int, tuple[int, int]] = {}
        self.tell_published: Any = None

    def watched(self) -> list[int]:
        return self.wanted

    def others_told(self, told: dict[int, list[Line]]) -> None:
        self.told_lines = told

    def published_told(self, account: int, documents: dict[str, list[Any]]) -> None:
        self.published.told(account, documents)

    def waiting_told(self, account: int, new: int, old: int) -> None:
        self.waiting[account] = (new, old)


class Worker:
    """A worker's link to Redis with all that it shares."""

    def __init__(self, loop: Loop, label: str, url: str = "") -> None:
        self.events = Events()
        self.phones: dict[int, list[Binding]] = {}
        self.trunks: dict[str, Any] = {}
        self.live = Live(loop.reactor, url or settings.REDIS_URL, label, lambda: ({7: 1}, {}))
        self.usage: dict[int, int] = {}
        self.live.on_bindings = lambda account, found: self.phones.setdefault(account, []).extend(found)
        self.live.on_trunks = self.trunks.update
        self.live.on_usage = lambda calls, carriers: self.usage.update(calls)
        share = EventsShare(self.events, label, loop.reactor.callFromThread, self.live.put)  # type: ignore[arg-type]
        self.live.sharers.append(share)

    def end(self) -> None:
        """Its threads are over, so that none calls into a reactor that is gone."""
        self.live.stop()
        for thread in self.live._threads:
            thread.join(5)


@pytest.fixture
def pair() -> Iterator[tuple[Loop, Worker, Worker]]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.hset("mizu:waiting", "6", "rubbish")
    client.hset("mizu:waiting", "7", "[2, 1]")
    loop = Loop()
    workers = Worker(loop, "here-1-1"), Worker(loop, "here-2-1")
    for one in workers:
        one.live.start()
    loop.until(lambda: not any(one.live.away for one in workers), "Redis")
    yield loop, *workers
    for one in workers:
        one.end()
    for pattern in (
        "mizu:registrations:*",
        "mizu:watched:*",
        "mizu:lines:*",
        "mizu:trunks:*",
        "mizu:usage:*",
    ):
        for key in client.scan_iter(pattern):
            client.delete(key)
    client.delete("mizu:waiting", "mizu:presence", "mizu:workers")
    loop.close()


def test_what_one_worker_knows_the_other_is_told(pair: tuple[Loop, Worker, Worker]) -> None:
    loop, one, two = pair
    assert one.events.waiting == two.events.waiting == {7: (2, 1)}, (
        "what cannot be read does not hide the rest"
    )
    one.live.trunk_states = lambda: {"carriers": {}, "logins": {"5": {}}}
    flow = Flow("udp", "192.0.2.1", 5060, False, 0, 1)
    now = time.time()

    def register() -> bool:
        one.live.registered(7, [Binding("sip:a@b", flow, now + 60, 1.0, "c", 1, seen_at=now)])
        loop.turn(30)
        return 7 in two.phones

    loop.until(register, "the phone")
    assert two.phones[7][0].flow == flow
    loop.until(lambda: two.trunks.get("logins") == {"5": {}}, "the state of trunks")
    loop.until(lambda: two.usage == {7: 1}, "the calls of the other")


def test_calls_of_watched_accounts_are_told_and_no_others(pair: tuple[Loop, Worker, Worker]) -> None:
    loop, one, two = pair
    one.events.lines._mine = {
        7: {"x": Line("x", "initiator", "early", "49")},
        8: {"y": Line("y", "initiator", "early", "1")},
    }
    two.events.wanted = [7]
    loop.until(lambda: two.events.told_lines, "the call")
    assert two.events.told_lines == {7: [Line("x", "initiator", "early", "49")]}
    one.events.lines._mine = {}
    loop.until(lambda: not two.events.told_lines, "its end")


def test_what_a_phone_publishes_every_worker_knows_and_one_that_starts_later_too(
    pair: tuple[Loop, Worker, Worker],
) -> None:
    loop, one, two = pair
    document = ["<presence/>", time.time() + 60, time.time()]

    def publish() -> bool:
        one.events.tell_published(7, {"tag": document})
        loop.turn(30)
        return two.events.published.newest(7, time.time()) is not None

    loop.until(publish, "the document")
    late = Worker(loop, "there-1-1")
    late.live.start()
    loop.until(
        lambda: late.events.published.newest(7, time.time()) is not None, "the document at a new worker"
    )
    late.end()


@contextmanager
def a_redis(folder: Path) -> Iterator[redis.Redis]:
    """A server with nothing in it, which dies by SIGKILL at the end of the block."""
    path = folder / "redis"
    with subprocess.Popen(command(path, folder), stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: answers(path), 10, "Redis")
            with redis.Redis(unix_socket_path=str(path)) as client:
                yield client
        finally:
            server.kill()


def test_a_redis_that_is_back_before_anybody_missed_it_is_told_all_anew(tmp_path: Path) -> None:
    loop = Loop()
    binding = Binding(
        "sip:a@b",
        Flow("udp", "192.0.2.1", 5060, False, 0, 1),
        time.time() + 60,
        1.0,
        "c",
        1,
        seen_at=time.time(),
    )
    worker = Worker(loop, "here-1-1", f"unix://{tmp_path / 'redis'}?db=0")
    worker.live.all_bindings = lambda: {7: [binding]}

    def told(client: redis.Redis) -> bool:
        return bool(client.hvals(f"{REGISTRATIONS}:7") and client.zscore(WORKERS, "here-1-1"))

    try:
        with a_redis(tmp_path) as client:
            worker.live.start()
            loop.until(lambda: told(client), "the first Redis to be told")
        with a_redis(tmp_path) as client:
            loop.until(lambda: told(client), "the second Redis to be told", 10)
    finally:
        worker.end()
        loop.close()
