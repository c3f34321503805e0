"""Listening to digits, as a service of the switch will: by the ways that the account's setting names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.call import dtmf
from switch.call.sound import Side, Sound
from switch.media import Way, events, g711, tones
from switch.sip.message import Request
from switch.world.settings import Settings
from tests.switch.loop import Loop
from tests.switch.media.conftest import Open, Party, rtp

SETTINGS = Settings.of(defaults())


class Listened:
    """A call whose caller is listened to."""

    def __init__(self, loop: Loop, relay: Any, method: str) -> None:
        self.loop = loop
        side = Side(replace(SETTINGS, ivrdtmfmethod=method), "127.0.0.1", False, events=101)
        self.sound = Sound(Way.ROUTE, (side, replace(side)), session=relay.open("call"))
        self.call: Any = SimpleNamespace(sound=self.sound)
        self.leg: Any = SimpleNamespace(is_caller=True)
        self.digits = ""
        self.party, self.other = Party(loop), Party(loop)
        self.party.announce(self.sound.session.caller)  # type: ignore[union-attr]
        self.other.announce(self.sound.session.called)  # type: ignore[union-attr]
        self.stop = dtmf.listen(self.call, self.leg, self.told)
        self.sequence = 0

    def told(self, digit: str) -> None:
        self.digits += digit

    def send(self, kind: int, body: bytes, stamp: int) -> None:
        self.sequence += 1
        local = self.sound.session.caller.local  # type: ignore[union-attr]
        self.party.rtp.sendto(rtp(self.sequence, kind=kind, timestamp=stamp, body=body), local)
        self.loop.receive(self.other.rtp)

    def event(self, digit: str) -> None:
        stamp = 1000 * (self.sequence + 1)
        for end in (False, False, True):
            self.send(101, events.write(digit, 800, end=end), stamp)

    def inband(self, digit: str) -> None:
        data = g711.encode(tones.samples(digit, 960), 8) + b"\xd5" * 480
        for start in range(0, len(data), 160):
            self.send(8, data[start : start + 160], start)

    def info(self, digit: str) -> None:
        headers = [("Content-Type", "application/dtmf-relay"), ("CSeq", "2 INFO")]
        dtmf.taken(self.call, self.leg, Request("INFO", "sip:x@y", headers, f"Signal={digit}\r\n".encode()))


@pytest.fixture
def listened(loop: Loop, make_relay: Open) -> Callable[[str], Listened]:
    return lambda method: Listened(loop, make_relay(), method)


@pytest.mark.req("sip-046", "sip-041", "sip-042", "sip-043")
@pytest.mark.parametrize(
    ("method", "digits"),
    [
        ("inband", "3"), ("info", "2"), ("inband_info", "23"), ("rfc4733", "1"), ("rfc4733_info", "12"), ("all", "123"),
        ("first", "1"),
    ],
)  # fmt: skip
def test_digits_are_heard_by_the_ways_of_the_setting(
    listened: Callable[[str], Listened], method: str, digits: str
) -> None:
    call = listened(method)
    call.event("1")
    call.info("2")
    call.inband("3")
    assert call.digits == digits
    call.stop()
    call.event("4")
    call.info("5")
    call.inband("6")
    assert call.digits == digits


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Duration=160\nSignal = *\n", "*"),
        ("application/dtmf-relay", b"Signal=11\r\n", "#"),
        ("application/dtmf-relay", b"Signal=d\r\n", "D"),
        ("application/dtmf-relay", b"Signal=55\r\n", ""),
        ("application/dtmf", b"7\r\n", "7"),
        ("application/dtmf", b"10", "*"),
        ("application/dtmf", b"77", ""),
        ("text/plain", b"7", ""),
    ],
)
def test_an_info_is_read_in_both_of_its_forms(kind: str, body: bytes, digit: str) -> None:
    request = Request("INFO", "sip:x@y", [("Content-Type", kind), ("CSeq", "2 INFO")], body)
    assert dtmf.digit_of(request) == digit
