"""Which addresses are local ones, who stands behind a NAT, and which address of an SDP can be reached (guide 9902-9907, 13418).

Far-end NAT: a party names a local address and its messages come from a public one. Near-end NAT: we are bound to a local
address and peers outside know us by another (see `own_address`).
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_LOCAL: Final = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598: behind a carrier's NAT
        "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
UNSPECIFIED: Final = frozenset(("0.0.0.0", "::"))  # noqa: S104 - compared, not bound


class Handling(StrEnum):
    """The guide's `nathandling`: which media addresses are believed."""

    AUTO = "auto"
    """2 (and 0, whose hints nobody keeps any more): a local address only of a party whose messages come from a local one."""
    PUBLIC = "public"
    """4: public addresses only."""
    OTHERS = "others"
    """6: every address but our own."""
    ALL = "all"
    """8: our own as well."""
    LOCAL = "local"
    """10: local addresses only."""


class Own(StrEnum):
    """The guide's `nataddrtype`: which of our addresses a party is told when we are bound to a local one."""

    AUTO = "auto"
    PUBLIC = "public"
    PRIVATE = "private"


@lru_cache(maxsize=8192)
def is_local(host: str) -> bool:
    """Whether nobody outside can reach it. A name, which is no address, is not local."""
    address = _address(host)
    return address is not None and any(address in network for network in _LOCAL)


@lru_cache(maxsize=8192)
def is_address(host: str) -> bool:
    """Whether it is an address, and no name."""
    return _address(host) is not None


def behind_nat(named: str | None, source: str) -> bool:
    """Whether the party that names this address of its own (SDP, Contact) sends its messages through a NAT."""
    return named is not None and named != source and is_local(named) and not is_local(source)


def reachable(named: str, source: str, handling: Handling, own: frozenset[str] = frozenset()) -> str:
    """Where the party's media can be sent: the address that it names, or, if that is not believed, where its messages come from."""
    if named in UNSPECIFIED or named == source:
        return named
    return named if _believed(named, source, handling, own) else source


def _believed(named: str, source: str, handling: Handling, own: frozenset[str]) -> bool:
    if handling is Handling.ALL:
        return True
    if named in own:
        return False
    match handling:
        case Handling.PUBLIC:
            return not is_local(named)
        case Handling.LOCAL:
            return is_local(named)
        case Handling.OTHERS:
            return True
    return not is_local(named) or is_local(source)


def own_address(bound: str, advertised: str | None, peer: str | None, kind: Own) -> str:
    """The address of ours for the SDP of a peer: the advertised one outside, the bound one inside of our own network."""
    if not advertised or kind is Own.PRIVATE:
        return bound
    if kind is Own.PUBLIC or peer is None or not is_local(bound):
        return advertised
    return bound if is_local(peer) else advertised


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
