"""DTMF: tones, events, and one turned into the other, with a clock moved by hand."""

from __future__ import annotations

import itertools
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from switch.media import Conversion, Timing, Wanted, events, g711, tones
from tests.audio import Talker, from_alaw, from_ulaw, tone, ulaw

DIGITS = "0123456789*#ABCD"


def noise(seconds: float = 0.5, level: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(1).normal(0, level * 10000, int(8000 * seconds))).astype(np.int16)


def heard(samples: np.ndarray | tuple[int, ...]) -> str:
    return tones.Detector().feed(array("h", [int(one) for one in samples]))


@pytest.mark.parametrize("kind", [g711.PCMU, g711.PCMA])
def test_g711_is_decoded_as_the_recommendation_says_and_encoded_to_the_nearest(kind: int) -> None:
    every = bytes(range(256))
    reference = (from_ulaw if kind == g711.PCMU else from_alaw)(every)
    assert list(g711.decode(every, kind)) == list(reference)
    again = g711.decode(g711.encode(g711.decode(every, kind), kind), kind)
    assert max(abs(a - b) for a, b in zip(again, reference, strict=True)) <= 8
    wave = tone(440)
    error = np.abs(np.array(g711.decode(g711.encode(map(int, wave), kind), kind)) - wave)
    assert error.max() <= 520 and error.mean() < 150


@pytest.mark.req("sip-041")
@pytest.mark.parametrize("digit", DIGITS)
def test_every_digit_is_recognised_as_sound(digit: str) -> None:
    made = tones.samples(digit, 800)
    assert heard(made) == digit
    assert heard(g711.decode(g711.encode(made, g711.PCMA), g711.PCMA)) == digit
    loud = np.array(made) + noise(0.1, 0.02)
    assert heard(loud) == digit


def test_a_digit_is_told_once_and_again_after_a_pause() -> None:
    five, quiet = tones.samples("5", 1600), (0,) * 800
    assert heard(five + quiet + five + quiet + tones.samples("6", 800)) == "556"


@pytest.mark.parametrize(
    "sound",
    [
        tone(697), tone(1209), tone(440, 480), tone(697, 770), tone(300, 1500, 2500), noise(), tone(0),
        np.array(tones.samples("1", 240)), (np.array(tones.samples("1", 1600)) * 0.01).astype(np.int16),
    ],
)  # fmt: skip
def test_what_is_no_digit_is_none(sound: np.ndarray) -> None:
    assert heard(sound) == ""


def test_speech_like_sound_is_no_digit() -> None:
    rng = np.random.default_rng(7)
    at = np.arange(8000 * 20) / 8000
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * at)
    wave = sum(rng.uniform(0.2, 1) * np.sin(n * 2 * np.pi * np.cumsum(pitch) / 8000) for n in range(1, 25))
    assert heard((wave * 800).astype(np.int16)) == ""


@pytest.mark.req("media-003")
@given(st.sampled_from(DIGITS), st.integers(0, 70000), st.booleans())
def test_an_event_is_read_as_it_was_written(digit: str, duration: int, end: bool) -> None:
    event = events.read(events.write(digit, duration, end=end))
    assert event == events.Event(digit, min(duration, 0xFFFF), end)


@given(st.binary(max_size=40))
def test_garbage_is_no_event_and_no_payload(data: bytes) -> None:
    events.read(data)
    events.Listener(101).digit(data)
    if len(data) >= 12:
        events.payload_of(data)


class Direction:
    """A conversion, and what it lets out."""

    def __init__(self, wanted: Wanted) -> None:
        self.clock = Clock()
        self.out: list[bytes] = []
        self.digits = ""
        self.conversion = Conversion(
            wanted,
            send=self.out.append,
            later=self.clock.callLater,
            clock=self.clock.seconds,
            on_digit=self.told,
        )
        self.talker = Talker()

    def told(self, digit: str) -> None:
        self.digits += digit

    def put(self, packet: bytes) -> None:
        self.out += self.conversion(packet, self.clock.seconds())

    def voice(self, count: int = 1, sound: bytes = b"\xff" * 160, kind: int = 0) -> None:
        for _ in range(count):
            self.put(self.talker.packet(sound, kind))
            self.clock.advance(0.02)

    def event(self, digit: str, kind: int = 101, packets: int = 6) -> None:
        """As a phone sends it: one timestamp, growing duration, its end three times."""
        stamp = self.talker.timestamp
        for number in range(packets + 3):
            lasted = min(number + 1, packets) * 160
            body = events.write(digit, lasted, end=number >= packets)
            self.talker.timestamp = stamp
            self.put(self.talker.packet(body, kind, marker=number == 0))
            self.clock.advance(0.02)
        self.talker.timestamp = stamp + packets * 160

    @property
    def kinds(self) -> list[int]:
        return [one[1] & 0x7F for one in self.out]

    def in_order(self) -> bool:
        numbers = [int.from_bytes(one[2:4], "big") for one in self.out]
        return numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def sound(self, kind: int = 0) -> str:
        data = b"".join(one[12:] for one in self.out if one[1] & 0x7F == kind)
        return heard(g711.decode(data, kind))


