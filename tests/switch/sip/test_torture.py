"""The messages of RFC 4475: each gets the parse, the answer or the silence that its section names."""

import pytest

from switch.sip.message import BadMessage, Request, parse

from .torture import DROP, FOLDER, GOOD, MESSAGES, UNSALVAGEABLE


def read(name: str):
    return parse((FOLDER / f"{name}.dat").read_bytes())


def outcome(name: str):
    """What a user agent that looks at target and contacts meets."""
    try:
        message = read(name)
        if isinstance(message, Request):
            message.target, message.contacts
    except BadMessage as bad:
        assert not bad.status or bad.partial is not None
        return bad.status or DROP
    return GOOD


def test_every_message_of_the_rfc_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.dat")} == {*MESSAGES, UNSALVAGEABLE}
    assert len(MESSAGES) == 49
    assert len({case.section for case in MESSAGES.values()}) == 49


@pytest.mark.parametrize("name", MESSAGES)
def test_a_torture_message_gets_the_outcome_of_the_rfc(name):
    assert outcome(name) == MESSAGES[name].parse, MESSAGES[name].why


def test_what_has_neither_version_nor_via_is_dropped():
    assert outcome(UNSALVAGEABLE) == DROP


@pytest.mark.parametrize("name", [name for name, case in MESSAGES.items() if case.parse == GOOD])
def test_a_good_torture_message_survives_a_round_trip(name):
    message = read(name)
    assert parse(message.encode()) == message


def test_blanks_and_folds_everywhere_are_read():
    message = read("wsinv")
    assert next(via.partition(";")[0] for via in message.members("Via")) == "SIP  /   2.0 /UDP 192.0.2.2"
    assert (message.via.host, message.via.branch, message.via.transport) == ("192.0.2.2", "390skdjuw", "UDP")
    assert len(message.members("Via")) == 3
    assert (message.to.tag, message.from_.tag) == ("1918181833n", "98asjd8")
    assert message.from_.display == 'J Rosenberg \\"'
    assert (message.cseq.number, message.cseq.method, message.max_forwards) == (9, "INVITE", 68)
    assert message.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.get("s") == ""
    assert message.contact.display == 'Quoted string ""'
    assert message.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.routes[0].uri.params == {"lr": None, "unknownwith": "value", "unknown-no-value": None}
    assert len(message.body) == 150


def test_strange_but_legal_characters_are_read():
    message = read("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.target.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.tag == "_token~1'+`*%!-."


def test_escapes_are_undone_once_and_only_in_the_user_part():
    assert read("esc01").target.user == "sips:user@example.com"
    assert read("escnull").to.uri.user == "null-\x00-null"
    assert read("esc02").method == "RE%47IST%45R"
    assert len(read("esc02").contacts) == 2
    assert read("semiuri").target.user == "user;par=u@example.net"


def test_what_follows_the_content_length_in_a_datagram_is_ignored():
    message = read("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")


def test_parameters_without_brackets_belong_to_the_header():
    assert read("cparam01").contact.params == {"unknownparam": None}
    assert read("cparam02").contact.params == {}
    assert read("cparam02").contact.uri.params == {"unknownparam": None}
    assert read("regescrt").contact.uri.headers == "Route=%3Csip:sip.example.com%3E"
