"""PINs: what stands for which account, who waits after wrong ones, one dialled before the number, and access numbers that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.users.pins import digest
from switch.call.pins import OF_ALL, Guesses, account_of
from switch.sip.message import Request
from switch.trace.veil import veiled
from tests.support_sip import sdp
from tests.switch.sim import Sim, SimPeer, furnished
from tests.switch.sim import opened as simulated
from tests.switch.stage import OUTSIDE, Stage
from tests.switch.worlds import Office

SECRET, PIN = "of the node", "123456789012"
CODE = "*44*"


def give_pin(office: Office, account: int, pin: str = PIN) -> None:
    office.rows["pins"].append([digest(pin, SECRET), account])


# --- what stands for whom -------------------------------------------------------------------------------------------------------


class Cards(Office):
    """A calling card and a subscriber, each with a user name of digits and a PIN."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.settings["callingcardauth"] = mode
        for name, kind, pin in (
            ("700001", "calling_card", "111111111111"),
            ("800001", "subscriber", "222222222222"),
        ):
            give_pin(self, self.account(name, kind), pin)
        self.account("900001", "customer_trunk")


CARD, CARD_PIN, USER, USER_PIN = "700001", "111111111111", "800001", "222222222222"
DIALLED = (CARD, CARD_PIN, CARD + CARD_PIN, USER, USER_PIN, USER + USER_PIN)


@pytest.mark.req("callingcard-013", "callingcard-016", "callingcard-021", "callingcard-025")
@pytest.mark.parametrize(
    ("mode", "stands"),
    [
        ("pin", {CARD_PIN, USER_PIN}),
        ("card_pin", {CARD_PIN}),
        ("card_name", {CARD}),
        ("card_name_pin", {CARD + CARD_PIN}),
        ("name", {CARD, USER}),
        ("name_pin", {CARD + CARD_PIN, USER + USER_PIN}),
        ("mixed", {CARD, USER + USER_PIN}),
        ("all", set(DIALLED)),
        ("long", {CARD_PIN, CARD + CARD_PIN, USER_PIN, USER + USER_PIN}),
    ],
)
def test_what_is_taken_for_a_pin(tmp_path: Path, mode: str, stands: set[str]) -> None:
    world = Cards(mode).world(tmp_path)
    found = {one: account_of(world, one, SECRET) for one in DIALLED}
    assert {one for one, account in found.items() if account is not None} == stands
    assert all(account.username in (CARD, USER) for account in found.values() if account is not None)
    assert {found[one].username for one in stands & {CARD, CARD_PIN, CARD + CARD_PIN}} <= {CARD}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "wrong", ["", "1", "900001", CARD + USER_PIN, "٧٠٠٠٠١", "1" * 41, "111111111112", "ada", "7*0"]
)
def test_nothing_else_stands_for_anybody(tmp_path: Path, wrong: str) -> None:
    assert account_of(Cards("all").world(tmp_path), wrong, SECRET) is None


def test_a_pin_is_worth_nothing_under_another_secret_or_for_an_account_that_is_off(tmp_path: Path) -> None:
    cards = Cards("pin")
    assert account_of(cards.world(tmp_path / "a"), USER_PIN, "another") is None
    next(row for row in cards.rows["accounts"] if row[1] == USER)[4] = False
    assert account_of(cards.world(tmp_path / "b"), USER_PIN, SECRET) is None


# --- who waits ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path: Path) -> Any:
    office = Office()
    office.settings |= {"loginfailures": 3, "loginwait": 60, "loginwaitmost": 200}
    return office.world(tmp_path).settings


def test_who_gives_wrong_pins_waits_longer_each_time_and_nobody_else_does(rules: Any) -> None:
    guesses, now, waits = Guesses(), 0.0, []
    for _ in range(6):
        guesses.wrong(7, "3630", now, rules)
        waits.append(
            next(wait for wait in (0, 59, 119, 199, 201) if not guesses.waits(7, "3630", now + wait + 1))
        )
        now += waits[-1] + 2
    assert waits == [0, 0, 59, 119, 199, 199]
    guesses.wrong(7, "3630", now, rules)
    assert (
        guesses.waits(7, "3630", now)
        and not guesses.waits(7, "3631", now)
        and not guesses.waits(8, "3630", now)
    )


