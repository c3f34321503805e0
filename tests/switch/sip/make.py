"""Messages to test with."""

from switch.sip.message import Request, Response, response_to


def request(
    method: str = "INVITE", *, branch: str = "z9hG4bK-peer-1", to_tag: str = "", cseq: int = 1, **headers: str
) -> Request:
    to = f"<sip:bob@example.net>;tag={to_tag}" if to_tag else "<sip:bob@example.net>"
    return Request(
        method,
        "sip:bob@example.net",
        [
            ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@example.com>;tag=a1"),
            ("To", to),
            ("Call-ID", "call-1"),
            ("CSeq", f"{cseq} {method}"),
            *((name.replace("_", "-"), value) for name, value in headers.items()),
        ],
    )


def answer(sent: Request, status: int, tag: str = "b1", **headers: str) -> Response:
    response = response_to(sent, status, None, tag if status > 100 else None)
    response.headers.extend((name.replace("_", "-"), value) for name, value in headers.items())
    return response
