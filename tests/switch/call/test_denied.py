"""Which addresses the rules of denyaddr are about, and what a call does then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.config.registry import BadValue, definition
from switch.call.denied import denied
from tests.support import free_port
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.mark.parametrize(
    ("rules", "host", "port", "expected"),
    [
        ([], "127.0.0.1", 5060, False),
        (["loopbackaddr"], "127.0.0.1", 5060, True),
        (["loopbackaddr"], "::1", 5060, True),
        (["loopbackaddr"], "0.0.0.0", 5060, True),
        (["loopbackaddr"], "192.168.0.2", 5060, False),
        (["lanaddr"], "192.168.0.2", 5060, True),
        (["lanaddr"], "10.0.0.1", 5060, True),
        (["lanaddr"], "fd00::1", 5060, True),
        (["lanaddr"], "8.8.8.8", 5060, False),
        (["lanaddr"], "127.0.0.1", 5060, False),
        (["localaddr"], "8.8.4.4", 5060, True),
        (["localaddr"], "8.8.4.4", 5099, False),
        (["privateaddr"], "8.8.4.4", 5060, True),
        (["privateaddr"], "172.16.0.1", 5060, True),
        (["privateaddr"], "8.8.8.8", 5060, False),
        (["notsigaddr"], "8.8.8.8", 5060, True),
        (["notsigaddr"], "9.9.9.9", 5060, False),
        (["notfromaddr"], "9.9.9.9", 5060, True),
        (["11.12.13.14"], "11.12.13.14", 5060, True),
        (["11.12.13.14:5060"], "11.12.13.14", 5060, True),
        (["11.12.13.14:5060"], "11.12.13.14", 5070, False),
        (["[2001:db8::1]:5060"], "2001:db8::1", 5060, True),
        (["privateaddr", "11.12.13.14"], "11.12.13.14", 5060, True),
        (["privateaddr", "*"], "10.0.0.1", 5060, False),
    ],
)
@pytest.mark.req("sip-076")
def test_each_rule_is_about_its_addresses(rules: list[str], host: str, port: int, expected: bool) -> None:
    own = ("8.8.4.4", 5060)
    assert denied(rules, host, port, source="9.9.9.9", is_own=lambda *place: place == own) is expected


@pytest.mark.req("sip-077")
@pytest.mark.parametrize(
    ("rule", "host", "source"),
    [
        ("loopbackip", "127.0.0.1", "9.9.9.9"),
        ("localip", "8.8.4.4", "9.9.9.9"),
        ("lanip", "10.0.0.1", "9.9.9.9"),
        ("privateip", "192.168.0.2", "9.9.9.9"),
        ("privateip", "8.8.4.4", "9.9.9.9"),
        ("notfromip", "9.9.9.9", "9.9.9.9"),
        ("notsigip", "8.8.8.8", "9.9.9.9"),
    ],
)
def test_each_kind_has_two_names_that_mean_the_same(rule: str, host: str, source: str) -> None:
    def by(word: str, other: str) -> bool:
        own = ("8.8.4.4", 5060)
        return denied([word], other, 5060, source=source, is_own=lambda *place: place == own)

    assert by(rule, host) and by(f"{rule[:-2]}addr", host)
    assert definition("denyaddr").parse(rule) == (rule,)
    for elsewhere in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "8.8.4.4", "9.9.9.9"):
        assert by(rule, elsewhere) == by(f"{rule[:-2]}addr", elsewhere)


@pytest.mark.req("sip-077")
@pytest.mark.parametrize("word", ["ip", "addr", "publicip", "lan", "10.0.0.300"])
def test_other_words_are_no_rules(word: str) -> None:
    with pytest.raises(BadValue, match="denyaddr"):
        definition("denyaddr").parse(word)


@pytest.mark.req("sip-078")
@pytest.mark.parametrize(
    ("text", "denied_ones", "allowed"),
    [
        ("privateip", ["10.0.0.1", "8.8.4.4"], ["8.8.8.8"]),
        ("localaddr", ["8.8.4.4"], ["10.0.0.1", "8.8.8.8"]),
        ("privateip, 11.12.13.14", ["11.12.13.14", "10.0.0.1"], ["11.12.13.15"]),
    ],
)
def test_the_usual_rules_of_phones_trunks_and_misconfigured_proxies(
    text: str, denied_ones: list[str], allowed: list[str]
) -> None:
    rules = definition("denyaddr").parse(text)
    assert isinstance(rules, tuple)
    own = ("8.8.4.4", 5060)
    found = {
        host: denied([str(one) for one in rules], host, 5060, source="9.9.9.9", is_own=lambda *p: p == own)
        for host in (*denied_ones, *allowed)
    }
    assert found == {**dict.fromkeys(denied_ones, True), **dict.fromkeys(allowed, False)}


@pytest.fixture(scope="module")
def elsewhere() -> int:
    return free_port()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, elsewhere: int) -> Iterator[House]:
    def change(office: Office) -> None:
        one, two = (row[0] for row in office.rows["trunks"])
        office.rows["overrides"] += [
            [one, "denyaddr", [f"127.0.0.1:{elsewhere}"]],
            [two, "denyaddr", ["loopbackaddr"]],
        ]

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.mark.req("sip-015")
def test_a_contact_that_is_denied_is_not_followed(
    house: House, rich: Peer, one: Peer, elsewhere: int
) -> None:
    wrong = Peer(house.switch.port, "wrong", port=elsewhere)
    one.contact = f"<sip:one@127.0.0.1:{elsewhere}>"
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    one.asked("ACK")
    rich.within("BYE", invite, ok)
    one.answer(one.asked("BYE"), 200)
    rich.told(200, "BYE")
    wrong.silent(0.1)
    wrong.close()


def test_a_carrier_whose_address_is_denied_is_passed_over(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 503)
    rich.ack(invite, rich.told(503))
    two.silent(0.1)
    assert [row[1:3] for row in house.switch.record(invite)["attempts"]][1] == [503, "address denied"]
