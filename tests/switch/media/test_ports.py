"""Pairs of ports."""

from __future__ import annotations

import pytest

from switch.media import PortRange, PortsExhausted
from tests.switch.media.conftest import Clock


@pytest.mark.req("media-021", "media-033", "media-034", "media-075")
def test_the_range_comes_from_the_setting_and_gives_even_ports(clock: Clock) -> None:
    ports = PortRange.parse("20001-20008", worker=1, workers=1, clock=clock)
    assert [ports.take() for _ in range(ports.size)] == [20002, 20004, 20006]


@pytest.mark.parametrize("text", ["", "20000", "a-b", "20010-20000", "-5-10", "20000-20001,3", "65530-65540"])
def test_a_wrong_range_is_named(clock: Clock, text: str) -> None:
    with pytest.raises(ValueError, match="MIZU_RTP_PORTS"):
        PortRange.parse(text, worker=1, workers=1, clock=clock)


@pytest.mark.req("media-075")
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_share_the_range_without_overlap(clock: Clock, workers: int) -> None:
    seen: set[int] = set()
    for worker in range(1, workers + 1):
        ports = PortRange(20000, 20099, worker=worker, workers=workers, clock=clock)
        mine = {port for base in (ports.take() for _ in range(ports.size)) for port in (base, base + 1)}
        assert not seen & mine
        assert all(20000 <= port <= 20099 for port in mine)
        seen |= mine
    assert len(seen) >= 100 - 2 * workers


def test_a_pair_rests_before_it_is_given_again(clock: Clock) -> None:
    ports = PortRange(20000, 20001, quarantine=10, clock=clock)
    port = ports.take()
    ports.release(port)
    with pytest.raises(PortsExhausted, match="MIZU_RTP_PORTS"):
        ports.take()
    clock.now += 10
    assert ports.take() == port


def test_a_pair_cannot_be_given_back_twice(clock: Clock) -> None:
    ports = PortRange(20000, 20003, clock=clock)
    port = ports.take()
    ports.release(port)
    with pytest.raises(ValueError, match="was not taken"):
        ports.release(port)
