"""Workers tell each other of bans through a real Redis, and take over what stands there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from apps.core import workers
from apps.screening.live import BANS, TOLD
from switch.bans import BanShare
from tests.switch.test_guard import GUESSER, PHONE, Watch


@pytest.fixture
def shelf() -> Iterator[redis.Redis]:
    client = workers.client()
    client.delete(BANS, TOLD)
    yield client
    client.delete(BANS, TOLD)


def at_once(do: Callable[..., object], *arguments: Any) -> None:
    do(*arguments)


def joined(folder: Path, label: str, shelf: redis.Redis) -> tuple[Watch, BanShare]:
    folder.mkdir()
    watch = Watch(folder)
    return watch, BanShare(watch.guard, label, at_once, lambda work: work(shelf))


@pytest.mark.req("security-005", "security-025")
def test_what_one_worker_bans_no_worker_hears_not_even_one_that_starts_later(
    shelf: redis.Redis, tmp_path: Path
) -> None:
    (one, _), (two, others) = (joined(tmp_path / name, name, shelf) for name in ("w1", "w2"))
    with shelf.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(BANS)
        channel.get_message(timeout=2)
        one.guess(5)
        message = channel.get_message(timeout=5)
    assert message is not None
    others.heard(json.loads(message["data"]))
    assert two.firewall.bans(GUESSER) and not two.firewall.bans(PHONE)
    three, late = joined(tmp_path / "w3", "w3", shelf)
    late.load(shelf)
    assert three.firewall.bans(GUESSER)
    three.pass_time(590)
    assert three.firewall.bans(GUESSER)
    three.pass_time(20)
    assert not three.firewall.bans(GUESSER)
    row = json.loads(shelf.lindex(TOLD, 0))  # type: ignore[arg-type]
    assert (row["source"], row["worker"], row["from"]) == (GUESSER, "w1", "w1") and "wrong passwords" in row[
        "reason"
    ]


def test_bans_that_are_over_or_that_nobody_of_ours_wrote_are_cleared_away(
    shelf: redis.Redis, tmp_path: Path
) -> None:
    shelf.hset(BANS, "203.0.113.1", json.dumps({"until": time.time() - 1, "reason": "old"}))
    shelf.hset(BANS, "203.0.113.2", "rubbish")
    shelf.hset(BANS, "203.0.113.3", json.dumps({"until": time.time() + 60, "reason": "new"}))
    watch, share = joined(tmp_path / "w1", "w1", shelf)
    share.load(shelf)
    assert [watch.firewall.bans(f"203.0.113.{last}") for last in (1, 2, 3)] == [False, False, True]
    assert shelf.hkeys(BANS) == [b"203.0.113.3"]


def test_a_worker_does_not_listen_to_itself_and_heeds_the_office(shelf: redis.Redis, tmp_path: Path) -> None:
    watch, share = joined(tmp_path / "w1", "w1", shelf)
    share.heard({"from": "w1", "source": PHONE, "until": time.time() + 60, "reason": "x"})
    assert not watch.firewall.bans(PHONE)
    share.heard({"from": "w2", "source": PHONE, "until": time.time() + 60, "reason": "x"})
    assert watch.firewall.bans(PHONE)
    share.heard({"from": "office", "source": PHONE, "until": 0, "reason": "lifted by boss"})
    assert not watch.firewall.bans(PHONE)
