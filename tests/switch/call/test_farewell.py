"""Callers hear why they are refused, through a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audio import FRAME, Talker, from_ulaw, loudest, tone
from tests.support import free_ports
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_media_announcements import record
from tests.switch.call.test_media_ways import offer, place
from tests.switch.worlds import Office

BUSY_HZ, COMMON_HZ = 600, 900
CALLERS: dict[str, dict[str, Any]] = {
    "quiet": {},
    "common": {"allowdiscmessage": "common", "routertpcaller": "bypass"},
    "codes": {"allowdiscmessage": "codes"},
    "connected": {"allowdiscmessage": "codes", "connectondisccode": True},
}
NUMBER = "49301234567"
ports: dict[str, int] = {}


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        first = free_ports(len(CALLERS))
        for number, (name, settings) in enumerate(CALLERS.items()):
            account = office.account(name, "customer_trunk")
            ports[name] = first + number
            office.address(account, "127.0.0.1", ports[name])
            office.tariff("retail", {"49": 0}, to=account)
            office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
        office.settings["reroutedisccodes"] = ()

    with opened(django_db_blocker, change=change) as found:
        voices = found.switch.var / "voices"
        record(voices / "disc.wav", tone(COMMON_HZ, seconds=0.4))
        record(voices / "disc_486.wav", tone(BUSY_HZ, seconds=0.4))
        record(voices / "disc_603.wav", tone(BUSY_HZ, seconds=9))
        yield found


@pytest.fixture
def scene(house: House) -> Iterator[Any]:
    """Who calls, the carrier, and the caller's ear."""
    made: list[Any] = []

    def begin(name: str) -> tuple[Peer, Peer, Talker]:
        made.extend((Peer(house.switch.port, name, port=ports[name]), house.peer("one"), Talker()))
        return made[-3], made[-2], made[-1]

    yield begin
    for one in made:
        one.close()


def heard(ear: Talker, hertz: float) -> None:
    ear.until(lambda: len(ear.payloads()) >= 15 * FRAME, "the recording")
    assert abs(loudest(from_ulaw(ear.payloads())) - hertz) < 25


def refused_by(carrier: Peer, status: int) -> None:
    carrier.answer(carrier.asked("INVITE"), status)
    carrier.asked("ACK")


@pytest.mark.req("sip-023", "sip-095")
def test_each_status_has_its_own_recording_and_the_refusal_follows_it(house: House, scene: Any) -> None:
    a, carrier, ear = scene("codes")
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, 486)
    early = a.told(183)
    assert place(early.body)[1] > 0
    heard(ear, BUSY_HZ)
    a.ack(invite, a.told(486))
    kept = house.switch.record(invite)
    assert (kept["answered"], kept["status"], kept["by"]) == (None, 486, "called")


@pytest.mark.req("sip-023", "sip-095")
@pytest.mark.parametrize(("caller", "status"), [("codes", 480), ("quiet", 486)])
def test_who_has_no_recording_to_hear_is_refused_at_once(
    house: House, scene: Any, caller: str, status: int
) -> None:
    a, carrier, ear = scene(caller)
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, status)
    a.ack(invite, a.told(status))
    assert not [one for one in a.heard if getattr(one, "status", 0) == 183]


@pytest.mark.req("sip-023")
def test_a_call_that_is_never_dialled_has_the_common_recording_whatever_way_its_media_would_take(
    house: House, scene: Any
) -> None:
    a, _carrier, ear = scene("common")
    invite = a.invite("36301234567", body=offer(ear.port))  # there is no price for it
    a.send(invite)
    heard(ear, COMMON_HZ)
    refusal = next(one for one in iter(a.receive, None) if getattr(one, "status", 0) >= 300)
    a.ack(invite, refusal)
    assert house.switch.record(invite)["answered"] is None


@pytest.mark.req("sip-019")
def test_a_caller_is_connected_to_hear_it_and_hung_up_after_it_without_a_charge(
    house: House, scene: Any
) -> None:
    a, carrier, ear = scene("connected")
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, 486)
    ok = a.told(200)
    a.ack(invite, ok)
    heard(ear, BUSY_HZ)
    bye = a.asked("BYE")
    assert "cause=17" in (bye.get("Reason") or "")
    a.answer(bye, 200)
    kept = house.switch.record(invite)
    assert (kept["answered"], kept["status"]) == (None, 486)


@pytest.mark.req("sip-019")
def test_a_caller_that_acknowledges_late_is_hung_up_all_the_same(house: House, scene: Any) -> None:
    a, carrier, ear = scene("connected")
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, 486)
    ok = a.told(200)
    heard(ear, BUSY_HZ)
    house.switch.record(invite)  # it is over
    a.ack(invite, ok)
    a.answer(a.asked("BYE"), 200)


@pytest.mark.req("sip-019")
def test_a_connected_caller_may_hang_up_first(house: House, scene: Any) -> None:
    a, carrier, ear = scene("connected")
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, 603)
    ok = a.told(200)
    a.ack(invite, ok)
    heard(ear, BUSY_HZ)
    a.within("BYE", invite, ok)
    a.told(200, "BYE")
    a.silent(0.2)
    assert house.switch.record(invite)["answered"] is None


def test_a_caller_that_gives_up_while_it_listens_is_let_go(house: House, scene: Any) -> None:
    a, carrier, ear = scene("codes")
    invite = a.invite(NUMBER, body=offer(ear.port))
    a.send(invite)
    refused_by(carrier, 603)
    a.told(183)
    heard(ear, BUSY_HZ)
    a.cancel(invite)
    a.ack(invite, a.told(487))
    assert house.switch.record(invite)["cause"] == "cancelled"


def test_a_caller_that_cannot_hear_it_is_refused_at_once(house: House, scene: Any) -> None:
    for body in (b"", offer(40000, "127.0.0.1", "18", "a=rtpmap:18 G729/8000")):
        a, carrier, _ear = scene("codes")
        invite = a.invite(NUMBER, body=body)
        a.send(invite)
        refused_by(carrier, 486)
        a.ack(invite, a.told(486))
        assert not [one for one in a.heard if getattr(one, "status", 0) == 183]
        a.close()
        carrier.close()
