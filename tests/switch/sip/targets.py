"""What must hold for any bytes at all, one function per parser: it raises AssertionError, or what nobody has foreseen.

The fuzzer (`fuzz`) feeds them; the kept corpus and every input that once broke one are fed to them by `test_fuzz`.
"""

from collections.abc import Callable

from switch.sip.digest import MD5, Authenticator, Challenge, Credentials, authorize, choose, make_ha1
from switch.sip.grammar import BadValue
from switch.sip.ids import label_of
from switch.sip.message import BadMessage, Request, parse, response_to, stamp_via
from switch.sip.sdp import BadSdp, Sdp, answer_direction
from switch.sip.stream import BadStream, Framer
from switch.sip.uri import NameAddr, Uri

NOW = 1_700_000_000.0
LAZY = ("target", "contacts", "contact", "routes", "record_routes", "expires", "max_forwards", "content_type")
HA1 = make_ha1("a", "mizu", "a", MD5)


def message(data: bytes) -> None:
    """Read or refused with an answer; what was read can be asked for everything, written, read again and answered."""
    label_of(data)
    try:
        found = parse(data)
    except BadMessage as bad:
        if bad.partial is not None:
            assert bad.status and bad.partial.answerable
            assert response_to(bad.partial, bad.status, to_tag="t").encode().startswith(b"SIP/2.0 ")
        return
    for name in LAZY:
        try:
            getattr(found, name, None)
        except BadMessage:
            continue
    written = found.encode()
    again = parse(written)
    assert again == found and again.encode() == written
    if isinstance(found, Request):
        stamp_via(found, "192.0.2.1", 5060)
        assert parse(found.encode()).via.params == found.via.params
        answered = parse(response_to(found, 200, to_tag="t").encode())
        assert (answered.call_id, answered.cseq.method, answered.to.tag) == (
            found.call_id, found.cseq.method, found.to.tag or "t",
        )  # fmt: skip


def stream(data: bytes) -> None:
    """However a stream is cut on its way, the same messages come out of it, and it breaks at the same place."""
    assert (
        _frames([data])
        == _frames([data[i : i + 1] for i in range(len(data))])
        == _frames([data[:7], data[7:]])
    )


def _frames(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    framer = Framer()
    found: list[bytes] = []
    for piece in [*pieces, b""]:
        try:
            found += framer.feed(piece)
        except BadStream:
            return found, True
    return found, False


def sdp(data: bytes) -> None:
    """Read or refused; what was read is written as it came, can be led over a relay, and is read again."""
    try:
        found = Sdp.parse(data)
    except BadSdp:
        return
    written = found.encode()
    assert Sdp.parse(written).encode() == written
    found.held, found.audio
    for media in found.media:
        answer_direction(media.direction)
        media.kind, media.protocol, media.formats, media.rtpmaps, media.port and media.rtcp_port
    found.relay("192.0.2.1", list(range(30000, 30000 + 2 * len(found.media), 2)))
    moved = Sdp.parse(found.encode())
    assert all(media.port == 0 or media.port >= 30000 for media in moved.media)
    assert all(media.port == 0 or media.address in {"192.0.2.1", "0.0.0.0", "::"} for media in moved.media)


def uri(data: bytes) -> None:
    """Read or refused; what was read is equivalent to itself and to what is written of it."""
    text = data.decode("utf-8", "surrogateescape")
    for kind in (Uri, NameAddr):
        try:
            found = kind.parse(text)
        except BadValue:
            continue
        if isinstance(found, Uri):
            assert found.same_as(found)
            written = found.replace()
            rewritten = Uri(written.scheme, written.user, written.host, written.port, written.params,
                            password=written.password, headers=written.headers)  # fmt: skip
            assert Uri.parse(str(rewritten)).same_as(found)
        else:
            assert str(NameAddr.parse(str(found))) == str(found)
            try:
                found.uri
            except BadValue:
                continue


def digest(data: bytes) -> None:
    """Credentials and challenges of anybody are read or refused; what was not made with the secret is never good."""
    text = data.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")  # as in a header
    try:
        given = Credentials.parse(text)
    except BadValue:
        pass
    else:
        door = Authenticator("mizu", b"secret")
        verdict = door.check(given, method="INVITE", uri="sip:1@mizu", ha1=HA1, now=NOW)
        assert verdict.name != "GOOD"
    try:
        challenge = Challenge.parse(text)
    except BadValue:
        assert choose([text]) is None
        return
    assert Challenge.parse(str(challenge)) == challenge
    made = authorize(challenge, method="INVITE", uri="sip:1@mizu", username="a", ha1=HA1)
    assert Credentials.parse(made).realm == challenge.realm


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message, "stream": stream, "sdp": sdp, "uri": uri, "digest": digest,
}  # fmt: skip
