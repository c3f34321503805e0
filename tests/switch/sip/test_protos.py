"""Thousands of broken requests (see `protos`) at the parser: each is read, or refused in a way that can be answered."""

import gc
import time
from collections.abc import Iterator

import pytest

from switch.sip.digest import Credentials
from switch.sip.grammar import BadValue
from switch.sip.message import BadMessage, Request, parse, response_to, stamp_via
from switch.sip.sdp import BadSdp, Sdp

from .protos import METHODS, VALUES, Base, requests

SLOWEST = 0.25
"""Seconds that one message of 64 KiB may take on a busy machine; a parser whose time grows with the square takes minutes."""


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Collecting the garbage of all tests before is not the parser's time."""
    gc.disable()
    yield
    gc.enable()


def touch(message: Request) -> None:
    """Everything that a user agent asks of a request."""
    for name in ("target", "contacts", "routes", "record_routes", "max_forwards", "expires", "content_type"):
        try:
            getattr(message, name)
        except BadMessage as bad:
            assert bad.status in {0, 400, 416}
    for name in ("Supported", "Require", "Accept", "Path"):
        try:
            message.members(name)
        except BadMessage:
            continue
    for value in message.all("Authorization"):
        try:
            Credentials.parse(value)
        except BadValue:
            continue
    try:
        described = Sdp.parse(message.body)
        described.relay("192.0.2.1", [30000] * len(described.media))
        assert Sdp.parse(described.encode()).media
    except BadSdp:
        pass


@pytest.mark.parametrize("method", METHODS)
def test_a_broken_request_is_read_or_refused_in_no_time(method):
    tried = 0
    for what, data in requests(
        Base(method), every=1 if method == "INVITE" else 4, offset=METHODS.index(method)
    ):
        tried += 1
        began = time.process_time()
        try:
            message = parse(data)
        except BadMessage as bad:
            if bad.partial is not None:
                assert bad.partial.method != "ACK", what
                assert response_to(bad.partial, bad.status, to_tag="t").encode().startswith(b"SIP/2.0 "), what
        else:
            assert isinstance(message, Request), what
            stamp_via(message, "192.0.2.9", 9)
            touch(message)
            message.encode()
            response_to(message, 200, to_tag="t").encode()
        took = time.process_time() - began
        assert took < SLOWEST, f"{what} took {took:.2f} s"
    assert tried > (12_000 if method == "INVITE" else 2_500)


def test_there_are_enough_values_of_every_kind():
    assert len(VALUES) > 250
    assert max(map(len, VALUES.values())) == 60_000
