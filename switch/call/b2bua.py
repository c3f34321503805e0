"""The back-to-back user agent: what the network and the transactions tell goes to the call that it concerns.

The one place where an unforeseen exception ends: it is logged and counted, the request is answered with 500, the call is
cleaned up, and the worker goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.call import bridge
from switch.call.board import Board
from switch.call.branch import Branch
from switch.call.bridge import Bridge
from switch.call.call import Call
from switch.call.causes import INTERNAL
from switch.call.inbound import Inbound
from switch.call.leg import Leg
from switch.call.message import Delivery
from switch.call.offers import Errand
from switch.call.proof import Farewell
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.grammar import BadValue
from switch.sip.message import BadMessage, Request, Response, parse, stamp_via
from switch.sip.server import InviteServerTransaction, ServerTransaction
from switch.sip.stream import PING, PONG

if TYPE_CHECKING:
    from switch.net import Flow, Reason

log = logging.getLogger("switch.call")

LAG = 1.0
"""Seconds by which the tick may be late before new calls are refused."""


class B2bua:
    """The transaction user of a worker (`switch.sip.transaction.User`)."""

    def __init__(self, board: Board, inbound: Inbound) -> None:
        self.board = board
        self.inbound = inbound
        self._ticked = board.clock()
        self._broken: set[Flow] = set()

    # --- from the network -------------------------------------------------------------------------------------------------------

    def on_message(self, data: bytes, flow: Flow) -> None:
        """One whole message, as `switch.net.Net` delivers it."""
        board = self.board
        board.now = board.clock()
        if data == PING:
            self._guarded(board.sockets.send, flow, PONG)
            return
        try:
            message = parse(data)
        except BadMessage as error:
            board.counters.bad_messages += 1
            self._guarded(board.layer.reject, error, flow)
            return
        self._guarded(self._receive, message, flow)

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
            self._guarded(self.board.registrar.way_lost, flow)

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
        board.busy = now - self._ticked > LAG
        self._ticked = now
        if self._broken:
            self._guarded(self._flows_failed, now)
        self._guarded(board.layer.tick, now)
        for alarm in board.alarms.due(now):
            self._guarded(alarm.ring)

    def _guarded(self, do: Callable[..., object], *arguments: object) -> None:
        try:
            do(*arguments)
        except Exception:
            self.board.counters.failures += 1
            log.exception("handling failed")

    # --- from the transactions --------------------------------------------------------------------------------------------------

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        leg = self._leg(request)
        try:
            if leg is not None:
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

    def _leg(self, request: Request) -> Leg | None:
        tag = request.to.tag
        if tag is None:
            return None
        return self.board.dialogs.get((request.call_id, tag, request.from_.tag or ""))

    def on_ack(self, request: Request, flow: Flow) -> None:
        leg = self._leg(request)
        if leg is None or leg.awaiting_ack is None:
            return
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
        if isinstance(context, Call | Bridge):
            context.cancelled()
        else:
            tx.reply(487, self.board.now)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        context = tx.context
        try:
            if isinstance(context, Branch):
                if isinstance(tx, InviteClientTransaction):
                    context.on_response(tx, response)
            elif isinstance(context, Bridge | Farewell | Errand | Delivery):
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
            elif isinstance(context, Branch | Bridge | Errand | Delivery):
                context.on_timeout()
        except Exception:
            self._failed(context)

    def on_transport_error(self, tx: ClientTransaction | ServerTransaction) -> None:
        context = tx.context
        try:
            if isinstance(tx, ServerTransaction):
                if isinstance(context, Call):
                    context.way_lost()
            elif isinstance(context, Branch | Bridge | Errand | Delivery):
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
            self._guarded(call.stop)

    def hang_up(self, call_id: str, by: str) -> None:
        """An operator's wish."""
        call = self.board.calls.get(call_id)
        if call is not None:
            self.board.now = self.board.clock()
            self._guarded(call.operator, by)


def _call_of(context: object) -> Call | None:
    if isinstance(context, Call):
        return context
    if isinstance(context, Leg):
        return context.call
    if isinstance(context, Farewell | Errand):
        return context.leg.call
    return context.source.call if isinstance(context, Bridge) else None
