"""An INVITE that takes the place of a party (RFC 3891): of one that talks, or of a phone that rings.

Who may: another worker of this node, that joins a party of its own after an attended transfer (`inner`); else an account that proves
itself, and is the replaced party's, billed with it, or in its pickup group (guide 6306).

1. Of a party that talks: the INVITE goes on to the other party as a re-INVITE; when that one takes it, the newcomer has the place, and
   the replaced party is hung up. Nothing changes for the call's money and record.
2. Of a phone that rings: the newcomer answers the call in its place (`picked`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from switch.call import engine, media
from switch.call.branch import Branch
from switch.call.bridge import Bridge
from switch.call.model import Target
from switch.call.offers import Origin, answer_from
from switch.call.parties import introduce, take_place
from switch.sip.dialog import Dialog
from switch.sip.message import Request, Response
from switch.sip.sdp import BadSdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.board import Board
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.model import Caller
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header
    from switch.sip.server import InviteServerTransaction
    from switch.world.world import World

_TAKEN: tuple[Header, ...] = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),)


class Replaced(NamedTuple):
    """The dialog to take the place in, as its party names it, and whether only while it rings."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool


def wanted(invite: Request) -> Replaced | None:
    """What the INVITE wants to replace; None: nothing. BadMessage when it cannot be told (RFC 3891 §3)."""
    values = invite.members("Replaces")
    if not values:
        return None
    call_id, *parameters = (part.strip() for part in values[0].split(";"))
    named = dict(part.partition("=")[::2] for part in parameters)
    if (
        len(values) > 1
        or not call_id
        or "to-tag" not in named
        or "from-tag" not in named
        or invite.get("Join")
    ):
        raise invite.refuse(400, "one Replaces with to-tag and from-tag is expected, and no Join")
    return Replaced(call_id, named["to-tag"].strip(), named["from-tag"].strip(), "early-only" in named)


def related(world: World, one: Caller, other: Caller) -> bool:
    """Whether one account may take the other's calls: the same, billed to the same, or in one pickup group."""
    if one.id == other.id or _billed(world, one) == _billed(world, other):
        return True
    group = world.settings_of(one).pickup_group
    return bool(group) and group == world.settings_of(other).pickup_group


def _billed(world: World, account: Caller) -> int:
    """Who pays: of an extension the subscriber above it."""
    for account_id in reversed(account.path):
        found = world.account(account_id)
        if found is not None and found.kind != "extension":
            return account_id
    return account.id


def take(
    board: Board, tx: InviteServerTransaction, invite: Request, replaced: Replaced, newcomer: Caller | None
) -> None:
    """Let the newcomer (None: another worker) have the place of a party, or refuse (RFC 3891 §3)."""
    leg = board.dialogs.get((replaced.call_id, replaced.to_tag, replaced.from_tag))
    if leg is None or leg.aside or leg.call.state == "over":
        tx.reply(481, board.now)
        return
    owner = leg.whose
    if newcomer is not None and (owner is None or not related(board.world(), newcomer, owner)):
        tx.reply(403, board.now)
        return
    call = leg.call
    if call.state == "up" and replaced.early_only:
        tx.reply(486, board.now)
    elif call.state == "up" and leg in (call.caller, call.called):
        talking(leg, tx, invite, newcomer)
    elif isinstance(leg, Branch) and not leg.given_up:
        picked(leg, tx, invite, newcomer)
    else:
        tx.reply(481, board.now)


def newcomer_of(leg: Leg, tx: InviteServerTransaction, invite: Request, account: Caller | None) -> Branch:
    """The party that the INVITE brings into the call of `leg`, in a dialog with us."""
    owner = account or leg.whose or leg.call.account
    kind = "inner" if account is None else "local"
    target = Target(kind, owner, owner.username, why="takes a place")
    made = Branch(leg.call, target, tx.flow, invite.uri, lambda *_: None)  # type: ignore[arg-type]  # our Net's flow
    made.phone = account is not None
    made.is_caller = leg.is_caller
    made.answered = True
    made.owner = account
    made.enter(Dialog.of_callee(invite, tx.tag, made.contact))
    return made


def enter_line(new: Branch) -> None:
    """It takes part in the call."""
    if new.target.kind != "inner":
        new.line = True
        new.board.usage.take_line(new.target.account.id)
    new.call.branches = [*new.call.branches, new]


def talking(leg: Leg, tx: InviteServerTransaction, invite: Request, newcomer: Caller | None) -> None:
    """Take the place of a party that talks."""
    call, board = leg.call, leg.board
    other = call.called if leg is call.caller else call.caller
    if other is None or other.dialog is None or any((other.asking, other.serving, other.unacked)):
        tx.reply(491, board.now)
        return
    new = newcomer_of(leg, tx, invite, newcomer)
    if other.origin is None:
        other.origin = Origin(leg.described)
    media.renew(call, new)
    tx.reply(100, board.now)
    new.serving = tx
    engine.rewritten(
        call,
        invite,
        new,
        partial(_ask, Swap(tx, "INVITE", new, other, with_offer=media.has_sdp(invite)), leg, invite),
    )


