"""Registrations that another server decides about, because this switch stands in front of it (guide 8566-8585, 8640-8655).

1. The phone's REGISTER goes to that server with our Contact in place of the phone's; all else that the server checks stays:
   Call-ID, CSeq, From, the proof of the password.
2. A challenge comes back to the phone, as does any refusal. What a 2xx grants holds for the phone's own Contact here, at most as long.
3. Calls for the phone come from that server to our Contact, whose user is the account's; it is a carrier or a trunk of ours.

Which server it is, is found out anew for every REGISTER, so nothing has to be reset when it changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed, transport_param
from switch.call.identity import escaped
from switch.sip.grammar import BadValue
from switch.sip.locate import Place
from switch.sip.message import BadMessage, Header, Request, Response, seconds

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.names import Way
    from switch.net import Flow
    from switch.sip.client import ClientTransaction
    from switch.sip.server import ServerTransaction
    from switch.sip.uri import Uri
    from switch.world.world import World

log = logging.getLogger("switch.registrar")

Granted = Callable[[int], None]
"""Called with the seconds that the server grants; 0: it has taken the registration back."""
PATIENCE = 10.0
"""Seconds: the phone waits for 32, and may have something else to try."""
_PASSED_ON = ("Authorization", "Proxy-Authorization", "User-Agent", "Supported")
_PASSED_BACK = ("WWW-Authenticate", "Proxy-Authenticate", "Min-Expires", "Retry-After", "Warning")


class Server(NamedTuple):
    """Where it is, and the domain that is named there ("": the phone's)."""

    place: Place
    domain: str


def server_of(request: Request, flow: Flow, world: World, board: Board) -> Server | None:
    """The server that decides about this registration; None: this switch itself."""
    settings = world.settings
    how = settings.fwdregistrations
    if how == "always" or (how == "alternate" and flow.local):
        host = settings.fwdregistrations_ip or settings.fwdregistrations_domain
        return (
            Server(Place(host, settings.fwdregistrations_port, ""), settings.fwdregistrations_domain)
            if host
            else None
        )
    if settings.allowupperselection == "known":
        wanted = request.target.address.lower()
        if board.sockets.is_own(wanted, request.target.port or 5060, flow):
            return None
        place = next((one for one in world.trunk_places() if one.host.lower() == wanted), None)
        return Server(place, "") if place is not None else None
    return None


def ask(board: Board, tx: ServerTransaction, request: Request, server: Server, granted: Granted) -> None:
    """Send it there, once its address is known, and answer the phone by what comes back."""
    board.names.find(server.place, partial(_send, board, tx, request, server, granted))


def _send(
    board: Board, tx: ServerTransaction, request: Request, server: Server, granted: Granted, ways: list[Way]
) -> None:
    try:
        if not ways:
            raise ValueError("its name is not found")
        way = ways[0]
        flow = board.sockets.connect_flow(way.transport, way.host, way.port, via_shared=True, name=way.name)
    except ValueError as error:
        log.warning("registration not passed on to %s: %s", server.place.host, error)
        tx.reply(504, board.clock())
        return
    host, port = board.sockets.local_address(flow._replace(own=False))
    user, bar = request.to.uri.user, transport_param(flow.transport)
    contact = f"sip:{escaped(user)}@{bracketed(host)}:{port}{bar}"
    wanted = _wanted(request)
    headers: list[Header] = [
        ("Via", board.via(flow)),
        ("Max-Forwards", str(max(0, (70 if request.max_forwards is None else request.max_forwards) - 1))),
        ("From", _named(request.get("From") or "", request.from_.uri, server.domain)),
        ("To", _named(request.get("To") or "", request.to.uri, server.domain)),
        ("Call-ID", request.call_id),
        ("CSeq", str(request.cseq)),
    ]
    if wanted is not None:
        headers += [("Contact", f"<{contact}>;expires={wanted}"), ("Expires", str(wanted))]
    headers += [(name, value) for name in _PASSED_ON for value in request.all(name)]
    uri = f"sip:{server.domain}" if server.domain else request.uri
    out = board.layer.request(Request("REGISTER", uri, headers), flow, board.clock())
    out.context = _Passed(board, tx, server, wanted, granted)


def _wanted(request: Request) -> int | None:
    """Seconds that the phone asks for; None: it only asks what is registered. Without a time an hour, as anywhere."""
    if not request.members("Contact"):
        return None
    given = [seconds(one.params.get("expires")) for one in request.contacts or []]
    asked = [one for one in given if one is not None]
    if asked:
        return max(asked)
    return 3600 if request.expires is None else request.expires


def _named(value: str, uri: Uri, domain: str) -> str:
    """From or To with the server's domain in place of ours."""
    return value.replace(f"@{uri.host}", f"@{domain}", 1) if domain and uri.host else value


class _Passed(Asker):
    """Waits for the server's answer."""

    __slots__ = ("alarm", "board", "granted", "server", "tx", "wanted")

    def __init__(
        self, board: Board, tx: ServerTransaction, server: Server, wanted: int | None, granted: Granted
    ) -> None:
        self.board, self.tx, self.server = board, tx, server
        self.wanted, self.granted = wanted, granted
        self.alarm = Alarm(self.on_timeout)
        board.alarms.set(self.alarm, board.clock() + PATIENCE)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        self.board.alarms.end(self.alarm)
        if response.status < 300:
            self.granted(_granted(response, self.wanted or 0))
            return
        passed = [(name, value) for name in _PASSED_BACK for value in response.all(name)]
        status = response.status if response.status not in {301, 302, 305} else 504  # it would lead around us
        self.tx.reply(status, self.board.now, response.reason, passed)

    def on_timeout(self) -> None:
        self.board.alarms.end(self.alarm)
        log.warning("%s does not answer a registration", self.server.place.host)
        self.tx.reply(504, self.board.now)


def _granted(response: Response, wanted: int) -> int:
    """Seconds of our Contact; one that lists none means what was asked for, or its Expires."""
    try:
        listed = [seconds(one.params.get("expires")) for one in response.contacts or []]
    except (BadMessage, BadValue):
        listed = []
    known = [one for one in listed if one is not None]
    if known:
        return min(max(known), wanted)
    return wanted if response.expires is None else min(response.expires, wanted)
