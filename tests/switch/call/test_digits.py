"""Transfers by digits: as sound over a real worker, as INFO in the simulation with money and records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.call.digits import Entry, Order
from tests.audio import tone
from tests.support_sip import sdp
from tests.switch.call.conftest import House, opened
from tests.switch.call.phones import Phone, everybody_hears, furnish, present, pressed, talking
from tests.switch.call.test_media_announcements import record
from tests.switch.sim import MICRO, Sim, furnished
from tests.switch.sim import opened as simulated
from tests.switch.stage import OUTSIDE, Stage, Talk, hang_up, port_of
from tests.switch.worlds import Office

TUNE, NOTICE = 600, 2000


# the digits


def entered(digits: str, patience: float = 6.0, pause: float = 0.1) -> list[Order]:
    entry, now, found = Entry(patience), 0.0, []
    for digit in digits:
        now += pause
        order = entry.press(digit, now)
        if order is not None:
            found.append(order)
    return found


@pytest.mark.req("pbx-032")
@pytest.mark.parametrize(
    ("digits", "orders"),
    [
        ("*9*1003#", [Order("9", "1003")]),
        ("*8*1003#", [Order("8", "1003")]),
        ("*9*12**9*1003#", [Order("9", "1003")]),
        ("*9*12***9*1003#", [Order("9", "1003")]),
        ("*7*1003#*9*1#", [Order("9", "1")]),
        ("*9*#*9*12A#", []),
        ("123", [Order("1"), Order("2"), Order("3")]),
        ("*9*" + "1" * 40 + "#", []),
    ],
)
def test_digits_make_orders(digits: str, orders: list[Order]) -> None:
    assert [one for one in entered(digits) if one.what != "#"] == orders


def test_digits_that_are_long_ago_are_forgotten() -> None:
    entry = Entry(6.0)
    for at, digit in enumerate("*9*10"):
        assert entry.press(digit, at) is None
    assert entry.press("0", 4 + 6.1) == Order("0")
    assert entered("*9*1003#", patience=2.0, pause=1.9) == [Order("9", "1003")]


# money and records


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    yield from simulated(tmp_path, furnished(), 1)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b, made.c)
    made.own("1002", "dtmffeatures", True)
    made.own("1002", "playtransfertone", "nothing")
    made.own("1002", "ivrdtmfmethod", "info")
    return made


def dial(talk: Talk, digits: str, first: int = 1) -> None:
    """The called party presses digits, each an INFO."""
    callee, contact = talk.callee, talk.asked.contact
    assert contact is not None
    for number, digit in enumerate(digits, first):
        made = callee.request(
            "INFO", contact.uri_text, call_id=talk.asked.call_id, to=talk.asked.get("From") or "",
            from_=talk.answer.get("To") or "", cseq=number, headers=(("Content-Type", "application/dtmf-relay"),),
        )  # fmt: skip
        made.body = f"Signal={digit}\r\nDuration=100\r\n".encode()
        callee.send(made, ("127.0.0.1", contact.uri.port or 0))


def test_it_is_not_heard_of_who_has_not_asked_for_it(stage: Stage) -> None:
    stage.own("1002", "dtmffeatures", False)
    talk = stage.up(stage.a, stage.b)
    dial(talk, "*9*1003#")
    stage.c.silent(1.0)
    stage.a.asked("INFO")
    stage.a.heard.clear()
    hang_up(stage, talk, stage.b)


@pytest.mark.req("pbx-016", "pbx-026", "pbx-046")
def test_a_blind_transfer_by_digits_is_paid_by_who_transfers(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dial(talk, f"*9*{OUTSIDE}#")
    held = stage.reoffered(stage.a)
    assert b"a=inactive" in held.body
    asked = stage.one.asked("INVITE")
    assert asked.from_.uri.user == "36100001001" and asked.get("Referred-By") == "<sip:1002@127.0.0.1>"
    stage.one.answer(asked, 200, body=sdp(47000))
    stage.one.asked("ACK")
    assert port_of(stage.reoffered(stage.one, body=sdp(47002))) == stage.a.port + 1
    assert port_of(stage.reoffered(stage.a)) == 47002
    stage.bye(stage.b)
    stage.sim.tick(5)
    hang_up(stage, talk, stage.one)
    (first,), (second,) = stage.of("1001"), stage.of("1002")
    assert (first["payers"], first["called_account"]) == ([], stage.ids["1002"])
    assert second["payers"][0][1] == stage.ids["1002"] and second["carrier"] == stage.ids["one"]
    assert second["answered"] > first["answered"] and second["ended"] == first["ended"]


@pytest.mark.req("pbx-027", "pbx-047")
def test_a_consultation_is_paid_from_its_answer_to_the_end_of_it_all(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dial(talk, f"*8*{OUTSIDE}#")
    stage.reoffered(stage.a)
    asked = stage.one.asked("INVITE")
    assert asked.from_.uri.user == "36100001002"
    stage.one.answer(asked, 200, body=sdp(47000))
    assert port_of(stage.reoffered(stage.b)) == 47000
    stage.sim.tick(4)
    stage.b.back("BYE", talk.asked, talk.answer, cseq=20)
    assert port_of(stage.reoffered(stage.one, body=sdp(47002))) == stage.a.port + 1
    assert port_of(stage.reoffered(stage.a)) == 47002
    stage.sim.tick(5)
    lost = stage.sim.records(crash=True)
    assert {one["cause"] for one in lost} == {"worker_lost"} and len(lost) == 2
    hang_up(stage, talk, stage.one)
    (second,) = stage.of("1002")
    assert 9 <= second["ended"] - second["answered"] < 10


@pytest.mark.req("sip-047")
def test_who_dawdles_begins_anew(stage: Stage) -> None:
    stage.own("1002", "dtmfdigittimeout", 2)
    talk = stage.up(stage.a, stage.b)
    dial(talk, "*9*")
    stage.sim.tick(2.1)
    dial(talk, "1003#", 10)
    stage.c.silent(0.2)
    dial(talk, "*9*", 20)
    stage.sim.tick(1.8)
    dial(talk, "1003#", 30)
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.b)


def test_whom_it_does_not_talk_with_is_on_hold(stage: Stage) -> None:
    """Media goes between the phones: who waits is told so."""
    talk = stage.up(stage.a, stage.b)
    dial(talk, "*8*1003#")
    assert b"a=inactive" in stage.reoffered(stage.a).body
    stage.c.answer(stage.c.asked("INVITE"), 200, body=sdp(47000))
    assert port_of(stage.reoffered(stage.b)) == 47000
    dial(talk, "3", 20)
    assert b"a=inactive" in stage.reoffered(stage.c, body=sdp(47000)).body
    assert b"a=sendrecv" in stage.reoffered(stage.a).body
    assert port_of(stage.reoffered(stage.b)) == stage.a.port + 1
    dial(talk, "1", 21)
    assert b"a=inactive" in stage.reoffered(stage.a).body
    assert b"a=sendrecv" in stage.reoffered(stage.c, body=sdp(47000)).body
    assert port_of(stage.reoffered(stage.b)) == 47000
    dial(talk, "2", 22)
    stage.bye(stage.c)
    assert port_of(stage.reoffered(stage.b)) == stage.a.port + 1
    assert b"a=sendrecv" in stage.reoffered(stage.a).body
    hang_up(stage, talk, stage.b)


def test_a_consultation_that_can_be_paid_no_longer_ends_alone(stage: Stage) -> None:
    stage.sim.purse.money[stage.ids["1002"]] = 7 * MICRO
    talk = stage.up(stage.a, stage.b)
    dial(talk, f"*8*{OUTSIDE}#")
    stage.reoffered(stage.a)
    stage.one.answer(stage.one.asked("INVITE"), 200, body=sdp(47000))
    stage.reoffered(stage.b)
    began = stage.sim.now
    stage.bye(stage.one)
    assert 6.8 <= stage.sim.now - began <= 7.2
    assert port_of(stage.reoffered(stage.b)) == stage.a.port + 1
    assert port_of(stage.reoffered(stage.a)) == stage.b.port + 1
    stage.sim.tick(3)
    hang_up(stage, talk, stage.b)
    (second,), (first,) = stage.of("1002"), stage.of("1001")
    assert second["authorised"] == 7 and first["ended"] - second["ended"] > 2.9


def test_without_money_the_party_comes_back(stage: Stage) -> None:
    stage.sim.purse.money[stage.ids["1002"]] = 0
    talk = stage.up(stage.a, stage.b)
    dial(talk, f"*9*{OUTSIDE}#")
    stage.reoffered(stage.a)
    assert b"sendrecv" in stage.reoffered(stage.a).body
    stage.one.silent(0.1)
    dial(talk, "*9*1003#", 30)  # and may be transferred to somebody else
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 486)
    stage.reoffered(stage.a)
    hang_up(stage, talk, stage.b)


def test_who_waits_and_hangs_up_ends_it_all(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dial(talk, "*8*1003#")
    stage.reoffered(stage.a)
    stage.c.answer(stage.c.asked("INVITE"), 200, body=sdp(47000))
    stage.reoffered(stage.b)
    hang_up(stage, talk, stage.b, stage.c)
    assert len(stage.sim.records()) == 2


def test_who_has_left_while_it_rings_leaves_a_call_that_ends_when_nobody_answers(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    dial(talk, "*9*1003#")
    stage.reoffered(stage.a)
    asked = stage.c.asked("INVITE")
    stage.b.back("BYE", talk.asked, talk.answer, cseq=20)
    stage.c.answer(asked, 486)
    assert "Q.850;cause=17" in (stage.bye(stage.a).get("Reason") or "")


# what is heard


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        ringing = {"dtmffeatures": True, "playtransfertone": "ring"}
        furnish(office, {"4002": {"dtmffeatures": True}, "4004": ringing})
        office.settings["musiconhold"] = "tune"

    with opened(django_db_blocker, change=change) as found:
        voices = found.switch.var / "voices"
        record(voices / "tune.wav", tone(TUNE, seconds=1.0))
        record(voices / "ring.wav", tone(NOTICE, seconds=1.0))
        record(voices / "failed.wav", tone(NOTICE, seconds=1.5))
        yield found


@pytest.fixture(params=["4001", "4002"], ids=["the called transfers", "the caller transfers"])
def three(house: House, request: Any) -> Iterator[list[Phone]]:
    """R, T and X: R and T talk; T may transfer."""
    with present(house, "4001", "4002", "4003") as (r, t, x):
        caller, called = (r, t) if request.param == "4001" else (t, r)
        talking(caller, called)
        everybody_hears({r: {"4002"}, t: {"4001"}})
        yield [r, t, x]


def connected(r: Phone, x: Phone) -> None:
    """R and X get each other's descriptions, and hear each other."""
    x.takes()
    r.takes()
    everybody_hears({r: {"4003"}, x: {"4001"}})
    r.leaves()
    x.released()


