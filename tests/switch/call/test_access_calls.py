"""What becomes of whole calls whose sender may not call so: by its device, its address, a phone that is not registered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.sip.digest import MD5
from switch.sip.message import Request
from tests.switch.call.scenes import declined, records, rung, settle
from tests.switch.call.town import Citizen, Town, founded


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made
        made.nothing_left()


@pytest.fixture
def rich(town: Town) -> Citizen:
    """The caller, a trunk that is known by its address."""
    return town.peer("rich")


@pytest.fixture
def one(town: Town) -> Citizen:
    """The called, a carrier."""
    return town.peer("one")


def called(phone: Citizen, number: str, **fields: Any) -> Request:
    """An INVITE that proves the password."""
    first = phone.invite(number, **fields)
    phone.send(first)
    challenge = phone.told(407)
    phone.ack(first, challenge)
    again = Request("INVITE", first.uri, list(first.headers), first.body)
    again.set("Via", phone.via())
    again.set("CSeq", "2 INVITE")
    proof = phone.proof(challenge, "INVITE", first.uri, f"secret-{phone.user}", MD5)
    again.headers.append(("Proxy-Authorization", proof))
    phone.send(again)
    return again


def refused(town: Town, who: Citizen, *headers: tuple[str, str]) -> None:
    invite = who.invite("49301234567", headers=headers)
    who.send(invite)
    who.ack(invite, who.told(403))


@pytest.mark.req("security-088", "security-089")
def test_devices_of_trunks_are_let_in_by_what_they_call_themselves_and_phones_with_passwords_always(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, alloweua=("Mizu", "webphone"))
    refused(town, rich, ("User-Agent", "Asterisk PBX 18"))
    declined(rich, one, *rung(rich, one, headers=(("User-Agent", "Acme WebPhone 2"),)))
    settle(town, tmp_path, alloweua=(), blockeua=("asterisk",))
    refused(town, rich, ("User-Agent", "Asterisk PBX 18"))
    phone, other = town.peer("1001"), town.peer("1002")
    assert other.register("secret-1002", expires=60, algorithm=MD5).status == 200
    invite = called(phone, "1002", headers=(("User-Agent", "Asterisk PBX 18"),))
    declined(phone, other, invite, other.asked("INVITE"))
    causes = [one["cause"] for one in records(town)]
    assert causes.count("not_authorised") == 2 and len(causes) == 4


@pytest.mark.req("auth-026")
def test_a_phone_that_has_to_be_registered_calls_only_when_it_is(town: Town, tmp_path: Path) -> None:
    phone, other = town.peer("1001"), town.peer("1002")
    assert other.register("secret-1002", expires=60, algorithm=MD5).status == 200
    declined(phone, other, called(phone, "1002"), other.asked("INVITE"))
    settle(town, tmp_path, "1001", allowcallunregistered=False)
    invite = called(phone, "1002")
    phone.ack(invite, phone.told(403))
    assert records(town)[-1]["comment"] == "its phone is not registered"
    assert phone.register("secret-1001", expires=60, algorithm=MD5).status == 200
    declined(phone, other, called(phone, "1002"), other.asked("INVITE"))


@pytest.mark.req("security-013")
def test_nothing_of_this_machine_is_heard_when_that_is_off(town: Town, tmp_path: Path, rich: Citizen) -> None:
    settle(town, tmp_path, canacceptlocalip=False)
    refused(town, rich)
    asked = rich.request("OPTIONS", "sip:127.0.0.1")
    rich.send(asked)
    rich.told(403, "OPTIONS")
    assert records(town) == []
