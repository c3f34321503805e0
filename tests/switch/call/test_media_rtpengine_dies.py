"""What becomes of calls when the rtpengine that carries them dies. Apart, because nothing works after it that needs one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.audio import talk
from tests.recorded import HIGH, LOW, as_office, finished, pitch, speak
from tests.rtpengine import Daemon
from tests.support_sip import Peer
from tests.switch.call.conftest import House
from tests.switch.call.test_media_rtpengine import begin, carrier_of, daemons, house  # noqa: F401 - fixtures
from tests.switch.call.test_media_ways import answered, offer, over, place, talkers


def answer_re_invite(peer: Peer, port: int, daemon: Daemon) -> tuple[str, int]:
    """The party is asked to talk to this daemon, and does; where it sends from now on."""
    asked = peer.asked("INVITE", 15)
    to = place(asked.body)
    assert daemon.carries(to[1])
    peer.answer(asked, 200, body=offer(port))
    peer.asked("ACK")
    return to


@pytest.mark.req("media-013")
def test_calls_go_on_at_another_rtpengine_when_theirs_dies_and_begin_at_the_own_relay_when_none_is_left(
    house: House,  # noqa: F811
    daemons: list[Daemon],  # noqa: F811
    begin: Callable[..., Any],  # noqa: F811
    settings: Any,
    db: None,
) -> None:
    """The first one is recorded, and its recording goes on too."""
    with talkers() as (left, right):
        a, b, invite = begin("plain", "3009", body=offer(left.port))
        out = b.asked("INVITE")
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))
        dead = carrier_of(daemons, place(ok.body)[1])
        other = next(one for one in daemons if one is not dead)
        dead.kill()
        to_right = answer_re_invite(b, right.port, other)
        to_left = answer_re_invite(a, left.port, other)
        left.heard.clear()
        right.heard.clear()
        talk(left, to_left, right, to_right)
        speak(left, to_left, right, to_right)
        over(a, b, invite, ok)
    with as_office(house.switch.var, settings):
        (heard,) = finished()
    assert abs(pitch(heard.caller[-6000:]) - LOW) < 20 and abs(pitch(heard.called[-6000:]) - HIGH) < 20
    record = house.switch.record(invite)
    assert record["cause"] == "normal" and record["rtp"][0] >= 40
    b.register("secret-3009", expires=0)
    a.close()
    again, phone, invite = begin("plain", "3002", body=offer(40000))  # a new call finds the one that is left
    out = phone.asked("INVITE")
    assert other.carries(place(out.body)[1])
    phone.answer(out, 486)
    again.ack(invite, again.told(486))
    phone.register("secret-3002", expires=0)
    again.close()

    other.kill()  # none is left: the worker's own relay takes what it can
    with talkers() as (left, right):
        a, b, invite = begin("plain", "3001", body=offer(left.port))
        out = b.asked("INVITE", 12)
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)
        a.close()
        assert house.switch.record(invite)["media"] == "relay"
        again, phone, invite = begin("plain", "3002", body=offer(left.port))
        again.ack(invite, again.told(503, seconds=12))
        phone.silent(0.2)
    assert "rtpengine" in house.switch.record(invite)["comment"]
