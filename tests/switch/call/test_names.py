"""Names found by a real name server, remembered as it says, and by nobody longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.call import dns as dns_module
from switch.call.dns import Dns
from switch.call.names import KEPT_FAILURE, MOST_NAMES, OUT_OF_SERVICE, STALE_AGAIN, Names, Place, Way
from switch.sip.locate import Question
from tests.name_server import SOA_TTL, NameServer
from tests.switch.loop import Loop


class House:
    """Names that ask a server of the test, by a clock moved by hand."""

    def __init__(self, loop: Loop, server: NameServer, hosts: Path) -> None:
        self.loop, self.server, self.time = loop, server, 1000.0
        self.dns = Dns(loop.reactor, str(hosts))
        self.dns.follow([server.address])
        self.names = Names(self.dns, lambda: self.time, (False,), lambda most: 0)

    def find(self, host: str, port: int = 0, transport: str = "", **fields: Any) -> list[Way]:
        found: list[list[Way]] = []
        self.names.find(Place(host, port, transport, **fields), found.append)
        self.loop.until(lambda: found, f"the ways to {host}", 10)
        return found[0]

    def short(self, *what: Any, **fields: Any) -> list[str]:
        return [f"{one.transport} {one.host}:{one.port}" for one in self.find(*what, **fields)]


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


@pytest.fixture
def house(loop: Loop, server: NameServer, tmp_path: Path) -> House:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.200 sbc.lan gateway # in the cellar\n2001:db8::200 sbc.lan\n")
    return House(loop, server, hosts)


def test_naptr_srv_and_addresses_lead_to_a_carrier(house: House, server: NameServer) -> None:
    server.naptr("carrier.example", "SIP+D2U", "_sip._udp.carrier.example", order=20)
    server.naptr("carrier.example", "SIPS+D2T", "_sips._tcp.carrier.example", order=10)
    server.srv("_sip._udp.carrier.example", "b.example", 5062, priority=20)
    server.srv("_sip._udp.carrier.example", "a.example", 5060, priority=10)
    server.srv("_sips._tcp.carrier.example", "a.example", 5061)
    server.a("a.example", "192.0.2.1")
    server.a("b.example", "192.0.2.2", "192.0.2.3")
    assert house.short("carrier.example") == [
        "tls 192.0.2.1:5061",
        "udp 192.0.2.1:5060",
        "udp 192.0.2.2:5062",
        "udp 192.0.2.3:5062",
    ]


def test_an_alias_is_followed_and_lives_as_short_as_its_shortest_part(
    house: House, server: NameServer
) -> None:
    server.alias("sip.example", "real.example", ttl=5)
    server.a("real.example", "192.0.2.1", ttl=600)
    assert house.short("sip.example", 5060) == ["udp 192.0.2.1:5060"]
    house.time += 6
    house.find("sip.example", 5060)
    assert server.asked["A sip.example"] == 2


def test_an_answer_is_good_for_its_ttl_and_not_longer(house: House, server: NameServer) -> None:
    server.a("a.example", "192.0.2.1", ttl=30)
    assert house.short("a.example", 5060) == house.short("a.example", 5060) == ["udp 192.0.2.1:5060"]
    assert server.asked["A a.example"] == 1
    server.forget("a.example")
    server.a("a.example", "192.0.2.9", ttl=30)
    house.time += 29
    assert house.short("a.example", 5060) == ["udp 192.0.2.1:5060"]
    house.time += 2
    assert house.short("a.example", 5060) == ["udp 192.0.2.9:5060"]


def test_that_there_is_nothing_is_remembered_as_long_as_the_zone_says(
    house: House, server: NameServer
) -> None:
    assert house.short("nobody.example", 5060) == []
    server.a("nobody.example", "192.0.2.1")
    house.time += SOA_TTL - 1
    assert house.short("nobody.example", 5060) == []
    house.time += 2
    assert house.short("nobody.example", 5060) == ["udp 192.0.2.1:5060"]
    assert server.asked["A nobody.example"] == 2


def test_while_no_name_server_answers_what_was_known_is_good(
    house: House, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_module, "TIMEOUTS", (0.1,))
    server.a("a.example", "192.0.2.1", ttl=5)
    house.find("a.example", 5060)
    server.silent = True
    house.time += 3600
    assert house.short("a.example", 5060) == ["udp 192.0.2.1:5060"]
    asked = server.asked["A a.example"]
    house.time += STALE_AGAIN - 1
    house.find("a.example", 5060)
    assert server.asked["A a.example"] == asked, "asked once, and not again for every call"
    assert house.short("new.example", 5060) == []
    server.silent = False
    server.a("new.example", "192.0.2.2")
    house.time += KEPT_FAILURE + 1
    assert house.short("new.example", 5060) == ["udp 192.0.2.2:5060"]


def test_calls_of_one_moment_ask_once(house: House, server: NameServer, loop: Loop) -> None:
    server.a("a.example", "192.0.2.1", ttl=0)
    found: list[list[Way]] = []
    for _ in range(50):
        house.names.find(Place("a.example", 5060), found.append)
    assert house.names.now(Place("a.example", 5060)) is None
    loop.until(lambda: len(found) == 50, "all answers")
    assert house.names.now(Place("a.example", 5060)) == found[0]
    assert server.asked["A a.example"] == 1


def test_what_did_not_answer_is_tried_last_for_a_while(house: House, server: NameServer) -> None:
    server.a("a.example", "192.0.2.1", "192.0.2.2", ttl=3600)
    first, second = house.find("a.example", 5060)
    house.names.failed(first)
    assert house.find("a.example", 5060) == [second, first]
    house.time += OUT_OF_SERVICE + 1
    assert house.find("a.example", 5060) == [first, second]


def test_the_machines_own_list_of_hosts_goes_before_the_name_servers(
    house: House, server: NameServer
) -> None:
    assert house.short("sbc.lan", 5060) == ["udp 192.0.2.200:5060"]
    assert house.short("gateway", 5060) == ["udp 192.0.2.200:5060"]
    assert not server.asked


@pytest.mark.req("sip-033")
@pytest.mark.parametrize(
    ("mode", "ways", "asked"),
    [
        ("no", [], 0),
        ("addresses", ["udp 192.0.2.9:5060"], 1),
        ("all", ["udp 192.0.2.1:5070"], 6),
    ],
)
def test_the_setting_says_how_much_is_asked(
    house: House, server: NameServer, mode: str, ways: list[str], asked: int
) -> None:
    server.srv("_sip._udp.carrier.example", "a.example", 5070)
    server.a("a.example", "192.0.2.1")
    server.a("carrier.example", "192.0.2.9")
    house.names.follow(mode)
    assert house.short("carrier.example") == ways
    assert server.asked.total() <= asked and bool(server.asked) is bool(asked)
    assert house.short("192.0.2.77") == ["udp 192.0.2.77:5060"]


@pytest.mark.parametrize("host", ["ä.example", "x" * 70 + ".example", "a..example", ".", ""])
def test_a_name_that_cannot_be_asked_is_nowhere(house: House, host: str) -> None:
    assert house.short(host, 5060) == []


def test_the_memory_for_names_is_bounded() -> None:
    class Anything:
        def ask(self, question: Question, answered: Any) -> None:
            answered(["192.0.2.1"], 3600.0)

    names = Names(Anything(), lambda: 0.0)
    for number in range(MOST_NAMES + 500):
        names.find(Place(f"h{number}.example", 5060), lambda ways: None)
        names.failed(Way("udp", f"192.0.2.{number}", 5060, ""))
    assert len(names) == MOST_NAMES and len(names._down) <= MOST_NAMES
