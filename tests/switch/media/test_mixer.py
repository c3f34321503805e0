"""The mixer: who hears whom, early and late packets, two codecs, and what it costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest
from twisted.internet.task import Clock

from switch.media import events
from switch.media.endpoint import Tap
from switch.media.mixer import SECONDS, Mixer, Seat
from tests.audio import FRAME, from_alaw, from_ulaw, tone, ulaw

HERTZ = (440, 1000, 1700)


class Party:
    """An endpoint without sockets that says one tone."""

    def __init__(self, hertz: int) -> None:
        self.sound = ulaw(tone(hertz, seconds=2.0, level=0.25))
        self.taps: list[Tap] = []
        self.sent: list[bytes] = []
        self.said = 0

    def attach(self, tap: Tap) -> None:
        self.taps.append(tap)

    def detach(self, tap: Tap) -> None:
        self.taps.remove(tap)

    def send(self, packet: bytes) -> bool:
        self.sent.append(packet)
        return True

    def packet(self, number: int) -> bytes:
        return events.packet(0, number, number * FRAME, 1, self.sound[number * FRAME : (number + 1) * FRAME])

    def speak(self) -> None:
        for tap in self.taps:
            tap(self.packet(self.said), 0.0)
        self.said += 1

    def hears(self) -> set[int]:
        kind = self.sent[-1][1] & 0x7F
        data = b"".join(one[12:] for one in self.sent[-40:])
        samples = (from_alaw if kind == 8 else from_ulaw)(data).astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        level = {one: spectrum[round(one * len(samples) / 8000)] for one in HERTZ}
        return {one for one in HERTZ if level[one] > 200_000}


@pytest.fixture
def room() -> Iterator[tuple[Clock, Mixer, list[Party]]]:
    clock = Clock()
    mixer = Mixer(later=clock.callLater, clock=clock.seconds)
    yield clock, mixer, [Party(one) for one in HERTZ]
    mixer.close()


def go_on(clock: Clock, parties: list[Party], ticks: int = 50) -> None:
    for _ in range(ticks):
        for one in parties:
            one.speak()
        clock.advance(SECONDS)


def test_each_hears_all_the_others(room: tuple[Clock, Mixer, list[Party]]) -> None:
    clock, mixer, parties = room
    for one, codec in zip(parties, (0, 8, 0), strict=True):
        mixer.seat(one, codec)
    go_on(clock, parties)
    a, b, c = HERTZ
    assert [one.hears() for one in parties] == [{b, c}, {a, c}, {a, b}]
    assert [one.sent[-1][1] for one in parties] == [0, 8, 0]


def test_who_listens_or_whispers_is_heard_only_by_whom_it_should(
    room: tuple[Clock, Mixer, list[Party]],
) -> None:
    clock, mixer, parties = room
    first = mixer.seat(parties[0], 0)
    mixer.seat(parties[1], 0)
    guest = mixer.seat(parties[2], 0, frozenset[Seat]())
    a, b, c = HERTZ
    go_on(clock, parties)
    assert [one.hears() for one in parties] == [{b}, {a}, {a, b}]
    guest.heard_by = frozenset((first,))
    go_on(clock, parties)
    assert [one.hears() for one in parties] == [{b, c}, {a}, {a, b}]


def test_packets_go_out_one_in_20_ms_and_count_on(room: tuple[Clock, Mixer, list[Party]]) -> None:
    clock, mixer, parties = room
    mixer.seat(parties[0], 0)
    go_on(clock, parties, 10)
    heads = [
        (one[1] >> 7, int.from_bytes(one[2:4], "big"), int.from_bytes(one[4:8], "big"))
        for one in parties[0].sent
    ]
    assert 10 <= len(heads) <= 11  # at once, then with each tick
    assert [marker for marker, *_ in heads] == [1, *[0] * (len(heads) - 1)]
    assert {(b[1] - a[1], b[2] - a[2]) for a, b in itertools.pairwise(heads)} == {(1, FRAME)}


def test_old_and_strange_packets_are_no_sound(room: tuple[Clock, Mixer, list[Party]]) -> None:
    _clock, mixer, parties = room
    seat, party = mixer.seat(parties[0], 0), parties[0]
    for packet in (
        b"",
        b"\x80\x00",
        events.packet(101, 5, 0, 1, b"\0" * 4),
        events.packet(18, 6, 0, 1, b"\0" * 20),
    ):
        party.taps[0](packet, 0.0)
    assert seat.take() is None
    for number in (5, 3, 6, 4):
        party.taps[0](party.packet(number), 0.0)
    assert seat.take() is not None and seat.take() is not None and seat.take() is None


def test_a_flood_of_one_party_is_not_kept(room: tuple[Clock, Mixer, list[Party]]) -> None:
    _, mixer, parties = room
    seat = mixer.seat(parties[0], 0)
    for _ in range(90):
        parties[0].speak()
    taken = 0
    while seat.take() is not None:
        taken += 1
    assert taken == 8


def test_a_worker_that_stood_still_does_not_make_up_for_it(room: tuple[Clock, Mixer, list[Party]]) -> None:
    clock, mixer, parties = room
    mixer.seat(parties[0], 0)
    clock.advance(30)
    assert len(parties[0].sent) < 60


def test_who_has_left_is_neither_heard_nor_told(room: tuple[Clock, Mixer, list[Party]]) -> None:
    clock, mixer, parties = room
    seats = [mixer.seat(one, 0) for one in parties]
    mixer.leave(seats[2])
    go_on(clock, parties)
    assert (parties[2].taps, parties[2].sent) == ([], [])
    assert parties[0].hears() == {HERTZ[1]}


def test_three_parties_cost_little(room: tuple[Clock, Mixer, list[Party]]) -> None:
    """A tick of 20 ms takes a twentieth of that at most, even here beside everything else."""
    _, mixer, parties = room
    for one in parties:
        mixer.seat(one, 0)
    took = []
    for _ in range(60):
        for one in parties:
            one.speak()
        before = time.perf_counter()
        mixer.mix()
        took.append(time.perf_counter() - before)
    assert min(took) < 0.002, min(took)
