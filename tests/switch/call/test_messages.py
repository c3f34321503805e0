"""Short messages between phones: who may send, who gets them, and what the sender hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.sip.message import Request, Response
from tests.switch.sim import Sim, SimPeer, furnished, opened
from tests.switch.stage import Stage


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    yield from opened(tmp_path, furnished())


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b)
    return made


def write(peer: SimPeer, to: str, text: bytes = b"hello", *, password: str = "") -> None:
    """Send a message, with the password when it is asked for."""
    uri = f"sip:{to}@127.0.0.1"
    first = peer.request("MESSAGE", uri, headers=(("Content-Type", "text/plain"),))
    first.body = text
    peer.send(first)
    asked = peer.told(407)
    again = Request("MESSAGE", uri, list(first.headers), text)
    again.set("Via", peer.via())
    again.set("CSeq", "2 MESSAGE")
    proof = peer.proof(asked, "MESSAGE", uri, password or f"secret-{peer.user}")
    again.headers.append(("Proxy-Authorization", proof))
    peer.send(again)


def test_a_message_reaches_every_phone_and_the_first_that_takes_it_answers(stage: Stage) -> None:
    tablet = stage.sim.peer("1002")
    stage.register(tablet)
    write(stage.a, "1002")
    for phone, status in ((stage.b, 486), (tablet, 200)):
        message = phone.asked("MESSAGE")
        assert (message.body, message.from_.uri.user) == (b"hello", "1001")
        assert message.get("Contact") is None and message.get("Content-Type") == "text/plain"
        phone.answer(message, status)
    stage.a.told(200)


def test_what_all_phones_refuse_is_refused(stage: Stage) -> None:
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 488)
    stage.a.told(488)


def test_a_phone_that_does_not_answer_is_not_available(stage: Stage) -> None:
    write(stage.a, "1002")
    stage.b.asked("MESSAGE")
    stage.a.told(480, seconds=40)


@pytest.mark.parametrize(
    ("to", "text", "status"), [("1003", b"x", 480), ("1999", b"x", 404), ("1002", b"x" * 1301, 513)]
)
def test_what_cannot_be_delivered_now_is_refused_and_not_kept(
    stage: Stage, to: str, text: bytes, status: int
) -> None:
    write(stage.a, to, text)
    stage.a.told(status)
    stage.b.silent()


def test_nobody_writes_as_somebody_else(stage: Stage) -> None:
    write(stage.a, "1002", password="wrong")
    stage.a.told(407)
    stage.b.silent()


def test_a_trunk_sends_no_messages(stage: Stage) -> None:
    trunk = stage.sim.peer("rich", 19_000)
    trunk.send(trunk.request("MESSAGE", "sip:1002@127.0.0.1"))
    trunk.told(403)


def test_a_message_within_a_call_goes_to_the_other_party(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    made = stage.a.within("MESSAGE", talk.invite, talk.ok, cseq=3, headers=(("Content-Type", "text/plain"),))
    heard = stage.b.asked("MESSAGE")
    assert heard.call_id == talk.asked.call_id != made.call_id
    stage.b.answer(heard, 200)
    told = stage.a.told(200, "MESSAGE")
    assert isinstance(told, Response)
    stage.a.within("BYE", talk.invite, talk.ok, cseq=4)
    stage.bye(stage.b)