@pytest.mark.req("pbx-016", "pbx-026", "pbx-028", "pbx-046", "sip-058", "pbx-045")
def test_a_blind_transfer_is_heard(three: list[Phone]) -> None:
    r, t, x = three
    pressed(t, "*9*4003#")
    ringing = x.asked("INVITE")
    everybody_hears({r: {TUNE}, t: {TUNE}})
    x.agreed, x.asking = x.answer(ringing, 200, body=x.described()), ringing
    x.asked("ACK")
    t.released()
    connected(r, x)


@pytest.mark.req("pbx-027", "pbx-029", "pbx-031", "pbx-047", "pbx-048")
def test_who_transfers_talks_with_the_one_and_the_other(three: list[Phone]) -> None:
    r, t, x = three
    pressed(t, "*8*4003#")
    x.takes()
    t.takes()
    everybody_hears({r: {TUNE}, t: {"4003"}, x: {"4002"}})
    pressed(t, "3")
    t.takes()
    everybody_hears({r: {"4002"}, t: {"4001"}, x: {TUNE}})
    pressed(t, "1")
    t.takes()
    everybody_hears({r: {TUNE}, t: {"4003"}, x: {"4002"}})
    t.leaves()
    connected(r, x)


@pytest.mark.req("pbx-029")
def test_one_pressed_while_it_rings_makes_a_consultation_of_a_blind_transfer(three: list[Phone]) -> None:
    r, t, x = three
    pressed(t, "*9*4003#")
    ringing = x.asked("INVITE")
    x.answer(ringing, 180)
    pressed(t, "1")
    t.voice.listen(0.2)
    x.asking, x.agreed = ringing, x.answer(ringing, 200, body=x.described())
    x.asked("ACK")
    t.takes()
    t.leaves()
    connected(r, x)


