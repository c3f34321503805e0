"""The back-to-back user agent: what the network and the transactions tell goes to the call that it concerns.

The one place where an unforeseen exception ends: it is logged and counted, the request is answered with 500, the call is
cleaned up, and the worker goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from switch.call import bridge, engine, recording
from switch.call.abilities import ALLOW_OUTSIDE
from switch.call.asker import Asker, PartyAsker
from switch.call.board import Board
from switch.call.branch import Branch
from switch.call.bridge import Bridge
from switch.call.call import Call
from switch.call.causes import INTERNAL
from switch.call.inbound import Inbound
from switch.call.leg import Leg
from switch.call.reasons import line, reasons
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.grammar import BadValue
from switch.sip.ids import label_of
from switch.sip.message import BadMessage, Request, Response, parse, stamp_via
from switch.sip.server import InviteServerTransaction, ServerTransaction
from switch.sip.stream import PING, PONG

if TYPE_CHECKING:
    from switch.net import Flow, Reason

log = logging.getLogger("switch.call")

LAG = 1.0
"""Seconds by which the tick may be late before new calls are refused."""
CROWDED = 0.5
"""Share of a socket's receive buffer that is too much to wait there,"""
PATIENCE = 10
"""if it does at so many ticks (0.2 s) in a row: a pause of the collector is no overload."""
CALM = 1.0
"""Seconds for which new calls are refused from then on: in less the next wave would find the worker at the same point."""
POLITE = 50
"""Requests that are refused by a 503 between two ticks under overload (2,500 a second); what is above is not even read."""
_GOES_ON = (b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ")


class B2bua:
    """The transaction user of a worker (`switch.sip.transaction.User`)."""

    def __init__(self, board: Board, inbound: Inbound) -> None:
        self.board = board
        self.inbound = inbound
        self._ticked = inf  # before the first tick it is not late: the worker is still being put together
        self._crowded = 0
        self._busy_until = 0.0
        self._polite = POLITE
        self._broken: set[Flow] = set()
        board.again = self.again

    # --- from the network -------------------------------------------------------------------------------------------------------

    def on_message(self, data: bytes, flow: Flow) -> None:
        """One whole message, as `switch.net.Net` delivers it."""
        board = self.board
        board.now = board.clock()
        if board.trace.active:
            board.trace.heard(flow, data)
        if data == PING:
            self.guarded(board.sockets.send, flow, PONG)
            return
        if board.layer.busy and self._beyond(data):
            board.counters.unread += 1
            return
        wire = board.world().wire
        try:
            message = parse(data if wire is None else wire.incoming(data, flow.host))
        except BadMessage as error:
            board.counters.bad_messages += 1
            board.meaningless(flow.host)
            self.guarded(board.layer.reject, error, flow)
            return
        self.guarded(self._receive, message, flow)

    def _receive(self, message: Request | Response, flow: Flow) -> None:
        if isinstance(message, Request):
            stamp_via(message, flow.host, flow.port)
        try:
            self.board.layer.receive(message, flow, self.board.now)
        except BadMessage as error:
            self.board.counters.bad_messages += 1
            self.board.layer.reject(error, flow)

    def on_flow_error(self, flow: Flow, reason: Reason) -> None:
        """Something could not be sent, or a connection ended; what that means is seen to at the next tick, once for all."""
        if not self._broken or (flow.reliable and flow not in self._broken):  # a flood fills no log
            log.info("flow %s:%s %s: %s", flow.host, flow.port, flow.transport, reason)
        self._broken.add(flow)
        if flow.reliable:
            self.guarded(self.board.registrar.way_lost, flow)

    def _flows_failed(self, now: float) -> None:
        """The transactions on broken flows end by `on_transport_error`; of a UDP flow only requests of ours do."""
        broken, self._broken = self._broken, set()
        layer = self.board.layer
        waiting: list[ClientTransaction | ServerTransaction] = list(layer.clients.values())
        if any(flow.reliable for flow in broken):
            waiting += layer.servers.values()
        for tx in waiting:
            if tx.flow in broken:
                tx.failed = True
                layer.wheel.arm(tx, now)

    def tick(self) -> None:
        """Time passes; called every 20 ms."""
        board = self.board
        board.now = now = board.clock()
        self._weigh(now)
        if self._broken:
            self.guarded(self._flows_failed, now)
        self.guarded(board.layer.tick, now)
        for alarm in board.alarms.due(now):
            self.guarded(alarm.ring)

    def _weigh(self, now: float) -> None:
        """Whether more comes than can be done: then only calls that are up are served until it has been caught up with."""
        layer = self.board.layer
        self._crowded = self._crowded + 1 if self.board.sockets.backlog() > CROWDED else 0
        if now - self._ticked > LAG or self._crowded >= PATIENCE:
            self._busy_until = now + CALM
        busy = now < self._busy_until
        self._ticked = now
        self._polite = POLITE
        if busy and not layer.busy:
            log.warning("overloaded: what is new is refused")
        elif layer.busy and not busy:
            log.warning(
                "not overloaded any more; since the start %s requests were refused, %s not read",
                layer.refused, self.board.counters.unread,
            )  # fmt: skip
        layer.busy = busy

    def _beyond(self, data: bytes) -> bool:
        """Whether a message is one too many under overload: it begins something new, and enough such were answered by now."""
        if data.startswith(_GOES_ON) or label_of(data) is not None:
            return False
        self._polite -= 1
        return self._polite < 0

    def guarded(self, do: Callable[..., object], *arguments: object) -> None:
        """Call it; what it raises is a defect that is logged and counted, and the worker goes on."""
        try:
            do(*arguments)
        except Exception:
            self.board.counters.failures += 1
            log.exception("handling failed")

    # --- from the transactions --------------------------------------------------------------------------------------------------

    def serves(self, request: Request) -> bool:
        return self._leg(request) is not None

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        leg = self._leg(request)
        if leg is None or not engine.held_back(leg.call, request, leg, self._request, tx, request, leg):
            self._request(tx, request, leg)

    def _request(self, tx: ServerTransaction, request: Request, leg: Leg | None) -> None:
        try:
            if request.method in self.board.world().closed:
                tx.reply(405, self.board.now, None, (ALLOW_OUTSIDE,))
            elif leg is not None:
                bridge.handle(leg, tx, request)
            else:
                self.inbound.handle(tx, request)
        except BadMessage as error:
            tx.reply(error.status or 400, self.board.now, error.reason)
            self._abandon(tx.context)
        except BadValue as error:  # a header's parts are read when they are first asked for
            tx.reply(400, self.board.now, str(error))
            self._abandon(tx.context)
        except Exception:
            self._failed(tx.context if tx.context is not None else leg)
            tx.reply(500, self.board.now)

    def again(self, tx: ServerTransaction, request: Request) -> None:
        """A request outside dialogs has waited for somebody else's word."""
        self.board.now = self.board.clock()
        self.guarded(self._request, tx, request, None)

    def _leg(self, request: Request) -> Leg | None:
        tag = request.to.tag
        if tag is None:
            return None
        return self.board.dialogs.get((request.call_id, tag, request.from_.tag or ""))

    def on_ack(self, request: Request, flow: Flow) -> None:
        leg = self._leg(request)
        if leg is None or leg.awaiting_ack is None:
            return
        if not engine.held_back(leg.call, request, leg, self._ack, request, leg):
            self._ack(request, leg)

    def _ack(self, request: Request, leg: Leg) -> None:
        try:
            if leg.is_caller and leg.awaiting_ack is leg.call.tx:
                leg.call.ack_came(request)
            else:
                other = leg.call.called if leg.is_caller else leg.call.caller
                if other is not None:
                    leg.call.pass_ack(request, leg, other)
                leg.acknowledged()
        except Exception:
            self._failed(leg)

    def on_cancel(self, tx: InviteServerTransaction, request: Request) -> None:
        context = tx.context
        if isinstance(context, Call):
            context.cancelled(line(reasons(request)))
        elif isinstance(context, Bridge):
            context.cancelled()
        else:
            tx.reply(487, self.board.now)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        context = tx.context
        leg = context.target if isinstance(context, Bridge) else context
        if not isinstance(leg, Leg) or not engine.held_back(
            leg.call, response, leg, self._response, tx, response
        ):
            self._response(tx, response)

    def _response(self, tx: ClientTransaction, response: Response) -> None:
        context = tx.context
        try:
            if isinstance(context, Branch):
                if isinstance(tx, InviteClientTransaction):
                    context.on_response(tx, response)
            elif isinstance(context, Asker):
                context.on_response(tx, response)
        except (BadMessage, BadValue) as error:
            log.warning("a response is bad: %s", error)
            self._abandon(context) if response.status >= 200 else None
        except Exception:
            self._failed(context)

    def on_timeout(self, tx: ClientTransaction | ServerTransaction) -> None:
        context = tx.context
        try:
            if isinstance(tx, ServerTransaction):
                if isinstance(context, Call | Bridge):
                    context.ack_missing()
            elif isinstance(context, Branch | Asker):
                context.on_timeout()
        except Exception:
            self._failed(context)

    def on_transport_error(self, tx: ClientTransaction | ServerTransaction) -> None:
        context = tx.context
        try:
            if isinstance(tx, ServerTransaction):
                if isinstance(context, Call):
                    context.way_lost()
            elif isinstance(context, Branch | Asker):
                context.on_transport_error()
        except Exception:
            self._failed(context)

    # --- when something went wrong ----------------------------------------------------------------------------------------------

    def _failed(self, context: object) -> None:
        self.board.counters.failures += 1
        call = _call_of(context)
        log.exception("call=%s handling failed", call.id if call is not None else "-")
        self._abandon(context)

    def _abandon(self, context: object) -> None:
        """End the call that cannot be carried on, whatever state it is in."""
        call = _call_of(context)
        if call is None:
            return
        try:
            call.hang_up(INTERNAL)
        except Exception:
            log.exception("call=%s could not be ended", call.id)
            self.board.calls.pop(call.id, None)

    def drain(self) -> None:
        """The worker stops: no new calls, and those there are end now."""
        self.board.draining = True
        self.board.now = self.board.clock()
        for call in list(self.board.calls.values()):
            self.guarded(call.stop)

    def hang_up(self, call_id: str, by: str) -> None:
        """An operator's wish."""
        call = self.board.calls.get(call_id)
        if call is not None:
            self.board.now = self.board.clock()
            self.guarded(call.operator, by)

    def record(self, call_id: str, by: str, *, on: bool) -> None:
        """An operator wants this call recorded, or no longer."""
        call = self.board.calls.get(call_id)
        if call is not None:
            self.board.now = self.board.clock()
            self.guarded(partial(recording.by_operator, call, by, on=on))

    def trace(self, call_id: str) -> None:
        """An operator wants to read this call's messages while it goes on."""
        if call_id in self.board.calls:
            self.board.trace.detail(call_id)


def _call_of(context: object) -> Call | None:
    if isinstance(context, Call):
        return context
    if isinstance(context, Leg):
        return context.call
    if isinstance(context, PartyAsker):
        return context.leg.call
    return context.source.call if isinstance(context, Bridge) else None
