"""Redis is away for a while, and then back, with its memory or without: calls go on, phones are still reached."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import outage
from tests.faults.conftest import System
from tests.faults.house import NUMBER, TWO_PAYERS
from tests.faults.wire import SDP, Dialling, Peer, Phone
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.fault, pytest.mark.timeout(120)]


class Api:
    """The REST interface, as the administrator."""

    def __init__(self, system: System) -> None:
        self.url = f"{system.instance.url}api/v1/current-calls/"
        self.token = system.instance.manage("token", "admin").strip()

    def ask(self, method: str, path: str = "") -> tuple[int, Any]:
        """Status and what came with it."""
        asked = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"Token {self.token}"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=15) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def shown(self) -> list[str]:
        """Ids of the answered calls that are shown now; none while nobody can tell. One that was refused may be shown still."""
        status, calls = self.ask("GET")
        return [call["id"] for call in calls if call["state"] == "up"] if status == 200 else []


@pytest.fixture(scope="session")
def api(whole: System) -> Api:
    return Api(whole)


@pytest.fixture
def phone(system: System) -> Iterator[Phone]:
    """Subscriber 1001, registered, and known to both workers."""
    login = next(one for one in system.instance.logins() if one["what"] == "phone 1001")
    with Phone(system.instance.sip_port, login["username"], login["password"]) as made:
        made.log_on()
        wait_for(lambda: _known_everywhere(system, made), 5, "all workers to know the phone")
        yield made
        made.send(made.register(made.proof(made.challenge()), expires=0))
        made.wait("REGISTER", 200)


def _known_everywhere(system: System, phone: Phone) -> bool:
    """Whether calls reach the phone, whichever worker their Call-ID chooses. It is busy."""
    with Peer(system.instance.sip_port) as caller:
        for _ in range(8):
            dialling = Dialling(caller, f"{TWO_PAYERS}{phone.username}")
            caller.send(dialling.invite())
            while not (refusal := caller.listen(0.05)) or refusal.status < 200:
                asked = phone.listen(0)
                if asked and asked.first.startswith("INVITE"):
                    phone.reply(asked, 486)
            caller.send(dialling.refusal_ack(refusal))
            if refusal.status != 486:
                return False
    return True


def ring(system: System, phone: Phone) -> tuple[Peer, Dialling]:
    """Somebody calls the phone, it answers; the call is up."""
    caller = Peer(system.instance.sip_port)
    dialling = Dialling(caller, f"{TWO_PAYERS}{phone.username}")
    caller.send(dialling.invite())
    asked = phone.wait("INVITE", seconds=3)
    phone.reply(asked, 200, body=SDP)
    dialling.to_dialog(dialling.ack(caller.wait("INVITE", 200)))
    phone.wait("ACK")
    return caller, dialling


def hang_up(caller: Peer, dialling: Dialling, phone: Peer) -> None:
    dialling.to_dialog(dialling.bye())
    phone.reply(phone.wait("BYE"), 200)
    caller.wait("BYE", 200)
    caller.socket.close()


def test_without_redis_phones_are_reached_and_with_it_all_is_told_anew(
    system: System, api: Api, phone: Phone
) -> None:
    instance = system.instance
    caller, dialling = ring(system, phone)
    (call,) = wait_for(api.shown, 5, "the call to be shown")
    with outage.frozen([instance.pid("redis")]):
        again = ring(system, phone)
        assert api.ask("POST", f"{call}/hang-up/")[0] == 503
        assert api.ask("GET")[0] == 503
        hang_up(*again, phone)
    instance.kill("redis")  # and what it knew is gone
    instance.wait_ready(80)
    wait_for(lambda: api.shown() == [call], 10, "the live call to be shown again")
    wait_for(lambda: _registered(system, phone), 10, "the registration to be in Redis again")
    assert api.ask("POST", f"{call}/hang-up/")[0] == 202
    caller.reply(caller.wait("BYE"), 200)
    phone.reply(phone.wait("BYE"), 200)
    caller.socket.close()
    wait_for(lambda: not api.shown(), 5, "the call to be shown no more")
    assert dialling.answer is not None


def test_a_call_that_ended_while_redis_hung_is_not_shown_for_ever(
    system: System, api: Api, phone: Phone
) -> None:
    up = ring(system, phone)
    wait_for(api.shown, 5, "the call to be shown")
    before = _missed(system)
    with outage.frozen([system.instance.pid("redis")]):
        wait_for(
            lambda: all(now > then for now, then in zip(_missed(system), before, strict=True)),
            10,
            "the workers to miss Redis",
        )
        hang_up(*up, phone)
    wait_for(lambda: api.ask("GET") == (200, []), 10, "the call that is over to be shown no more")


def test_a_carrier_call_goes_on_while_redis_is_killed(system: System) -> None:
    with (
        Peer(system.instance.sip_port) as caller,
        Peer(system.instance.sip_port, system.carrier_port) as carrier,
    ):
        dialling = Dialling(caller, TWO_PAYERS + NUMBER)
        caller.send(dialling.invite())
        carrier.reply(carrier.wait("INVITE"), 200, body=SDP)
        dialling.to_dialog(dialling.ack(caller.wait("INVITE", 200)))
        carrier.wait("ACK")
        system.instance.kill("redis")
        assert not [one for one in caller.quiet(1) if one.method == "BYE"]
        dialling.to_dialog(dialling.bye())
        carrier.reply(carrier.wait("BYE"), 200)
        caller.wait("BYE", 200)
        system.books.prove([dialling.call], {})


def _registered(system: System, phone: Phone) -> bool:
    import redis

    client = redis.Redis(unix_socket_path=str(system.instance.place.redis_socket))
    values = [value for key in client.scan_iter("mizu:registrations:*") for value in client.hvals(key)]
    client.close()
    return any(f":{phone.port}" in value.decode() for value in values)


def _missed(system: System) -> list[int]:
    """How often each worker has said so."""
    return [system.instance.log(name).count("Redis is away") for name in ("worker-1", "worker-2")]
