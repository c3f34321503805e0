"""Addresses that an account's requests must not be sent to (setting denyaddr; guide 10715-10737).

What a Contact, a Route or DNS names may lead astray: a phone's private address, our own, one that a misconfigured
proxy always tells. What is denied is not tried; inside a dialog the request then goes back the way the party came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

IsOwn = Callable[[str, int], bool]
_ALL = "*"


def denied(rules: Iterable[str], host: str, port: int, *, source: str, is_own: IsOwn) -> bool:
    """Whether one of the rules is about this numeric address; `source` is where the party's messages come from."""
    words = frozenset(_spelt(one) for one in rules)
    if not words or _ALL in words:
        return False
    address = ip_address(host.partition("%")[0])
    return (
        bool(words & _kinds(address, host, port, source, is_own))
        or str(address) in words
        or f"[{address}]:{port}" in words
        or f"{address}:{port}" in words
    )


def _spelt(word: str) -> str:
    """The guide has two names for each kind, `lanip` and `lanaddr`; an address has neither ending."""
    return f"{word[:-2]}addr" if word.endswith("ip") else word


def _kinds(
    address: IPv4Address | IPv6Address, host: str, port: int, source: str, is_own: IsOwn
) -> frozenset[str]:
    """The rules by kind that this address falls under."""
    own = is_own(host, port)
    lan = address.is_private and not address.is_loopback
    return frozenset(
        name
        for name, so in (
            ("loopbackaddr", address.is_loopback or address.is_unspecified),
            ("localaddr", own),
            ("lanaddr", lan),
            ("privateaddr", lan or own),
            ("notfromaddr", host == source),
            ("notsigaddr", host != source),
        )
        if so
    )
