"""Who has no codec in common with the caller is asked once more, with codecs that a real rtpengine converts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switch.sip.message import Request
from switch.sip.sdp import Sdp
from tests.audio import FRAME, from_alaw, loudest, tone
from tests.rtpengine import Daemon
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.phones import HERTZ, Phone, furnish, present
from tests.switch.call.test_media_ways import offer, place, talkers
from tests.switch.worlds import Office


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    daemon = Daemon()

    def change(office: Office) -> None:
        furnish(
            office,
            {
                "4003": {"transcodefallback": False},
                "4004": {"needcodeconversion": True},
                "4005": {"media_engine": "relay"},
            },
        )
        office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        yield found
    daemon.stop()


def formats(request: Request) -> list[str]:
    return Sdp.parse(request.body).media[0].formats


@pytest.mark.req("codecs-013")
@pytest.mark.parametrize("caller", ["4001", "4005"], ids=["over rtpengine before", "over the relay before"])
@pytest.mark.parametrize("status", [488, 606])
def test_a_phone_that_refuses_for_its_codecs_gets_others_and_both_hear_each_other(
    house: House, caller: str, status: int
) -> None:
    with present(house, caller, "4002") as (a, b):
        a.dial("4002")
        first = b.asked("INVITE")
        assert "8" not in formats(first)
        b.answer(first, status, headers=(("Warning", '304 b "Media type not available"'),))
        again = b.asked("INVITE")
        assert {"0", "8"} <= set(formats(again))
        b.formats = "8"
        b.asking, b.agreed = again, b.answer(again, 200, body=b.described())
        a.through()
        b.asked("ACK")
        b.to = place(again.body)
        for _ in range(2):
            a.voice.say(a.to, tone(HERTZ[caller], seconds=0.6), pace=0.02)  # type: ignore[arg-type]  # it is answered
            b.voice.say(b.to, tone(0, seconds=0.1), kind=8)
        b.voice.until(lambda: len(b.voice.payloads(8)) >= 20 * FRAME, "A-law of what was mu-law")
        assert abs(loudest(from_alaw(b.voice.payloads(8))) - HERTZ[caller]) < 20
        a.leaves()
        b.released()
        assert a.asking is not None
        record = house.switch.record(a.asking)
    assert [one[1] for one in record["attempts"]] == [status, 200] and record["media"] == "rtpengine"


@pytest.mark.req("codecs-013")
def test_a_carrier_is_asked_again_before_the_next_one(house: House) -> None:
    with talkers() as (left, right):
        rich, one = house.peer("rich"), house.peer("one")
        invite = rich.invite("49301234567", body=offer(left.port))
        rich.send(invite)
        one.answer(one.asked("INVITE"), 488)
        again = one.asked("INVITE")
        assert "8" in formats(again)
        one.answer(again, 200, body=offer(right.port, "127.0.0.1", "8"))
        ok = rich.told(200)
        assert Sdp.parse(ok.body).media[0].formats[0] == "0"
        rich.ack(invite, ok)
        one.asked("ACK")
        rich.within("BYE", invite, ok)
        one.answer(one.asked("BYE"), 200)
        record = house.switch.record(invite)
        assert [(at[0], at[1]) for at in record["attempts"]] == [
            (house.ids["one"], 488),
            (house.ids["one"], 200),
        ]
        assert len(record["payers"]) == 1
        rich.close()
        one.close()


def refused(a: Phone, b: Peer, times: int, *headers: tuple[str, str]) -> None:
    """The caller hears the refusal after so many tries."""
    invite = a.dial(b.user)
    for _ in range(times):
        b.answer(b.asked("INVITE"), 488, headers=headers)
        b.asked("ACK")
    a.ack(invite, a.told(488))
    b.silent(0.2)


def test_it_is_tried_once_and_only_where_it_may_help(house: House) -> None:
    with present(house, "4001", "4002", "4003", "4004") as (a, b, c, d):
        refused(a, b, 2)
        refused(a, b, 1, ("Warning", '370 b "Insufficient bandwidth"'))
        refused(a, c, 1)
        refused(a, d, 1)


def test_a_caller_that_has_heard_of_media_is_not_told_of_another(house: House) -> None:
    with present(house, "4001", "4002") as (a, b):
        invite = a.dial("4002")
        asked = b.asked("INVITE")
        b.answer(asked, 183, body=b.described())
        a.told(183)
        b.answer(asked, 488)
        b.asked("ACK")
        a.ack(invite, a.told(488))
        b.silent(0.2)


def test_without_an_offer_nothing_is_known(house: House) -> None:
    with present(house, "4002") as (b,):
        rich = house.peer("relayed")
        invite = rich.invite("4002", body=b"")
        rich.send(invite)
        b.answer(b.asked("INVITE"), 488)
        rich.ack(invite, rich.told(488))
        rich.close()
