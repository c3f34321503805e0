"""One party of a call: its dialog, the way to it, and what is pending between it and us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call.proof import Farewell, proofs_of
from switch.net import Flow
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.dialog import Dialog
from switch.sip.message import Header, Request
from switch.sip.server import InviteServerTransaction

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.call import Call
    from switch.call.model import Caller, TrunkAddress
    from switch.call.offers import Origin, Reoffer

Key = tuple[str, str, str]


class Leg:
    """The caller's side of a call, or (as `Branch`) one of those that are called.

    `phone`: requests to it go back on the flow that it came by, whatever its Contact says (NAT).
    """

    __slots__ = (
        "account",
        "aside",
        "asking",
        "awaiting_ack",
        "board",
        "bye_waits",
        "call",
        "contact",
        "described",
        "dialog",
        "flow",
        "is_caller",
        "keys",
        "origin",
        "phone",
        "serving",
        "trunk",
        "unacked",
        "waiting",
    )

    def __init__(self, board: Board, call: Call, flow: Flow, *, is_caller: bool, phone: bool) -> None:
        self.board = board
        self.call = call
        self.flow = flow
        self.is_caller = is_caller
        self.phone = phone
        self.trunk: TrunkAddress | None = None
        """Of a carrier: with whose secret its challenges are answered."""
        self.contact = board.contact(flow)
        self.dialog: Dialog | None = None
        self.keys: list[Key] = []
        self.serving: InviteServerTransaction | None = None
        """An INVITE of the party inside the dialog that has no final answer yet."""
        self.asking: ClientTransaction | None = None
        """Our INVITE to it inside the dialog, without a final answer yet."""
        self.unacked: InviteClientTransaction | None = None
        """Our INVITE that it accepted, whose ACK waits for the other party's."""
        self.awaiting_ack: InviteServerTransaction | None = None
        """Its INVITE that we accepted and it has not acknowledged."""
        self.bye_waits = False
        self.described = b""
        """The last description that it sent."""
        self.aside = False
        """It takes part in the conversation no more: it has transferred it, or another phone has taken it over."""
        self.origin: Origin | None = None
        """As whom its descriptions name the far side, once that has changed."""
        self.waiting: Reoffer | None = None
        """The latest description of our own for it."""
        self.account: Caller | None = None
        """Whose phone it is, when neither the call nor its target says that."""

    def enter(self, dialog: Dialog) -> None:
        """The leg is in this dialog now: requests in it come here."""
        self.dialog = dialog
        key = (dialog.id.call_id, dialog.id.local_tag, dialog.id.remote_tag)
        if key not in self.keys:
            self.keys.append(key)
            self.board.dialogs[key] = self

    def leave(self) -> None:
        """No request of the party concerns anybody any more."""
        for key in self.keys:
            self.board.dialogs.pop(key, None)
        self.keys.clear()

    # --- what we send in the dialog ---------------------------------------------------------------------------------------------

    def way(self) -> Flow:
        """Where requests inside the dialog go: to its first Route or its target; to a phone the way it came.

        A connection is kept to as long as it is up; then a party that is no phone is called where its Contact says.
        """
        dialog = self.dialog
        assert dialog is not None
        if self.phone or (self.flow.reliable and self.board.sockets.alive(self.flow)):
            return self.flow
        return self.board.way_to(dialog.route_set[0] if dialog.route_set else dialog.target, self.flow)

    def request(
        self, method: str, headers: tuple[Header, ...] = (), body: bytes = b"", context: object = None
    ) -> ClientTransaction:
        """Send a request inside the dialog."""
        board, dialog = self.board, self.dialog
        assert dialog is not None
        flow = self.way()
        made = dialog.request(method, board.via(flow), headers, body)
        tx = board.layer.request(made, flow, board.now)
        tx.context = context
        return tx

    def acknowledge(self, headers: tuple[Header, ...] = (), body: bytes = b"") -> None:
        """Send the ACK to the 2xx that waits for it."""
        tx, self.unacked = self.unacked, None
        if tx is not None and self.dialog is not None:
            headers += proofs_of(tx.request)
            ack = self.dialog.ack(self.board.via(self.way()), headers, body)
            self._send_ack(tx, ack)

    def _send_ack(self, tx: InviteClientTransaction, ack: Request) -> None:
        """On the way of requests, which may differ from that of the INVITE: it follows the Contact of the 2xx."""
        tx.flow = self.way()
        tx.send_ack(ack, self.board.now)

    def hang_up(self, reason: str = "") -> None:
        """BYE, once: at once, or when the party has acknowledged its answer (RFC 3261 §15)."""
        if self.dialog is None or not self.keys:
            return
        if self.unacked is not None:
            self.acknowledge()
        if self.awaiting_ack is not None:
            self.bye_waits = True
            return
        self.leave()
        headers: tuple[Header, ...] = (("Reason", reason),) if reason else ()
        self.request("BYE", headers, context=Farewell(self, headers))

    def acknowledged(self) -> None:
        """The ACK to our 2xx came, or will never come."""
        self.awaiting_ack = None
        if self.bye_waits:
            self.bye_waits = False
            self.hang_up()
