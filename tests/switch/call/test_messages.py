"""Short messages between phones: who may send, who gets them, and what the sender hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.invoices.services.rated import rated
from switch.sip.message import Request, Response
from tests.switch.sim import Sim, SimPeer, furnished, opened
from tests.switch.stage import Stage


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    yield from opened(tmp_path, furnished())


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.register(made.b)
    return made


def write(
    peer: SimPeer, to: str, text: bytes = b"hello", *, password: str = "", kind: str = "text/plain"
) -> None:
    """Send a message, with the password when it is asked for."""
    uri = f"sip:{to}@127.0.0.1"
    first = peer.request("MESSAGE", uri, headers=(("Content-Type", kind),))
    first.body = text
    peer.send(first)
    asked = peer.told(407)
    again = Request("MESSAGE", uri, list(first.headers), text)
    again.set("Via", peer.via())
    again.set("CSeq", "2 MESSAGE")
    proof = peer.proof(asked, "MESSAGE", uri, password or f"secret-{peer.user}")
    again.headers.append(("Proxy-Authorization", proof))
    peer.send(again)


def test_a_message_reaches_every_phone_and_the_first_that_takes_it_answers(stage: Stage) -> None:
    tablet = stage.sim.peer("1002")
    stage.register(tablet)
    write(stage.a, "1002")
    for phone, status in ((stage.b, 486), (tablet, 200)):
        message = phone.asked("MESSAGE")
        assert (message.body, message.from_.uri.user) == (b"hello", "1001")
        assert message.get("Contact") is None and message.get("Content-Type") == "text/plain"
        phone.answer(message, status)
    stage.a.told(200)


def test_what_all_phones_refuse_is_refused(stage: Stage) -> None:
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 488)
    stage.a.told(488)


def test_a_phone_that_does_not_answer_is_not_available(stage: Stage) -> None:
    write(stage.a, "1002")
    stage.b.asked("MESSAGE")
    stage.a.told(480, seconds=40)


@pytest.mark.parametrize(
    ("to", "text", "status"), [("1003", b"x", 480), ("1999", b"x", 404), ("1002", b"x" * 1301, 513)]
)
def test_what_cannot_be_delivered_now_is_refused_and_not_kept(
    stage: Stage, to: str, text: bytes, status: int
) -> None:
    write(stage.a, to, text)
    stage.a.told(status)
    stage.b.silent()


def test_nobody_writes_as_somebody_else(stage: Stage) -> None:
    write(stage.a, "1002", password="wrong")
    stage.a.told(407)
    stage.b.silent()


def test_a_trunk_sends_no_messages(stage: Stage) -> None:
    trunk = stage.sim.peer("rich", 19_000)
    trunk.send(trunk.request("MESSAGE", "sip:1002@127.0.0.1"))
    trunk.told(403)


def test_a_message_within_a_call_goes_to_the_other_party(stage: Stage) -> None:
    talk = stage.up(stage.a, stage.b)
    made = stage.a.within("MESSAGE", talk.invite, talk.ok, cseq=3, headers=(("Content-Type", "text/plain"),))
    heard = stage.b.asked("MESSAGE")
    assert heard.call_id == talk.asked.call_id != made.call_id
    stage.b.answer(heard, 200)
    told = stage.a.told(200, "MESSAGE")
    assert isinstance(told, Response)
    stage.a.within("BYE", talk.invite, talk.ok, cseq=4)
    stage.bye(stage.b)


# what it costs


CENT = 10_000


def priced(stage: Stage, user: str, *, micros: int = CENT, kind: str = "retail") -> int:
    """A price list for messages, so much for each; its tariff."""
    tariff = stage.sim.office.tariff(kind, {"": micros})
    row = [stage.ids[user], kind, tariff, "", None, None, "sms", None, None, ""]
    stage.sim.office.rows["assignments"].append(row)
    stage.sim.change()
    return tariff


def charged(stage: Stage) -> dict[int, int]:
    """What the records of all messages charge, by account; micros."""
    found: dict[int, int] = {}
    for one in stage.sim.records():
        for entry in rated(one).entries:
            found[entry["account_id"]] = found.get(entry["account_id"], 0) - entry["micros"]
    return found


@pytest.mark.req("billing-031")
def test_a_message_that_is_delivered_leaves_a_record_and_is_charged_once(stage: Stage) -> None:
    """Two phones take it: it is one message all the same. Calls have a price of their own."""
    priced(stage, "1001")
    tablet = stage.sim.peer("1002")
    stage.register(tablet)
    write(stage.a, "1002")
    for phone in (stage.b, tablet):
        phone.answer(phone.asked("MESSAGE"), 200)
    stage.a.told(200)
    (one,) = stage.sim.records()
    assert (one["service"], one["called_account"], one["seconds"]) == ("sms", stage.ids["1002"], 60)
    assert "hello" not in str(one)
    found = rated(one)
    assert (found.cdr["service"], found.cdr["duration"], found.cdr["sip_status"]) == ("sms", 60, 200)
    assert [(price["kind"], price["billed_seconds"], price["net"]) for price in found.prices] == [
        ("retail", 60, CENT)
    ]
    assert found.terms[found.prices[0]["terms"]][14] == [["service", "sms"]]
    assert charged(stage) == {stage.ids["1001"]: CENT}
    assert found.uses == [(stage.ids["1001"], one["ended"], CENT, 0)]  # no seconds of talk


@pytest.mark.req("billing-030")
@pytest.mark.parametrize(("length", "minutes"), [(1, 1), (160, 1), (161, 2), (300, 2), (301, 3), (1300, 10)])
def test_a_long_message_costs_as_many_minutes_as_its_characters_say(
    stage: Stage, length: int, minutes: int
) -> None:
    priced(stage, "1001")
    write(stage.a, "1002", b"x" * length)
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert charged(stage) == {stage.ids["1001"]: minutes * CENT}


@pytest.mark.req("billing-029", "billing-032")
def test_without_a_price_list_for_messages_the_setting_has_the_price(stage: Stage) -> None:
    stage.sim.office.settings |= {"smsprice": "0.05", "smstime": 30}
    stage.sim.change()
    write(stage.a, "1002", b"x" * 900)
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert charged(stage) == {stage.ids["1001"]: 25_000}


def test_messages_are_free_where_nobody_has_given_them_a_price(stage: Stage) -> None:
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert (len(stage.sim.records()), charged(stage), stage.sim.purse.asked) == (1, {}, [])


@pytest.mark.parametrize("status", [486, 603])
def test_a_message_that_nobody_took_costs_nothing_and_its_money_is_free_again(
    stage: Stage, status: int
) -> None:
    priced(stage, "1001")
    before = stage.sim.purse.free(stage.ids["1001"])
    write(stage.a, "1002")
    asked = stage.b.asked("MESSAGE")
    assert stage.sim.purse.free(stage.ids["1001"]) == before - CENT
    stage.b.answer(asked, status)
    stage.a.told(status)
    assert stage.sim.purse.free(stage.ids["1001"]) == before and charged(stage) == {}
    assert [one["cause"] for one in stage.sim.records()] == [f"sip_{status}"]


def test_a_phone_that_takes_a_message_after_its_sender_was_told_of_failure_takes_it_for_nothing(
    stage: Stage,
) -> None:
    priced(stage, "1001")
    write(stage.a, "1002")
    asked = stage.b.asked("MESSAGE")
    stage.sim.tick(20.5)
    stage.a.told(480)
    stage.b.answer(asked, 200)
    stage.sim.tick(0.5)
    assert charged(stage) == {} and [one["cause"] for one in stage.sim.records()] == ["no_response"]


def test_who_has_no_money_for_a_message_sends_none(stage: Stage) -> None:
    priced(stage, "1001")
    stage.sim.purse.money[stage.ids["1001"]] = CENT - 1
    write(stage.a, "1002")
    stage.a.told(402)
    stage.b.silent()
    (one,) = stage.sim.records()
    assert one["cause"] == "no_money" and one["comment"].startswith("1001: the balance")


def test_while_balances_cannot_be_asked_for_only_those_who_pay_later_send(stage: Stage) -> None:
    priced(stage, "1001")
    stage.sim.purse.hold = lambda call_id, shares, done, caps: done(None)  # type: ignore[method-assign]
    write(stage.a, "1002")
    stage.a.told(503)
    next(row for row in stage.sim.office.rows["accounts"] if row[1] == "1001")[5] = "postpaid"
    stage.sim.change()
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert charged(stage) == {stage.ids["1001"]: CENT}


@pytest.mark.parametrize("kind", ["application/im-iscomposing+xml", "message/imdn+xml"])
def test_signs_that_somebody_types_or_has_read_are_free(stage: Stage, kind: str) -> None:
    priced(stage, "1001")
    write(stage.a, "1002", kind=kind)
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert stage.sim.records() == [] and stage.sim.purse.asked == []


def test_resellers_pay_for_messages_by_tariffs_for_messages_and_none_sells_below_its_cost(
    stage: Stage,
) -> None:
    office = stage.sim.office
    top = office.account("top", "reseller")
    low = office.account("low", "reseller", above=top)
    row = next(row for row in office.rows["accounts"] if row[1] == "1001")
    row[3] = [top, low, row[0]]
    stage.ids |= {"top": top, "low": low}
    stage.sim.purse.money |= {top: 1000, low: 1000}
    priced(stage, "1001", micros=500)
    priced(stage, "low", kind="reseller", micros=300)
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert charged(stage) == {stage.ids["1001"]: 500, low: 300}  # `top` has no price for messages
    priced(stage, "top", kind="reseller", micros=301)
    write(stage.a, "1002")
    stage.a.told(403)
    assert sorted(one["cause"] for one in stage.sim.records()) == ["below_cost", "normal"]


@pytest.mark.req("promotions-004")
@pytest.mark.parametrize("left", [1, 0])
def test_a_free_message_of_an_allowance_goes_before_money(stage: Stage, left: int) -> None:
    """Of the account that pays, for the numbers that it is for; seconds are for calls."""
    rows = stage.sim.office.rows["allowances"]
    for number, (kind, prefixes) in enumerate(
        [("seconds", []), ("messages", ["99"]), ("messages", ["10"])], 501
    ):
        rows.append([number, stage.ids["1001"], kind, prefixes, 0, None])
    stage.sim.office.settings["checkfreeminutes"] = 2
    priced(stage, "1001")
    asked: list[tuple[int, int, int]] = []

    def hold_free(call_id: str, shares: Any, done: Any) -> None:
        asked.extend(shares)
        done({allowance: left * wanted for allowance, wanted, _ in shares})

    stage.sim.purse.hold_free = hold_free  # type: ignore[method-assign]
    write(stage.a, "1002")
    stage.b.answer(stage.b.asked("MESSAGE"), 200)
    stage.a.told(200)
    assert asked == [(503, 1_000_000, 1_000_000)]
    (one,) = stage.sim.records()
    assert (rated(one).used, charged(stage)) == (
        ([(503, 1_000_000)], {}) if left else ([], {stage.ids["1001"]: CENT})
    )
