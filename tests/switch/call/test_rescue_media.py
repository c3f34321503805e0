"""Carriers that answer and then say nothing: with real sound over our own relay and over rtpengine."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.audio import Talker, talk, tone
from tests.rtpengine import Daemon
from tests.support import wait_for
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_media_ways import offer, over, place, talkers
from tests.switch.sim import ids
from tests.switch.worlds import Office

NUMBER = "49301234567"


@pytest.fixture(scope="module", params=["relay", "rtpengine"])
def house(django_db_setup: None, django_db_blocker: Any, request: Any) -> Iterator[House]:
    daemon = Daemon() if request.param == "rtpengine" else None

    def change(office: Office) -> None:
        known = ids(office)
        carriers = {known["one"], known["two"]}
        office.rows["overrides"] = [row for row in office.rows["overrides"] if row[0] not in carriers]
        office.rows["overrides"].append([known["relayed"], "routertpcaller", "always"])
        office.settings |= {"rerouteconnected": "half", "rtp_start_timeout_seconds": 1}
        if daemon is not None:
            office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        yield found
    if daemon is not None:
        daemon.stop()


def speaks_until(heard: Peer, voice: Talker, to: tuple[str, int]) -> None:
    """The caller talks on until somebody else is called."""
    deadline = time.monotonic() + 12
    while not select.select([heard.sock], [], [], 0)[0]:
        assert time.monotonic() < deadline, "nobody else was called"
        voice.say(to, tone(440, seconds=0.1), pace=0.02)


@pytest.mark.req("failover-014")
def test_a_call_that_was_answered_by_nobody_goes_on_by_the_next_carrier(house: House) -> None:
    caller, one, two = (house.peer(name) for name in ("relayed", "one", "two"))
    with talkers() as (a, b):
        invite = caller.invite(NUMBER, body=offer(a.port))
        caller.send(invite)
        asked = one.asked("INVITE")
        one.answer(asked, 200, body=offer(40_000))  # where nobody is
        ok = caller.told(200, "INVITE")
        caller.ack(invite, ok)
        one.asked("ACK")
        speaks_until(two, a, place(ok.body))
        bye = one.asked("BYE")
        one.answer(bye, 200)
        assert (bye.get("Reason") or "").startswith("Q.850;cause=102")
        asked = two.asked("INVITE")
        two.answer(asked, 200, body=offer(b.port))
        two.asked("ACK")
        again = caller.asked("INVITE")
        caller.answer(again, 200, body=offer(a.port))
        caller.asked("ACK")
        talk(a, place(again.body), b, place(asked.body))
        over(caller, two, invite, ok)
    found = lambda: len(house.switch.records(invite.call_id)) == 2 and house.switch.records(invite.call_id)  # noqa: E731
    first, second = sorted(wait_for(found, 5, "both records"), key=lambda one: str(one["id"]))
    assert [one["cause"] for one in (first, second)] == ["rerouted", "normal"]
    assert "nothing was heard of the carrier's side" in first["comment"]
    assert first["rtp"][0] > 20 and first["rtp"][1] == 0
    assert min(second["rtp"][:2]) > 20
    for peer in (caller, one, two):
        peer.close()
