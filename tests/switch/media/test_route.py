"""Whether media is led through the switch, for every pair of modes and every place of the parties."""

from __future__ import annotations

import itertools

import pytest

from switch.media import Handling, Mode, Own, Party, Way, behind_nat, decide, is_local, merged, reachable
from switch.media.nat import own_address

PUBLIC, NATTED, OTHER = Party("203.0.113.5", False), Party("203.0.113.5", True), Party("198.51.100.7", True)
AUTOMATIC = {
    Mode.CORRECT: set(),
    Mode.BOTH_NAT: {(True, True)},
    Mode.CALLER_NAT: {(True, False), (True, True)},
    Mode.CALLED_NAT: {(False, True), (True, True)},
    Mode.ANY_NAT: {(True, False), (False, True), (True, True)},
}


@pytest.mark.req("media-046", "media-016", "media-014", "media-015")
@pytest.mark.parametrize("absolute", [Mode.BYPASS, Mode.ALWAYS])
@pytest.mark.parametrize("other", [mode for mode in Mode if mode not in {Mode.BYPASS, Mode.ALWAYS}])
def test_bypass_and_always_hold_whatever_the_other_party_says(absolute: Mode, other: Mode) -> None:
    assert merged(absolute, other) is merged(other, absolute) is absolute


def test_who_needs_the_relay_gets_it_from_one_who_would_bypass() -> None:
    assert merged(Mode.ALWAYS, Mode.BYPASS) is merged(Mode.BYPASS, Mode.ALWAYS) is Mode.ALWAYS


@pytest.mark.req("media-048")
@pytest.mark.parametrize("other", [mode for mode in Mode if mode is not Mode.PEER])
def test_peer_takes_the_other_partys_mode(other: Mode) -> None:
    assert merged(Mode.PEER, other) is merged(other, Mode.PEER) is other


def test_two_accounts_that_both_ask_the_other_get_what_the_guide_recommends() -> None:
    assert merged(Mode.PEER, Mode.PEER) is Mode.BOTH_NAT


@pytest.mark.req("media-046")
@pytest.mark.parametrize(("caller", "called"), list(itertools.product(AUTOMATIC, repeat=2)))
def test_the_stricter_of_two_modes_routes_wherever_one_of_them_would(caller: Mode, called: Mode) -> None:
    mode = merged(caller, called)
    for a, b in itertools.product((False, True), repeat=2):
        way = decide(mode, Party("203.0.113.5", a), Party("198.51.100.7", b))
        assert (way is Way.ROUTE) == ((a, b) in AUTOMATIC[caller] | AUTOMATIC[called])


@pytest.mark.req("media-047", "media-051", "media-052", "media-053", "media-044")
@pytest.mark.parametrize("mode", AUTOMATIC)
def test_the_automatic_modes_route_by_who_is_behind_a_nat(mode: Mode) -> None:
    found = {
        (a, b)
        for a, b in itertools.product((False, True), repeat=2)
        if decide(mode, Party("203.0.113.5", a), Party("198.51.100.7", b)) is Way.ROUTE
    }
    assert found == AUTOMATIC[mode]


@pytest.mark.req("media-049", "media-050", "media-054")
@pytest.mark.parametrize(
    ("mode", "way"), [(Mode.BYPASS, Way.BYPASS), (Mode.CORRECT, Way.CORRECT), (Mode.ALWAYS, Way.ROUTE)]
)
def test_the_absolute_modes_do_not_ask_where_the_parties_are(mode: Mode, way: Way) -> None:
    for caller, called in itertools.product((PUBLIC, NATTED, OTHER), repeat=2):
        assert decide(mode, caller, called) is way


@pytest.mark.req("media-055", "nat-011")
@pytest.mark.parametrize("mode", [Mode.BOTH_NAT, Mode.CALLER_NAT, Mode.CALLED_NAT, Mode.ANY_NAT])
def test_two_phones_behind_one_nat_talk_directly(mode: Mode) -> None:
    assert decide(mode, NATTED, NATTED) is Way.BYPASS
    assert decide(mode, NATTED, OTHER) is Way.ROUTE
    assert decide(Mode.ALWAYS, NATTED, NATTED) is Way.ROUTE


@pytest.mark.req("media-043")
@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.PEER])
def test_what_must_hear_the_media_has_it_routed_in_every_mode(mode: Mode) -> None:
    assert decide(mode, PUBLIC, PUBLIC, needed=True) is Way.ROUTE


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("10.1.2.3", True), ("172.16.0.1", True), ("172.32.0.1", False), ("192.168.1.1", True), ("100.64.0.1", True),
        ("127.0.0.1", True), ("169.254.1.1", True), ("203.0.113.5", False), ("8.8.8.8", False), ("fd00::1", True),
        ("fe80::1%eth0", True), ("[::1]", True), ("2001:db8::1", False), ("::ffff:10.0.0.1", True), ("sip.example.com", False),
    ],
)  # fmt: skip
def test_local_addresses_are_known(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.req("nat-003")
def test_a_local_address_that_comes_from_a_public_one_is_behind_a_nat() -> None:
    assert behind_nat("192.168.1.20", "203.0.113.5")
    assert not behind_nat("192.168.1.20", "192.168.1.1")
    assert not behind_nat("198.51.100.9", "203.0.113.5")
    assert not behind_nat("203.0.113.5", "203.0.113.5")
    assert not behind_nat(None, "203.0.113.5")


@pytest.mark.req("nat-020")
@pytest.mark.parametrize(
    ("handling", "named", "source", "used"),
    [
        (Handling.AUTO, "192.168.1.20", "203.0.113.5", "203.0.113.5"),
        (Handling.AUTO, "192.168.1.20", "192.168.1.1", "192.168.1.20"),
        (Handling.AUTO, "198.51.100.9", "203.0.113.5", "198.51.100.9"),
        (Handling.AUTO, "192.0.2.1", "203.0.113.5", "203.0.113.5"),
        (Handling.PUBLIC, "192.168.1.20", "192.168.1.1", "192.168.1.1"),
        (Handling.OTHERS, "192.168.1.20", "203.0.113.5", "192.168.1.20"),
        (Handling.OTHERS, "192.0.2.1", "203.0.113.5", "203.0.113.5"),
        (Handling.ALL, "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        (Handling.LOCAL, "198.51.100.9", "192.168.1.1", "192.168.1.1"),
        (Handling.AUTO, "0.0.0.0", "203.0.113.5", "0.0.0.0"),
    ],
)
def test_an_address_that_is_not_believed_gives_way_to_where_messages_come_from(
    handling: Handling, named: str, source: str, used: str
) -> None:
    assert reachable(named, source, handling, frozenset(("192.0.2.1",))) == used


@pytest.mark.req("nat-021", "nat-023")
@pytest.mark.parametrize(
    ("kind", "bound", "peer", "told"),
    [
        (Own.AUTO, "10.0.0.2", "10.0.0.9", "10.0.0.2"),
        (Own.AUTO, "10.0.0.2", "203.0.113.5", "192.0.2.1"),
        (Own.AUTO, "198.51.100.2", "10.0.0.9", "192.0.2.1"),
        (Own.AUTO, "10.0.0.2", None, "192.0.2.1"),
        (Own.PUBLIC, "10.0.0.2", "10.0.0.9", "192.0.2.1"),
        (Own.PRIVATE, "10.0.0.2", "203.0.113.5", "10.0.0.2"),
    ],
)
def test_inside_of_our_network_a_party_is_told_the_bound_address(
    kind: Own, bound: str, peer: str | None, told: str
) -> None:
    assert own_address(bound, "192.0.2.1", peer, kind) == told
