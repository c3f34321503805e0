"""Trunks that register with us and are called where they are registered (guide 11862-11877)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from switch.sip.digest import MD5
from tests.support_sip import credential
from tests.switch.trunks.conftest import Carrier, TrunkTown
from tests.switch.worlds import Office

Build = Callable[..., TrunkTown]


def registering(office: Office) -> None:
    carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
    trunk = next(row for row in office.rows["trunks"] if row[0] == carrier)
    trunk[1], trunk[4:6] = "", [2, "00"]
    trunk.append(True)
    office.rows["credentials"].append(credential("one", "secret-one", carrier))


@pytest.mark.req("gateways-049", "nat-012")
def test_a_carrier_that_registers_is_called_where_it_is_with_the_number_in_its_format(town: Build) -> None:
    here = town(registering)
    rich = here.peer("rich")
    gateway = here.peer("one")
    here.wires.boxes[gateway.host, gateway.port + 700] = (
        gateway.box
    )  # behind a NAT that has given it another port
    gateway.port += 700
    assert gateway.register("secret-one", algorithm=MD5).status == 200
    invite = rich.invite("49301234567")
    rich.send(invite)
    asked = gateway.asked("INVITE")
    assert asked.target.user == "00301234567"
    assert asked.target.host == "127.0.0.1"
    gateway.answer(asked, 486)
    rich.ack(invite, rich.told(486))


@pytest.mark.req("gateways-049")
def test_a_carrier_that_is_not_registered_is_passed_over(town: Build) -> None:
    here = town(registering)
    rich, two = here.peer("rich"), Carrier(here, "two")
    invite = rich.invite("49301234567")
    rich.send(invite)
    two.answer(two.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))


def test_calls_of_a_carrier_that_registers_are_proved_by_its_password(town: Build) -> None:
    here = town(registering)
    gateway = here.peer("one")
    invite = gateway.invite("1001")
    gateway.send(invite)
    asked = gateway.told(407)
    gateway.ack(invite, asked)
    again = gateway.invite("1001", cseq=2, call_id=invite.call_id)
    again.headers.append(
        ("Proxy-Authorization", gateway.proof(asked, "INVITE", again.uri, "secret-one", MD5))
    )
    gateway.send(again)
    gateway.ack(again, gateway.told(480))
