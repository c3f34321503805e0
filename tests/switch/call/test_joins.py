"""Who joins a call: three parties by Join, supervisors by access number or header; over our own relay, and from rtpengine onto it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.sip.message import Request
from tests.rtpengine import Daemon
from tests.support import wait_for
from tests.support_sip import sdp
from tests.switch.call.conftest import House, opened
from tests.switch.call.phones import Phone, everybody_hears, furnish, present, pressed, talking
from tests.switch.sim import SimPeer, furnished, ids
from tests.switch.sim import opened as simulated
from tests.switch.stage import OUTSIDE, Stage, hang_up
from tests.switch.worlds import Office

SETTINGS: dict[str, dict[str, Any]] = {
    "4001": {"media_engine": "relay"},
    "4002": {"pickup_group": "sales"},
    "4004": {"pickup_group": "sales"},
    "4005": {"bargein": "barge", "bargeinheader": "X-Barge-In"},
}


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    daemon = Daemon()

    def change(office: Office) -> None:
        furnish(office, SETTINGS)
        office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        yield found
    daemon.stop()


@pytest.fixture(params=["4001", "4003"], ids=["relay", "rtpengine"])
def two(house: House, request: Any) -> Iterator[list[Phone]]:
    """A call between two phones, over the one or the other."""
    with present(house, request.param, "4002") as made:
        talking(*made)
        yield made


@pytest.fixture
def phone(house: House) -> Iterator[Callable[[str], Phone]]:
    made: list[Phone] = []

    def get(user: str) -> Phone:
        made.append(Phone(house, user))
        return made[-1]

    yield get
    for one in made:
        one.close()


def joining(house: House, who: Phone, two: list[Phone], number: str, *headers: tuple[str, str]) -> Request:
    """Somebody joins the call of the two, who are asked for new descriptions if it is at rtpengine."""
    invite = who.dial(number, *headers)
    if two[0].user == "4003":
        two[1].takes()
        two[0].takes()
    who.through()
    return invite


def record_of(house: House, call: Request) -> dict[str, Any]:
    found = wait_for(lambda: house.switch.records(call.call_id), 5, "the record")
    assert len(found) == 1
    return found[0]


def over(one: Phone, other: Phone) -> None:
    one.leaves()
    other.released()


@pytest.mark.req("sip-006", "pbx-034")
def test_a_phone_joins_a_dialog_and_all_three_hear_each_other(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    c = phone("4004")
    own = b.asking.from_.tag if b.asking else ""
    dialog = f"{b.asking.call_id};to-tag={own};from-tag={b.agreed.to.tag}"  # type: ignore[union-attr]
    invite = joining(house, c, two, "4002", ("Join", dialog), ("Require", "join"))
    everybody_hears({a: {"4002", "4004"}, b: {a.user, "4004"}, c: {a.user, "4002"}})
    c.leaves()
    everybody_hears({a: {"4002"}, b: {a.user}})
    over(a, b)
    mine, whole = record_of(house, invite), record_of(house, a.asking)  # type: ignore[arg-type]
    assert (mine["called_account"], mine["payers"], mine["cause"]) == (
        ids(house.office)["4002"],
        [],
        "normal",
    )
    assert mine["attempts"][-1][2] == f"barge {whole['id']}"
    assert (whole["caller"], whole["called_account"]) == (
        ids(house.office)[a.user],
        ids(house.office)["4002"],
    )
    assert whole["ended"] > mine["ended"] > mine["answered"] > whole["answered"]


def test_who_joined_is_hung_up_when_the_call_is_over(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    d = phone("4005")
    invite = joining(house, d, two, "50094002")
    over(b, a)
    d.released()
    assert "joined is over" in record_of(house, invite)["comment"]


@pytest.mark.req("pbx-038")
def test_a_supervisor_listens_whispers_and_speaks_by_the_access_number(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    d = phone("4005")
    invite = joining(house, d, two, "50094002")
    silent = {a: {"4002"}, b: {a.user}, d: {a.user, "4002"}}
    everybody_hears(silent)
    pressed(d, "5")
    everybody_hears({a: {"4002"}, b: {a.user, "4005"}, d: {a.user, "4002"}})
    pressed(d, "6")
    everybody_hears({a: {"4002", "4005"}, b: {a.user, "4005"}, d: {a.user, "4002"}})
    pressed(d, "4")
    everybody_hears(silent)
    d.leaves()
    over(a, b)
    mine = record_of(house, invite)
    assert (
        mine["attempts"][-1][2].startswith("listen ") and mine["called_account"] == ids(house.office)["4002"]
    )


@pytest.mark.req("pbx-039")
@pytest.mark.parametrize("named", ["number", "call"])
def test_a_supervisor_joins_by_a_header(
    house: House, two: list[Phone], phone: Callable[[str], Phone], named: str
) -> None:
    a, b = two
    d = phone("4005")
    assert b.asking is not None
    what = "4002" if named == "number" else b.asking.call_id
    joining(house, d, two, "anything", ("X-Barge-In", f"{what};mode=whisper"))
    everybody_hears({a: {"4002"}, b: {a.user, "4005"}, d: {a.user, "4002"}})
    d.leaves()
    over(a, b)


def test_one_on_hold_still_hears_who_joined(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    d = phone("4005")
    joining(house, d, two, "50094002")
    pressed(d, "6")
    asked = a.offers("a=inactive")
    b.takes("a=inactive")
    a.settles(asked)
    a.to = None
    everybody_hears({b: {"4005"}, d: {"4002"}})
    d.leaves()
    over(a, b)


def test_the_joiner_may_describe_itself_anew(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    d = phone("4005")
    joining(house, d, two, "50094002")
    asked = d.offers("a=recvonly")
    assert b"a=sendonly" in d.settles(asked).body
    everybody_hears({a: {"4002"}, b: {a.user}, d: {a.user, "4002"}})
    d.leaves()
    over(a, b)


# who may not


def test_a_dialog_that_is_not_there_cannot_be_joined(house: House, phone: Callable[[str], Phone]) -> None:
    c = phone("4004")
    invite = c.dial("4002", ("Join", "nowhere;to-tag=w1-0000;from-tag=x"))
    c.ack(invite, c.told(481))
    invite = c.invite("4002", headers=(("Join", "nowhere"),))
    c.send(invite)
    c.ack(invite, c.told(400))


def test_strangers_join_nothing(house: House, two: list[Phone], phone: Callable[[str], Phone]) -> None:
    a, b = two
    stranger = phone("4001" if a.user == "4003" else "4003")
    assert a.asking is not None and a.agreed is not None
    for headers, number, status in (
        ((("Join", a.dialog()),), "4002", 403),
        ((), "50094002", 403),  # a number without a price
        ((("X-Barge-In", "4002"),), "nobody", 484),
    ):
        invite = stranger.dial(number, *headers)
        stranger.ack(invite, stranger.told(status))
    everybody_hears({a: {"4002"}, b: {a.user}})
    over(a, b)


def test_nobody_to_listen_to(house: House, phone: Callable[[str], Phone]) -> None:
    d = phone("4005")
    for number in ("50094002", "5009"):
        invite = d.dial(number)
        d.ack(invite, d.told(404))


def test_who_cannot_be_mixed_is_refused(
    house: House, two: list[Phone], phone: Callable[[str], Phone]
) -> None:
    a, b = two
    d = phone("4005")
    d.formats = "18 101"
    invite = d.dial("50094002")
    d.ack(invite, d.told(488))
    everybody_hears({a: {"4002"}, b: {a.user}})
    over(a, b)


def test_a_call_that_refuses_to_move_goes_on_at_rtpengine(
    house: House, phone: Callable[[str], Phone]
) -> None:
    d = phone("4005")
    with present(house, "4003", "4002") as (a, b):
        talking(a, b)
        invite = d.dial("50094002")
        b.answer(b.asked("INVITE"), 488)
        d.ack(invite, d.told(488))
        everybody_hears({a: {"4002"}, b: {"4003"}})
        over(a, b)


# signalling, on one worker and on two


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def stage(tmp_path: Path, request: Any) -> Iterator[Stage]:
    for sim in simulated(tmp_path, furnished(), request.param):
        made = Stage(sim)
        made.register(made.b, made.c)
        made.own("1005", "bargein", "whisper")
        yield made
        for worker in sim.workers.values():
            worker.board.relay.stop()


def moved(*phones: SimPeer) -> None:
    """The call is led over our relay: its parties get new descriptions."""
    for one in phones:
        request = one.asked("INVITE")
        one.answer(request, 200, body=sdp(one.port + 1))
        one.asked("ACK")


@pytest.mark.req("pbx-038")
def test_a_call_is_found_on_whichever_worker_it_is_and_paid_as_before(stage: Stage) -> None:
    """The two parties' call is on the first worker, who joins comes to the other."""
    talk = stage.up(stage.b, stage.one, OUTSIDE)
    d = stage.sim.peer("1005")
    invite = d.call("50091002", body=sdp(48000))
    moved(stage.one, stage.b)
    ok = d.told(200, "INVITE")
    d.ack(invite, ok)
    stage.sim.tick(3)
    again = d.within("INVITE", invite, ok, cseq=3, body=sdp(48002))
    d.ack(again, d.told(200, "INVITE"))
    d.within("BYE", invite, ok, cseq=4)
    d.told(200, "BYE")
    stage.sim.tick(3)
    hang_up(stage, talk, stage.one)
    (paid,) = stage.of("1002")
    assert paid["ended"] - paid["answered"] > 6 and [one[1] for one in paid["payers"]] == [stage.ids["1002"]]
    found = stage.of("1005")
    assert all(one["payers"] == [] and one["answered"] for one in found)
    assert any(one["attempts"][-1][2] == f"listen {paid['id']}" for one in found)
    assert any(one["called_account"] == stage.ids["1002"] for one in found)


def test_no_worker_has_such_a_call(stage: Stage) -> None:
    d = stage.sim.peer("1005")
    for number in ("50091002", "5009"):
        invite = d.call(number, body=sdp(48000))
        d.ack(invite, d.told(404))


def test_a_forged_wish_to_join_opens_nothing(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    stranger = stage.sim.peer("x")
    headers = (
        ("X-Mizu-Join", f"{stage.ids['1005']};1002;"),
        ("X-Mizu-Inner", f"{int(stage.sim.now)}.{'0' * 64}"),
    )
    invite = stranger.invite("1002", headers=headers)
    stranger.send(invite)
    stranger.ack(invite, stranger.told(407))
    hang_up(stage, talk, stage.b)
