"""A trunk whose address is a host name is known wherever DNS says that the host is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switch.sip.message import Request
from tests.name_server import NameServer
from tests.support import free_port, wait_for
from tests.support_sip import Peer
from tests.switch.call.conftest import House, fund, opened
from tests.switch.worlds import Office

PORT = free_port()


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, server: NameServer) -> Iterator[House]:
    def change(office: Office) -> None:
        server.a("pbx.example", "127.0.0.1")
        office.settings["dnsservers"] = (server.address,)
        office._last = fund("named", "1000") - 1
        named = office.account("named", "customer_trunk", media="direct")
        office.address(named, "pbx.example", PORT)
        office.tariff("retail", {"": 1_000_000}, to=named)

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.mark.req("auth-002")
def test_a_trunk_is_known_by_its_host_name(house: House) -> None:
    named, one = Peer(house.switch.port, "named", port=PORT), house.peer("one")

    try:
        invite = wait_for(lambda: attempted(named, one), 30, "the host name to be known")
        named.ack(invite, named.told(486))
        assert house.switch.record(invite)["caller"] == house.office.rows["accounts"][-1][0]
    finally:
        named.close()
        one.close()


def attempted(named: Peer, one: Peer) -> Request | None:
    """An INVITE that the carrier was asked by, and refused; None: the caller was asked for a password."""
    invite = named.invite("49301234567")
    named.send(invite)
    try:
        one.answer(one.asked("INVITE", 1.0), 486)
    except AssertionError:
        named.ack(invite, named.told(407))
        return None
    one.asked("ACK")
    return invite
