"""Which accounts may call from an address without a password."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple


class Source(NamedTuple):
    """An account that may call from an address without a password."""

    account_id: int
    port: int  # 0: any
    tech_prefix: str
    exact: bool = True  # a single address, not a network that the address lies in


class AddressTable:
    """Which accounts an address belongs to: exact addresses and host names that lead there first, then the longest network."""

    __slots__ = ("_exact", "_named", "_networks")

    def __init__(self) -> None:
        self._exact: dict[str, list[Source]] = {}
        self._named: dict[str, list[Source]] = {}
        self._networks: dict[tuple[int, int], dict[int, list[Source]]] = {}  # (version, bits to drop)

    def add(self, text: str, source: Source) -> None:
        """Let the source call from this address, network or host; only while the table is being made."""
        if _is_name(text):
            insort(self._named.setdefault(text, []), source, key=particular)
            return
        if "/" not in text and ":" not in text:
            insort(self._exact.setdefault(text, []), source, key=particular)
            return
        network = ip_network(text, strict=False)
        drop = network.max_prefixlen - network.prefixlen
        if not drop:
            insort(self._exact.setdefault(str(network.network_address), []), source, key=particular)
            return
        kind = (network.version, drop)
        if kind not in self._networks:
            self._networks = dict(sorted({**self._networks, kind: {}}.items()))  # longest networks first
        source = source._replace(exact=False)
        place = int(network.network_address) >> drop
        insort(self._networks[kind].setdefault(place, []), source, key=particular)

    def networks(self) -> Iterator[str]:
        """All addresses and networks there are."""
        yield from self._exact
        for (version, drop), table in self._networks.items():
            kind, bits = (IPv4Network, 32) if version == 4 else (IPv6Network, 128)
            yield from (str(kind((place << drop, bits - drop))) for place in table)

    def names(self) -> Iterable[str]:
        """All host names there are."""
        return self._named

    def of(self, host: str, port: int, names: Iterable[str] = ()) -> list[Source]:
        """Whose the address may be, the most particular first: longest network, port named, longest tech prefix.

        `names`: host names that lead to the address now.
        """
        found = self._of(host, port)
        if not names:
            return found
        more = [one for name in names for one in self._named.get(name, ()) if one.port in (0, port)]
        exact = [one for one in found if one.exact]
        return sorted({*exact, *more}, key=particular) + [one for one in found if not one.exact]

    def _of(self, host: str, port: int) -> list[Source]:
        found = [one for one in self._exact.get(host, ()) if one.port in (0, port)]
        if not self._networks and (found or ":" not in host):
            return found
        try:
            address = ip_address(host)
        except ValueError:
            return found
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:  # what a socket for both families says of an IPv4 peer
            return self._of(str(mapped), port)
        if str(address) != host:
            found = [one for one in self._exact.get(str(address), ()) if one.port in (0, port)]
        for (version, drop), table in self._networks.items():
            if version == address.version:
                found += [one for one in table.get(int(address) >> drop, ()) if one.port in (0, port)]
        return found


def _is_name(text: str) -> bool:
    """A host name: it has a letter and no colon, which addresses of version 4 have not and those of version 6 have."""
    return ":" not in text and not text.replace(".", "").replace("/", "").isdigit()


def particular(source: Source) -> tuple[bool, int, int]:
    """The order of sources of one address: port named, longest tech prefix, oldest account."""
    return not source.port, -len(source.tech_prefix), source.account_id
