"""Header rules: passed on, dropped, added, set, rewritten, and text replaced on the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.call.headers import Rules, Wire, header_rule
from switch.sip.message import Request, parse
from switch.world.settings import Settings
from tests.support_sip import sdp
from tests.switch.call.scenes import declined, hang_up, rung, settle, up
from tests.switch.call.town import HOST, Citizen, Town, founded


def row(
    action: str, header: str = "", *, account: int | None = None, direction: str = "out", **fields: str
) -> list[Any]:
    values = {"kind": "any", "method": "", "pattern": "", "value": "", "condition": ""} | fields
    assert len(values) == 5, fields
    return [account, direction, values["kind"], values["method"], action, header, *list(values.values())[2:]]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        made.board.layer.send = made.board.send  # type: ignore[assignment]  # as a worker's does
        yield made
        made.nothing_left()


@pytest.fixture
def rich(town: Town) -> Citizen:
    """The caller, a trunk."""
    return town.peer("rich")


@pytest.fixture
def one(town: Town) -> Citizen:
    """The called, a carrier."""
    return town.peer("one")


def rules(town: Town, folder: Path, *found: list[Any]) -> None:
    town.office.rows["header_rules"] = list(found)
    town.world = town.office.world(folder / "world")


SECRET = ("X-Customer", "7"), ("User-Agent", "phone/1"), ("X-Trace", "a")


@pytest.mark.req("sip-029", "sip-010")
def test_what_nobody_passes_on_stays_behind_unless_unknown_headers_go_along(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one, SECRET)
    assert [out.get(name) for name, _ in SECRET] == [None] * 3
    declined(rich, one, invite, out)
    settle(town, tmp_path, "rich", fwdunknownheaders=True)
    invite, out = rung(rich, one, SECRET)
    assert [out.get(name) for name, _ in SECRET] == ["7", None, "a"]
    one.answer(out, 486, headers=(("X-Reply", "1"),))
    refusal = rich.told(486)
    rich.ack(invite, refusal)


def test_pass_takes_a_header_along_in_requests_answers_and_inside_the_dialog(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(town, tmp_path, row("pass", "X-*", account=town.ids["rich"], direction="in"),
          row("pass", "User-Agent", account=town.ids["one"], direction="in"))  # fmt: skip
    invite, ok, out, _ = up(rich, one, SECRET, answer_headers=(("User-Agent", "gateway"), ("X-Reply", "1")))
    assert [out.get(name) for name, _ in SECRET] == ["7", None, "a"]
    assert (ok.get("User-Agent"), ok.get("X-Reply")) == ("gateway", None)
    rich.within("INFO", invite, ok, headers=(("X-Customer", "8"),))
    info = one.asked("INFO")
    assert info.get("X-Customer") == "8"
    one.answer(info, 200, headers=(("User-Agent", "gateway"),))
    assert rich.told(200, "INFO").get("User-Agent") == "gateway"
    hang_up(rich, one, invite, ok)


def test_no_rule_takes_along_what_belongs_to_one_side(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(
        town,
        tmp_path,
        *(row("pass", f"{letter}*", direction="in") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    )
    sent = (
        ("Authorization", "Digest x"),
        ("Record-Route", "<sip:1.2.3.4;lr>"),
        ("Path", "<sip:5.6.7.8>"),
        ("Subject", "hello"),
    )
    invite, out = rung(rich, one, sent)
    assert [out.get(name) for name, _ in sent] == [None, None, None, "hello"]
    assert len(out.all("Via")) == len(out.all("Contact")) == 1 and out.call_id != invite.call_id
    declined(rich, one, invite, out)


def test_add_set_and_drop_touch_what_one_party_gets(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    mine = town.ids["one"]
    rules(town, tmp_path, row("add", "X-Route", account=mine, value="gold"), row("add", "X-Route", account=mine, value="blue"),
          row("set", "Subject", account=mine, value="ours", kind="request", method="INVITE"),
          row("drop", "Allow", account=mine), row("drop", "X-Cost", account=mine, direction="in"))  # fmt: skip
    invite, ok, out, _ = up(rich, one, (("Subject", "theirs"),), answer_headers=(("X-Cost", "1"),))
    assert (out.all("X-Route"), out.all("Subject"), out.get("Allow")) == (["gold", "blue"], ["ours"], None)
    assert ok.get("Allow") and ok.get("X-Route") is None
    rich.within("BYE", invite, ok)
    rich.told(200, "BYE")
    bye = one.asked("BYE")
    assert bye.all("X-Route") == ["gold", "blue"] and bye.get("Subject") is None
    one.answer(bye, 200)


def test_a_rule_for_answers_changes_what_the_caller_hears(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(
        town,
        tmp_path,
        row("set", "Reason", account=town.ids["rich"], kind="response", value="Q.850;cause=21"),
    )
    invite, out = rung(rich, one)
    assert declined(rich, one, invite, out).all("Reason") == ["Q.850;cause=21"]


def test_rewrite_changes_numbers_on_their_way_in_and_the_call_is_decided_by_them(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(town, tmp_path, row("rewrite", "Request-URI", account=town.ids["rich"], direction="in", pattern=r"^sip:49(\d+)@", value=r"sip:36\1@"),
          row("rewrite", "From", account=town.ids["rich"], direction="in", pattern=r"sip:rich@", value="sip:36201@"))  # fmt: skip
    invite, out = rung(rich, one)
    assert out.target.user == "36301234567" and out.from_.uri.user == "36201"
    refusal = declined(rich, one, invite, out)
    assert refusal.get("From") == invite.get("From")


def test_rewrite_keeps_the_dialog_whatever_the_rule_makes_of_from(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    mine = town.ids["one"]
    rules(town, tmp_path, row("rewrite", "From", account=mine, pattern="tag=.*", value="tag=mine"),
          row("rewrite", "From", account=mine, pattern="^.*$", value="nonsense <"),
          row("rewrite", "Request-URI", account=mine, pattern="^sip:", value="mailto:"),
          row("rewrite", "From", account=mine, pattern="<sip:[^@]*@", value="<sip:4711@"))  # fmt: skip
    invite, ok, out, answer = up(rich, one)
    assert out.from_.uri.user == "4711" and out.uri.startswith("sip:")
    assert (out.from_.tag or "").startswith("w1-")
    one.back("BYE", out, answer)
    one.told(200, "BYE")
    bye = rich.asked("BYE")
    rich.answer(bye, 200)
    assert invite.from_.tag == ok.from_.tag


@pytest.mark.parametrize(
    ("condition", "there"),
    [(HOST, True), ("192.0.2.1", False), ("m=video", False), ("INVITE sip:4930", True), ("X-Vip: 1", True)],
)
def test_a_condition_is_an_address_or_text_of_the_message(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, condition: str, there: bool
) -> None:
    rules(
        town,
        tmp_path,
        row("pass", "X-Vip", direction="in"),
        row("add", "X-Seen", account=town.ids["one"], value="1", condition=condition),
    )
    invite, out = rung(rich, one, (("X-Vip", "1"),))
    assert (out.get("X-Seen") is not None) is there
    declined(rich, one, invite, out)


# --- on the wire -----------------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-105")
def test_text_of_incoming_messages_is_replaced_before_they_are_read(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(
        town,
        tmp_path,
        row("raw", direction="in", pattern="INVITE sip:4930", value="INVITE sip:3620", condition=HOST),
    )
    invite, out = rung(rich, one)
    assert out.target.user == "36201234567"
    declined(rich, one, invite, out)


@pytest.mark.req("sip-106")
@pytest.mark.parametrize(
    ("condition", "replaced"),
    [("", True), (HOST, True), ("192.0.2.1", False), ("INVITE", True), ("REGISTER", False)],
)
def test_text_of_outgoing_messages_is_replaced_under_its_condition(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, condition: str, replaced: bool
) -> None:
    rules(
        town,
        tmp_path,
        row("raw", pattern="a=sendrecv", value="a=inactive", condition=condition, kind="request"),
    )
    invite, out = rung(rich, one)
    assert (b"a=inactive" in out.body) is replaced
    declined(rich, one, invite, out)


@pytest.mark.req("sip-107", "sip-108")
def test_any_number_of_headers_is_removed_from_all_that_goes_out(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    rules(
        town,
        tmp_path,
        row("drop", "Allow"),
        *(row("drop", f"X-{n}") for n in range(100)),
        row("drop", "Reason", condition="486"),
    )
    rich.send(rich.request("OPTIONS", f"sip:{HOST}"))
    assert rich.told(200, "OPTIONS").get("Allow") is None
    invite, out = rung(rich, one)
    assert out.get("Allow") is None
    assert declined(rich, one, invite, out).get("Reason") is None


def test_a_changed_body_has_its_length_told() -> None:
    wire = Wire(
        [one for one in [header_rule(row("raw", pattern="a=sendrecv", value="a=inactive and more"))] if one],
        Settings.of(defaults()),
    )
    request = Request("INFO", "sip:a@b", [("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"), ("From", "<sip:a@b>;tag=1"), ("To", "<sip:a@b>"),
                                        ("Call-ID", "c"), ("CSeq", "1 INFO")], sdp())  # fmt: skip
    changed = parse(wire.outgoing(request.encode(), HOST, 0.0))
    assert changed.body == sdp().replace(b"a=sendrecv", b"a=inactive and more")


# --- hostile --------------------------------------------------------------------------------------------------------------


def test_an_expression_that_would_take_for_ever_elsewhere_takes_no_time_here() -> None:
    rule = header_rule(row("rewrite", "Subject", pattern=r"^(a+)+$", value="x"))
    assert rule is not None
    message = Request("INVITE", "sip:a@b", [("Subject", "a" * 2000 + "!")])
    began = time.perf_counter()
    Rules([rule]).said(message, HOST)
    assert time.perf_counter() - began < 0.1


def test_a_value_that_is_no_text_stays_as_it_is() -> None:
    rule = header_rule(row("rewrite", "Subject", pattern=".", value="xx"))
    assert rule is not None
    for value in ("\udcff", "a" * 5000):
        message = Request("INVITE", "sip:a@b", [("Subject", value)])
        assert not Rules([rule]).said(message, HOST) and message.get("Subject") == value


def test_a_rule_that_the_switch_cannot_use_is_passed_over() -> None:
    assert header_rule(row("rewrite", "Subject", pattern="(", value="x")) is None
