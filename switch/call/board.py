"""What all calls of a worker share: sockets, transactions, timers, money, the journal, and who is where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from switch.call.alarms import Alarms
from switch.call.denied import denied
from switch.call.leg import Key, Leg
from switch.call.lookups import Lookups
from switch.call.pins import Guesses
from switch.call.recents import Recents
from switch.call.usage import UsageCounters
from switch.media import Client, Relay
from switch.media.player import Voices
from switch.media.recorder import Recorders
from switch.net import Flow
from switch.sip.grammar import BadValue
from switch.sip.ids import Ids, random_digits
from switch.sip.locate import Place, is_numeric
from switch.sip.uri import NameAddr, Uri
from switch.trunks.outcomes import Outcomes
from switch.trunks.states import Trunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apps.invoices.services.holds import Cap
    from switch.call.call import Call
    from switch.call.model import Caller, TrunkLogin
    from switch.call.names import Names, Way
    from switch.outside.gate import Gate
    from switch.registrar import Registrar
    from switch.sip.message import Request
    from switch.sip.server import ServerTransaction
    from switch.sip.transaction import TransactionLayer
    from switch.stir.stir import Stir
    from switch.trace import Tracer
    from switch.world.world import World

log = logging.getLogger("switch.call")

MAX_WAYS = 20_000


class Sockets(Protocol):
    """What calls ask of the network (`switch.net.Net`)."""

    def send(self, flow: Flow, data: bytes) -> None: ...

    def connect_flow(
        self,
        transport: str,
        host: str,
        port: int,
        *,
        via_shared: bool = False,
        local: int = 0,
        name: str = "",
        patience: float | None = None,
    ) -> Flow: ...

    def local_address(self, flow: Flow) -> tuple[str, int]: ...

    def is_own(self, host: str, port: int, flow: Flow) -> bool: ...

    def alive(self, flow: Flow) -> bool: ...

    def backlog(self) -> float: ...
    def siblings(self) -> list[int]: ...


class Money(Protocol):
    """What calls ask of `switch.charging.bank.Bank`."""

    away: bool

    @property
    def full(self) -> bool: ...

    def hold(
        self,
        call_id: str,
        shares: Sequence[tuple[int, int, int] | tuple[int, int, int, int]],
        done: Callable[[dict[int, int] | None], None],
        caps: Mapping[int, Cap] = ...,
    ) -> None: ...

    def hold_free(
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
    unread: int = 0
    """Requests that were one too many under overload."""
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
    trace: Tracer
    rtpengine: Client
    voices: Voices
    recorders: Recorders
    gate: Gate | None = None
    """Where others decide about logins and calls."""
    again: Callable[[ServerTransaction, Request], None] = lambda tx, request: None
    """Handle a request (once more) that has waited for somebody else."""
    leads_to: Callable[[str], tuple[str, ...]] = lambda host: ()
    """The host names of accounts' addresses that lead to an address now (`switch.guard`)."""
    secret: bytes = b""
    """Shared by the workers of the node: by it they know each other's requests."""
    guesser: Callable[[str], None] = lambda host: None
    """Told the address of everybody who gives a wrong PIN."""
    guesses: Guesses = field(default_factory=Guesses)
    layer: TransactionLayer = field(init=False)
    registrar: Registrar = field(init=False)
    now: float = 0.0
    trunks: Trunks = field(default_factory=Trunks)
    recents: Recents = field(default_factory=Recents)
    lookups: Lookups = field(init=False)
    outcomes: Outcomes = field(init=False)
    alarms: Alarms = field(default_factory=Alarms)
    calls: dict[str, Call] = field(default_factory=dict)
    dialogs: dict[Key, Leg] = field(default_factory=dict)
    invites: dict[Key, str] = field(default_factory=dict)
    """(From tag, Call-ID, CSeq) of INVITEs in progress → branch: a second branch of the same has gone in a loop."""
    counters: Counters = field(default_factory=Counters)
    meaningless: Callable[[str], None] = lambda host: None
    """Told the address of a message that nobody understands."""
    stir: Stir | None = None
    """Signed caller numbers; None: neither checked nor made."""
    draining: bool = False
    _contacts: dict[tuple[str, str, int, bool], str] = field(default_factory=dict)
    _ways: dict[tuple[str, str], Flow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.usage.unreachable = self.unreachable
        self.outcomes = Outcomes(self.clock)
        self.lookups = Lookups(self.names, self.clock, self.alarms)
        self.usage.looked_up = self.lookups.answer
        self.usage.online = self.online
        self.usage.recent = self.recents

    def online(self, account_id: int) -> bool:
        """Whether a phone of the account is registered, as far as this worker knows."""
        return bool(self.registrar.reachable(account_id, self.wall()))

    def unreachable(self, carrier: int, logins: Sequence[TrunkLogin]) -> str:
        """Why calls to the carrier would fail now, as far as is known; "": they should not."""
        trunk = self.world().trunk(carrier)
        if trunk is not None and trunk.registers:
            known = self.registrar.reachable(carrier, self.wall())
            return "" if known else "it is not registered with us"
        return self.trunks.unreachable(carrier, logins)

    def contact(self, flow: Flow, *, sips: bool = False) -> str:
        """Our Contact towards that remote: the worker's own port where there is one, so that the dialog comes straight here.

        `sips`: the dialog must stay on secure transports (RFC 3261 §12.1.1).
        """
        key = (flow.transport, flow.host, flow.local, sips)
        contact = self._contacts.get(key)
        if contact is None:
            host, port = self.sockets.local_address(flow._replace(own=not flow.local))
            scheme, transport = (
                ("sips", "ws" if flow.transport == "wss" else "") if sips else ("sip", flow.transport)
            )
            contact = f"<{scheme}:mizu@{bracketed(host)}:{port}{transport_param(transport)}>"
            _bounded(self._contacts)[key] = contact
        return contact

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a message, changed as the office's rules for the wire say."""
        wire = self.world().wire
        if wire is not None:
            data = wire.outgoing(data, flow.host, self.wall())
        if self.trace.active:
            self.trace.said(flow, data)
        self.sockets.send(flow, data)

    def flow_to(self, way: Way, carrier: Caller, *, via_shared: bool = False) -> Flow:
        """The flow on one of the ways to a carrier, from the address that its setting `interface` names. ValueError."""
        local = self.world().settings_of(carrier).interface
        return self.sockets.connect_flow(
            way.transport, way.host, way.port, via_shared=via_shared, local=local, name=way.name
        )

    def via(self, flow: Flow) -> str:
        """A new Via for a request on that flow."""
        host, port = self.sockets.local_address(flow)
        return self.ids.via(flow.transport.upper(), f"{bracketed(host)}:{port}")

    def way_to(self, address: str, otherwise: Flow) -> Flow:
        """The flow to a Contact or Route; `otherwise` when it is malformed or nowhere, or its name is only being looked up."""
        key = (address, otherwise.transport)
        way = self._ways.get(key)
        if way is None:
            place = place_of(address)
            found = None if place is None else self._way_to(place, otherwise)
            if place is None or found is None:
                return otherwise
            way = found
            if not way.reliable and is_numeric(place.host):
                _bounded(self._ways)[key] = way
        return way

    def denies(self, rules: tuple[str, ...], way: Flow | Way, source: Flow | None = None) -> bool:
        """Whether an account's setting denyaddr keeps requests from going there."""

        def is_own(host: str, port: int) -> bool:
            flow = way if isinstance(way, Flow) else Flow("udp", host, port, True, 0, 0)
            return self.sockets.is_own(host, port, flow)

        came_from = way.host if source is None else source.host
        return denied(rules, way.host, way.port, source=came_from, is_own=is_own)

    def _way_to(self, place: Place, otherwise: Flow) -> Flow | None:
        ways = self.names.now(place)
        if not ways:
            return None
        transport, host, port, name = ways[0]
        try:
            return self.sockets.connect_flow(transport, host, port, local=otherwise.local, name=name)
        except ValueError:
            return None


def place_of(address: str) -> Place | None:
    """What a Contact or Route asks for; None when nobody can be called there."""
    try:
        uri = NameAddr.parse(address).uri if address.startswith("<") else Uri.parse(address)
    except BadValue:
        return None
    if uri.scheme not in {"sip", "sips"} or uri.transport not in {"", "udp", "tcp", "tls"}:
        return None
    host = uri.param("maddr") or uri.address
    return Place(host, uri.port or 0, uri.transport, secure=uri.scheme == "sips")


def _bounded(table: dict[Any, Any]) -> dict[Any, Any]:
    if len(table) >= MAX_WAYS:
        table.clear()
    return table


def bracketed(host: str) -> str:
    """An address as URIs and Vias have it."""
    return f"[{host}]" if ":" in host else host


def transport_param(transport: str) -> str:
    """How a URI says it, nothing for UDP."""
    return "" if transport in {"", "udp"} else f";transport={'ws' if transport == 'wss' else transport}"


def new_call_id(epoch: float) -> str:
    """A UUIDv7 (RFC 9562 §5.7): calls sort by the time of their beginning."""
    time, chance = f"{int(epoch * 1000):012x}", random_digits(19)
    variant = "89ab"[int(chance[3], 16) % 4]
    return f"{time[:8]}-{time[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:]}"
