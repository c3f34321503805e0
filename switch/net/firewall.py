"""The firewall at the socket: who is heard at all, decided before a byte is parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address


def owner(host: str) -> str:
    """Whom an address belongs to: itself, or its IPv6 /64, because one host has all of that."""
    if ":" not in host:
        return host
    return str(ip_network((host.partition("%")[0], 64), strict=False))


@dataclass(frozen=True, slots=True)
class Sources:
    """A set of sources: single addresses by their text, networks by their length, so that a look-up costs as many
    steps as there are different lengths, not networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[tuple[int, int, frozenset[int]], ...] = ()
    """IP version, bits to drop, and what is left of each network of that length."""

    @classmethod
    def of(cls, entries: Iterable[str]) -> Sources:
        """From '192.0.2.7', '2001:db8::/32', ...; raises ValueError for what is neither address nor network."""
        networks = [ip_network(entry, strict=False) for entry in entries]
        single = [net for net in networks if net.prefixlen == net.max_prefixlen]
        wide: dict[tuple[int, int], set[int]] = {}
        for net in networks:
            drop = net.max_prefixlen - net.prefixlen
            if drop:
                wide.setdefault((net.version, drop), set()).add(int(net.network_address) >> drop)
        kept = tuple((version, drop, frozenset(places)) for (version, drop), places in wide.items())
        return cls(frozenset(str(net.network_address) for net in single), kept)

    def holds(self, host: str, address: Address) -> bool:
        """Whether the source is in the set."""
        return host in self.hosts or any(
            address.version == version and int(address) >> drop in places
            for version, drop, places in self.networks
        )


@dataclass(frozen=True, slots=True)
class Tables:
    """One whole state of the firewall (guide 2477-2498); the owner makes a new one for every change.

    `open_door` is the guide's rule '*': True hears everybody but the banned, False nobody but the allowed.
    A source in `trusted` is always heard and never counted (our carriers); it wins over a ban, but not over `denied`, which is
    what an operator has said. `off`: everybody is heard and nobody counted.

    `country` tells the country of an address, "" for those of none. Countries come last: a rule about an address, being trusted and a
    ban go before them. `ports`: single senders that are not heard, whoever they are.
    """

    banned: Sources = Sources()
    allowed: Sources = Sources()
    trusted: Sources = Sources()
    denied: Sources = Sources()
    open_door: bool = True
    off: bool = False
    country: Callable[[str], str] | None = None
    allowed_countries: frozenset[str] = frozenset()
    denied_countries: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()


class _Source:
    """What is remembered of one source: the verdict on it, and its tokens."""

    __slots__ = ("bucket", "dropped", "since", "tables", "verdict")

    def __init__(self, verdict: int, bucket: list[float], tables: Tables) -> None:
        self.verdict = verdict
        self.bucket = bucket
        self.tables = tables
        self.dropped = 0
        self.since = 0.0
        """When it was first above the rate, of those `dropped`."""


_DROP: Final = 0
_METER: Final = 1
_PASS: Final = 2