def test_a_right_pin_clears_the_count(rules: Any) -> None:
    guesses = Guesses()
    for _ in range(5):
        guesses.wrong(7, "3630", 0.0, rules)
        guesses.wrong(7, "3630", 0.0, rules)
        guesses.right(7, "3630")
    assert not guesses.waits(7, "3630", 0.0)


def test_a_trunk_that_brings_wrong_pins_of_ever_other_numbers_waits_too(rules: Any) -> None:
    guesses = Guesses()
    for number in range(3 * OF_ALL):
        assert not guesses.waits(7, "fresh", 10.0)
        guesses.wrong(7, str(number), 10.0, rules)
    assert guesses.waits(7, "fresh", 209.0) and not guesses.waits(7, "fresh", 211.0)


def test_sources_are_forgotten_before_they_fill_the_memory(rules: Any) -> None:
    guesses = Guesses()
    for number in range(Guesses.MOST + 10):
        guesses.wrong(7 + number, "x", 0.0, rules)
    assert len(guesses._wrong) == Guesses.MOST


# --- dialled before the number --------------------------------------------------------------------------------------------------


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    office = furnished()
    office.settings |= {"code_pin": CODE, "loginfailures": 3}
    give_pin(office, next(row[0] for row in office.rows["accounts"] if row[1] == "1003"))
    yield from simulated(tmp_path, office, 1)


@pytest.fixture
def stage(sim: Sim) -> Stage:
    made = Stage(sim)
    made.a = sim.peer("rich", 19_000)
    return made


def called(stage: Stage, number: str) -> Request:
    """The trunk brings a call to the number."""
    invite = stage.a.invite(number)
    stage.a.send(invite)
    return invite


@pytest.mark.req("callingcard-016", "users-009")
@pytest.mark.parametrize("sign", ["*", "%23"])
def test_who_dials_a_pin_before_the_number_calls_for_its_account(stage: Stage, sign: str) -> None:
    invite = called(stage, f"{CODE}{PIN}{sign}{OUTSIDE}")
    asked = stage.talk(invite, stage.one)
    assert asked.target.user == OUTSIDE and asked.from_.uri.user == "36100001003"
    (record,) = stage.of("1003")
    assert record["payers"][0][1] == stage.ids["1003"]
    assert record["original"] == f"{CODE}****{OUTSIDE}"
    assert PIN not in str(stage.sim.records())


@pytest.mark.parametrize(
    "dialled", [f"{CODE}123456789013*{OUTSIDE}", f"{CODE}{PIN}", f"{CODE}*{OUTSIDE}", CODE]
)
def test_without_a_right_pin_and_a_number_nobody_is_called(stage: Stage, dialled: str) -> None:
    invite = called(stage, dialled)
    stage.a.ack(invite, stage.a.told(403))
    stage.one.silent()
    (record,) = stage.of("rich")
    assert (record["cause"], "12345678901" in str(record)) == ("not_authorised", False)


def test_after_wrong_ones_the_right_one_is_not_looked_at_either(stage: Stage) -> None:
    for pin in ("000000000001", "000000000002", "000000000003", PIN):
        invite = stage.a.call(f"{CODE}{pin}*{OUTSIDE}")
        stage.a.ack(invite, stage.a.told(403))
    stage.sim.tick(61)
    stage.talk(called(stage, f"{CODE}{PIN}*{OUTSIDE}"), stage.one)


