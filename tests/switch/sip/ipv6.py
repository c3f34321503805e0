"""Messages with IPv6 addresses where they are easily misread: the situations of RFC 5118 §4, in words of our own.

`parse` and `answer` as in `torture`. A worker that listens on IPv4 only reads them all the same.
"""

from tests.switch.sip.torture import GOOD, SILENCE, Case

_SDP = "v=0\r\no=anna 1 1 IN IP6 2001:db8::20\r\ns=-\r\nt=0 0\r\n"


def _message(
    start: str,
    *,
    via: str = "SIP/2.0/UDP [2001:db8::9:1]",
    contact: str = "<sip:anna@[2001:db8::1]>",
    more: str = "",
    body: str = "",
    call: str = "",
) -> bytes:
    """A request or a response with these parts; `call` makes branch and Call-ID its own."""
    method = start.split(maxsplit=1)[0] if not start.startswith("SIP/2.0") else "INVITE"
    lines = [
        start,
        f"Via: {via};branch=z9hG4bK{call}",
        "Max-Forwards: 70",
        "From: <sip:anna@example.net>;tag=a",
        "To: <sip:bob@example.net>",
        f"Call-ID: {call}@[2001:db8::1]",
        f"CSeq: 1 {method}",
        f"Contact: {contact}",
        *([more] if more else []),
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body]).encode()


def _media(*addresses: str) -> str:
    return _SDP + "".join(
        f"m=audio {6000 + 2 * place} RTP/AVP 0\r\nc=IN {'IP6' if ':' in address else 'IP4'} {address}\r\n"
        for place, address in enumerate(addresses)
    )


_VIA_OF_A_HOP = "SIP/2.0/UDP [2001:db8::9:1];received="

MESSAGES: dict[str, tuple[bytes, Case]] = {
    "reference": (
        _message("REGISTER sip:[2001:db8::10] SIP/2.0", call="reference"),
        Case(GOOD, 401, "4.1", "an address in brackets wherever a host may stand"),
    ),
    "no brackets": (
        _message("REGISTER sip:2001:db8::10 SIP/2.0", call="nobrackets"),
        Case(400, 400, "4.2", "without brackets nobody can tell address and port apart"),
    ),
    "port inside": (
        _message("REGISTER sip:[2001:db8::10:5070] SIP/2.0", call="portinside"),
        Case(GOOD, 401, "4.3", "within the brackets all is address: a wrong one perhaps, but well formed"),
    ),
    "port outside": (
        _message("REGISTER sip:[2001:db8::10]:5070 SIP/2.0", call="portoutside"),
        Case(GOOD, 401, "4.4", "after the brackets it is the port"),
    ),
    "received in brackets": (
        _message("OPTIONS sip:[2001:db8::10] SIP/2.0", via=f"{_VIA_OF_A_HOP}[2001:db8::9:255]", call="received1"),
        Case(GOOD, 200, "4.5", "the grammar of RFC 3261 has no brackets there, but they come"),
    ),
    "received bare": (
        _message("OPTIONS sip:[2001:db8::10] SIP/2.0", via=f"{_VIA_OF_A_HOP}2001:db8::9:255", call="received2"),
        Case(GOOD, 200, "4.5", "as the grammar has it"),
    ),
    "session": (
        _message("INVITE sip:bob@[2001:db8::10] SIP/2.0", body=_media("2001:db8::20"), call="session"),
        Case(GOOD, 407, "4.6", "a session description has no brackets around its addresses"),
    ),
    "two families": (
        _message(
            "INVITE sip:bob@[2001:db8::10] SIP/2.0",
            more="Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnext\r\nRecord-Route: <sip:[2001:db8::9:1];lr>, <sip:192.0.2.9;lr>",
            body=_media("2001:db8::20"),
            call="families",
        ),
        Case(GOOD, 407, "4.7", "hops of both families on one way"),
    ),
    "two families of media": (
        _message(
            "INVITE sip:bob@[2001:db8::10] SIP/2.0", body=_media("2001:db8::20", "192.0.2.20"), call="mediafamilies"
        ),
        Case(GOOD, 407, "4.8", "streams of both families in one session"),
    ),
    "mapped": (
        _message(
            "INVITE sip:bob@[2001:db8::10] SIP/2.0",
            via="SIP/2.0/UDP [::ffff:192.0.2.10]:19823",
            contact='"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>',
            body=_media("::ffff:192.0.2.2"),
            call="mapped",
        ),
        Case(GOOD, 407, "4.9", "an IPv4 address may be written as an IPv6 one"),
    ),
    "three colons": (
        _message("OPTIONS sip:bob@[2001:db8:::192.0.2.1] SIP/2.0", call="threecolons"),
        Case(GOOD, 200, "4.10", "a slip in the grammar of RFC 3261 allows three; who writes them is still heard"),
    ),
    "two colons": (
        _message("OPTIONS sip:bob@[2001:db8::192.0.2.1] SIP/2.0", call="twocolons"),
        Case(GOOD, 200, "4.10", "the same as it was meant"),
    ),
    "response": (
        _message("SIP/2.0 200 OK", via=f"{_VIA_OF_A_HOP}2001:db8::9:255", call="response"),
        Case(GOOD, SILENCE, "4.5", "a response to nothing is dropped, whatever family its way was"),
    ),
}  # fmt: skip
