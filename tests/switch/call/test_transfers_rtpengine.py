"""Transfers, take-overs and pickups of calls whose sound a real rtpengine carries: who hears whom, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audio import tone
from tests.rtpengine import Daemon
from tests.support import wait_for
from tests.switch.call.conftest import House, opened
from tests.switch.call.phones import (
    Phone,
    carried_by,
    everybody_hears,
    furnish,
    present,
    records_of,
    talking,
)
from tests.switch.call.test_media_announcements import record
from tests.switch.sim import ids
from tests.switch.worlds import Office

TUNE = 600


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, daemon: Daemon) -> Iterator[House]:
    def change(office: Office) -> None:
        furnish(office, {"4003": {"pickup_group": "sales"}, "4004": {"pickup_group": "sales"}})
        office.settings["musiconhold"] = "tune"
        office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        record(found.switch.var / "voices" / "tune.wav", tone(TUNE, seconds=1.0))
        yield found


@pytest.fixture
def phones(house: House, daemon: Daemon) -> Iterator[list[Phone]]:
    """At the end rtpengine carries nothing any more, neither what was before a transfer nor what was after."""
    with present(house, "4001", "4002", "4003", "4004") as made:
        yield made
    wait_for(lambda: not daemon.calls(), 3, "rtpengine to have forgotten the calls")


@pytest.mark.req("pbx-008", "media-013")
@pytest.mark.parametrize("by", ["called", "caller"])
def test_a_blind_transfer_joins_the_others_at_rtpengine(
    house: House, phones: list[Phone], daemon: Daemon, by: str
) -> None:
    a, b, c, _ = phones
    talking(a, b)
    everybody_hears({a: {"4002"}, b: {"4001"}})
    asking, other = (b, a) if by == "called" else (a, b)
    asking.refer("4003")
    held = other.takes("a=recvonly")
    assert b"a=sendonly" in held.body
    everybody_hears({other: {TUNE}})
    c.takes()
    other.takes()
    asking.released()
    assert carried_by(daemon, other, c)
    everybody_hears({other: {"4003"}, c: {other.user}})
    other.leaves()
    c.released()
    first, second = records_of(house, a)
    assert [one["media"] for one in (first, second)] == ["rtpengine", "rtpengine"]
    assert second["caller"] == ids(house.office)[asking.user]
    assert min(first["rtp"][:2]) >= 40  # what was heard before and after


def test_a_failed_transfer_gives_the_sound_back(phones: list[Phone]) -> None:
    a, b, c, _ = phones
    talking(a, b)
    b.refer("4003")
    a.takes("a=recvonly")
    c.answer(c.asked("INVITE"), 486)
    a.takes()
    everybody_hears({a: {"4002"}, b: {"4001"}})
    a.leaves()
    b.released()


@pytest.mark.req("pbx-008")
def test_an_attended_transfer_joins_two_calls_at_rtpengine(house: House, phones: list[Phone]) -> None:
    a, b, c, _ = phones
    talking(a, b)
    with present(house, "4002") as (again,):  # the same subscriber's other line, as the phone would have it
        talking(again, c)
        b.refer("4003", again.dialog())
        a.takes("a=recvonly")
        c.takes()
        a.takes()
        again.released()
        b.released()
        everybody_hears({a: {"4003"}, c: {"4001"}})
        a.leaves()
        c.released()


def test_a_phone_takes_a_call_over_at_rtpengine(phones: list[Phone]) -> None:
    a, _, c, d = phones
    talking(a, c)
    d.dial("*7*4003")
    a.takes()
    d.through()
    c.released()
    everybody_hears({a: {"4004"}, d: {"4001"}})
    a.leaves()
    d.released()


def test_who_refuses_a_take_over_goes_on_talking_with_the_first(phones: list[Phone]) -> None:
    a, _, c, d = phones
    talking(a, c)
    invite = d.dial("*7*4003")
    a.answer(a.asked("INVITE"), 488)
    d.ack(invite, d.told(488))
    everybody_hears({a: {"4003"}, c: {"4001"}})
    a.leaves()
    c.released()


@pytest.mark.req("pbx-036")
def test_a_phone_picks_up_a_call_that_rings_elsewhere(phones: list[Phone], daemon: Daemon) -> None:
    a, _, c, d = phones
    a.dial("4003")
    ringing = c.asked("INVITE")
    c.answer(ringing, 180)
    a.told(180)
    d.dial("*8")
    d.through()
    a.through()
    c.answer(c.asked("CANCEL"), 200)
    c.answer(ringing, 487)
    assert carried_by(daemon, a, d)
    everybody_hears({a: {"4004"}, d: {"4001"}})
    a.leaves()
    d.released()
