"""Which address of ours a remote is told."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.net import NetConfig
from switch.net.places import Places, is_inside
from switch.world.settings import Settings
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start

LAN, WORLD, BOUND, SHOWN = "10.0.0.77", "198.51.100.7", "10.0.0.5", "203.0.113.9"
ONE = "8.8.8.8"


def places(bind: str = BOUND, shown: str | None = SHOWN, **wanted: str) -> Places:
    made = Places(
        NetConfig(
            worker=1, workers=1, shared_port=5060, own_port=6073, run_dir=Path("/nowhere"), binds=(bind,),
            advertise=shown,
        )
    )  # fmt: skip
    for name, value in wanted.items():
        setattr(made, name, value)
    return made


@pytest.mark.req("nat-018", "sip-102")
@pytest.mark.parametrize(
    ("offer", "inside", "outside"),
    [("both", BOUND, SHOWN), ("internet", SHOWN, SHOWN), ("lan", BOUND, BOUND)],
)
def test_each_remote_is_told_the_address_of_the_side_that_is_served(
    offer: str, inside: str, outside: str
) -> None:
    made = places(offer=offer)
    assert (made.towards(LAN, 5060), made.towards(ONE, 5060)) == (inside, outside)


def test_a_public_address_that_is_bound_gives_way_to_the_advertised_one_for_all() -> None:
    made = places(bind="8.8.4.4")
    assert made.towards(LAN, 5060) == made.towards(ONE, 5060) == SHOWN


@pytest.mark.req("nat-005", "nat-022", "sip-101")
def test_the_machines_routes_choose_among_several_addresses() -> None:
    made = places(bind="0.0.0.0", shown=None)
    assert made.towards("127.0.0.9", 5060) == "127.0.0.1"
    assert made.towards("127.8.8.8", 5060) == "127.0.0.1"


@pytest.mark.req("nat-005", "nat-022", "sip-101")
def test_routes_are_not_asked_where_an_operator_wants_one_address() -> None:
    made = places(bind="0.0.0.0", shown=None, detect="no")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            towards_the_world = probe.getsockname()[0]
        except OSError:
            towards_the_world = "127.0.0.1"
    assert made.towards("127.0.0.9", 5060) == towards_the_world
    assert places(detect="no").towards(ONE, 5060) == SHOWN


@pytest.mark.req("nat-022", "sip-101")
def test_routes_win_over_what_is_configured_only_if_they_always_shall() -> None:
    assert places(detect="yes").towards("127.0.0.9", 5060) == BOUND
    assert places(detect="always").towards("127.0.0.9", 5060) == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "inside"),
    [("10.1.2.3", True), ("100.64.0.1", True), ("fd00::1", True), ("8.8.8.8", False), ("2a00::1", False)],
)
def test_what_only_a_local_network_knows(host: str, inside: bool) -> None:
    assert is_inside(host) is inside


def following(**values: Any) -> Settings:
    return Settings.of(defaults() | values)


@pytest.mark.req("media-007")
def test_sip_is_marked_for_routers_and_anew_when_the_setting_changes(loop: Loop, start: Start) -> None:
    worker, peer = start(), loop.udp()
    peer.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    to = worker.net.connect_flow("udp", *peer.getsockname())
    for dscp in (24, 46, 0):
        worker.net.follow(following(sip_dscp=dscp))
        worker.net.send(to, b"OPTIONS sip:a SIP/2.0\r\n\r\n")
        loop.turn()
        _, ancillary, *_ = peer.recvmsg(2000, 100)
        assert ancillary[0][2][0] >> 2 == dscp


@pytest.mark.req("media-007")
def test_a_connection_is_marked_when_it_begins(loop: Loop, start: Start) -> None:
    worker = start()
    worker.net.follow(following(sip_dscp=40))
    loop.tcp(worker.shared)
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 1, "the connection")
    connection = next(iter(worker.net._tcp._by_id.values()))
    handle = connection.transport.getHandle()
    assert handle.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) >> 2 == 40


@pytest.mark.req("sip-030")
def test_an_idle_connection_is_closed_after_as_long_as_the_setting_says(loop: Loop, start: Start) -> None:
    worker = start(silence_timeout=0.2)  # how often is looked
    worker.net.follow(following(idletimeout=60))
    peer = loop.tcp(worker.shared)
    peer.send(b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    loop.until(lambda: worker.heard, "the message")
    connection = next(iter(worker.net._tcp._by_id.values()))
    connection.active_at -= 59
    loop.turn(10)
    assert not worker.errors
    connection.active_at -= 2
    assert loop.receive(peer, "the end") == b""
