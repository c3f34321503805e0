"""What is wrong with a text that names a file, a host or an address; "" when nothing is."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_STAR_CODE = re.compile(r"[*#][0-9*#]{1,7}")
_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*\.?\Z")


def star_code(text: str) -> str:
    """What a phone dials to have the switch do something; or nothing."""
    return "" if not text or _STAR_CODE.fullmatch(text) else "a star code like *72 is expected, or nothing."


def path(text: str) -> str:
    """A file or folder, absolute or relative to the state directory."""
    if not text or (".." not in PurePosixPath(text).parts and "\0" not in text):
        return ""
    return _("expected is a path without '..'.")


def host_name(text: str) -> str:
    """A host name, `*.` before it allowed, or an address."""
    return (
        "" if _is_address(text) or (len(text) <= 253 and _NAME.match(text)) else _("expected is a host name.")
    )


def origin(text: str) -> str:
    """An origin as browsers send it, or a host name."""
    if "://" not in text:
        return host_name(text)
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.path
    except ValueError:
        good = False
    return "" if good else _("expected is an origin such as https://phone.example.com.")


def dns_server(text: str) -> str:
    """An IPv4 address, with a port or without."""
    host, colon, port = text.partition(":")
    if _is_address(host) and (not colon or _is_port(port)):
        return ""
    return _("expected is an IPv4 address, such as 192.0.2.53 or 192.0.2.53:5353.")


def bind_address(text: str) -> str:
    """An address with a port."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = host[1:-1] if bracketed else host
    if colon and _is_port(port) and _is_address(address) and bracketed == (":" in address):
        return ""
    return _("expected is an address with a port, such as 192.0.2.1:5060 or [2001:db8::1]:5060.")


_KINDS_OF_ADDRESS = frozenset(
    ("*", "loopbackaddr", "localaddr", "lanaddr", "privateaddr", "notfromaddr", "notsigaddr")
)


def denied_address(text: str) -> str:
    """A kind of address (`…addr`, or `…ip`, which means the same), an address, or an address with a port."""
    kind = f"{text[:-2]}addr" if text.endswith("ip") else text
    if kind in _KINDS_OF_ADDRESS or _is_address(text) or not bind_address(text):
        return ""
    return _("expected is an address, an address with a port, or one of %s.") % ", ".join(
        sorted(_KINDS_OF_ADDRESS)
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= 65535
