"""What a worker does when what it leans on goes away, and when it is told to stop."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support import wait_for
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House, furnish
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.fixture
def alone(django_db_setup: None, django_db_blocker: Any) -> Iterator[Callable[..., House]]:
    """Starts a worker that belongs to one test only."""
    made: list[House] = []
    with django_db_blocker.unblock(), tempfile.TemporaryDirectory() as folder:

        def start(**wanted: Any) -> House:
            house = furnish(Path(folder), **{k: v for k, v in wanted.items() if k in {"redis_url", "change"}})
            house.switch.env.update(wanted.get("env", {}))
            house.switch.port = int(house.switch.env["MIZU_SIP_PORT"])
            house.switch.start(bank=wanted.get("bank", True))
            made.append(house)
            return house

        yield start
        for house in made:
            if house.switch.process is not None and house.switch.process.poll() is None:
                house.switch.stop()
            assert "Traceback" not in house.switch.log(), house.switch.log()


def call_up(house: House) -> tuple[Peer, Peer, Any, Any]:
    caller, called = house.peer("rich"), house.peer("one")
    invite = caller.invite(NUMBER)
    caller.send(invite)
    called.answer(called.asked("INVITE"), 200, body=sdp())
    ok = caller.told(200)
    caller.ack(invite, ok)
    called.asked("ACK")
    return caller, called, invite, ok


def test_sigterm_ends_calls_by_bye_and_writes_their_records(alone: Callable[..., House]) -> None:
    house = alone()
    caller, called, invite, _ = call_up(house)
    assert house.switch.process is not None
    house.switch.process.terminate()
    caller.answer(caller.asked("BYE"), 200)
    called.answer(called.asked("BYE"), 200)
    assert house.switch.process.wait(10) == 0
    record = house.switch.record(invite)
    assert (record["cause"], record["by"]) == ("shutdown", "switch")
    assert "'failures': 0" in house.switch.log()


def test_who_is_told_to_stop_after_its_calls_have_ended_leaves_at_once(alone: Callable[..., House]) -> None:
    """Transactions that only absorb copies, for half a minute, owe nobody anything."""
    house = alone()
    caller, called, invite, ok = call_up(house)
    caller.within("BYE", invite, ok)
    called.answer(called.asked("BYE"), 200)
    caller.told(200, "BYE")
    begun = time.monotonic()
    assert house.switch.stop() == 0
    assert time.monotonic() - begun < 2, "it has waited for answers that nobody owes"


AWAY = {"DATABASE_URL": "postgres://nobody@/nowhere?host=/nonexistent"}


def test_without_the_database_a_prepaid_call_is_refused(alone: Callable[..., House]) -> None:
    house = alone(env=AWAY, bank=False)
    caller = house.peer("rich")
    invite = caller.invite(NUMBER)
    caller.send(invite)
    caller.ack(invite, caller.told(503))
    assert house.switch.record(invite)["cause"] == "database_away"


def test_without_the_database_a_call_may_have_an_allowance(alone: Callable[..., House]) -> None:
    def allow(office: Office) -> None:
        office.settings["prepaid_when_database_away"] = "allow"
        office.settings["database_away_allowance_seconds"] = 1

    house = alone(env=AWAY, bank=False, change=allow)
    caller, called, invite, _ = call_up(house)
    caller.answer(caller.asked("BYE", 3), 200)
    called.answer(called.asked("BYE"), 200)
    assert house.switch.record(invite)["authorised"] == 1


def test_more_calls_than_the_worker_may_carry_get_503_and_retry_after(alone: Callable[..., House]) -> None:
    def one_call(office: Office) -> None:
        office.settings["max_calls_per_worker"] = 1

    house = alone(change=one_call)
    caller, called, invite, ok = call_up(house)
    more = caller.invite(NUMBER)
    caller.send(more)
    refused = caller.told(503)
    assert refused.get("Retry-After")
    caller.ack(more, refused)
    caller.within("BYE", invite, ok)
    called.answer(called.asked("BYE"), 200)


def test_a_call_that_is_led_back_to_the_switch_ends(alone: Callable[..., House]) -> None:
    house = furnish_loop(alone)
    caller = house.peer("rich")
    invite = caller.invite(NUMBER)
    caller.send(invite)
    caller.ack(invite, caller.told(482, "INVITE"))
    record = house.switch.record(invite)
    assert [attempt[1] for attempt in record["attempts"]] == [482, 482]
    assert len(house.switch.lines()) == 1


def furnish_loop(alone: Callable[..., House]) -> House:
    """A carrier that is the switch itself."""
    from tests.support import free_port

    port = free_port()

    def loop(office: Office) -> None:
        for row in office.rows["trunks"]:
            row[2] = port
        office.address(office.rows["addresses"][0][2], "127.0.0.1")

    return alone(change=loop, env={"MIZU_SIP_PORT": str(port)})


def test_live_calls_are_shown_in_redis_and_an_operator_hangs_one_up(
    alone: Callable[..., House], redis_url: str
) -> None:
    house = alone(redis_url=redis_url)
    caller, called, invite, _ = call_up(house)
    with redis.Redis.from_url(redis_url) as client:
        shown = wait_for(lambda: _shown(client, "up"), 5, "the live call")
        assert (shown["caller"], shown["carrier"]) == ("rich", "one")
        client.publish("mizu:control", json.dumps({"do": "hangup", "call": shown["id"], "by": "anna"}))
        caller.answer(caller.asked("BYE"), 200)
        called.answer(called.asked("BYE"), 200)
        record = house.switch.record(invite)
        assert (record["cause"], record["comment"]) == ("operator_hangup", "by anna")
        wait_for(lambda: _shown(client) is None, 5, "the call to go")


def test_a_registration_survives_the_worker_in_redis(alone: Callable[..., House], redis_url: str) -> None:
    house = alone(redis_url=redis_url)
    phone = house.peer("1001")
    assert phone.register("secret-1001").status == 200
    with redis.Redis.from_url(redis_url) as client:
        wait_for(lambda: client.hlen(f"mizu:registrations:{house.ids['1001']}"), 5, "the binding in Redis")
    house.switch.stop()
    house.switch.log_path.unlink()
    house.switch.start()
    caller = house.peer("rich")

    def called() -> bool:
        invite = caller.invite("1001")
        caller.send(invite)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            message = caller.receive(2)
            if getattr(message, "status", 0) == 480:
                caller.ack(invite, message)  # type: ignore[arg-type]
                return False
            if getattr(message, "status", 0) == 100:
                try:
                    phone.answer(phone.asked("INVITE", 0.3), 486)
                except AssertionError:
                    continue
                caller.ack(invite, caller.told(486))
                return True
        return False

    wait_for(called, 10, "the phone to be called by the new worker")
    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"mizu:registrations:{house.ids['1001']}")


def test_without_redis_registrations_and_calls_go_on(alone: Callable[..., House]) -> None:
    house = alone(redis_url="unix:///nonexistent/redis.sock?db=0")
    phone, caller = house.peer("1001"), house.peer("rich")
    assert phone.register("secret-1001").status == 200
    invite = caller.invite("1001")
    caller.send(invite)
    phone.answer(phone.asked("INVITE"), 486)
    caller.ack(invite, caller.told(486))


@pytest.fixture
def redis_url() -> str:
    from django.conf import settings

    return str(settings.REDIS_URL)


def _shown(client: redis.Redis, state: str = "") -> dict[str, Any] | None:
    """The first call that is shown, in this state if one is named: what workers tell is half a second old."""
    for key in client.scan_iter("mizu:calls:*"):
        for value in client.hvals(key):  # type: ignore[union-attr]
            found: dict[str, Any] = json.loads(value)
            if state in ("", found["state"]):
                return found
    return None
