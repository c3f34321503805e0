"""A generator of broken messages, in the manner of PROTOS c07-sip: each element of a request in turn is replaced by each of a
list of bad values, the rest stays as it should be; then elements are left out, given twice, and messages cut short.

`requests` gives (what was done, the bytes). The caller's addresses and dialog are those of the `Base`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

METHODS = ("INVITE", "REGISTER", "OPTIONS", "BYE", "CANCEL", "ACK")
LENGTHS = (255, 256, 4_096, 4_097, 16_384, 60_000)
CUTS = 60


def _sized(piece: bytes) -> Iterator[tuple[str, bytes]]:
    for length in LENGTHS:
        yield f"{piece[:4]!r} to {length} bytes", (piece * (length // len(piece) + 1))[:length]


def bad_values() -> dict[str, bytes]:
    """Name → value."""
    values: dict[str, bytes] = {"nothing": b"", "a blank": b" ", "a tab": b"\t"}
    for piece in (b"a", b"%s", b"%n%x", b"(", b"<", b"<sip:", b'"', b"\\", b",", b";", b"a,", b";a=1", b"?a=b&", b"%00", b"%25", b"@",
                  b":", b"/", b"..", b"[", b"[::", b"9", b"\xc3\xa4", b"\xff", b"\0", b"\r\n ", b"\t", b"=", b"sip:a@", b";tag="):  # fmt: skip
        values |= dict(_sized(piece))
    for text in (
        "-1", "0", "00000000000000000001", "+1", "1.5", "1e9", "0x41", "255", "256", "65535", "65536", "99999", "2147483647", "2147483648",
        "4294967295", "4294967296", "18446744073709551616", "١٢٣", "½", "NaN", "inf", "true",
        "%", "%4", "%zz", "%c0%af", "%e0%80%80", "%u0041", "%0d%0aX-Evil: 1", "{}", "${x}", "$(id)", "`id`", "' OR 1=1 --", "../../../../etc/passwd",
        "<script>", "[::1", "[]", "[:::::::::]", "[1.2.3.4]", "[fe80::1%eth0]", "256.256.256.256", "localhost", "a..b", "-", "_", "*", "~", "sip:",
        "sips:", "tel:", "sip:@", "sip::", "sip:;", "sip:?", "http://a", "mailto:a@b", "urn:service:sos", '"', '""', '"\\', '"\\"', "<", ">", "<>",
        "><", "<<a>>", "()", ";", ";;", ";=", ";a=", ";=b", ";a;a", "=", ",", ",,", "a,b", "@", "@@", ":", "::", "/", "//", "\\", "&", "?", "#",
        "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=", "ä", "€", "𝄞", "\u202e", "\ufeff", "\u2028", "İ", "ﬁ", "e\u0301",
    ):  # fmt: skip
        values[f"{text!r}"] = text.encode()
    for name, raw in {
        "an overlong /": b"\xc0\xaf", "a lone surrogate": b"\xed\xa0\x80", "half a character": b"\xe2\x82", "UTF-16": "ab".encode("utf-16"),
        "Latin-1": b"\xe4\xf6", "every control": bytes(range(32)), "every high byte": bytes(range(128, 256)), "DEL": b"\x7f", "CR": b"a\rb",
        "LF": b"a\nb", "a new header": b"a\r\nX-Evil: 1", "the end of the headers": b"a\r\n\r\nb", "a fold": b"a\r\n b", "a fold of nothing": b"\r\n \r\n ",
    }.items():  # fmt: skip
        values[name] = raw
    return values


VALUES = bad_values()


@dataclass(frozen=True, slots=True)
class Base:
    """What is right in a request but for the one bad element."""

    method: str
    uri: bytes = b"sip:49301234567@127.0.0.1"
    sent_by: bytes = b"127.0.0.1:20010"
    from_: bytes = b"<sip:caller@127.0.0.1>;tag=t1"
    to: bytes = b"<sip:49301234567@127.0.0.1>"
    call_id: bytes = b"protos"
    cseq: int = 1
    contact: bytes = b"<sip:caller@127.0.0.1:20010>"


Parts = dict[str, bytes]


def _parts(base: Base, number: int) -> Parts:
    """The smallest elements, by name; each case has a branch and (outside dialogs) a Call-ID of its own."""
    scheme, _, rest = base.uri.partition(b":")
    user, _, host = rest.rpartition(b"@")
    mark = b"%d" % number
    return {
        "method": base.method.encode(), "scheme": scheme, "user": user, "host": host, "uri parameter": b"transport=udp", "version": b"SIP/2.0",
        "via protocol": b"SIP/2.0/UDP", "sent-by": base.sent_by, "branch": b"z9hG4bKp" + mark, "via parameter": b"rport",
        "max-forwards": b"70", "display": b'"A B"', "from": base.from_, "to": base.to,
        "call-id": base.call_id if b"tag=" in base.to else base.call_id + mark, "cseq number": b"%d" % base.cseq, "cseq method": base.method.encode(),
        "contact": base.contact, "contact parameter": b"expires=60", "expires": b"60", "header name": b"X-Any", "header value": b"any",
        "user-agent": b"Tester/1.0", "supported": b"path, timer", "accept": b"application/sdp", "record-route": b"<sip:127.0.0.1:20011;lr>",
        "identity": b"<sip:caller@127.0.0.1>", "date": b"Fri, 27 Nov 2026 00:00:00 GMT", "require": b"",
        "username": b'"1001"', "realm": b'"mizu"', "nonce": b'"abc.def"', "digest uri": b'"sip:127.0.0.1"', "response": b'"00"', "nc": b"00000001",
        "algorithm": b"MD5", "qop": b"auth", "content-type": b"application/sdp", "content-length": b"",
        "v=": b"0", "o=": b"- 1 1 IN IP4 127.0.0.1", "s=": b"-", "c=": b"IN IP4 127.0.0.1", "t=": b"0 0", "media": b"audio", "port": b"40000",
        "protocol": b"RTP/AVP", "format": b"8", "rtpmap": b"8 PCMA/8000", "attribute": b"sendrecv", "sdp line": b"b=AS:64",
    }  # fmt: skip


DIGEST = ("username", "realm", "nonce", "digest uri", "response", "nc", "algorithm", "qop")
BODY = (
    "v=",
    "o=",
    "s=",
    "c=",
    "t=",
    "media",
    "port",
    "protocol",
    "format",
    "rtpmap",
    "attribute",
    "sdp line",
)


def _lines(p: Parts, *, digest: bool) -> list[bytes]:
    """The header lines of the parts, without the length."""
    lines = [
        b"%s %s:%s@%s;%s %s"
        % (p["method"], p["scheme"], p["user"], p["host"], p["uri parameter"], p["version"]),
        b"Via: %s %s;%s;branch=%s" % (p["via protocol"], p["sent-by"], p["via parameter"], p["branch"]),
        b"Max-Forwards: " + p["max-forwards"],
        b"From: %s%s" % (p["display"], p["from"]),
        b"To: " + p["to"],
        b"Call-ID: " + p["call-id"],
        b"CSeq: %s %s" % (p["cseq number"], p["cseq method"]),
        b"Contact: %s;%s" % (p["contact"], p["contact parameter"]),
        b"Expires: " + p["expires"],
        b"%s: %s" % (p["header name"], p["header value"]),
        b"User-Agent: " + p["user-agent"],
        b"Supported: " + p["supported"],
        b"Accept: " + p["accept"],
        b"Record-Route: " + p["record-route"],
        b"P-Asserted-Identity: " + p["identity"],
        b"Date: " + p["date"],
    ]
    if p["require"]:
        lines.append(b"Require: " + p["require"])
    if digest:
        parameters = (
            b"username=%s, realm=%s, nonce=%s, uri=%s, response=%s, nc=%s, algorithm=%s, qop=%s"
            % tuple(p[name] for name in DIGEST)
        )
        lines += [b"Authorization: Digest " + parameters, b"Proxy-Authorization: Digest " + parameters]
    return lines


def _body(p: Parts) -> bytes:
    return b"\r\n".join([
        b"v=" + p["v="], b"o=" + p["o="], b"s=" + p["s="], b"c=" + p["c="], b"t=" + p["t="], p["sdp line"],
        b"m=%s %s %s %s" % (p["media"], p["port"], p["protocol"], p["format"]), b"a=rtpmap:" + p["rtpmap"], b"a=" + p["attribute"], b"",
    ])  # fmt: skip


def _message(p: Parts, *, with_body: bool, digest: bool, lines: list[bytes] | None = None) -> bytes:
    lines = lines if lines is not None else _lines(p, digest=digest)
    body = _body(p) if with_body else b""
    if with_body:
        lines = [*lines, b"Content-Type: " + p["content-type"]]
    lines = [*lines, b"Content-Length: " + (p["content-length"] or b"%d" % len(body))]
    return b"\r\n".join([*lines, b"", body])


def requests(base: Base, *, every: int = 1, offset: int = 0) -> Iterator[tuple[str, bytes]]:
    """Every `every`-th case of one method, beginning with `offset`: what is wrong, and the message."""
    with_body = base.method == "INVITE"
    number = 0
    for name in _parts(base, 0):
        if name in BODY and not with_body:
            continue
        for what, value in VALUES.items():
            number += 1
            if number % every == offset % every:
                parts = _parts(base, number) | {name: value}
                message = _message(parts, with_body=with_body, digest=name in DIGEST)
                yield f"{base.method}: {name} is {what}", message[:65_507]
    yield from _structure(base, number, with_body=with_body)


def _structure(base: Base, number: int, *, with_body: bool) -> Iterator[tuple[str, bytes]]:
    """Whole lines left out, doubled, put last, or many times over; and messages that end too early."""
    lines = _lines(_parts(base, number), digest=True)
    for place, line in enumerate(lines):
        changes = {
            "is missing": lines[:place] + lines[place + 1 :],
            "stands twice": [*lines[: place + 1], *lines[place:]],
            "stands twice, differently": [*lines[: place + 1], line + b"1", *lines[place + 1 :]],
            "stands 300 times": [*lines, *[line] * 300],
            "is the last": [*lines[:place], *lines[place + 1 :], line],
            "has no colon": [*lines[:place], line.replace(b":", b""), *lines[place + 1 :]],
            "ends in LF": [*lines[:place], line + b"\n" + b"X: 1", *lines[place + 1 :]],
        }
        for what, changed in changes.items():
            number += 1
            parts = _parts(base, number)
            marked = [one.replace(b"branch=z9hG4bKp", b"branch=z9hG4bKp%d" % number) for one in changed]
            yield (
                f"{base.method}: line {place} {what}",
                _message(parts, with_body=with_body, digest=True, lines=marked)[:65_507],
            )
    whole = _message(_parts(base, number + 1), with_body=with_body, digest=True)
    for cut in range(0, len(whole), max(1, len(whole) // CUTS)):
        yield f"{base.method}: ends after {cut} bytes", whole[:cut]