def _ask(swap: Swap, leg: Leg, invite: Request) -> None:
    """Ask the other party whether it takes the newcomer's description."""
    call, new, tx = leg.call, swap.source, swap.server
    try:
        if call.state != "up":
            raise BadSdp("the call is over")
        body = media.passed(call, invite, new)
    except BadSdp as error:
        new.leave()
        media.not_agreed(call)
        tx.reply(488, leg.board.now, f"Bad session description: {error}")
        return
    swap.leg = leg
    tx.context = swap
    swap.send((("Content-Type", media.SDP_TYPE),) if body else (), body)


class Swap(Bridge):
    """The newcomer's INVITE on its way to the other party; `leg` is whose place it takes when that one agrees."""

    __slots__ = ("leg",)
    leg: Leg

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        leg, new, call = self.leg, self.source, self.leg.call
        taken = 200 <= response.status < 300 and not self.server.answered and call.state == "up"
        refused = response.status >= 300
        if taken and isinstance(new, Branch):
            take_place(call, leg, new)
            media.agreed(call, new)
            enter_line(new)
            if new.dialog is not None:
                new.dialog.confirm()
        super().on_response(tx, response)
        if taken:
            leg.hang_up(_TAKEN[0][1])
        elif not taken and not refused and response.status >= 200:
            new.leave()  # it gave up, and the other party has its description: back to how it was
            media.not_agreed(call)
            introduce(call, leg, self.target, leg.described, lambda _answer, _body: None)
        elif refused and self.target.asking is None:
            new.leave()
            media.not_agreed(call)

    def _failed(self, status: int) -> None:
        self.source.leave()
        media.not_agreed(self.leg.call)
        super()._failed(status)

    def ack_missing(self) -> None:
        if self.leg.aside:
            super().ack_missing()


def picked(
    ringing: Branch,
    tx: InviteServerTransaction,
    invite: Request,
    newcomer: Caller | None,
    done: Callable[[bool], None] = lambda _taken: None,
) -> None:
    """Answer a call in the place of a phone that rings. `done(False)`: it was refused, and the phone rings on.

    Both the caller and the newcomer have made an offer: each gets an answer built from the other's.
    """
    call = ringing.call
    new = newcomer_of(ringing, tx, invite, newcomer)
    if call.sound is not None and call.sound.ng is not None:
        call.sound.ng.another_target()
    engine.rewritten(call, call.invite, call.caller, partial(_answer_both, call, new, tx, invite, done))


def _answer_both(
    call: Call, new: Branch, tx: InviteServerTransaction, invite: Request, done: Callable[[bool], None]
) -> None:
    try:
        if (
            call.state not in {"trying", "ringing"}
            or not media.has_sdp(invite)
            or not media.has_sdp(call.invite)
        ):
            raise BadSdp("both sides must make an offer")
        shown = media.passed(call, call.invite, call.caller)
        theirs = answer_from(invite.body, shown)
        headers: list[Header] = [("Content-Type", media.SDP_TYPE)]
        response = Response(200, None, headers, answer_from(shown, invite.body))
    except BadSdp as error:
        _not_taken(new, tx, str(error), done)
        return
    engine.rewritten(call, response, new, partial(_answered, call, new, tx, response, theirs, done))


def _answered(
    call: Call,
    new: Branch,
    tx: InviteServerTransaction,
    response: Response,
    theirs: bytes,
    done: Callable[[bool], None],
) -> None:
    """The caller has the newcomer, and the newcomer the caller."""
    board = call.board
    try:
        if call.state not in {"trying", "ringing"}:
            raise BadSdp("it rings no more")
        enter_line(new)
        call.answer(new, response)
    except BadSdp as error:
        _not_taken(new, tx, str(error), done)
        return
    if new.call.state != "up":
        tx.reply(503, board.now)
        done(False)
        return
    assert new.dialog is not None
    new.dialog.confirm()
    new.awaiting_ack = tx
    tx.context = new.call
    tx.reply(
        200,
        board.now,
        None,
        (("Contact", new.contact), ("Content-Type", media.SDP_TYPE), ("Supported", "replaces")),
        theirs,
    )
    done(True)


def _not_taken(new: Branch, tx: InviteServerTransaction, why: str, done: Callable[[bool], None]) -> None:
    new.leave()
    new.free_line()
    tx.reply(488, new.board.now, why)
    done(False)