@pytest.mark.req("pbx-030")
@pytest.mark.parametrize("before", ["", "3"], ids=["from the new", "from the old"])
def test_two_gives_the_transfer_up(three: list[Phone], before: str) -> None:
    r, t, x = three
    pressed(t, "*8*4003#")
    x.takes()
    t.takes()
    if before:
        pressed(t, before)
        t.takes()
    pressed(t, "2")
    x.released()
    if not before:
        t.takes()
    everybody_hears({r: {"4002"}, t: {"4001"}})
    t.leaves()
    r.released()


@pytest.mark.req("pbx-028", "sip-058")
def test_a_transfer_that_fails_is_told_and_the_party_comes_back(three: list[Phone]) -> None:
    r, t, x = three
    pressed(t, "*9*4003#")
    x.answer(x.asked("INVITE"), 486)
    everybody_hears({r: {TUNE}, t: {NOTICE}})
    everybody_hears({r: {"4002"}, t: {"4001"}})
    t.leaves()
    r.released()


@pytest.mark.req("sip-058")
def test_ringing_may_be_heard_instead_and_the_transfer_given_up(house: House) -> None:
    with present(house, "4001", "4004", "4003") as (r, t, x):
        talking(r, t)
        pressed(t, "*9*4003#")
        ringing = x.asked("INVITE")
        x.answer(ringing, 180)
        everybody_hears({r: {NOTICE}, t: {NOTICE}})
        pressed(t, "2")
        x.answer(x.asked("CANCEL"), 200)
        x.answer(ringing, 487)
        everybody_hears({r: {"4004"}, t: {"4001"}})
        t.leaves()
        r.released()


def test_who_is_consulted_may_hang_up(three: list[Phone]) -> None:
    r, t, x = three
    pressed(t, "*8*4003#")
    x.takes()
    t.takes()
    x.leaves()
    t.takes()
    everybody_hears({r: {"4002"}, t: {"4001"}})
    t.leaves()
    r.released()
