"""Two clocks that do what they like, and one recording in which both parties are in step."""

from __future__ import annotations

import random

import pytest

from apps.recordings.engine.timeline import Packet, Timeline, parse
from tests.recorded import packet

RATE = 8000
SOFT, HARD = 0.2, 1.0


def sent(
    count: int,
    *,
    first: float = 0.0,
    stamp: int = 1000,
    number: int = 0,
    source: int = 7,
    drift: float = 0.0,
    kind: int = 0,
) -> list[Packet]:
    """Packets of 20 ms, each when it was said; the party's clock is fast by `drift`."""
    return [
        Packet(first + place * 0.02, kind, False, number + place & 0xFFFF, int(stamp + place * 160 * (1 + drift)) & 0xFFFFFFFF,
               source, b"x")
        for place in range(count)
    ]  # fmt: skip


def placed(packets: list[Packet]) -> dict[float, float]:
    """When each packet was said → where it was placed; packets are said when they are made here, and may come later."""
    line = Timeline(lambda kind: 48000 if kind == 111 else RATE, soft=SOFT, hard=HARD)
    found = []
    for one in sorted(packets, key=lambda one: one.at):
        found += line.push(one)
    found += line.until(float("inf"))
    return {(one.packet.source, one.packet.sequence): one.begins for one in found}  # type: ignore[misc]


def errors(packets: list[Packet], said: list[Packet]) -> list[float]:
    """How far each that was placed is from when it was said, seconds."""
    places = placed(packets)
    true = {(one.source, one.sequence): one.at for one in said}
    return [places[key] - at for key, at in true.items() if key in places]  # type: ignore[index]


def late(packets: list[Packet], by: float) -> list[Packet]:
    return [one._replace(at=one.at + by) for one in packets]


def test_jitter_and_disorder_do_not_move_the_sound() -> None:
    said = sent(500)
    chance = random.Random(5)
    came = [one._replace(at=one.at + chance.random() * 0.15) for one in said]
    off = errors(came, said)
    assert len(off) == 500 and max(off) - min(off) < 0.001 and abs(off[0]) < 0.02


@pytest.mark.req("recording-004")
def test_a_clock_that_drifts_is_put_right_at_the_next_pause() -> None:
    """Two per mille for five minutes are 600 ms; there is a pause each ten seconds."""
    said = [one for place, one in enumerate(sent(15000, drift=0.002)) if place % 500 > 10]
    off = errors(said, said)
    assert max(abs(one) for one in off) < SOFT + 0.03
    assert max(abs(one) for one in errors(sent(15000, drift=0.0), sent(15000))) < 0.001


@pytest.mark.req("recording-004")
def test_a_clock_that_drifts_without_a_pause_is_put_right_when_it_is_far_off() -> None:
    off = errors(said := sent(15000, drift=0.01), said)
    assert SOFT < max(abs(one) for one in off) < HARD + 0.05


def test_a_party_that_stops_its_clock_while_on_hold_is_in_step_afterwards() -> None:
    said = sent(100) + sent(100, first=32.0, stamp=1000 + 100 * 160, number=100)
    assert max(abs(one) for one in errors(said, said)) < 0.001


def test_a_network_that_stalls_loses_nothing_and_moves_nothing() -> None:
    said = sent(300)
    came = (
        said[:100]
        + [one._replace(at=3.5 + place * 0.0001) for place, one in enumerate(said[100:170])]
        + said[170:]
    )
    off = errors(came, said)
    assert len(off) == 300 and max(abs(one) for one in off) < 0.001


def test_loss_leaves_silence_where_it_was() -> None:
    said = [one for place, one in enumerate(sent(300)) if not 100 <= place < 180]
    assert max(abs(one) for one in errors(said, said)) < 0.001


@pytest.mark.parametrize("stamp", [5, 4_000_000_000])
def test_timestamps_that_jump_or_begin_anew_do_not_move_what_follows(stamp: int) -> None:
    said = sent(100) + sent(100, first=2.0, stamp=stamp, number=100) + sent(50, first=4.0, number=0, source=9)
    off = errors(said, said)
    assert len(off) == 250 and max(abs(one) for one in off) < 0.001


def test_timestamps_count_on_beyond_32_bits() -> None:
    said = sent(300, stamp=0xFFFFFFFF - 20_000)
    assert max(abs(one) for one in errors(said, said)) < 0.001


def test_another_clock_rate_begins_anew() -> None:
    wide = [
        one._replace(kind=111, timestamp=1000 + place * 960)
        for place, one in enumerate(sent(100, first=2.0, number=100))
    ]
    said = sent(100) + wide
    assert max(abs(one) for one in errors(said, said)) < 0.001


def test_copies_are_heard_once_and_what_comes_much_too_late_is_left_out() -> None:
    said = sent(300)
    came = said + late(said[50:60], 0.01) + late(said[100:101], 4.0)
    assert len(placed([one for one in came if one not in said[100:101]])) == 299


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", bytes(12), b"\x80\xc8" + bytes(20), b"\x90\x00" + bytes(10), b"\x90\x00" + bytes(13)],
)
def test_what_is_no_rtp_packet_is_none(data: bytes) -> None:
    assert parse(data, 0.0) is None


def test_the_payload_is_found_behind_sources_and_extensions_and_before_padding() -> None:
    plain = packet(b"sound", 1, stamp=2, kind=8, marker=True)
    found = parse(plain, 1.5)
    assert found == Packet(1.5, 8, True, 1, 2, 7, b"sound")
    odd = bytes((0xB1,)) + plain[1:12] + bytes(4) + b"\xbe\xde\x00\x01" + bytes(4) + b"sound" + b"\x00\x02"
    assert parse(odd, 1.5).payload == b"sound"  # type: ignore[union-attr]
    assert parse(bytes((0xA0,)) + plain[1:12] + b"\xff", 0.0).payload == b""  # type: ignore[union-attr]
