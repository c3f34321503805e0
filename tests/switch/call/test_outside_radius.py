"""Logins and calls that a real FreeRADIUS decides about, and what it is told of calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.aaa.engine import PURPOSE
from apps.core.sealed import seal
from switch.sip.digest import MD5
from switch.sip.message import Request, Response
from tests.freeradius import SECRET, FreeRadius
from tests.support import free_port, wait_for
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House, fund, opened
from tests.switch.worlds import Office, write

pytestmark = pytest.mark.timeout(180)
KEY = "the key of the installation"
USERS = """\
1001 Service-Type == Login-User, Cleartext-Password := "known-to-radius"

caller Service-Type == Call-Check, Called-Station-Id == "49666", Auth-Type := Reject
    Reply-Message = "not that number"

caller Service-Type == Call-Check, Called-Station-Id == "49777", Auth-Type := Accept
    Session-Timeout = 1

caller Service-Type == Call-Check, Auth-Type := Accept

DEFAULT Auth-Type := Reject
"""
PORT = free_port()
PATIENCE = 1500
"""Milliseconds that the server has for its answer."""


@pytest.fixture(scope="module")
def radius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    with FreeRadius(tmp_path_factory.mktemp("radius"), USERS) as server:
        yield server


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, radius: FreeRadius) -> Iterator[House]:
    def change(office: Office) -> None:
        sealed = seal(KEY, PURPOSE, SECRET)
        office.rows["radius_servers"].append(
            ["free", "127.0.0.1", radius.auth, radius.acct, sealed, "draft", True, True, True]
        )
        ids = {row[1]: row[0] for row in office.rows["accounts"]}
        office._last = fund("caller", "1000") - 1
        caller = office.account("caller", "customer_trunk", media="direct")
        office.address(caller, "127.0.0.1", PORT)
        office.tariff("retail", {"": 1_000_000}, to=caller)
        office.rows["overrides"] += [
            [ids["1001"], "externalauth", "radius"],
            [caller, "externalcalls", "radius"],
            [caller, "radiusaccounting", True],
        ]
        office.settings |= {"radiusinterim": 1, "externalauth_timeout": PATIENCE}

    with opened(django_db_blocker, change=change, env={"MIZU_SECRET_KEY": KEY}) as found:
        yield found


@pytest.fixture
def caller(house: House) -> Iterator[Peer]:
    peer = Peer(house.switch.port, "caller", port=PORT)
    yield peer
    peer.close()


def place(caller: Peer, number: str) -> Request:
    invite = caller.invite(number)
    caller.send(invite)
    return invite


def answered(caller: Peer, one: Peer, number: str) -> tuple[Request, Response, Request, Response]:
    invite = place(caller, number)
    out = one.asked("INVITE")
    answer = one.answer(out, 200, body=sdp(41000))
    ok = caller.told(200)
    caller.ack(invite, ok)
    one.asked("ACK")
    return invite, ok, out, answer


@pytest.mark.req("auth-022", "radius-002")
def test_a_phone_registers_with_the_password_that_radius_knows_and_with_no_other(house: House) -> None:
    phone = Peer(house.switch.port, "1001")
    try:
        assert phone.register("known-to-radius", algorithm=MD5).status == 200
        first = phone.heard[0]
        assert [
            v for v in first.all("WWW-Authenticate") if "SHA-256" in v
        ] == []  # RADIUS knows digests by MD5 only
        phone.refused("secret-1001", algorithm=MD5)
    finally:
        phone.close()


def test_a_phone_that_radius_does_not_know_of_proves_its_password_to_us(house: House) -> None:
    phone = Peer(house.switch.port, "1002")
    try:
        assert phone.register("secret-1002").status == 200
    finally:
        phone.close()


@pytest.mark.req("radius-002")
def test_a_call_goes_out_only_if_radius_agrees(house: House, caller: Peer, one: Peer) -> None:
    invite = place(caller, "49666")
    caller.ack(invite, caller.told(403))
    record = house.switch.record(invite)
    assert record["cause"] == "not_authorised" and "not that number" in record["comment"]
    one.silent(0.2)
    invite = place(caller, "49301234567")
    one.answer(one.asked("INVITE"), 486)
    caller.ack(invite, caller.told(486))


@pytest.mark.req("radius-002")
def test_a_call_lasts_as_long_as_radius_lets_it(house: House, caller: Peer, one: Peer) -> None:
    invite, *_ = answered(caller, one, "49777")
    one.answer(one.asked("BYE", 6), 200)
    caller.answer(caller.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert record["cause"] == "too_long" and 0.9 <= record["ended"] - record["answered"] <= 3


@pytest.mark.req("radius-002")
def test_radius_is_told_that_a_call_began_and_goes_on(
    house: House, radius: FreeRadius, caller: Peer, one: Peer
) -> None:
    invite, ok, _out, _answer = answered(caller, one, "49301234567")
    call_id = wait_for(lambda: _up(house, invite), 10, "the journal's line")

    def told() -> list[dict[str, str]]:
        return [one for one in radius.told() if one.get("Acct-Session-Id") == call_id]

    wait_for(lambda: len(told()) >= 3, 20, "start and two updates")
    start, first, second = told()[:3]
    assert (start["Acct-Status-Type"], first["Acct-Status-Type"]) == ("Start", "Interim-Update")
    assert (start["User-Name"], start["Called-Station-Id"]) == ("caller", "49301234567")
    assert "Acct-Session-Time" not in start
    assert 1 <= int(first["Acct-Session-Time"]) < int(second["Acct-Session-Time"])
    caller.within("BYE", invite, ok)
    caller.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)


def _up(house: House, invite: Request) -> str:
    ups = [
        line
        for line in house.switch.lines()
        if line["k"] == "up" and line.get("sip_call_id") == invite.call_id
    ]
    return str(ups[0]["id"]) if ups else ""


def test_who_gives_up_while_radius_is_asked_gets_no_call(
    house: House, radius: FreeRadius, caller: Peer, one: Peer
) -> None:
    radius.stop()
    try:
        invite = place(caller, "49301234567")
        caller.told(100)
        caller.cancel(invite)
        caller.ack(invite, caller.told(487))
        one.silent(PATIENCE / 1000 + 0.5)
        assert house.switch.record(invite)["cause"] == "cancelled"
    finally:
        radius.start()


@pytest.mark.req("radius-002")
def test_while_no_server_answers_nobody_gets_in_unless_our_own_word_is_to_count(
    house: House, radius: FreeRadius, caller: Peer, one: Peer
) -> None:
    phone = Peer(house.switch.port, "1001")
    radius.stop()
    try:
        assert phone.register("known-to-radius", algorithm=MD5).status == 503
        invite = place(caller, "49301234567")
        caller.ack(invite, caller.told(503))
        house.office.settings["externalauth_away"] = "local"
        write(house.office, house.switch.var / "world")
        wait_for(lambda: _is_local(house), 20, "the new world")
        assert phone.register("secret-1001", algorithm=MD5).status == 200
        invite = place(caller, "49301234567")
        one.answer(one.asked("INVITE"), 486)
        caller.ack(invite, caller.told(486))
    finally:
        house.office.settings["externalauth_away"] = "refuse"
        write(house.office, house.switch.var / "world")
        radius.start()
        phone.close()


def _is_local(house: House) -> bool:
    return house.switch.log().count("is in use") >= 2


def test_the_log_has_neither_secrets_nor_passwords(house: House) -> None:
    log = house.switch.log()
    assert SECRET not in log and "known-to-radius" not in log and "secret-1001" not in log
