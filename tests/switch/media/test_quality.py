"""The E-model, and RTCP as it passes."""

from __future__ import annotations

import struct

import pytest

from switch.media.quality import Reported, Side, heard, mos, rating
from switch.media.rtcp import follow
from tests.switch.loop import Loop
from tests.switch.media.conftest import Clock, Open, Party, rtp


@pytest.mark.parametrize(
    ("codec", "loss", "delay", "low", "high"),
    [
        ("PCMA", 0, 0, 4.3, 4.5), ("PCMU", 0.01, 0, 4.2, 4.4), ("PCMA", 0.05, 0, 3.5, 4.0), ("PCMA", 0.2, 0, 1.8, 2.9),
        ("G729", 0, 0, 3.9, 4.2), ("GSM", 0, 0, 3.4, 3.9), ("PCMA", 0, 0.15, 4.2, 4.4), ("PCMA", 0, 0.3, 3.3, 3.6),
        ("PCMA", 1, 3, 1, 1.1),
    ],
)  # fmt: skip
def test_the_estimate_is_where_the_recommendation_has_it(
    codec: str, loss: float, delay: float, low: float, high: float
) -> None:
    assert low <= mos(rating(codec, loss, 0, delay)) <= high


def test_more_loss_jitter_or_delay_never_sounds_better() -> None:
    for worse in ((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.3)):
        assert rating("PCMA", *worse) < rating("PCMA", 0, 0, 0)
    assert mos(0) == 1.0 and mos(93.2) == pytest.approx(4.41, abs=0.01)


def test_what_a_party_heard_counts_losses_before_and_behind_the_switch() -> None:
    clean = Side(1000, 0, 2.0)
    assert heard(clean, Side(0, 0, 0.0), "PCMA") is None
    good = heard(clean, clean, "PCMA")
    lossy = heard(Side(1000, 0, 2.0, Reported(100, 3.0, 40.0)), clean, "PCMA")
    before = heard(clean, Side(900, 100, 2.0), "PCMA")
    assert good is not None and lossy is not None and before is not None
    assert good > 4.3 and lossy < 3.6 and before < 3.6


def sender(ssrc: int, middle: int) -> bytes:
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, middle >> 16, (middle & 0xFFFF) << 16, 0, 0, 0)


def receiver(ssrc: int, about: int, *, lost: int, jitter: int, middle: int = 0, held: int = 0) -> bytes:
    return struct.pack(
        "!BBHIIIIIII", 0x81, 201, 7, ssrc, about, 5 << 24 | lost & 0xFFFFFF, 9, jitter, middle, held
    )


def test_reports_are_read_on_their_way_and_the_round_trip_measured(
    loop: Loop, make_relay: Open, clock: Clock
) -> None:
    session = make_relay().open("call")
    caller, called = Party(loop), Party(loop)
    caller.announce(session.caller)
    called.announce(session.called)
    mine, theirs = follow(session.caller, session.called)
    called.rtp.sendto(rtp(1, ssrc=77), session.called.local)
    loop.receive(caller.rtp)
    beside = {one: (one.local[0], one.local[1] + 1) for one in (session.caller, session.called)}
    called.rtcp.sendto(sender(77, 0x1234_5678), beside[session.called])
    loop.receive(caller.rtcp)
    clock.now += 0.75
    report = receiver(7, 77, lost=12, jitter=80, middle=0x1234_5678, held=0x8000)
    caller.rtcp.sendto(receiver(7, 99, lost=5000, jitter=1) + report, beside[session.caller])
    loop.receive(called.rtcp)
    told = mine.as_value()
    assert told is not None and theirs.as_value() is None
    assert (told.lost, told.jitter) == (12, 10.0)
    assert told.round_trip == pytest.approx(250, abs=1)


@pytest.mark.parametrize(
    "data", [b"\x80", b"\x80\xc9\xff\xff" + b"x" * 8, b"\x9f\xc9\x00\x01" + b"x" * 4, b"\x00" * 40]
)
def test_what_is_no_rtcp_tells_nothing_and_is_passed_on(loop: Loop, make_relay: Open, data: bytes) -> None:
    session = make_relay().open("call")
    caller, called = Party(loop), Party(loop)
    caller.announce(session.caller)
    called.announce(session.called)
    mine, _ = follow(session.caller, session.called)
    caller.rtcp.sendto(
        receiver(7, 1, lost=0, jitter=0), (session.caller.local[0], session.caller.local[1] + 1)
    )
    loop.receive(called.rtcp)
    caller.rtcp.sendto(data, (session.caller.local[0], session.caller.local[1] + 1))
    assert loop.receive(called.rtcp) == data
    assert mine.as_value() is None