def test_a_tech_prefix_stands_before_the_code_and_comes_off(stage: Stage) -> None:
    next(row for row in stage.sim.office.rows["accounts"] if row[1] == "rich")[10] = "77"
    stage.sim.office.rows["addresses"][:] = [["127.0.0.1", 19_000, stage.ids["rich"]]]
    stage.sim.change()
    assert stage.talk(called(stage, f"77{CODE}{PIN}*{OUTSIDE}"), stage.one).target.user == OUTSIDE


def test_without_the_code_nobody_calls_so(stage: Stage) -> None:
    stage.sim.office.settings["code_pin"] = ""
    stage.sim.change()
    invite = stage.a.call(f"{CODE}{PIN}*{OUTSIDE}")
    stage.a.ack(invite, stage.a.told(484))
    stage.one.silent()


def test_a_kept_message_does_not_tell_the_pin() -> None:
    said = f"INVITE sip:{CODE}{PIN}*{OUTSIDE}@x SIP/2.0\r\nTo: <sip:%2A44%2A{PIN}%23{OUTSIDE}@x>\r\n\r\n".encode()
    told = veiled(said, CODE.encode())
    assert PIN.encode() not in told and told.count(b"***") == 2 and told.count(OUTSIDE.encode()) == 2
    assert veiled(said) == said


# --- access numbers -------------------------------------------------------------------------------------------------------------


class Dialling:
    """A caller at the access number 1002."""

    def __init__(self, stage: Stage, caller: SimPeer) -> None:
        self.stage, self.caller, self.cseq = stage, caller, 4
        self.invite = caller.call("1002", body=sdp(caller.port + 1))
        self.ok = caller.told(200, "INVITE")
        caller.ack(self.invite, self.ok)

    def press(self, digits: str) -> None:
        for digit in digits:
            self.cseq += 1
            info = self._info(digit)
            self.caller.send(info, ("127.0.0.1", self.ok.contact.uri.port or 0))  # type: ignore[union-attr]
            self.caller.told(200, "INFO")

    def _info(self, digit: str) -> Request:
        made = self.caller.request(
            "INFO", self.ok.contact.uri_text, call_id=self.invite.call_id, to=self.ok.get("To") or "",  # type: ignore[union-attr]
            from_=self.invite.get("From") or "", cseq=self.cseq, headers=(("Content-Type", "application/dtmf-relay"),),
        )  # fmt: skip
        made.body = f"Signal={digit}\r\nDuration=100\r\n".encode()
        return made

    def hang_up(self, other: SimPeer | None = None) -> None:
        self.caller.within("BYE", self.invite, self.ok, cseq=99)
        self.caller.told(200, "BYE")
        if other is not None:
            self.stage.bye(other)


@pytest.fixture
def access(stage: Stage) -> Stage:
    stage.own("1002", "dialin", True)
    stage.sim.workers[1].board.relay.clock = lambda: stage.sim.now
    stage.sim.office.settings["ivrdtmfmethod"] = "info"
    stage.sim.change()
    return stage


@pytest.mark.req("auth-018", "auth-032", "callingcard-017", "callingcard-018")
def test_who_dials_its_pin_at_an_access_number_calls_on_and_pays(access: Stage) -> None:
    talk = Dialling(access, access.a)
    talk.press(f"{PIN}#{OUTSIDE}#")
    asked = access.one.asked("INVITE")
    assert asked.target.user == OUTSIDE and asked.from_.uri.user == "36100001003"
    assert b"m=audio" in asked.body and b"RTP/AVP 8\r\n" in asked.body
    access.one.answer(asked, 200, body=sdp(41000))
    access.one.asked("ACK")
    access.sim.tick(5)
    talk.hang_up(access.one)
    (first,), (second,) = access.of("rich"), access.of("1003")
    assert (first["payers"], first["called_account"]) == ([], access.ids["1002"])
    assert (second["payers"][0][1], second["carrier"]) == (access.ids["1003"], access.ids["one"])
    assert 5 <= second["ended"] - second["answered"] < 6
    assert PIN not in str(access.sim.records())


