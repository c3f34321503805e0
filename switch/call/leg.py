"""One party of a call: its dialog, the way to it, and what is pending between it and us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import large
from switch.call.proof import Errand, proofs_of
from switch.net import Flow
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.dialog import Dialog
from switch.sip.message import Header
from switch.sip.server import InviteServerTransaction, ServerTransaction

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.call import Call
    from switch.call.headers import Rules
    from switch.call.model import Caller, TrunkAddress
    from switch.call.offers import Origin, Reoffer
    from switch.call.session_timer import SessionTimer

Key = tuple[str, str, str]


class Leg:
    """The caller's side of a call, or (as `Branch`) one of those that are called.

    `phone`: requests to it go back on the flow that it came by, whatever its Contact says (NAT).
    """

    __slots__ = (
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
        "owner",
        "phone",
        "rules",
        "serving",
        "shown",
        "theirs",
        "timer",
        "trunk",
        "unacked",
        "waiting",
    )

    def __init__(
        self, board: Board, call: Call, flow: Flow, *, is_caller: bool, phone: bool, sips: bool = False
    ) -> None:
        self.board = board
        self.call = call
        self.flow = flow
        self.is_caller = is_caller
        self.phone = phone
        self.trunk: TrunkAddress | None = None
        """Of a carrier: with whose secret its challenges are answered."""
        self.contact = board.contact(flow, sips=sips)
        self.dialog: Dialog | None = None
        self.keys: dict[Key, Dialog] = {}
        """What its requests may name: one dialog, or while it rings one for each end of a fork behind it."""
        self.serving: ServerTransaction | None = None
        """An INVITE (or an UPDATE with an offer) of the party inside the dialog that has no final answer yet."""
        self.asking: ClientTransaction | None = None
        """Our INVITE (or UPDATE with an offer) to it inside the dialog, without a final answer yet."""
        self.unacked: InviteClientTransaction | None = None
        """Our INVITE that it accepted, whose ACK waits for the other party's."""
        self.awaiting_ack: InviteServerTransaction | None = None
        """Its INVITE that we accepted and it has not acknowledged."""
        self.bye_waits = False
        self.theirs = b""
        """The last session description of its own that holds."""
        self.shown = b""
        """The last session description that it got from us."""
        self.rules: Rules | None = None
        """What is changed in messages from and to it."""
        self.timer: SessionTimer | None = None
        self.described = b""
        """The last description that it sent."""
        self.aside = False
        """It takes part in the conversation no more: it has transferred it, or another phone has taken it over."""
        self.origin: Origin | None = None
        """As whom its descriptions name the far side, once that has changed."""
        self.waiting: Reoffer | None = None
        """The latest description of our own for it."""
        self.owner: Caller | None = None
        """Whose phone it is, when neither the call nor its target says that."""

    @property
    def account(self) -> Caller:
        """Whose settings hold for this party."""
        return self.call.account

    @property
    def whose(self) -> Caller | None:
        """The account whose phone or trunk it is; None: not known here."""
        return self.owner or (self.call.account if self is self.call.caller else None)

    def enter(self, dialog: Dialog) -> None:
        """The leg is in this dialog now: requests in it come here."""
        self.dialog = dialog
        key = (dialog.id.call_id, dialog.id.local_tag, dialog.id.remote_tag)
        self.keys[key] = dialog
        self.board.dialogs[key] = self

    def settle(self) -> None:
        """The other ends of a fork are out of the call: what they still ask for concerns nobody (RFC 3261 §13.2.2.4)."""
        for key in [key for key, dialog in self.keys.items() if dialog is not self.dialog]:
            del self.keys[key]
            self.board.dialogs.pop(key, None)

    def leave(self) -> None:
        """No request of the party concerns anybody any more."""
        for key in self.keys:
            self.board.dialogs.pop(key, None)
        self.keys.clear()

    # --- what we send in the dialog ---------------------------------------------------------------------------------------------

    def way(self, dialog: Dialog | None = None) -> Flow:
        """Where requests inside the dialog go: to its first Route or its target; to a phone the way it came.

        A connection is kept to as long as it is up; then a party that is no phone is called where its Contact says.
        """
        dialog = dialog or self.dialog
        assert dialog is not None
        board, flow = self.board, self.flow
        settings = board.world().settings_of(self.account)
        prefer = settings.sendonlyrec
        if prefer == "source" or (
            prefer == "auto" and (self.phone or (flow.reliable and board.sockets.alive(flow)))
        ):
            return flow
        way = board.way_to(dialog.route_set[0] if dialog.route_set else dialog.target, flow)
        return flow if settings.denyaddr and board.denies(settings.denyaddr, way, flow) else way

    def request(
        self,
        method: str,
        headers: tuple[Header, ...] = (),
        body: bytes = b"",
        context: object = None,
        dialog: Dialog | None = None,
    ) -> ClientTransaction:
        """Send a request inside the dialog; `dialog`: that of another end of a fork behind the party."""
        board, dialog = self.board, dialog or self.dialog
        assert dialog is not None
        flow = self.way(dialog)
        made = dialog.request(method, board.via(flow), headers, body)
        if self.rules is not None:
            self.rules.said(made, flow.host)
        data, spare = made.encode(), None
        if len(data) > large.LIMIT:
            flow, spare = large.inside(self, made, flow)
            data = made.encode()
        tx = board.layer.request(made, flow, board.now, data)
        tx.context, tx.spare = context, spare
        return tx

    def acknowledge(self, headers: tuple[Header, ...] = (), body: bytes = b"") -> None:
        """Send the ACK to the 2xx that waits for it."""
        tx, self.unacked = self.unacked, None
        if tx is not None and self.dialog is not None:
            headers += proofs_of(tx.request)
            tx.flow = flow = (
                self.way()
            )  # which may differ from that of the INVITE: it follows the Contact of the 2xx
            tx.send_ack(self.dialog.ack(self.board.via(flow), headers, body), self.board.now)

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
        self.request("BYE", headers, context=Errand(self, "BYE", headers))

    def acknowledged(self) -> None:
        """The ACK to our 2xx came, or will never come."""
        self.awaiting_ack = None
        if self.bye_waits:
            self.bye_waits = False
            self.hang_up()
