"""Messages: reading, writing, answering."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.sip.message import MAX_MESSAGE, BadMessage, Request, Response, parse, response_to, stamp_via

from . import make
from .conftest import TORTURE

SEEDS = [path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))]
TEXT = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=40).map(
    lambda s: s.strip(" \t")
)
NAMES = st.sampled_from(["Subject", "X-Anything", "Supported", "User-Agent", "Warning"])


@st.composite
def messages(draw):
    headers = draw(st.lists(st.tuples(NAMES, TEXT), max_size=6))
    body = draw(st.binary(max_size=100))
    message = make.request(
        draw(st.sampled_from(["INVITE", "BYE", "OPTIONS"])), to_tag=draw(st.sampled_from(["", "t"]))
    )
    if draw(st.booleans()):
        message = response_to(message, draw(st.integers(100, 699)), draw(TEXT))
    message.headers.extend(headers)
    message.body = body
    return message


@given(messages())
def test_a_written_message_reads_back_as_itself(message):
    assert parse(message.encode()) == message


def touch_all(data: bytes) -> None:
    message = parse(data)
    for name in (
        "via",
        "from_",
        "to",
        "cseq",
        "call_id",
        "contacts",
        "routes",
        "record_routes",
        "expires",
        "max_forwards",
        "target",
    ):
        try:
            value = getattr(message, name, None)
        except BadMessage:
            continue
        if name in {"from_", "to"}:
            str(value)
    message.encode()


def refuse(bad: BadMessage) -> None:
    """What could be read of a bad request is enough to answer it."""
    assert (bad.partial is not None) == (bad.status != 0)
    if bad.partial is not None:
        assert response_to(bad.partial, bad.status, to_tag="t").encode().startswith(b"SIP/2.0 ")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(BadMessage):
        touch_all(data)


@settings(max_examples=400)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 4), st.binary(max_size=4)), max_size=5),
)
def test_a_damaged_message_is_read_or_refused(seed, damages):
    data = bytearray(seed)
    for place, length, replacement in damages:
        data[place : place + length] = replacement
    with contextlib.suppress(BadMessage):
        touch_all(bytes(data))


def test_compact_names_and_any_case_are_the_same_header():
    message = parse(b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\nF: <sip:a@b>;tag=1\r\nt: <sip:b@c>\r\ni: 1\r\n"
                    b"CSEQ: 1 OPTIONS\r\nm: <sip:c@d>\r\nk: timer, path\r\nsUPPORTED: outbound\r\nx-my-own: 1\r\nl: 0\r\n\r\n")  # fmt: skip
    assert message.members("Supported") == ["timer", "path", "outbound"]
    assert message.get("X-My-Own") == message.get("x-MY-own") == "1"
    assert message.contact.uri.user == "c"
    assert b"\r\nContact: <sip:c@d>\r\n" in message.encode()


def test_commas_inside_quotes_and_brackets_do_not_cut_a_list():
    message = Request("REGISTER", "sip:a", [("Contact", '"Bell, A \\" <x>" <sip:a,b@c>;q=1, <sip:d@e>')])
    assert [(c.display, c.uri_text) for c in message.contacts] == [
        ('Bell, A " <x>', "sip:a,b@c"),
        ("", "sip:d@e"),
    ]


def test_a_star_contact_is_told_from_no_contact():
    assert Request("REGISTER", "sip:a", [("Contact", "*")]).contacts is None
    assert Request("REGISTER", "sip:a").contacts == []


def test_the_content_length_is_always_that_of_the_body():
    message = make.request()
    message.body = "ä".encode()
    assert b"\r\nContent-Length: 2\r\n\r\n" in message.encode()
    assert parse(message.encode()).body == message.body


def test_set_replaces_every_header_of_the_name_in_place():
    message = Request("INVITE", "sip:a", [("A", "1"), ("Route", "x"), ("B", "2"), ("Route", "y")])
    message.set("route", "z")
    assert message.headers == [("A", "1"), ("Route", "z"), ("B", "2")]
    message.remove("Route")
    message.set("Route", "w")
    message.add("Via", "v", first=True)
    assert message.headers == [("Via", "v"), ("A", "1"), ("B", "2"), ("Route", "w")]
    assert message.get("Route") == "w"


def test_a_changed_header_is_parsed_anew():
    message = make.request()
    assert message.to.tag is None
    message.set("To", "<sip:x@y>;tag=new")
    assert message.to.tag == "new"


@pytest.mark.parametrize("value", ["a\r\nInjected: 1", "a\nInjected: 1", "a\rb"])
def test_no_value_can_smuggle_a_header_in(value):
    message = make.request()
    message.add("Subject", value)
    with pytest.raises(ValueError, match="line end"):
        message.encode()


@pytest.mark.parametrize("bare", [b"\n", b"\r"])
def test_a_bare_line_end_in_the_headers_is_refused(bare):
    data = make.request().encode().replace(b"call-1", b"call" + bare + b"X-Smuggled: 1")
    with pytest.raises(BadMessage) as caught:
        parse(data)
    assert caught.value.status == 400
    assert b"\r\nCall-ID: call X-Smuggled: 1\r\n" in response_to(caught.value.partial, 400).encode()


def test_a_message_above_the_limit_is_answered_513():
    message = make.request()
    message.body = bytes(MAX_MESSAGE)
    with pytest.raises(BadMessage) as caught:
        parse(message.encode())
    assert caught.value.status == 513
    assert response_to(caught.value.partial, 513).get("Call-ID") == "call-1"


def test_too_many_headers_are_refused():
    message = make.request()
    message.headers.extend([("X-A", "1")] * 300)
    with pytest.raises(BadMessage) as caught:
        parse(message.encode())
    assert caught.value.status == 400


def test_a_bad_ack_is_dropped_for_nobody_answers_an_ack():
    data = make.request("ACK").encode().replace(b"CSeq: 1 ACK", b"CSeq: x ACK")
    with pytest.raises(BadMessage) as caught:
        parse(data)
    assert caught.value.status == 0


def test_a_truncated_datagram_is_answered_400():
    data = make.request().encode()
    with pytest.raises(BadMessage) as caught:
        parse(data[: len(data) - 10])
    assert caught.value.status == 400


def test_a_response_copies_what_the_rfc_names_and_adds_our_tag():
    request = make.request(Record_Route="<sip:p1;lr>", Subject="not copied")
    request.add("Via", "SIP/2.0/UDP second", first=False)
    response = response_to(request, 180, to_tag="mine")
    assert response.all("Via") == request.all("Via")
    assert (response.get("To"), response.get("Record-Route")) == (
        "<sip:bob@example.net>;tag=mine",
        "<sip:p1;lr>",
    )
    assert response.get("Subject") is None
    assert response.encode().startswith(b"SIP/2.0 180 Ringing\r\n")
    assert response_to(make.request(to_tag="old"), 200, to_tag="mine").to.tag == "old"


@pytest.mark.parametrize(
    ("via", "source", "expected"),
    [
        (
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP h;rport;branch=z9hG4bKa",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP h;rport=9;branch=z9hG4bKa;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP h;rport;branch=a, SIP/2.0/UDP i",
            ("::1", 9),
            "SIP/2.0/UDP h;rport=9;branch=a;received=::1, SIP/2.0/UDP i",
        ),
    ],
)
@pytest.mark.req("nat-001")
def test_the_top_via_is_stamped_with_the_source(via, source, expected):
    request = make.request()
    request.set("Via", via)
    stamp_via(request, *source)
    assert request.get("Via") == expected
    assert parse(request.encode()).via.params == request.via.params


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP h.example:5070", ("h.example", 5070)),
        ("SIP/2.0/UDP h.example;received=192.0.2.1", ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP h:5070;rport=9;received=192.0.2.1", ("192.0.2.1", 9)),
        ("SIP/2.0/UDP [2001:db8::1]:5070", ("2001:db8::1", 5070)),
        ("SIP/2.0/UDP h:5070;maddr=224.0.1.75;rport=9", ("224.0.1.75", 5070)),
    ],
)
def test_a_response_goes_where_the_via_says(via, expected):
    request = make.request()
    request.set("Via", via)
    assert request.via.reply_to == expected


def test_huge_expiry_times_count_as_the_largest_and_nonsense_as_absent():
    assert Request("REGISTER", "sip:a", [("Expires", "9" * 100)]).expires == 2**32 - 1
    assert Request("REGISTER", "sip:a", [("Expires", "soon")]).expires is None
    assert Response(503, None, [("Retry-After", "18 (soon)")]).get("Retry-After") == "18 (soon)"
