"""Where a SIP domain is: NAPTR, SRV, A and AAAA in their order (RFC 3263 §4, RFC 2782, RFC 7984).

Pure: a generator that asks questions and is sent their answers; its value is the ways to try, the best first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}
SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_OF_NAPTR = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
MOST_WAYS = 16
"""Ways to one domain; a longer list is somebody's mistake or malice."""
MOST_RECORDS = 32
"""Looked at of one answer."""


class Naptr(NamedTuple):
    """One rule (RFC 3403 §4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str
    regexp: str = ""


class Srv(NamedTuple):
    """One place (RFC 2782). Weights share the load among equal priorities."""

    priority: int
    weight: int
    port: int
    target: str


class Question(NamedTuple):
    """What to ask; `kind` is NAPTR, SRV, A or AAAA."""

    kind: str
    name: str


Answers = Sequence[Naptr | Srv | str]
"""Records of the kind that was asked for, none when there are none."""
Steps = Generator[Question, Answers, "list[Way]"]


class Way(NamedTuple):
    """One way to a domain: a numeric address, and the name that TLS must prove (RFC 5922 §4: the domain, not the host)."""

    transport: str
    host: str
    port: int
    name: str


class Place(NamedTuple):
    """What is looked for. `port` 0 and `transport` "": as DNS says. `secure`: a sips URI."""

    host: str
    port: int = 0
    transport: str = ""
    secure: bool = False
    services: bool = True
    """False: no NAPTR and no SRV, only addresses."""


def locate(place: Place, families: Iterable[bool], pick: Callable[[int], int]) -> Steps:
    """The ways to a place.

    1. A numeric address is its own way, by the named transport, else UDP (TLS for sips).
    2. With a port the addresses of the host are enough: the transport is the named one, else UDP (TLS for sips).
    3. Without a transport NAPTR records choose it, in their order; where there are none, SRV records of each that we speak.
    4. SRV records give hosts and ports, by priority, and by chance in proportion to their weight.
    5. Without any the host itself is asked for, at the default port.

    `families`: which IP versions we have, the preferred first (True: IPv6). `pick(n)`: a random number from 0 to n.
    """
    transport = place.transport or ("tls" if place.secure else "udp")
    if place.secure and transport != "tls":
        transport = "tls" if transport == "tcp" else transport
    if is_numeric(place.host):
        return [Way(transport, place.host, place.port or DEFAULT_PORT[transport], place.host)]
    finder = _Finder(place, tuple(families), pick)
    if place.port or not place.services:
        return (yield from finder.hosts(transport, place.host, place.port or DEFAULT_PORT[transport]))
    for wanted, name in (yield from finder.services(transport)):
        yield from finder.service(wanted, name)
    if not finder.said:
        return (yield from finder.hosts(transport, place.host, DEFAULT_PORT[transport]))
    return finder.ways


class _Finder:
    """The ways found so far, and whether DNS has said anything about services."""

    def __init__(self, place: Place, families: tuple[bool, ...], pick: Callable[[int], int]) -> None:
        self.place = place
        self.families = families
        self.pick = pick
        self.ways: list[Way] = []
        self.said = False

    def services(self, transport: str) -> Generator[Question, Answers, list[tuple[str, str]]]:
        """Transports and the names of their SRV records, in the order in which to try them."""
        place = self.place
        if place.transport:
            return [(transport, f"{SERVICES[transport]}.{place.host}")]
        answers = yield Question("NAPTR", place.host)
        rules = sorted(one for one in answers[:MOST_RECORDS] if isinstance(one, Naptr))
        found = [
            (wanted, one.replacement)
            for one in rules
            if one.flags.lower() == "s"
            and (wanted := _OF_NAPTR.get(one.service.lower()))
            and self._may(wanted)
        ]
        return found or [(one, f"{SERVICES[one]}.{place.host}") for one in SERVICES if self._may(one)]

    def _may(self, transport: str) -> bool:
        return transport == "tls" or not self.place.secure

    def service(self, transport: str, name: str) -> Generator[Question, Answers, None]:
        """The ways of one SRV name. A target of "." says that there is no such service here."""
        answers = yield Question("SRV", name)
        records = [one for one in answers[:MOST_RECORDS] if isinstance(one, Srv)]
        self.said = self.said or bool(records)
        for record in in_order(records, self.pick):
            if record.target not in {"", "."} and record.port:
                yield from self.hosts(transport, record.target, record.port)

    def hosts(self, transport: str, name: str, port: int) -> Steps:
        """The addresses of a host, of the IP versions that we have."""
        found: list[str] = []
        if is_numeric(name):
            found.append(name)
        else:
            for six in self.families:
                answers = yield Question("AAAA" if six else "A", name)
                found += [one for one in answers[:MOST_RECORDS] if isinstance(one, str)]
        for address in found:
            way = Way(transport, address, port, self.place.host)
            if way not in self.ways and len(self.ways) < MOST_WAYS:
                self.ways.append(way)
        return self.ways


def in_order(records: Iterable[Srv], pick: Callable[[int], int]) -> list[Srv]:
    """By priority; of equal ones each comes first as often as its weight says (RFC 2782, "Weight")."""
    found: list[Srv] = []
    left = sorted(records)
    while left:
        group = [one for one in left if one.priority == left[0].priority]
        chance = pick(sum(one.weight for one in group))
        for one in group:  # weight 0 comes first in the sorted group, and is chosen by a chance of 0 only
            chance -= one.weight
            if chance <= 0:
                break
        found.append(one)
        left.remove(one)
    return found


def is_numeric(host: str) -> bool:
    """Whether it is an address already."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
