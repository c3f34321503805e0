"""Who is heard: verdicts, buckets, swaps, bounds; then the same at a real socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from switch.net import Firewall, Sources, Tables
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start

OPTIONS = b"OPTIONS sip:a@example.net SIP/2.0"
Guard = Callable[..., Firewall]


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.req("security-003")
@pytest.mark.parametrize(
    ("tables", "host", "heard"),
    [
        (Tables(), "192.0.2.1", True),
        (Tables(banned=Sources.of(["192.0.2.1"])), "192.0.2.1", False),
        (Tables(banned=Sources.of(["192.0.2.1"])), "192.0.2.2", True),
        (Tables(banned=Sources.of(["192.0.2.0/24"])), "192.0.2.77", False),
        (Tables(banned=Sources.of(["2001:db8::/32"])), "2001:db8:1::5", False),
        (Tables(banned=Sources.of(["2001:DB8:0::1"])), "2001:db8::1", False),
        (Tables(banned=Sources.of(["fe80::/10"])), "fe80::1%eth0", False),
        (Tables(banned=Sources.of(["0.0.0.0/0"]), trusted=Sources.of(["192.0.2.9"])), "192.0.2.9", True),
        (Tables(open_door=False), "192.0.2.1", False),
        (Tables(open_door=False, allowed=Sources.of(["192.0.2.0/24"])), "192.0.2.1", True),
        (Tables(open_door=False, trusted=Sources.of(["192.0.2.1"])), "192.0.2.1", True),
        (
            Tables(open_door=False, allowed=Sources.of(["192.0.2.0/24"]), banned=Sources.of(["192.0.2.1"])),
            "192.0.2.1",
            False,
        ),
    ],
)
def test_the_verdict_on_a_source_follows_the_tables(tables: Tables, host: str, heard: bool) -> None:
    firewall = Firewall(Hand(), tables=tables)
    assert firewall.admits(host) is heard
    assert firewall.bans(host) is not heard


def test_what_is_neither_address_nor_network_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="scanner"):
        Sources.of(["192.0.2.1", "scanner.example"])


def test_a_source_may_burst_and_then_only_flow_at_its_rate() -> None:
    clock = Hand()
    firewall = Firewall(clock, rate=10, burst=5)
    assert [firewall.admits("192.0.2.1") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 0.2
    assert [firewall.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert [firewall.admits("192.0.2.1") for _ in range(6)] == [True] * 5 + [False]
    assert firewall.dropped_flood == 4


def test_one_source_that_floods_takes_nothing_from_another() -> None:
    firewall = Firewall(Hand(), rate=1, burst=2)
    for _ in range(100):
        firewall.admits("192.0.2.1")
    assert firewall.admits("192.0.2.2")


def test_a_trusted_source_is_never_metered() -> None:
    firewall = Firewall(Hand(), tables=Tables(trusted=Sources.of(["192.0.2.1"])), rate=1, burst=1)
    assert all(firewall.admits("192.0.2.1") for _ in range(1000))


def test_all_addresses_of_an_ipv6_64_pay_from_one_bucket() -> None:
    firewall = Firewall(Hand(), rate=1, burst=3)
    assert [firewall.admits(f"2001:db8::{host:x}") for host in range(1, 6)] == [True] * 3 + [False] * 2
    assert firewall.admits("2001:db8:0:1::1")


def test_a_swap_holds_for_the_next_packet_in_both_directions() -> None:
    firewall = Firewall(Hand())
    assert firewall.admits("192.0.2.1")
    firewall.swap(Tables(banned=Sources.of(["192.0.2.0/24"])))
    assert not firewall.admits("192.0.2.1")
    firewall.swap(Tables())
    assert firewall.admits("192.0.2.1")
    assert firewall.dropped_banned == 1


def test_a_swap_does_not_refill_the_buckets() -> None:
    firewall = Firewall(Hand(), rate=1, burst=1)
    assert firewall.admits("192.0.2.1")
    firewall.swap(Tables(banned=Sources.of(["198.51.100.1"])))
    assert not firewall.admits("192.0.2.1")


def test_a_million_forged_sources_do_not_fill_the_memory_nor_free_the_one_that_floods() -> None:
    firewall = Firewall(Hand(), rate=1, burst=10, max_sources=1000)
    admitted = 0
    for number in range(20_000):
        firewall.admits(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        admitted += firewall.admits("192.0.2.1")
    assert firewall.remembered <= 2000
    assert admitted == 10


def test_the_addresses_of_an_ipv6_64_pay_from_one_bucket_however_many_there_are() -> None:
    """Who changed addresses fast enough once got a full bucket each time the older generation was forgotten."""
    firewall = Firewall(Hand(), rate=1, burst=10, max_sources=1000)
    assert sum(firewall.admits(f"2001:db8::{number:x}") for number in range(1, 20_000)) == 10
    assert firewall.remembered <= 2002


def test_a_banned_source_is_not_heard_at_the_socket_from_the_moment_of_the_swap(
    loop: Loop, start: Start
) -> None:
    worker, scanner, phone = start(), loop.udp("127.0.0.2"), loop.udp("127.0.0.3")
    scanner.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the first one, before the ban")
    worker.heard.clear()
    worker.net.ban(Tables(banned=Sources.of(["127.0.0.2/32"])))
    scanner.sendto(OPTIONS, worker.shared)
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the other source")
    loop.until(lambda: worker.net.metrics()["dropped_banned"] == 1, "the drop")
    assert [flow.host for _, flow in worker.heard] == ["127.0.0.3"]


@pytest.mark.req("security-029")
def test_of_one_address_a_single_port_may_not_be_heard(loop: Loop, start: Start) -> None:
    worker, guesser, phone = start(), loop.udp("127.0.0.2"), loop.udp("127.0.0.2")
    worker.net.ban(Tables(ports=frozenset([guesser.getsockname()[:2]])))
    guesser.sendto(OPTIONS, worker.shared)
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: worker.heard, "the other port")
    loop.until(lambda: worker.net.metrics()["dropped_banned"] == 1, "the drop")
    assert [flow.port for _, flow in worker.heard] == [phone.getsockname()[1]]


@pytest.mark.req("security-004")
def test_a_flood_from_one_source_is_cut_at_the_socket_while_others_are_heard(
    loop: Loop, start: Start, guard: Guard
) -> None:
    worker = start(firewall=guard(rate=0.001, burst=20))
    flooder, phone = loop.udp("127.0.0.2"), loop.udp("127.0.0.3")
    for _ in range(500):
        flooder.sendto(OPTIONS, worker.shared)
    phone.sendto(OPTIONS, worker.shared)
    loop.until(lambda: any(flow.host == "127.0.0.3" for _, flow in worker.heard), "the phone")
    loop.until(lambda: worker.net.metrics()["dropped_flood"] == 480, "the flood to be dropped")
    assert sum(flow.host == "127.0.0.2" for _, flow in worker.heard) == 20
