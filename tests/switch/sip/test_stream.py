"""Framing of SIP over TCP."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.message import MAX_MESSAGE, parse
from switch.sip.stream import PING, BadStream, Framer

from . import make


def whole(body: bytes = b"") -> bytes:
    message = make.request()
    message.body = body
    return message.encode()


STREAM = [
    whole(),
    b"\r\n",
    whole(b"v=0\r\n\r\nINVITE"),
    PING,
    PING,
    b"\r\n\r\n\r\n",
    whole(b"x" * 300),
    b"\r\n",
    whole(),
]


def frames(pieces) -> list[bytes]:
    framer = Framer()
    return [frame for piece in pieces for frame in framer.feed(piece)]


@given(st.lists(st.integers(0, len(b"".join(STREAM))), max_size=20))
def test_any_cutting_of_the_stream_gives_the_same_frames(cuts):
    data = b"".join(STREAM)
    places = sorted({0, len(data), *cuts})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert frames(pieces) == frames([data])


def test_byte_by_byte_gives_the_messages():
    data = b"".join(STREAM)
    found = frames(data[i : i + 1] for i in range(len(data)))
    assert [frame for frame in found if frame != PING] == [piece for piece in STREAM if len(piece) > 6]
    assert found.count(PING) == 3


def test_a_ping_is_told_and_a_lone_line_end_skipped():
    assert frames([PING]) == [PING]
    assert frames([b"\r\n", whole()]) == [whole()]
    assert frames([b"\r\n"]) == []


@pytest.mark.parametrize(
    "header", [b"Content-Length: 3", b"l:3", b"CONTENT-LENGTH  :\r\n 3", b"l : 3 \r\nContent-Length: 3"]
)
def test_the_length_is_found_however_it_is_written(header):
    data = b"OPTIONS sip:a@b SIP/2.0\r\n" + header + b"\r\n\r\nabc"
    assert frames([data + whole()]) == [data, whole()]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nTo: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nl: -1\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nl: 99999999\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nl: " + str(MAX_MESSAGE).encode() + b"\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"x" * MAX_MESSAGE,
        b"\rOPTIONS",
        b"\r\n\rx",
    ],
)
def test_what_cannot_be_framed_is_an_error(data):
    with pytest.raises(BadStream):
        frames([data])


@given(st.binary(max_size=200))
def test_any_bytes_are_framed_or_refused(data):
    with contextlib.suppress(BadStream):
        frames([data])


def test_an_error_shows_the_head_so_that_an_answer_can_be_tried():
    data = whole().replace(b"Content-Length: 0", b"X: y")
    with pytest.raises(BadStream) as caught:
        frames([data])
    assert parse(caught.value.head).call_id == "call-1"


def test_a_message_that_stays_unfinished_shows():
    framer = Framer()
    framer.feed(whole()[:-10])
    assert framer.waiting == len(whole()) - 10
