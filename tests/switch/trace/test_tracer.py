"""Which messages are kept, for how long, and what nobody may read in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apps.cdrs.tracing.messages import Message, unpacked
from switch.net import Flow
from switch.trace import Tracer
from switch.trace.tracer import LATE, MESSAGES, STRAY
from switch.trace.veil import veiled
from tests.switch.worlds import Office

FLOW = Flow("udp", "192.0.2.1", 5062, False, 0, 1)


def message(start: str, call_id: str = "a@b", name: str = "Call-ID") -> bytes:
    return f"{start}\r\nVia: SIP/2.0/UDP x\r\n{name}: {call_id}\r\n\r\n".encode()


INVITE, TRYING, OK = message("INVITE sip:1 SIP/2.0"), message("SIP/2.0 100 Trying"), message("SIP/2.0 200 OK")


@dataclass
class Desk:
    """A tracer with a clock of its own, and what it hands on."""

    office: Office
    folder: Path
    now: float = 1000.0
    kept: dict[str, list[Message]] = field(default_factory=dict)
    captured: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tracer = Tracer(
            wall=lambda: self.now,
            local=lambda flow: ("198.51.100.9", 5060),
            deliver=lambda call, started, data: self.kept.update({call: unpacked(data)}),
            send_hep=lambda packet, server: self.captured.append(packet),
        )

    def follow(self) -> None:
        self.world = self.office.world(self.folder)
        self.tracer.follow(self.world.settings, anybody=bool(self.world.own_settings()))

    def call(self, account: int, name: str = "call-1") -> Any:
        """A call as the tracer sees it: its id, its start, its account and its world."""
        caller = self.world.account(account)
        board = SimpleNamespace(world=lambda: self.world)
        return SimpleNamespace(id=name, started=self.now, account=caller, board=board)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.tracer.sweep()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    office = Office()
    office.phone("1001")
    made = Desk(office, tmp_path)
    made.follow()
    return made


def test_a_failed_call_is_kept_with_all_its_ways_and_last_copies_in_order(desk: Desk) -> None:
    call = desk.call(1)
    desk.tracer.heard(FLOW, INVITE)
    desk.tracer.belongs(call, "a@b")
    desk.now += 0.1
    desk.tracer.said(FLOW, message("INVITE sip:2 SIP/2.0", "out@us"))
    desk.tracer.belongs(call, "out@us")
    desk.tracer.heard(FLOW, message("SIP/2.0 503 No", "out@us", name="i"))
    desk.tracer.over(call, failed=True)
    desk.now += 1
    desk.tracer.heard(FLOW, message("ACK sip:1 SIP/2.0"))
    desk.later(LATE)
    assert [one.start_line for one in desk.kept["call-1"]] == [
        "INVITE sip:1 SIP/2.0", "INVITE sip:2 SIP/2.0", "SIP/2.0 503 No", "ACK sip:1 SIP/2.0",
    ]  # fmt: skip
    first, second = desk.kept["call-1"][:2]
    assert (first.outgoing, second.outgoing) == (False, True)
    assert (first.theirs, first.ours) == ("192.0.2.1:5062", "198.51.100.9:5060")
    assert not desk.tracer._threads and not desk.tracer._of_call


def test_a_call_that_went_well_is_forgotten_unless_all_are_wanted(desk: Desk) -> None:
    for wanted, kept in (("failed", False), ("all", True)):
        desk.office.settings["siptrace"] = wanted
        desk.follow()
        call = desk.call(1, wanted)
        desk.tracer.heard(FLOW, INVITE)
        desk.tracer.belongs(call, "a@b")
        desk.tracer.over(call, failed=False)
        desk.later(LATE)
        assert (wanted in desk.kept) is kept


def test_one_account_is_traced_while_nobody_else_is(desk: Desk) -> None:
    desk.office.settings["siptrace"] = "off"
    desk.follow()
    assert not desk.tracer.active
    desk.office.rows["overrides"].append([1, "siptrace", "all"])
    other = desk.office.phone("1002")
    desk.follow()
    assert desk.tracer.active
    for account, name in ((1, "mine"), (other, "theirs")):
        call = desk.call(account, name)
        desk.tracer.heard(FLOW, message("INVITE sip:1 SIP/2.0", name))
        desk.tracer.belongs(call, name)
        desk.tracer.over(call, failed=True)
    desk.later(LATE)
    assert list(desk.kept) == ["mine"]


def test_what_never_becomes_a_call_is_let_go_and_no_call_fills_the_memory(desk: Desk) -> None:
    desk.tracer.heard(FLOW, message("REGISTER sip:x SIP/2.0", "reg"))
    desk.tracer.heard(FLOW, b"no sip at all")
    assert not desk.tracer._threads
    for _ in range(MESSAGES + 50):
        desk.tracer.heard(FLOW, INVITE)
    assert len(desk.tracer._threads[b"a@b"].messages) == MESSAGES
    desk.later(STRAY)
    assert not desk.tracer._threads and not desk.kept


def test_an_account_with_a_detailed_log_has_each_message_in_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.office.rows["overrides"].append([1, "loglevel", "detailed"])
    desk.follow()
    call = desk.call(1)
    with caplog.at_level("INFO", "switch.trace"):
        desk.tracer.heard(FLOW, INVITE)
        desk.tracer.belongs(call, "a@b")
        desk.tracer.said(FLOW, TRYING)
        desk.tracer.said(FLOW, OK)
    text = caplog.text
    assert text.index("INVITE sip:1") < text.index("100 Trying") < text.index("200 OK")
    assert text.count("call=call-1") == 3


def test_a_capture_server_gets_everything_even_what_is_no_call(desk: Desk) -> None:
    desk.office.settings |= {"siptrace": "off", "hep_server": "127.0.0.1:9060"}
    desk.follow()
    desk.tracer.heard(FLOW, message("REGISTER sip:x SIP/2.0", "reg"))
    desk.tracer.said(FLOW, OK)
    assert [b"REGISTER" in one for one in desk.captured] == [True, False]


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (
            b"6629fae49393a053",
            b'Authorization: Digest username="a", response="6629fae49393a05397450978507c4ef1"',
        ),
        (b"6629fae49393a053", b"Authorization: Digest response=6629fae49393a05397450978507c4ef1,qop=auth"),
        (
            b"WVNfX19zZW1j",
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20",
        ),
        (b"Signal=7", b"Content-Type: application/dtmf-relay\r\n\r\nSignal=7\r\nDuration=160"),
        (b"\r\n\r\n7", b"INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n7"),
    ],
)
def test_no_secret_is_kept(secret: bytes, text: bytes) -> None:
    assert secret in text
    assert secret not in veiled(text)
    assert b"***" in veiled(text)


def test_what_is_no_secret_stays_as_it_was() -> None:
    plain = b'WWW-Authenticate: Digest realm="mizu", nonce="6629fae49393a05397450978507c4ef1"\r\n\r\nv=0\r\na=sendrecv'
    assert veiled(plain) == plain