@pytest.mark.req("auth-011", "auth-018")
def test_a_phone_of_ours_is_asked_for_no_pin(access: Stage) -> None:
    caller = access.sim.peer("1001")
    talk = Dialling(access, caller)
    talk.press(f"{OUTSIDE}#")
    asked = access.one.asked("INVITE")
    assert asked.from_.uri.user == "36100001001"
    access.one.answer(asked, 200, body=sdp(41000))
    access.one.asked("ACK")
    access.sim.tick(1)
    talk.hang_up(access.one)
    paid = [one["payers"][0][1] for one in access.of("1001") if one["payers"]]
    assert paid == [access.ids["1001"]]


def test_the_end_of_the_number_is_a_pause_too_and_a_star_begins_anew(access: Stage) -> None:
    talk = Dialling(access, access.sim.peer("1001"))
    talk.press("999*" + OUTSIDE)
    access.one.silent(5)
    asked = access.one.asked("INVITE", 3)
    assert asked.target.user == OUTSIDE
    access.one.answer(asked, 486)
    access.one.asked("ACK")
    talk.hang_up()


def test_after_a_busy_number_another_may_be_dialled(access: Stage) -> None:
    talk = Dialling(access, access.sim.peer("1001"))
    talk.press(f"{OUTSIDE}#")
    access.one.answer(access.one.asked("INVITE"), 486)
    access.one.asked("ACK")
    talk.press("49309999999#")
    asked = access.one.asked("INVITE")
    access.one.answer(asked, 200, body=sdp(41000))
    access.one.asked("ACK")
    talk.hang_up(access.one)


def hear(access: Stage) -> None:
    """Let recordings go on to their end: the relay's time does not pass by itself."""
    relay = access.sim.workers[1].board.relay
    for _ in range(400):
        relay._reactor.advance(0.02)  # type: ignore[attr-defined]
        access.sim.tick(0.02)


@pytest.mark.req("callingcard-018")
def test_after_three_wrong_pins_the_caller_is_hung_up(access: Stage) -> None:
    talk = Dialling(access, access.a)
    for _ in range(3):
        talk.press("000000000001#")
    hear(access)
    access.bye(talk.caller)
    (record,) = access.of("rich")
    assert record["cause"] == "not_authorised" and "no more tries" in record["comment"]


def test_who_hangs_up_while_it_rings_ends_both(access: Stage) -> None:
    talk = Dialling(access, access.sim.peer("1001"))
    talk.press(f"{OUTSIDE}#")
    asked = access.one.asked("INVITE")
    access.one.answer(asked, 180)
    talk.hang_up()
    cancel = access.one.asked("CANCEL")
    access.one.answer(cancel, 200)
    access.one.answer(asked, 487)
    assert {one["cause"] for one in access.of("1001")} == {"normal", "cancelled"}


def test_the_call_ends_when_the_money_of_the_pin_does(access: Stage) -> None:
    access.sim.purse.money[access.ids["1003"]] = 12_000_000
    talk = Dialling(access, access.a)
    talk.press(f"{PIN}#{OUTSIDE}#")
    asked = access.one.asked("INVITE")
    access.one.answer(asked, 200, body=sdp(41000))
    access.one.asked("ACK")
    access.sim.tick(13)
    access.bye(access.one)
    access.bye(talk.caller)
    assert access.of("1003")[0]["authorised"] == 12


@pytest.mark.req("auth-017")
def test_with_caller_numbers_only_no_pin_is_asked_for(access: Stage) -> None:
    access.sim.office.settings["anumberhandling"] = "only"
    access.sim.change()
    invite = access.a.call("1002")
    access.a.ack(invite, access.a.told(403))


def test_who_offers_no_g711_is_refused(access: Stage) -> None:
    body = sdp().replace(b"RTP/AVP 8 0", b"RTP/AVP 18").replace(b"rtpmap:8 PCMA", b"rtpmap:18 G729")
    invite = access.a.call("1002", body=body)
    access.a.ack(invite, access.a.told(488))
