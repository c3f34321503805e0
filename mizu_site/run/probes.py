"""How one learns that a process really answers, not only that it runs. Each probe is quick and never raises."""

from __future__ import annotations

import http.client
import ipaddress
import secrets
import socket
from pathlib import Path


def http_answers(port: int) -> bool:
    """Any answer but a server error will do: the page may ask for a login."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def marked_ready(mark: Path, pid: int) -> bool:
    """The process has written its own id into the file; another's is from an earlier life."""
    try:
        return mark.read_text().strip() == str(pid)
    except OSError:
        return False


def sip_answers(address: tuple[str, int], seconds: float = 1.0) -> bool:
    """Whether anything replies to OPTIONS over UDP (RFC 3261 §11)."""
    host, port = address
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.settimeout(seconds)
            sender.connect((host, port))
            sender.send(_options(_bracketed(host), port, sender.getsockname()[1]))
            return sender.recv(65535).startswith(b"SIP/2.0 ")
    except OSError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _options(host: str, port: int, own_port: int) -> bytes:
    key = secrets.token_hex(8)
    lines = (
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{own_port};branch=z9hG4bK{key};rport",
        "Max-Forwards: 70",
        f"From: <sip:supervisor@{host}>;tag={key}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: {key}@{host}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:supervisor@{host}:{own_port}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def rtpengine_answers(port: int) -> bool:
    """Whether an rtpengine answers a ping of its control protocol."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.sendto(b"up d7:command4:pinge", ("127.0.0.1", port))
            return b"pong" in asking.recv(1000)
        except OSError:
            return False
