"""A real name server on 127.0.0.1, in a thread with a reactor of its own, whose zone a test may change."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.names import dns, server
from twisted.names.authority import FileAuthority

SOA_TTL = 7


class _Zone(FileAuthority):
    """Records from a dictionary; FileAuthority does the rest, NXDOMAIN and SOA too."""

    def __init__(self, name: str, records: dict[bytes, list[Any]]) -> None:
        super().__init__(None)
        soa = dns.Record_SOA(
            mname=f"ns.{name}", rname=f"root.{name}", serial=1, refresh=60, minimum=SOA_TTL, expire=600, retry=60,
            ttl=SOA_TTL,
        )  # fmt: skip
        self.soa = (name.encode(), soa)
        self.records = records
        records.setdefault(name.encode(), []).append(soa)

    def loadFile(self, filename: Any) -> None:
        """Nothing is read."""


class _Factory(server.DNSServerFactory):
    """Counts what is asked, and is silent on wish."""

    noisy = False

    def __init__(self, owner: NameServer, zone: _Zone) -> None:
        super().__init__(authorities=[zone])
        self.owner = owner

    def handleQuery(self, message: Any, protocol: Any, address: Any) -> Any:
        for query in message.queries:
            self.owner.asked[f"{dns.QUERY_TYPES.get(query.type, query.type)} {query.name.name.decode()}"] += 1
        if self.owner.silent:
            return None
        return super().handleQuery(message, protocol, address)

    def sendReply(self, protocol: Any, message: Any, address: Any) -> None:
        """RFC 2308 §3: who says that there is no such name says for how long."""
        if message.rCode == dns.ENAME:
            name, soa = self.owner.soa
            message.authority = [dns.RRHeader(name, dns.SOA, dns.IN, soa.ttl, soa)]
        super().sendReply(protocol, message, address)


class NameServer:
    """Answers for one zone. `asked` counts questions by `KIND name`."""

    def __init__(self, zone: str = "example") -> None:
        self.asked: Counter[str] = Counter()
        self.silent = False
        self._records: dict[bytes, list[Any]] = {}
        self._zone = _Zone(zone, self._records)
        self.soa = self._zone.soa
        self._reactor: Any = EPollReactor()
        self._ready = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _run(self) -> None:
        factory = _Factory(self, self._zone)
        protocol = dns.DNSDatagramProtocol(factory, reactor=self._reactor)

        def begin() -> None:
            door = self._reactor.listenUDP(0, protocol, interface="127.0.0.1")
            self.port = door.getHost().port
            self._reactor.listenTCP(self.port, factory, interface="127.0.0.1")
            self._ready.set()

        self._reactor.callWhenRunning(begin)
        self._reactor.run(installSignalHandlers=False)

    def _add(self, name: str, record: Any) -> None:
        self._records.setdefault(name.encode(), []).append(record)

    def a(self, name: str, *addresses: str, ttl: int = 60) -> None:
        for one in addresses:
            kind = dns.Record_AAAA if ":" in one else dns.Record_A
            self._add(name, kind(one, ttl=ttl))

    def srv(
        self, name: str, target: str, port: int, priority: int = 10, weight: int = 0, ttl: int = 60
    ) -> None:
        self._add(name, dns.Record_SRV(priority, weight, port, target, ttl=ttl))

    def naptr(self, name: str, service: str, replacement: str, order: int = 10, preference: int = 10) -> None:
        self._add(name, dns.Record_NAPTR(order, preference, b"s", service.encode(), b"", replacement, ttl=60))

    def enum(self, name: str, regexp: str, order: int = 10, preference: int = 10) -> None:
        record = dns.Record_NAPTR(order, preference, b"u", b"E2U+sip", regexp.encode(), "", ttl=60)
        self._add(name, record)

    def alias(self, name: str, target: str, ttl: int = 60) -> None:
        self._add(name, dns.Record_CNAME(target, ttl=ttl))

    def forget(self, name: str) -> None:
        self._records.pop(name.encode(), None)

    def close(self) -> None:
        self._reactor.callFromThread(self._reactor.stop)
        self._thread.join(5)
