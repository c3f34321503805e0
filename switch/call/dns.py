"""Questions of `switch.sip.locate` asked of real name servers, without a thread (RFC 1035, RFC 2308)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.names import client, dns, error, hosts
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from switch.sip.locate import Answers, Naptr, Question, Srv

log = logging.getLogger("switch.call")

Answered = Callable[["Answers | None", float], None]
"""The records and for how many seconds they are good; None for records: nobody answered."""

TIMEOUTS = (1, 2)
"""Seconds to wait for a name server, each time: a caller hears nothing meanwhile."""
RESOLV_CONF = "/etc/resolv.conf"
HOSTS = "/etc/hosts"
KEPT_NOTHING = 60.0
"""For a "there is no such name" that does not say for how long (RFC 2308 §5)."""
LONGEST_NOTHING = 300.0
LONGEST = 86_400.0
FROM_FILE = 60.0
_KINDS = {"A": dns.A, "AAAA": dns.AAAA, "SRV": dns.SRV, "NAPTR": dns.NAPTR}


class Dns:
    """Asks the name servers of the machine, or those of the setting `dnsservers`. What /etc/hosts has is not asked for."""

    def __init__(self, reactor: Any, hosts_file: str = HOSTS) -> None:
        self._reactor = reactor
        self._hosts = FilePath(hosts_file)
        self._servers: tuple[tuple[str, int], ...] | None = None
        self._resolver: Any = None
        self.follow(())

    def follow(self, servers: Iterable[str]) -> None:
        """Ask these from now on, each `address` or `address:port`; none: those of /etc/resolv.conf."""
        wanted = tuple(_server(one) for one in servers)
        if wanted == self._servers:
            return
        self._servers = wanted
        self._resolver = client.Resolver(  # type: ignore[no-untyped-call]
            resolv=None if wanted else RESOLV_CONF,
            servers=list(wanted),
            timeout=TIMEOUTS,
            reactor=self._reactor,
        )

    def ask(self, question: Question, answered: Answered) -> None:
        """Call `answered` once, now or later."""
        if question.kind in {"A", "AAAA"} and (found := self._in_file(question)):
            answered(found, FROM_FILE)
            return
        kind = _KINDS[question.kind]
        try:
            name = question.name.rstrip(".").encode("ascii")
            asked: Deferred[Any] = self._resolver.query(dns.Query(name, kind, dns.IN), TIMEOUTS)
        except (UnicodeEncodeError, ValueError, OSError) as wrong:
            log.info("dns %s %s cannot be asked: %s", question.kind, question.name[:80], wrong)
            answered((), KEPT_NOTHING)
            return
        asked.addCallbacks(
            lambda sections: answered(*_read(kind, sections)),
            lambda failure: answered(*_failed(question, failure)),
        )
        asked.addErrback(lambda failure: log.error("dns: %s", failure.getTraceback()))

    def _in_file(self, question: Question) -> list[str]:
        """What the machine's own list of hosts says."""
        try:
            name = question.name.rstrip(".").encode("ascii")
            found = hosts.searchFileForAll(self._hosts, name)  # type: ignore[no-untyped-call]
        except (OSError, UnicodeEncodeError):
            return []
        return [one for one in found if (":" in one) == (question.kind == "AAAA")]


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or dns.PORT)


def _read(kind: int, sections: Any) -> tuple[Answers, float]:
    answers, authority, _ = sections
    wanted = [one for one in answers if one.type == kind]
    if not wanted:
        return (), _nothing_for(authority)
    seconds = min(one.ttl for one in answers)  # of the names on the way (CNAME), too
    records = [record for one in wanted if (record := _record(one.payload)) is not None]
    return records, min(max(float(seconds), 0.0), LONGEST)


def _record(payload: Any) -> Naptr | Srv | str | None:
    """Ours for Twisted's; None for one that makes no sense."""
    try:
        if isinstance(payload, dns.Record_A):
            return socket.inet_ntop(socket.AF_INET, payload.address or b"")
        if isinstance(payload, dns.Record_AAAA):
            return socket.inet_ntop(socket.AF_INET6, payload.address or b"")
        if isinstance(payload, dns.Record_SRV):
            return Srv(payload.priority, payload.weight, payload.port, _name(payload.target) or ".")
        return Naptr(
            payload.order,
            payload.preference,
            payload.flags.string.decode("ascii"),
            payload.service.string.decode("ascii"),
            _name(payload.replacement),
            payload.regexp.string.decode("ascii"),
        )
    except (UnicodeDecodeError, ValueError, OSError):
        return None


def _name(name: Any) -> str:
    return str(name.name.decode("ascii")).lower().rstrip(".")


def _nothing_for(authority: Iterable[Any]) -> float:
    """For how long it is good that there is nothing: the lesser of the SOA's TTL and its minimum (RFC 2308 §5)."""
    for one in authority:
        if one.type == dns.SOA:
            return min(float(one.ttl), float(one.payload.minimum), LONGEST_NOTHING)
    return KEPT_NOTHING


def _failed(question: Question, failure: Failure) -> tuple[Answers | None, float]:
    """There is no such name, or nobody who could say so."""
    if isinstance(failure.value, error.DNSNameError):
        replies = [one for one in failure.value.args if isinstance(one, dns.Message)]
        return (), _nothing_for(replies[0].authority if replies else ())
    log.info(
        "dns %s %s: %s",
        question.kind,
        question.name,
        failure.getErrorMessage() or type(failure.value).__name__,
    )
    return None, 0.0
