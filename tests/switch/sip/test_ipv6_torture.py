"""The IPv6 situations of RFC 5118 at the parsers of messages and session descriptions."""

import pytest

from switch.sip.message import BadMessage, Request, parse, stamp_via
from switch.sip.sdp import Sdp

from .ipv6 import MESSAGES
from .torture import GOOD


def read(name: str):
    return parse(MESSAGES[name][0])


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_with_ipv6_addresses_gets_its_outcome(name):
    data, case = MESSAGES[name]
    try:
        message = parse(data)
        if isinstance(message, Request):
            message.target, message.contacts
        outcome = GOOD
    except BadMessage as bad:
        outcome = bad.status
    assert outcome == case.parse, case.why


@pytest.mark.parametrize("name", [name for name, (_, case) in MESSAGES.items() if case.parse == GOOD])
def test_a_good_one_survives_a_round_trip(name):
    assert parse(read(name).encode()) == read(name)


def test_every_situation_of_the_rfc_is_there():
    assert {case.section for _, case in MESSAGES.values()} == {f"4.{number}" for number in range(1, 11)}


def test_a_port_stands_behind_the_brackets_only():
    inside, outside = read("port inside").target, read("port outside").target
    assert (inside.address, inside.port) == ("2001:db8::10:5070", None)
    assert (outside.address, outside.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("name", ["received in brackets", "received bare"])
def test_an_answer_goes_to_the_received_address_without_brackets(name):
    assert read(name).via.reply_to == ("2001:db8::9:255", 5060)


def test_the_address_that_we_note_in_a_via_has_no_brackets():
    request = read("reference")
    stamp_via(request, "2001:db8::9:255", 5060)
    assert request.via.params["received"] == "2001:db8::9:255"
    assert parse(request.encode()).via.reply_to[0] == "2001:db8::9:255"


def test_a_via_that_tells_the_truth_is_not_stamped_in_whatever_case_it_is_written():
    request = read("reference")
    request.set("Via", "SIP/2.0/UDP [2001:DB8::9:1];branch=z9hG4bKx")
    stamp_via(request, "2001:db8::9:1", 5060)
    assert "received" not in request.via.params


def test_media_addresses_of_both_families_are_read():
    assert [media.address for media in Sdp.parse(read("two families of media").body).media] == [
        "2001:db8::20",
        "192.0.2.20",
    ]
    assert Sdp.parse(read("mapped").body).media[0].address == "::ffff:192.0.2.2"


def test_a_mapped_address_in_a_via_is_answered_there():
    assert read("mapped").via.reply_to == ("::ffff:192.0.2.10", 19823)
