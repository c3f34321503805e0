"""Ways to a domain, from tables of records (RFC 3263 §4)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from switch.sip.locate import MOST_WAYS, Answers, Naptr, Place, Question, Srv, Way, in_order, locate

ZONE: dict[tuple[str, str], list[Any]] = {
    ("NAPTR", "carrier.example"): [
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.carrier.example"),
        Naptr(10, 20, "s", "SIP+D2T", "_sip._tcp.carrier.example"),
        Naptr(10, 10, "S", "SIPS+D2T", "_sips._tcp.carrier.example"),
        Naptr(5, 10, "s", "E2U+email", "_smtp._tcp.carrier.example"),
        Naptr(1, 10, "u", "SIP+D2U", "elsewhere.example"),
    ],
    ("SRV", "_sip._udp.carrier.example"): [Srv(20, 0, 5062, "b.example"), Srv(10, 0, 5060, "a.example")],
    ("SRV", "_sip._tcp.carrier.example"): [Srv(10, 0, 5070, "a.example")],
    ("SRV", "_sips._tcp.carrier.example"): [Srv(10, 0, 5061, "a.example")],
    ("SRV", "_sip._udp.plain.example"): [Srv(10, 0, 5064, "b.example")],
    ("SRV", "_sip._tcp.none.example"): [Srv(0, 0, 0, ".")],
    ("A", "none.example"): ["192.0.2.99"],
    ("A", "a.example"): ["192.0.2.1"],
    ("A", "b.example"): ["192.0.2.2", "192.0.2.3"],
    ("AAAA", "a.example"): ["2001:db8::1"],
    ("SRV", "_sip._udp.wide.example"): [Srv(1, 0, 5000 + n, "b.example") for n in range(40)],
}


def ways(place: Place, families: tuple[bool, ...] = (False,)) -> list[Way]:
    steps = locate(place, families, lambda most: 0)
    answers: Answers | None = None
    try:
        while True:
            question: Question = steps.send(answers) if answers is not None else next(steps)  # type: ignore[arg-type]
            answers = ZONE.get(question, [])
    except StopIteration as done:
        found: list[Way] = done.value
        return found


def short(place: Place, families: tuple[bool, ...] = (False,)) -> list[str]:
    return [f"{one.transport} {one.host} {one.port}" for one in ways(place, families)]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("192.0.2.9"), ["udp 192.0.2.9 5060"]),
        (Place("192.0.2.9", secure=True), ["tls 192.0.2.9 5061"]),
        (Place("192.0.2.9", transport="tls"), ["tls 192.0.2.9 5061"]),
        (Place("192.0.2.9", 5080, "tcp"), ["tcp 192.0.2.9 5080"]),
        (Place("192.0.2.9", 5080, "tcp", secure=True), ["tls 192.0.2.9 5080"]),
        (Place("2001:db8::9"), ["udp 2001:db8::9 5060"]),
        (
            Place("carrier.example"),
            [
                "tls 192.0.2.1 5061", "tcp 192.0.2.1 5070", "udp 192.0.2.1 5060",
                "udp 192.0.2.2 5062", "udp 192.0.2.3 5062",
            ],
        ),
        (Place("carrier.example", secure=True), ["tls 192.0.2.1 5061"]),
        (Place("carrier.example", transport="tcp"), ["tcp 192.0.2.1 5070"]),
        (Place("carrier.example", 5099), []),
        (Place("a.example", 5099), ["udp 192.0.2.1 5099"]),
        (Place("a.example", 5099, secure=True), ["tls 192.0.2.1 5099"]),
        (Place("plain.example"), ["udp 192.0.2.2 5064", "udp 192.0.2.3 5064"]),
        (Place("plain.example", transport="tcp"), []),
        (Place("a.example"), ["udp 192.0.2.1 5060"]),
        (Place("a.example", transport="tls"), ["tls 192.0.2.1 5061"]),
        (Place("none.example", transport="tcp"), []),
        (Place("none.example", transport="udp"), ["udp 192.0.2.99 5060"]),
        (Place("none.example", services=False), ["udp 192.0.2.99 5060"]),
        (Place("carrier.example", services=False), []),
        (Place("nowhere.example"), []),
    ],
)  # fmt: skip
def test_each_kind_of_place_is_found_as_rfc_3263_says(place: Place, expected: list[str]) -> None:
    assert short(place) == expected


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        ((False,), ["udp 192.0.2.1 5060"]),
        ((True,), ["udp 2001:db8::1 5060"]),
        ((True, False), ["udp 2001:db8::1 5060", "udp 192.0.2.1 5060"]),
        ((False, True), ["udp 192.0.2.1 5060", "udp 2001:db8::1 5060"]),
    ],
)
def test_only_addresses_of_our_ip_versions_are_asked_for(
    families: tuple[bool, ...], expected: list[str]
) -> None:
    assert short(Place("a.example"), families) == expected


def test_tls_has_to_prove_the_domain_and_not_the_host_that_dns_names() -> None:
    assert {one.name for one in ways(Place("carrier.example"))} == {"carrier.example"}


def test_a_long_list_is_cut() -> None:
    assert len(ways(Place("wide.example"))) == MOST_WAYS


def test_priorities_are_kept_and_weights_share_the_load() -> None:
    chance = random.Random(7)
    records = [
        Srv(1, 60, 1, "a"),
        Srv(1, 30, 1, "b"),
        Srv(1, 10, 1, "c"),
        Srv(0, 0, 1, "first"),
        Srv(2, 9, 1, "last"),
    ]
    first = Counter()
    for _ in range(4000):
        order = [one.target for one in in_order(records, lambda most: chance.randint(0, most))]
        assert order[0] == "first" and order[-1] == "last" and sorted(order[1:4]) == ["a", "b", "c"]
        first[order[1]] += 1
    assert 2200 < first["a"] < 2600 and 1000 < first["b"] < 1400 and 250 < first["c"] < 600
