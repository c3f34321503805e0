"""Why a call ended: Reason headers read and told on (RFC 3326), statuses and causes changed as the office wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.call.reasons import line, reasons
from switch.sip.message import Request
from tests.switch.call.scenes import records, rung, settle, up
from tests.switch.call.town import Citizen, Town, founded


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
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


@pytest.fixture
def two(town: Town) -> Citizen:
    """The second carrier."""
    return town.peer("two")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('Q.850;cause=16;text="Normal"', 'Q.850;cause=16;text="Normal"'),
        ("sip ; cause=486, q.850;cause=17", "SIP;cause=486, Q.850;cause=17"),
        ('SIP;cause=200;text="a\\"b"', 'SIP;cause=200;text="ab"'),
        ("Q.850;cause=128", ""), ("Q.850;cause=0", ""), ("Q.850", ""), ("preemption;cause=1", ""), ("SIP;cause=999", ""),
        ('Q.850;cause=16;text="', ""), ("Q.850;cause=1e1", ""), ("", ""),
    ],
)  # fmt: skip
def test_what_a_reason_says_is_read_and_written_anew(text: str, told: str) -> None:
    assert line(reasons(Request("BYE", "sip:a@b", [("Reason", text)]))) == told


@pytest.mark.req("sip-007")
def test_the_reason_of_a_bye_goes_on_and_stands_in_the_record(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, ok, *_ = up(rich, one)
    rich.within("BYE", invite, ok, headers=(("Reason", 'Q.850;cause=31;text="Normal, unspecified"'),))
    rich.told(200, "BYE")
    bye = one.asked("BYE")
    assert bye.get("Reason") == 'Q.850;cause=31;text="Normal, unspecified"'
    one.answer(bye, 200)
    record = records(town)[0]
    assert (record["cause"], record["q850"], record["by"]) == ("normal", 31, "caller")


@pytest.mark.req("sip-007")
def test_the_reason_of_a_cancel_goes_on(rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one)
    one.answer(out, 180)
    rich.told(180)
    cancel = Request(
        "CANCEL",
        invite.uri,
        [h for h in invite.headers if h[0] in {"Via", "From", "To", "Call-ID", "Max-Forwards"}],
    )
    cancel.add("CSeq", "1 CANCEL")
    cancel.add("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
    rich.send(cancel)
    rich.told(200, "CANCEL")
    rich.ack(invite, rich.told(487))
    heard = one.asked("CANCEL")
    assert heard.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    one.answer(heard, 200)
    one.answer(out, 487)


@pytest.mark.req("sip-007")
def test_the_q850_cause_of_a_refusal_is_told_and_recorded(town: Town, rich: Citizen, one: Citizen) -> None:
    invite, out = rung(rich, one)
    one.answer(out, 480, headers=(("Reason", "Q.850;cause=20"),))
    refusal = rich.told(480)
    rich.ack(invite, refusal)
    assert "Q.850;cause=20" in (refusal.get("Reason") or "")
    assert records(town)[0]["q850"] == 20


@pytest.mark.req("sip-094")
def test_a_callers_changediscreason_changes_what_it_is_answered(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "rich", changediscreason=["486=600", "404=480"])
    invite, out = rung(rich, one)
    one.answer(out, 486)
    rich.ack(invite, rich.told(600))
    assert records(town)[0]["cause"] == "sip_486"


@pytest.mark.req("sip-094")
def test_a_carriers_changediscreason_decides_whether_the_next_is_tried(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, two: Citizen
) -> None:
    settle(town, tmp_path, "one", changediscreason=["480=503"])
    invite, out = rung(rich, one)
    one.answer(out, 480)
    again = two.asked("INVITE")
    two.answer(again, 486)
    rich.ack(invite, rich.told(486))


@pytest.mark.req("sip-094")
def test_a_change_for_everybody_is_made_once(town: Town, tmp_path: Path, rich: Citizen, one: Citizen) -> None:
    settle(town, tmp_path, changediscreason=["486=487", "487=488"])
    invite, out = rung(rich, one)
    one.answer(out, 486)
    rich.ack(invite, rich.told(487))


@pytest.mark.req("sip-093", "routing-061")
def test_the_office_says_by_which_status_and_cause_a_routing_failure_is_told(
    town: Town, tmp_path: Path, rich: Citizen
) -> None:
    town.office.rows["rules"].clear()
    town.office.rows["causes"].append(["no_route", 503, 34, "No capacity"])
    settle(town, tmp_path)
    invite = rich.invite("4930")
    rich.send(invite)
    refusal = rich.told(503)
    assert refusal.get("Reason") == 'Q.850;cause=34;text="No capacity"'
    rich.ack(invite, refusal)
    record = records(town)[0]
    assert (record["cause"], record["status"], record["q850"]) == ("no_route", 503, 34)


@pytest.mark.req("routing-062")
def test_the_offices_causes_are_not_used_while_a_setting_says_so(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    town.office.rows["causes"] += [["sip_486", 480, 17, "Busy"], ["no_route", 503, 34, "No capacity"]]
    for defaults, status in ((True, 486), (False, 480)):
        settle(town, tmp_path / str(defaults), usedefaultdisccodes=defaults)
        invite, out = rung(rich, one)
        one.answer(out, 486)
        rich.ack(invite, rich.told(status))


@pytest.mark.req("cdr-062")
def test_a_status_of_the_far_end_can_be_told_otherwise_too(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    town.office.rows["causes"].append(["sip_486", 480, 17, "Busy"])
    settle(town, tmp_path)
    invite, out = rung(rich, one)
    one.answer(out, 486)
    rich.ack(invite, rich.told(480))


def test_the_text_of_our_own_hanging_up_is_the_offices(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    town.office.rows["causes"].append(["operator_hangup", 200, 16, "Ended by the office"])
    settle(town, tmp_path)
    up(rich, one)
    (call,) = town.board.calls.values()
    call.operator("ada")
    for peer in (rich, one):
        bye = peer.asked("BYE")
        assert bye.get("Reason") == 'Q.850;cause=16;text="Ended by the office"'
        peer.answer(bye, 200)
