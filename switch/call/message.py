"""Short messages between accounts of ours, in real time (RFC 3428): what one phone sends goes to all phones of the other.

1. Who sends proves itself as for a call; only accounts with phones send, and only to accounts of ours.
2. Longer than fits into a datagram everywhere (§8) is refused with 513. Nothing is kept: nobody there is 480, and never 202.
3. Who pays is found as for a call (`who_pays`), by tariffs for messages; a free message of an allowance, or else the price, is set
   aside before it goes.
4. Every phone gets it; the first 2xx is the answer, else the best refusal.
5. One line in the journal, without the text: the writer charges what was delivered, and lets the money of all else go.
Signs that somebody types or has read (RFC 3994, RFC 5438) are no messages of anybody: free, and without a record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apps.pricing.engine import rate
from apps.pricing.engine.payers import Question, who_pays
from apps.pricing.engine.price_lists import SMS
from apps.pricing.engine.tolls import message_seconds
from switch.call import record
from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.call.board import bracketed
from switch.call.causes import (
    BELOW_COST,
    DATABASE_AWAY,
    NO_PRICE,
    NO_RESPONSE,
    NORMAL,
    NOT_REGISTERED,
    OVERLOAD,
    Cause,
    of_status,
)
from switch.call.identity import escaped, quoted
from switch.call.model import Decision
from switch.call.money import REFUSED, nobody_prepaid, refused
from switch.call.ringing import best
from switch.call.stages.money import RETAIL, caps
from switch.call.stages.numbers import own_number
from switch.call.stages.promotions import allowed
from switch.call.stages.state import Call, origin_of
from switch.call.stages.worth import loss
from switch.call.transfer import PHONES
from switch.charging.spool import SpoolFull
from switch.sip.message import Request, Response

if TYPE_CHECKING:
    from apps.pricing.engine.payers import Payer
    from switch.call.board import Board
    from switch.call.model import Caller, CallRequest
    from switch.registrar import Binding
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header
    from switch.sip.server import ServerTransaction

log = logging.getLogger("switch.call")

LONGEST = 1300
MESSAGE = 1_000_000
"""One message, as allowances count."""
ANSWER_WITHIN = 20.0
"""Seconds; a transaction of the sender lasts 32 (RFC 3261 §17.1.2.2)."""
SIGNS = frozenset(("application/im-iscomposing+xml", "message/imdn+xml"))
_CARRIED = ("Content-Type", "Content-Language", "Subject", "Priority", "Expires", "Date")


class Delivery(Asker):
    """One message on its way to the phones of an account, and who pays for it. `free`: it is a sign and no message."""

    __slots__ = (
        "alarm",
        "allowance",
        "asking",
        "board",
        "decision",
        "free",
        "open",
        "over",
        "receiver",
        "request",
        "seconds",
        "sender",
        "started",
        "statuses",
        "tx",
    )  # fmt: skip

    def __init__(
        self, board: Board, tx: ServerTransaction, request: Request, asking: CallRequest, sender: Caller,
        receiver: Caller,
    ) -> None:  # fmt: skip
        self.board, self.tx, self.request, self.asking = board, tx, request, asking
        self.sender, self.receiver = sender, receiver
        self.started = asking.received_at
        self.decision: Decision | None = None
        self.free = request.content_type in SIGNS
        self.allowance: int | None = None  # that has the message for free
        self.seconds = 0
        self.open = 0
        self.over = False
        self.statuses: list[int] = []
        self.alarm = Alarm(self._late)

    def begin(self) -> None:
        """Set its price aside, then send it."""
        if self.free:
            self._send()
        elif why := self._priced():
            self._end(*why)
        elif not self._phones():
            self._end(NOT_REGISTERED)
        elif found := self._allowances():
            free = [(one, MESSAGE, MESSAGE) for one in found]
            self.board.bank.hold_free(self.asking.call_id, free, self._granted_free)
        else:
            self._hold()

    def _allowances(self) -> list[int]:
        """Those of who pays the retail price that have free messages for this number."""
        board, decision = self.board, self.decision
        assert decision is not None
        world = board.world()
        retail = next((one for one in decision.payers if one.kind == RETAIL), None)
        payer = world.account(retail.account_id) if retail else None
        if retail is None or payer is None or world.settings.checkfreeminutes < 2 or not self._gross(retail):
            return []
        found = allowed(payer, decision.called, self.started, world)
        return [one.id for one in found if one.kind == "messages"]

    def _gross(self, payer: Payer) -> int:
        return rate(payer.terms, self.started, self.seconds).gross

    def _granted_free(self, granted: dict[int, int] | None) -> None:
        """One of them pays in place of the account; resellers above pay as ever."""
        assert self.decision is not None
        self.board.now = self.board.clock()
        self.allowance = next((one for one, micros in (granted or {}).items() if micros >= MESSAGE), None)
        if self.allowance is not None:
            self.decision.payers = [one for one in self.decision.payers if one.kind != RETAIL]
        self._hold()

    def _hold(self) -> None:
        """Set money aside for what has a price, then send it."""
        assert self.decision is not None
        priced = [(payer.account_id, self._gross(payer)) for payer in self.decision.payers]
        shares = [(account, gross, gross) for account, gross in priced if gross > 0]
        if not shares:
            self._send()
        else:
            limits = caps(self.decision, self.board.world(), self.started)
            self.board.bank.hold(self.asking.call_id, shares, self._granted, limits)

    def _priced(self) -> tuple[Cause, str] | None:
        """Finds who pays; or why nobody may."""
        board, world = self.board, self.board.world()
        settings = world.settings_of(self.sender)
        call = Call(self.asking, self.sender, settings, self.started, board.usage)
        call.called = _dialled(self.request)
        call.caller_number = own_number(call, world)
        text = self.request.body.decode("utf-8", "replace")
        self.seconds = message_seconds(len(text), settings)
        origin = origin_of(call, world)._replace(service=SMS)
        bill = who_pays(world, Question(self.sender, origin, call.called, self.started))
        call.payers = bill.payers
        self.decision = Decision(
            self.sender, call.caller_number, "", call.called, bill.destination, bill.payers, [], 0, world.version,
            frozenset(), bill.reseller_id, bill.reckoned, trace=bill.notes, trunk=self.asking.trunk,
        )  # fmt: skip
        if bill.refused:
            return NO_PRICE, bill.refused
        lost = loss(call, world)
        return (BELOW_COST, lost) if lost else None

    def _granted(self, granted: dict[int, int] | None) -> None:
        assert self.decision is not None
        board = self.board
        board.now = board.clock()
        if granted is None and not nobody_prepaid(self.decision, board.world()):
            self._end(OVERLOAD if board.bank.full else DATABASE_AWAY)
        elif granted is not None and min(granted.values()) <= 0:
            account, why = refused(granted)
            who = board.world().account(account)
            self._end(REFUSED[why], f"{who.username if who else account}: {REFUSED[why].text.lower()}")
        else:
            self._send()

    def _phones(self) -> list[Binding]:
        return self.board.registrar.reachable(self.receiver.id, self.board.wall())

    def _send(self) -> None:
        """To every phone."""
        phones = self._phones()
        if not phones:
            self._end(NOT_REGISTERED)
            return
        self.open = len(phones)
        self.board.alarms.set(self.alarm, self.board.now + ANSWER_WITHIN)
        for binding in phones:
            made = _made(self.board, self.request, self.sender, binding)
            self.board.layer.request(made, binding.flow, self.board.now).context = self

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self._heard(response.status)

    def on_timeout(self) -> None:
        self._heard(408)

    def on_transport_error(self) -> None:
        self._heard(480)

    def _late(self) -> None:
        """The sender must hear something before its own transaction gives up. Who takes it later takes it for nothing."""
        self._end(NO_RESPONSE, status=480)

    def _heard(self, status: int) -> None:
        self.open -= 1
        self.statuses.append(status)
        if status < 300:
            self._end(NORMAL)
        elif not self.open:
            status = best(self.statuses)
            told = 480 if status < 400 or status in {401, 407, 408} else status
            self._end(of_status(status), status=told)

    def _end(self, cause: Cause, comment: str = "", *, status: int = 0) -> None:
        """Write it down, then tell the sender: what it hears has been charged already."""
        if self.over:
            return
        self.over = True
        self.board.alarms.cancel(self.alarm)
        status = status or cause.status
        if not self.free:
            self._record(cause, status, comment)
        self.tx.reply(status, self.board.now)

    def _record(self, cause: Cause, status: int, comment: str) -> None:
        board, decision, asking = self.board, self.decision, self.asking
        assert decision is not None
        board.bank.release(asking.call_id)
        delivered = cause is NORMAL
        line = {
            "k": "end", "id": asking.call_id, "service": SMS, "seconds": self.seconds, "started": self.started,
            "answered": self.started if delivered else None, "ended": max(board.wall(), self.started),
            "authorised": None, "status": status, "q850": cause.q850, "cause": cause.name,
            "by": "called" if self.statuses else "switch",
            "caller_address": f"{asking.source_host}:{asking.source_port}",
            "original": record.clean(asking.called)[:128], "called_account": self.receiver.id,
            "sip_call_id": record.clean(asking.sip_call_id)[:255],
            "comment": "" if delivered else record.clean(record.told(comment, decision.trace))[:record.LONGEST_COMMENT],
            **decision.as_json(), **({} if self.allowance is None else {"message": self.allowance}),
        }  # fmt: skip
        try:
            board.spool.append(line)
        except SpoolFull:
            log.error("message=%s the journal cannot be written", asking.call_id)


def deliver(
    board: Board, tx: ServerTransaction, request: Request, asking: CallRequest, sender: Caller
) -> None:
    """Send on what a known account has sent, or refuse it."""
    world = board.world()
    account_id = world.local(_dialled(request))
    account = world.account(account_id) if account_id is not None else None
    if not sender.enabled or sender.kind not in PHONES:
        tx.reply(403, board.now)
    elif account is None or not account.enabled:
        tx.reply(404, board.now)
    elif len(request.body) > LONGEST:
        tx.reply(513, board.now)
    elif not board.spool.healthy:
        tx.reply(503, board.now)
    else:
        Delivery(board, tx, request, asking, sender, account).begin()


def _dialled(request: Request) -> str:
    return request.target.user.removeprefix("+")


def _made(board: Board, request: Request, sender: Caller, binding: Binding) -> Request:
    """The message as one phone gets it: from the account, whatever the sender wrote there."""
    ids, flow = board.ids, binding.flow
    host = board.sockets.local_address(flow)[0]
    hops = request.max_forwards
    headers: list[Header] = [
        ("Via", board.via(flow)),
        ("Max-Forwards", str(max(0, (70 if hops is None else hops) - 1))),
        *(("Route", route) for route in binding.path),
        (
            "From",
            f"{quoted(request.from_.display)}<sip:{escaped(sender.username)}@{bracketed(host)}>;tag={ids.tag()}",
        ),
        ("To", f"<{binding.uri}>"),
        ("Call-ID", f"{ids.random()}@{host}"),
        ("CSeq", "1 MESSAGE"),
        *((name, value) for name in _CARRIED if (value := request.get(name))),
    ]
    return Request("MESSAGE", binding.uri, headers, request.body)