@pytest.mark.req("media-009", "media-019", "sip-042")
def test_events_become_the_sound_of_their_digits() -> None:
    made = Direction(Wanted(101, None, tone=True, drop=True))
    for digit in "90#":
        made.voice(5)
        made.event(digit)
    made.voice(5)
    assert set(made.kinds) == {0}
    assert (made.digits, made.sound()) == ("90#", "90#")
    assert made.in_order()
    stamps = [int.from_bytes(one[4:8], "big") for one in made.out]
    assert [b - a for a, b in itertools.pairwise(stamps)] == [160] * (len(stamps) - 1)


@pytest.mark.req("media-019")
def test_events_may_pass_beside_their_sound_with_the_hearers_payload_type() -> None:
    made = Direction(Wanted(101, 96, tone=True, drop=False))
    made.voice(3)
    made.event("7")
    made.voice(3)
    assert made.kinds.count(96) == 9 and 101 not in made.kinds
    assert made.sound() == "7" and made.in_order()


def test_events_that_are_told_elsewhere_are_taken_out_of_the_stream() -> None:
    made = Direction(Wanted(101, None, drop=True))
    made.voice(3)
    made.event("4")
    made.voice(3)
    assert (made.digits, made.kinds) == ("4", [0] * 6)
    assert made.in_order()


@pytest.mark.parametrize("lost", range(4))
def test_a_digit_is_told_once_whichever_of_its_packets_are_lost(lost: int) -> None:
    made = Direction(Wanted(101, None, drop=True))
    put, count = made.put, iter(range(100))
    made.put = lambda packet: None if next(count) == lost else put(packet)  # type: ignore[method-assign]
    made.event("3")
    assert made.digits == "3"


@pytest.mark.req("sip-049", "sip-050", "sip-051", "sip-052", "sip-053", "sip-048")
@pytest.mark.parametrize(
    "timing", [Timing(), Timing(packets=4, end_packets=3, packet_ms=30, pause_ms=100, sleep_ms=700)]
)
def test_digits_of_ours_are_timed_as_the_settings_say(timing: Timing) -> None:
    made = Direction(Wanted(None, 101, timing=timing))
    begins: dict[int, float] = {}
    send = made.conversion._send

    def timed(packet: bytes) -> None:
        begins.setdefault(int.from_bytes(packet[4:8], "big"), made.clock.seconds())
        send(packet)

    made.conversion._send = timed
    made.conversion.press("12w3")
    made.clock.pump([0.001] * 3000)
    found = [events.read(one[12:]) for one in made.out]
    for digit in "123":
        mine = [one for one in found if one is not None and one.digit == digit]
        assert [one.end for one in mine] == [False] * timing.packets + [True] * timing.end_packets
        assert mine[-1].duration == timing.packets * timing.packet_ms * 8
    one, two, three = begins.values()
    assert two - one == pytest.approx(timing.digit_ms / 1000, abs=0.005)
    assert three - two == pytest.approx((timing.digit_ms + timing.sleep_ms) / 1000, abs=0.005)
    assert made.out[0][1] & 0x80 and not made.out[1][1] & 0x80  # the marker, once
    assert made.in_order()


@pytest.mark.req("sip-042")
def test_digits_of_ours_take_the_place_of_the_senders_voice() -> None:
    made = Direction(Wanted(None, 101))
    made.voice(5)
    made.conversion.press("8")
    made.voice(20)
    assert made.kinds[:5] == [0] * 5 and made.kinds[5:13] == [101] * 8 and set(made.kinds[13:]) == {0}
    assert made.in_order()


def test_without_events_digits_of_ours_are_sound() -> None:
    made = Direction(Wanted(None, None, tone=True))
    made.voice(3, kind=8)
    made.conversion.press("5D")
    made.voice(25, b"\xd5" * 160, kind=8)
    assert set(made.kinds) == {8} and made.in_order()
    assert made.sound(8) == "5D"


@pytest.mark.req("sip-041")
def test_sound_is_listened_to_where_the_sender_has_no_events() -> None:
    made = Direction(Wanted(None, 101, detect=True))
    made.voice(3)
    data = ulaw(np.array(tones.samples("2", 1600), dtype=np.int16))
    for start in range(0, 1600, 160):
        made.voice(1, data[start : start + 160])
    made.voice(3)
    assert made.digits == "2" and len(made.out) == 16


@given(st.binary(min_size=0, max_size=60))
def test_hostile_packets_pass_or_vanish_and_nothing_else_happens(data: bytes) -> None:
    made = Direction(Wanted(101, None, tone=True, drop=True, detect=True))
    made.put(b"\x80\x65" + data)
    made.put(b"\x80\x00" + data)
    made.put(data)
    made.talker.close()
