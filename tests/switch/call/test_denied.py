"""Which addresses the rules of denyaddr are about, and what a call does then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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
