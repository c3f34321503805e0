"""What all calls of a worker share: sockets, transactions, timers, money, the journal, and who is where."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from switch.call.alarms import Alarms
from switch.call.leg import Key, Leg
from switch.call.usage import UsageCounters
from switch.media import Relay
from switch.net import Flow
from switch.sip.grammar import BadValue
from switch.sip.ids import Ids
from switch.sip.uri import NameAddr, Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from switch.call.call import Call
    from switch.call.names import Names
    from switch.registrar import Registrar
    from switch.sip.transaction import TransactionLayer
    from switch.world.world import World

log = logging.getLogger("switch.call")

MAX_WAYS = 20_000


class Sockets(Protocol):
    """What calls ask of the network (`switch.net.Net`)."""

    def send(self, flow: Flow, data: bytes) -> None: ...

    def connect_flow(self, transport: str, host: str, port: int, *, via_shared: bool = False) -> Flow: ...

    def local_address(self, flow: Flow) -> tuple[str, int]: ...

    def is_own(self, host: str, port: int, flow: Flow) -> bool: ...

    def alive(self, flow: Flow) -> bool: ...


class Money(Protocol):
    """What calls ask of `switch.charging.bank.Bank`."""

    away: bool

    @property
    def full(self) -> bool: ...

    def hold(
        self,
        call_id: str,
        shares: Sequence[tuple[int, int, int]],
        done: Callable[[dict[int, int] | None], None],
    ) -> None: ...

    def release(self, call_id: str) -> None: ...


class Journal(Protocol):
    """What calls ask of `switch.charging.spool.Spool`."""

    healthy: bool

    def append(self, line: dict[str, Any]) -> None: ...


class Watcher(Protocol):
    """Who shows calls to people (`switch.live.Live`)."""

    def changed(self, call: Call) -> None: ...

    def gone(self, call: Call) -> None: ...


@dataclass(slots=True)
class Counters:
    """Totals since the worker started."""

    calls: int = 0
    answered: int = 0
    refused: int = 0
    records: int = 0
    unwritten: int = 0
    """Records that the journal did not take."""
    bad_messages: int = 0
    failures: int = 0
    """Messages or timers whose handling raised: a defect, logged with its traceback."""


@dataclass(slots=True)
class Board:
    """One worker's state. `now` is the steady time of the message or timer that is being handled."""

    sockets: Sockets
    ids: Ids
    bank: Money
    spool: Journal
    relay: Relay
    names: Names
    world: Callable[[], World]
    wall: Callable[[], float]
    clock: Callable[[], float]
    usage: UsageCounters
    live: Watcher
    layer: TransactionLayer = field(init=False)
    registrar: Registrar = field(init=False)
    now: float = 0.0
    alarms: Alarms = field(default_factory=Alarms)
    calls: dict[str, Call] = field(default_factory=dict)
    dialogs: dict[Key, Leg] = field(default_factory=dict)
    invites: dict[Key, str] = field(default_factory=dict)
    """(From tag, Call-ID, CSeq) of INVITEs in progress → branch: a second branch of the same has gone in a loop."""
    counters: Counters = field(default_factory=Counters)
    draining: bool = False
    busy: bool = False
    """The reactor lags behind: new calls are refused until it has caught up."""
    _contacts: dict[tuple[str, str], str] = field(default_factory=dict)
    _ways: dict[tuple[str, str], Flow] = field(default_factory=dict)

    def contact(self, flow: Flow) -> str:
        """Our Contact towards that remote: always the worker's own port, so that the dialog comes straight here."""
        key = (flow.transport, flow.host)
        contact = self._contacts.get(key)
        if contact is None:
            host, port = self.sockets.local_address(flow._replace(own=True))
            contact = f"<sip:mizu@{bracketed(host)}:{port}{transport_param(flow.transport)}>"
            _bounded(self._contacts)[key] = contact
        return contact

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a message, changed as the office's rules for the wire say."""
        wire = self.world().wire
        self.sockets.send(flow, data if wire is None else wire.outgoing(data, flow.host, self.wall()))

    def via(self, flow: Flow) -> str:
        """A new Via for a request on that flow."""
        host, port = self.sockets.local_address(flow)
        return self.ids.via(flow.transport.upper(), f"{bracketed(host)}:{port}")

    def way_to(self, address: str, otherwise: Flow) -> Flow:
        """The flow to a Contact or Route; `otherwise` when its host is a name that we do not know or it is malformed."""
        key = (address, otherwise.transport)
        way = self._ways.get(key)
        if way is None:
            found = self._way_to(address, otherwise)
            if found is None:
                return otherwise
            way = found
            if not way.reliable:
                _bounded(self._ways)[key] = way
        return way

    def _way_to(self, address: str, otherwise: Flow) -> Flow | None:
        try:
            uri = NameAddr.parse(address).uri if address.startswith("<") else Uri.parse(address)
        except BadValue:
            return None
        host = self.names.known(uri.address)
        if host is None:
            return None
        transport = uri.transport if uri.transport in {"udp", "tcp"} else "udp"
        try:
            return self.sockets.connect_flow(transport, host, uri.port or 5060)
        except ValueError:
            return None


def _bounded(table: dict[Any, Any]) -> dict[Any, Any]:
    if len(table) >= MAX_WAYS:
        table.clear()
    return table


def bracketed(host: str) -> str:
    """An address as URIs and Vias have it."""
    return f"[{host}]" if ":" in host else host


def transport_param(transport: str) -> str:
    """How a URI says it, nothing for UDP."""
    return "" if transport == "udp" else f";transport={transport}"


def new_call_id(epoch: float) -> str:
    """A UUIDv7 (RFC 9562 §5.7): calls sort by the time of their beginning."""
    bits = int(epoch * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(3 << 62) | 2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
