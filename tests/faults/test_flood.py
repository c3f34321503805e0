"""More INVITEs than a worker can answer, from a source that it must hear: calls that are up go on, new ones get 503, memory stays."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.sip.message import Request, Response
from tests.support import wait_for
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

NUMBER = "49301234567"
RATE = 12_000
"""INVITEs a second: some times what a worker can answer, and less than what it can leave unread."""
NOTICED = 20
"""Seconds in which the worker must see that it is too much, and refuse somebody by 503."""
GROWTH_MB = 120
PATIENCE = 32.0
"""Seconds for which a phone repeats what is not answered (timers B and F)."""


def insist(say: Callable[[], object], heard: Callable[[float], object]) -> None:
    """Say it as user agents do, again after T1, twice T1, … at most T2, until `heard` hears within that time what it waits for."""
    began, interval = time.monotonic(), 0.5
    while time.monotonic() - began < PATIENCE:
        try:
            heard(interval)
        except AssertionError:
            say()
            interval = min(2 * interval, 4.0)
        else:
            return
    heard(0.01)


def to_target(peer: Peer, request: Request) -> None:
    target = request.target
    peer.send(request, (target.host, target.port or 5060))


def refusal(peer: Peer) -> Response:
    """The 503 to one of several new calls: what is read while the worker has just caught up is answered as ever."""
    until = time.monotonic() + NOTICED
    while time.monotonic() < until:
        peer.send(peer.invite(NUMBER))
        try:
            return peer.told(503, "INVITE", 0.3)
        except AssertionError:
            continue
    raise AssertionError(f"no new call was refused; came {peer.heard[-20:]}")


def called(caller: Peer, carrier: Peer) -> bool:
    """Whether a new call goes through, as before the flood."""
    invite = caller.invite(NUMBER)
    caller.send(invite)
    try:
        carrier.answer(carrier.asked("INVITE", 1), 486)
        caller.ack(invite, caller.told(486))
    except AssertionError:
        return False
    return True


def resident_mb(house: House) -> float:
    assert house.switch.process is not None
    fields = Path(f"/proc/{house.switch.process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


@pytest.mark.alone
def test_during_a_flood_a_call_that_is_up_is_changed_and_hung_up_and_new_ones_get_503(worker: House) -> None:
    house = worker
    with_peers: list[Peer] = [house.peer("rich"), house.peer("one"), house.peer("stranger")]
    rich, one, stranger = with_peers
    try:
        invite = rich.invite(NUMBER)
        rich.send(invite)
        one.answer(one.asked("INVITE"), 200, body=sdp())
        ok = rich.told(200, "INVITE")
        rich.ack(invite, ok)
        one.asked("ACK")
        before = resident_mb(house)
        ports = [str(house.switch.port), str(house.switch.own_port)]
        flood = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.flooder", str(RATE), *ports],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            wait_for(lambda: "overloaded" in house.switch.log(), NOTICED, "the worker to notice")
            assert refusal(stranger).get("Retry-After")
            again = rich.within("INVITE", invite, ok, cseq=2, body=sdp(direction="sendonly"))
            insist(lambda: to_target(rich, again), lambda seconds: one.asked("INVITE", seconds))
            passed = one.heard[-1]
            assert isinstance(passed, Request)
            answer = one.answer(passed, 200, tag=passed.to.tag or "", body=sdp(direction="recvonly"))
            insist(lambda: one.send(answer), lambda seconds: rich.told(200, "INVITE", seconds))
            rich.ack(again, rich.heard[-1])  # type: ignore[arg-type]
            bye = rich.within("BYE", invite, ok, cseq=3)
            insist(lambda: to_target(rich, bye), lambda seconds: rich.told(200, "BYE", seconds))
            one.answer(one.asked("BYE", PATIENCE), 200)
        finally:
            flood.terminate()
            sent = int(flood.communicate(timeout=30)[0])
        assert sent > 10_000, f"a flood of {sent} messages is none"
        wait_for(lambda: called(rich, one), 30, "the worker to recover")
        assert "not overloaded any more" in house.switch.log()
        assert resident_mb(house) - before < GROWTH_MB
        assert house.switch.record(invite)["cause"] == "normal"
    finally:
        for peer in with_peers:
            peer.close()


@pytest.mark.req("security-076")
def test_who_guesses_passwords_gets_silence_and_his_neighbour_an_answer(worker: House) -> None:
    """Neither is a trunk, whose addresses are trusted: these come from elsewhere."""
    guesser = Peer(worker.switch.port, "1001", host="127.0.0.66")
    phone = Peer(worker.switch.port, "1002", host="127.0.0.67")
    try:
        for _ in range(worker.office.settings["maxfailedauthenabledipport"]):
            asked = guesser.request("REGISTER", "sip:127.0.0.1", to="<sip:1001@127.0.0.1>")
            guesser.send(asked)
            again = guesser.request("REGISTER", "sip:127.0.0.1", to="<sip:1001@127.0.0.1>", cseq=2)
            proof = guesser.proof(guesser.told(401), "REGISTER", "sip:127.0.0.1", "wrong")
            again.headers.append(("Authorization", proof))
            guesser.send(again)
            guesser.told(401)
        guesser.send(guesser.request("OPTIONS", "sip:127.0.0.1"))
        phone.send(phone.request("OPTIONS", "sip:127.0.0.1"))
        phone.told(200)
        with pytest.raises(TimeoutError):
            guesser.receive(0.3)
        assert "is not heard for" in worker.switch.log()
    finally:
        guesser.close()
        phone.close()
