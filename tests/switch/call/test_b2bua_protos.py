"""Broken messages (see `tests.switch.sip.protos`) of those whom the switch trusts: a trunk that calls, a party inside a call, a
carrier that answers. Nothing unforeseen happens, nobody else hears of it in broken form, and nothing is left."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.sip.message import BadMessage, Request, Response, parse
from tests.support_sip import sdp
from tests.switch.call.town import OWN, Citizen, Town, founded
from tests.switch.sip.protos import METHODS, VALUES, Base, requests

NUMBER = "49301234567"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made


@pytest.fixture
def rich(town: Town) -> Citizen:
    """The caller, a trunk."""
    return town.peer("rich")


@pytest.fixture
def one(town: Town) -> Citizen:
    """The called, a carrier."""
    return town.peer("one")


def whole(box: Citizen, what: str) -> list[Request | Response]:
    """What lies in the box, each a message that anybody can read."""
    found = []
    for data in box.box:
        try:
            found.append(parse(data))
        except BadMessage as bad:
            raise AssertionError(
                f"{what}: {box.user} was sent what cannot be read ({bad}): {data[:300]!r}"
            ) from None
    box.box.clear()
    return found


LONGEST = {
    "caller_address": 64, "caller_number": 64, "original": 128, "called_number": 64, "dialled": 64, "called_address": 64, "codec": 32,
    "sip_call_id": 255,
}  # fmt: skip
"""The columns of a call record (`apps.cdrs.models.Cdr`) that hold what peers wrote."""


def fits_the_database(town: Town) -> None:
    """No peer can write a record that cannot be stored: it would be a call that nobody pays for."""
    for record in town.records():
        for name, longest in LONGEST.items():
            assert len(record.get(name) or "") <= longest, f"{name} of {record}"
        json.dumps(record, ensure_ascii=False).encode()
        assert "\\u0000" not in json.dumps(record)


def refuse(one: Citizen, what: str) -> None:
    """The carrier refuses every INVITE, so that no call stays."""
    for message in whole(one, what):
        if isinstance(message, Request) and message.method == "INVITE":
            one.answer(message, 486)
    one.box.clear()


@pytest.mark.parametrize("method", METHODS)
def test_a_trunks_broken_request_harms_nobody(town: Town, rich: Citizen, one: Citizen, method: str) -> None:
    two = town.peer("two")
    for what, data in requests(
        Base(method), every=3 if method == "INVITE" else 11, offset=METHODS.index(method)
    ):
        rich.send(data)
        refuse(one, what)
        refuse(two, what)
        assert town.failures == 0, what
        rich.box.clear()
    town.nothing_left()
    fits_the_database(town)


@pytest.mark.parametrize("method", ["INVITE", "BYE", "ACK", "UPDATE", "INFO", "OPTIONS"])
def test_a_partys_broken_request_inside_a_call_harms_nobody(
    town: Town, rich: Citizen, one: Citizen, method: str
) -> None:
    invite, ok = _call(rich, one)
    tried = 0
    for what, data in requests(
        _inside(method, invite, ok), every=11 if method == "INVITE" else 17, offset=len(method)
    ):
        if not town.board.calls:
            town.pass_time(35)
            rich.box.clear()
            one.box.clear()
            invite, ok = _call(rich, one)
        rich.send(data, (rich.host, OWN))
        tried += 1
        for message in whole(one, what):
            if isinstance(message, Request) and message.method != "ACK":
                one.answer(
                    message, 200, tag=message.to.tag or "", body=sdp() if message.method == "INVITE" else b""
                )
        rich.box.clear()
        assert town.failures == 0, what
    assert tried > 500
    for call in list(town.board.calls.values()):
        call.stop()
    town.nothing_left()


def _call(rich: Citizen, one: Citizen) -> tuple[Request, Response]:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    return invite, ok


_cseq = iter(range(10, 10**9))


def _inside(method: str, invite: Request, ok: Response) -> Base:
    contact = ok.contact
    assert contact is not None
    return Base(
        method,
        uri=contact.uri_text.encode(),
        from_=(invite.get("From") or "").encode(),
        to=(ok.get("To") or "").encode(),
        call_id=invite.call_id.encode(),
        cseq=next(_cseq),
    )


ANSWERED = (
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Record-Route",
    "Content-Type",
    "Content-Length",
    "WWW-Authenticate",
    "Reason",
)


@pytest.mark.parametrize("status", [180, 183, 200, 302, 401, 407, 486, 503])
def test_a_carriers_broken_answer_harms_nobody(town: Town, rich: Citizen, one: Citizen, status: int) -> None:
    """Each header of the answer in turn has each bad value; whatever comes of it, the call ends and nothing fails."""
    two = town.peer("two")
    chance = random.Random(status)
    values = list(VALUES.items())
    for name in ANSWERED:
        for what, value in chance.sample(values, 40):
            case = f"{status} with {name} {what}"
            invite = rich.invite(NUMBER)
            rich.send(invite)
            asked = one.asked("INVITE")
            one.send(_spoilt(one, asked, status, name, value), asked.via.reply_to)
            for message in whole(one, case):
                if isinstance(message, Request) and message.method in {"BYE", "CANCEL"}:
                    one.answer(message, 200)
            refuse(two, case)
            whole(rich, case)
            assert town.failures == 0, case
            for call in list(town.board.calls.values()):
                call.stop()
            assert town.failures == 0, case
    rich.box.clear()
    town.nothing_left()
    fits_the_database(town)


def _spoilt(one: Citizen, asked: Request, status: int, name: str, value: bytes) -> bytes:
    fine = {
        header: asked.get(header) or "" for header in ("Via", "From", "Call-ID", "CSeq")
    } | {
        "To": f"{asked.get('To')};tag=c1", "Contact": one.contact, "Record-Route": "<sip:127.0.0.1:20011;lr>",
        "Content-Type": "application/sdp", "Reason": "Q.850;cause=16",
        "WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5',
    }  # fmt: skip
    body = sdp()
    lines = [f"{header}: {text}".encode() for header, text in fine.items() if header != name]
    lines.append(name.encode() + b": " + value)
    if name != "Content-Length":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([b"SIP/2.0 %d Because" % status, *lines, b"", body])[:65_507]