class Firewall:
    """Verdicts per source and a token bucket for each (guide 8816-8821: flood protection at network level).

    1. The verdict on a source is made once per table, when it is next heard, and remembered: a packet costs one look-up.
    2. A metered source pays one token per message or connection; tokens come back at `rate` per second up to `burst`.
       All addresses of an IPv6 /64 pay from one bucket, because one host owns them all.
    3. What is remembered is bounded: two generations of at most `max_sources`, the older one forgotten when the
       younger is full. Sources that are heard again move into the younger.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        tables: Tables | None = None,
        rate: float = 200.0,
        burst: float = 1000.0,
        max_sources: int = 50_000,
    ) -> None:
        """`clock` gives monotonic seconds; `rate` is messages per second for one source that is not trusted."""
        self._clock = clock
        self._tables = tables or Tables()
        self._ports = _ports(self._tables)
        self._rate = rate
        self._burst = burst
        self._max_sources = max_sources
        self._young: dict[str, _Source] = {}
        self._old: dict[str, _Source] = {}
        self.dropped_banned = 0
        self.dropped_flood = 0
        self.on_flood: Callable[[str], None] = lambda host: None
        """Told of a source of which more is dropped than `ban_after` says; not from within what it sends."""
        self._most_dropped, self._period = 0, 0.0

    @property
    def remembered(self) -> int:
        """How many sources are remembered; never above twice `max_sources`, and one /64 more each."""
        return len(self._young) + len(self._old)

    def swap(self, tables: Tables) -> None:
        """Take over a new state, whole; it holds for the next packet. Tokens are kept."""
        self._tables = tables
        self._ports = _ports(tables)

    def limit(self, rate: float, burst: float) -> None:
        """Change what an untrusted source may send."""
        self._rate, self._burst = rate, burst

    def ban_after(self, dropped: int, seconds: float) -> None:
        """So many messages above the rate within so many seconds are told to `on_flood`; 0: never."""
        self._most_dropped, self._period = dropped, seconds

    def admits(self, host: str, port: int = 0) -> bool:
        """Whether one more message of this source is heard; counts it when not."""
        if self._ports and (host, port) in self._ports:
            self.dropped_banned += 1
            return False
        source = self._young.get(host)
        if source is None or source.tables is not self._tables:
            source = self._recall(host)
        if source.verdict == _METER:
            bucket = source.bucket
            now = self._clock()
            tokens = bucket[0] + (now - bucket[1]) * self._rate
            bucket[1] = now
            tokens = min(tokens, self._burst)
            if tokens < 1.0:
                bucket[0] = tokens
                self.dropped_flood += 1
                if self._most_dropped:
                    self._count(source, host, now)
                return False
            bucket[0] = tokens - 1.0
            return True
        if source.verdict == _DROP:
            self.dropped_banned += 1
            return False
        return True

    def _count(self, source: _Source, host: str, now: float) -> None:
        if now - source.since > self._period:
            source.since, source.dropped = now, 0
        source.dropped += 1
        if source.dropped == self._most_dropped:
            self.on_flood(host)

    def bans(self, host: str, port: int = 0) -> bool:
        """Whether the source is not heard at all; takes no token and counts nothing."""
        return (host, port) in self._ports or self._recall(host).verdict == _DROP

    def _recall(self, host: str) -> _Source:
        """The source, made or moved into the younger generation, with the verdict of the present table."""
        source = self._young.get(host) or self._old.pop(host, None)
        if source is None:
            source = _Source(self._judge(host), self._bucket(host), self._tables)
        elif source.tables is not self._tables:
            source.verdict, source.tables = self._judge(host), self._tables
        if len(self._young) >= self._max_sources and host not in self._young:
            self._old, self._young = self._young, {}
        self._young[host] = source
        return source

    def _bucket(self, host: str) -> list[float]:
        if ":" not in host:
            return [self._burst, self._clock()]
        prefix = owner(host)
        shared = self._young.get(prefix) or self._old.pop(prefix, None)
        if shared is None:
            shared = _Source(_METER, [self._burst, self._clock()], self._tables)
        self._young[prefix] = shared
        return shared.bucket

    def _judge(self, host: str) -> int:
        tables = self._tables
        if tables.off:
            return _PASS
        address = ip_address(host.partition("%")[0])
        if tables.denied.holds(host, address):
            return _DROP
        if tables.trusted.holds(host, address):
            return _PASS
        if tables.banned.holds(host, address):
            return _DROP
        if tables.allowed.holds(host, address):
            return _METER
        country = tables.country(host) if tables.country is not None else ""
        if country in tables.denied_countries:
            return _DROP
        return _METER if tables.open_door or country in tables.allowed_countries else _DROP


def _ports(tables: Tables) -> frozenset[tuple[str, int]]:
    return frozenset() if tables.off else tables.ports
