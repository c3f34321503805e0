"""Who is put on hold hears music: over our own relay and over a real rtpengine, until the other party is back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audio import tone
from tests.rtpengine import Daemon
from tests.switch.call.conftest import House, opened
from tests.switch.call.phones import Phone, everybody_hears, furnish, present, talking
from tests.switch.call.test_media_announcements import record
from tests.switch.worlds import Office

TUNE = 600
SETTINGS: dict[str, dict[str, Any]] = {
    "4001": {"media_engine": "relay", "musiconhold": "tune"},
    "4002": {"musiconhold": "tune"},
    "4003": {"musiconhold": "tune"},
    "4005": {"media_engine": "relay", "musiconhold": "nothing-there"},
}


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    daemon = Daemon()

    def change(office: Office) -> None:
        furnish(office, SETTINGS)
        office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        record(found.switch.var / "voices" / "tune.wav", tone(TUNE, seconds=1.0))
        yield found
    daemon.stop()


@pytest.fixture(params=["4001", "4003"], ids=["relay", "rtpengine"])
def two(house: House, request: Any) -> Iterator[list[Phone]]:
    """A call between two phones, over the one or the other."""
    with present(house, request.param, "4002") as made:
        talking(*made)
        everybody_hears({made[0]: {made[1].user}, made[1]: {made[0].user}})
        yield made
        made[0].leaves()
        made[1].released()


@pytest.mark.req("pbx-006", "pbx-020")
@pytest.mark.parametrize("how", ["a=inactive", "a=sendonly"])
@pytest.mark.parametrize("first", [True, False], ids=["caller", "called"])
def test_who_is_on_hold_hears_music_until_the_other_is_back(two: list[Phone], how: str, first: bool) -> None:
    holder, held = two if first else reversed(two)
    talking_to, holder.to = holder.to, None  # who holds says nothing
    asked = holder.offers(how)
    assert b"a=sendonly" in held.takes("a=recvonly").body
    answer = holder.settles(asked)
    holder.to = None
    assert (b"a=inactive" if how == "a=inactive" else b"a=recvonly") in answer.body
    everybody_hears({held: {TUNE}})
    again = holder.offers("a=sendrecv")
    assert b"a=sendrecv" in held.takes("a=sendrecv").body
    holder.settles(again)
    assert holder.to == talking_to
    everybody_hears({held: {holder.user}, holder: {held.user}})


def test_who_holds_with_music_of_its_own_is_heard_instead(two: list[Phone]) -> None:
    holder, held = two
    asked = holder.offers("a=sendonly")
    held.takes("a=recvonly")
    holder.settles(asked)
    held.to = None
    everybody_hears({held: {holder.user}, holder: set()})
    own, holder.to = holder.to, None
    everybody_hears({held: {TUNE}})  # its player has ended: ours goes on
    holder.to = own
    everybody_hears({held: {holder.user}, holder: set()})


def test_a_hold_that_is_refused_brings_no_music(two: list[Phone]) -> None:
    holder, held = two
    asked = holder.offers("a=inactive")
    held.answer(held.asked("INVITE"), 488)
    holder.ack(asked, holder.told(488))
    everybody_hears({held: {holder.user}, holder: {held.user}})


def test_both_on_hold_hear_nothing(two: list[Phone]) -> None:
    one, other = two
    for holder, held in ((one, other), (other, one)):
        asked = holder.offers("a=inactive")
        held.takes("a=inactive")
        holder.settles(asked)
    one.to = other.to = None
    everybody_hears({one: set(), other: set()})


def test_music_that_is_not_there_leaves_the_hold_as_it_is(house: House) -> None:
    with present(house, "4005", "4004") as (a, b):
        talking(a, b)
        asked = a.offers("a=inactive")
        b.takes("a=inactive")
        a.settles(asked)
        a.to = b.to = None
        everybody_hears({a: set(), b: set()})
        a.leaves()
        b.released()
