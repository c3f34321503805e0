"""Loss, jitter and changes, from sequence numbers and time stamps."""

from __future__ import annotations

import random

import pytest

from switch.media import Stream


def run(sequences: list[int], *, ssrc: int = 1, stream: Stream | None = None, start: float = 0.0) -> Stream:
    stream = stream or Stream()
    for number, sequence in enumerate(sequences):
        stream.receive(0, sequence & 0xFFFF, (sequence * 160) & 0xFFFFFFFF, ssrc, start + number * 0.02)
    return stream


@pytest.mark.parametrize(
    ("sequences", "lost"),
    [
        ([], 0),
        ([5], 0),
        (list(range(1000)), 0),
        ([1, 2, 4, 5], 1),
        ([1, 2, 4, 3, 5], 0),
        ([1, 2, 2, 2, 3], 0),
        (list(range(65530, 65546)), 0),
        ([n for n in range(65530, 65546) if n not in (65535, 65536, 65540)], 3),
        ([65534, 65536, 65535, 65537], 0),
        ([65535, 65538], 2),
        (list(range(65000, 65000 + 3 * 65536)), 0),
        ([n for n in range(3 * 65536) if n % 100 != 50], 1966),
        ([1, 2, 4, 30000, 30001], 1),
    ],
)
def test_losses_are_counted_over_wraps_duplicates_and_disorder(sequences: list[int], lost: int) -> None:
    assert run(sequences).lost == lost


def test_a_new_ssrc_starts_its_own_count_and_keeps_the_losses() -> None:
    stream = run([1, 2, 4])
    run([60000, 60002, 60003], ssrc=2, stream=stream)
    assert (stream.lost, stream.ssrc_changes) == (2, 1)


def test_an_even_stream_has_no_jitter() -> None:
    assert run(list(range(500))).jitter == pytest.approx(0, abs=1e-9)


def test_jitter_follows_the_formula_of_rfc_3550() -> None:
    """The formula once more, written down as the RFC has it, over random arrivals."""
    chance = random.Random(3550)
    stream, expected, before = Stream(), 0.0, None
    for sequence in range(400):
        now = sequence * 0.02 + chance.uniform(0, 0.015)
        stream.receive(8, sequence, sequence * 160, 9, now)
        transit = now * 8000 - sequence * 160
        if before is not None:
            expected += (abs(transit - before) - expected) / 16
        before = transit
    assert stream.jitter == pytest.approx(expected / 8000)
    assert 0.002 < stream.jitter < 0.010


def test_packets_of_one_time_stamp_are_no_jitter() -> None:
    """Telephone events repeat their time stamp (RFC 4733 §2.5.1.2)."""
    stream = Stream()
    for number in range(50):
        stream.receive(101, number, 4000, 1, number * 0.02)
    assert stream.jitter == 0


def test_a_wrapping_time_stamp_is_no_jitter() -> None:
    stream = Stream()
    for number in range(200):
        stream.receive(0, number, (0xFFFFFFFF - 3200 + number * 160) & 0xFFFFFFFF, 1, number * 0.02)
    assert stream.jitter == pytest.approx(0, abs=1e-6)


def test_the_clock_rate_of_the_payload_makes_jitter_seconds() -> None:
    video, audio = Stream(), Stream()
    for number in range(400):
        now = number * 0.02 + (number % 2) * 0.005
        audio.receive(0, number, number * 160, 1, now)
        video.receive(34, number, number * 1800, 1, now)
    assert video.jitter == pytest.approx(audio.jitter, rel=0.01)
    assert audio.jitter == pytest.approx(0.005, rel=0.05)


def test_the_clock_rate_of_the_sdp_makes_jitter_seconds_too() -> None:
    opus, audio = Stream(), Stream()
    opus.set_clock_rate(48000)
    for number in range(400):
        now = number * 0.02 + (number % 2) * 0.005
        audio.receive(0, number, number * 160, 1, now)
        opus.receive(111, number, number * 960, 1, now)
    assert opus.jitter == pytest.approx(audio.jitter, rel=0.01)
