"""Dialogs of both sides."""

import pytest

from switch.sip.dialog import CONFIRMED, EARLY, MAX_ROUTES, TERMINATED, Dialog, DialogId
from switch.sip.message import BadMessage, Request, response_to

from . import make

CONTACT = "<sip:w1@192.0.2.9:5071>"
VIA = "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-w1-x"


def caller(status: int = 200, **headers: str) -> tuple[Request, Dialog]:
    invite = make.request(cseq=7)
    response = make.answer(invite, status, tag="theirs", Contact="<sip:bob@198.51.100.1:5080>", **headers)
    return invite, Dialog.of_caller(invite, response, CONTACT)


def callee(**headers: str) -> Dialog:
    return Dialog.of_callee(
        make.request(cseq=7, Contact="<sip:alice@198.51.100.2>", **headers), "ours", CONTACT
    )


def test_the_caller_side_takes_its_parts_from_the_response():
    _, dialog = caller(Record_Route="<sip:p2;lr>, <sip:p1;lr>")
    assert dialog.id == DialogId("call-1", "a1", "theirs")
    assert (dialog.target, dialog.route_set, dialog.state) == (
        "sip:bob@198.51.100.1:5080",
        ["<sip:p1;lr>", "<sip:p2;lr>"],
        CONFIRMED,
    )


def test_the_callee_side_takes_its_parts_from_the_invite():
    dialog = callee(Record_Route="<sip:p2;lr>, <sip:p1;lr>")
    assert dialog.id == DialogId("call-1", "ours", "a1")
    assert (dialog.target, dialog.route_set, dialog.state) == (
        "sip:alice@198.51.100.2",
        ["<sip:p2;lr>", "<sip:p1;lr>"],
        EARLY,
    )
    dialog.confirm()
    assert dialog.state == CONFIRMED


def test_a_request_within_the_dialog_follows_target_and_routes():
    _, dialog = caller(Record_Route="<sip:p2;lr>, <sip:p1;lr>")
    bye = dialog.request("BYE", VIA, [("Reason", "Q.850;cause=16")])
    assert (bye.uri, bye.all("Route")) == ("sip:bob@198.51.100.1:5080", ["<sip:p1;lr>", "<sip:p2;lr>"])
    assert (bye.from_.tag, bye.to.tag, bye.cseq.number, bye.get("Reason")) == (
        "a1",
        "theirs",
        8,
        "Q.850;cause=16",
    )
    assert bye.get("Contact") is None
    assert dialog.request("INVITE", VIA).get("Contact") == CONTACT


def test_a_request_of_the_callee_swaps_from_and_to():
    bye = callee().request("BYE", VIA)
    assert (bye.uri, bye.from_.tag, bye.to.tag, bye.cseq.number) == (
        "sip:alice@198.51.100.2",
        "ours",
        "a1",
        1,
    )


def test_a_strict_router_gets_the_request_and_the_target_goes_last():
    _, dialog = caller(Record_Route="<sip:old.example>")
    bye = dialog.request("BYE", VIA)
    assert (bye.uri, bye.all("Route")) == ("sip:old.example", ["<sip:bob@198.51.100.1:5080>"])


def test_the_ack_repeats_the_number_of_the_invite():
    _, dialog = caller()
    dialog.request("INFO", VIA)
    ack = dialog.ack(VIA, body=b"v=0")
    assert (str(ack.cseq), ack.uri, ack.body) == ("7 ACK", "sip:bob@198.51.100.1:5080", b"v=0")
    dialog.request("INVITE", VIA)
    assert str(dialog.ack(VIA).cseq) == "9 ACK"


