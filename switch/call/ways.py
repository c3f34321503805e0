"""Which address a party is sent to: the one it sends from, or the one it names (guide 1830-1836, 10710-10740).

`sendonlyrec` prefers one of them, `denyaddr` forbids kinds of addresses. When all that there are are forbidden, the source it is:
a party that has just written to us from there cannot be anywhere worse.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.board import Sockets
    from switch.net import Flow

_LAN = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
_LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128")))


def chosen(prefer: str, denied: Iterable[str], source: Flow, named: Flow, sockets: Sockets) -> Flow:
    """Of the flow that its messages came by and that to the address it names, the better one that is allowed."""
    order = (source, named) if prefer == "source" else (named, source)
    for flow in order:
        if not forbidden(denied, flow, source, named, sockets):
            return flow
    return source


def forbidden(denied: Iterable[str], flow: Flow, source: Flow, named: Flow, sockets: Sockets) -> bool:
    """Whether `denyaddr` has a kind that the address is of."""
    return any(_is(kind, flow, source, named, sockets) for kind in denied)


def _is(kind: str, flow: Flow, source: Flow, named: Flow, sockets: Sockets) -> bool:
    whole = kind.endswith("addr")
    match kind.removesuffix("addr").removesuffix("ip"):
        case "loopback":
            return _within(flow.host, "loopback")
        case "local":
            return _own(flow, sockets, whole)
        case "lan":
            return _within(flow.host, "lan")
        case "private":
            return _within(flow.host, "lan") or _own(flow, sockets, whole)
        case "notfrom":
            return _same(flow, source, whole)
        case "notsig":
            return _same(flow, named, whole)
    return kind in {flow.host, f"{flow.host}:{flow.port}", f"[{flow.host}]:{flow.port}"}


def _same(flow: Flow, other: Flow, whole: bool) -> bool:
    return flow.host == other.host and (not whole or flow.port == other.port)


def _own(flow: Flow, sockets: Sockets, whole: bool) -> bool:
    if whole:
        return sockets.is_own(flow.host, flow.port, flow)
    return flow.host == sockets.local_address(flow)[0]


@lru_cache(maxsize=4096)
def _within(host: str, kind: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(
        address in network
        for network in (_LAN if kind == "lan" else _LOOPBACK)
        if network.version == address.version
    )