def test_an_early_dialog_is_confirmed_by_the_2xx_with_its_routes_and_target():
    invite, dialog = caller(183, Record_Route="<sip:p1;lr>")
    assert dialog.state == EARLY
    dialog.on_response(
        make.answer(invite, 200, tag="theirs", Contact="<sip:new@198.51.100.3>", Record_Route="<sip:p9;lr>")
    )
    assert (dialog.state, dialog.target, dialog.route_set) == (
        CONFIRMED,
        "sip:new@198.51.100.3",
        ["<sip:p9;lr>"],
    )


def test_a_re_invite_of_ours_moves_the_target_and_never_the_routes():
    _, dialog = caller(Record_Route="<sip:p1;lr>")
    again = dialog.request("INVITE", VIA)
    dialog.on_response(make.answer(again, 200, Contact="<sip:moved@h>", Record_Route="<sip:other;lr>"))
    assert (dialog.request("BYE", VIA).uri, dialog.route_set) == ("sip:moved@h", ["<sip:p1;lr>"])


def test_a_refused_re_invite_changes_nothing():
    _, dialog = caller()
    dialog.on_response(make.answer(dialog.request("INVITE", VIA), 491, Contact="<sip:moved@h>"))
    assert dialog.target == "sip:bob@198.51.100.1:5080"


def test_a_request_of_the_peer_must_have_a_higher_number():
    dialog = callee()
    assert dialog.accepts(make.request("INVITE", cseq=8, Contact="<sip:moved@h>"))
    assert dialog.target == "sip:moved@h"
    assert not dialog.accepts(make.request("BYE", cseq=8))
    assert not dialog.accepts(make.request("BYE", cseq=1))
    assert dialog.accepts(make.request("ACK", cseq=8))
    assert dialog.accepts(make.request("BYE", cseq=20))
    dialog.terminate()
    assert dialog.state == TERMINATED


def test_the_first_request_of_the_called_peer_may_have_any_number():
    _, dialog = caller()
    assert dialog.accepts(make.request("BYE", cseq=0))


@pytest.mark.parametrize(("tag", "expected"), [("ours", "ours"), ("", "")])
def test_both_sides_name_the_dialog_alike(tag, expected):
    request = make.request("BYE", to_tag=tag)
    assert DialogId.of_request(request) == DialogId("call-1", expected, "a1")
    assert DialogId.of_response(response_to(request, 200)) == DialogId("call-1", "a1", expected)


def test_a_prepared_request_is_a_whole_message():
    from switch.sip.message import parse

    _, dialog = caller(Record_Route="<sip:p1;lr>")
    request = dialog.request("UPDATE", VIA, [("Content-Type", "application/sdp")], b"v=0\r\n")
    assert parse(request.encode()) == request


def test_the_answer_to_an_update_before_the_call_is_up_is_not_what_the_routes_are_learnt_from():
    """It once wiped them: what followed left the proxies out."""
    _, dialog = caller(183, Record_Route="<sip:p1;lr>")
    dialog.on_response(make.answer(dialog.request("UPDATE", VIA), 200, Contact="<sip:moved@h>"))
    assert (dialog.target, dialog.route_set, dialog.state) == ("sip:moved@h", ["<sip:p1;lr>"], EARLY)


def test_a_provisional_answer_to_a_re_invite_moves_nothing():
    """RFC 3261 §12.2.1.2: a 2xx does. The target once moved with a 180, though the re-INVITE was refused then."""
    _, dialog = caller()
    again = dialog.request("INVITE", VIA)
    dialog.on_response(make.answer(again, 180, Contact="<sip:moved@h>"))
    dialog.on_response(make.answer(again, 486))
    assert dialog.target == "sip:bob@198.51.100.1:5080"


@pytest.mark.parametrize("routes", [", ".join(["<sip:p;lr>"] * (MAX_ROUTES + 1)), "<sip:p p>", "nonsense"])
def test_more_routes_than_anybody_needs_or_broken_ones_make_no_dialog(routes):
    with pytest.raises(BadMessage):
        callee(Record_Route=routes)
    with pytest.raises(BadMessage):
        caller(Record_Route=routes)
