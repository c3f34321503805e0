"""Codes that phones dial: to answer or take over a call of another phone (guide 6306), and to set forwards and do-not-disturb.

1. A call that rings here at the number, or longest in the pickup group: the phone answers it. One that is up: the phone takes it over.
2. It is not here, but the node has other workers: they are asked one after the other, by an INVITE sealed for them (`inner`).
3. What the office has to remember goes into the journal, so that it is not lost while the database is away; the writer carries it
   out (`apps.pbx.services.carry_out`). The phone gets an answer without media, and BYE.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from switch.call import inner, joins, replaces
from switch.call.board import new_call_id
from switch.call.branch import Branch
from switch.call.causes import NORMAL, NOTHING_RINGS, OVERLOAD, PICKED_UP, of_status
from switch.call.media import SDP_TYPE, has_sdp
from switch.call.model import Target
from switch.charging.spool import SpoolFull
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from switch.call.board import Board
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.model import Caller
    from switch.sip.message import Header, Request
    from switch.sip.server import InviteServerTransaction

PICKUP = "X-Mizu-Pickup"
GROUP = "code_pickup_group"
#: Code → what the office is told.
_ORDERS: dict[str, dict[str, Any]] = {
    "code_forward_always": {"what": "forward", "kind": "always"},
    "code_forward_always_off": {"what": "forward", "kind": "always", "number": ""},
    "code_forward_busy": {"what": "forward", "kind": "busy"},
    "code_forward_busy_off": {"what": "forward", "kind": "busy", "number": ""},
    "code_forward_no_answer": {"what": "forward", "kind": "no_answer"},
    "code_forward_no_answer_off": {"what": "forward", "kind": "no_answer", "number": ""},
    "code_do_not_disturb": {"what": "switch", "key": "donotdisturb", "value": True},
    "code_do_not_disturb_off": {"what": "switch", "key": "donotdisturb", "value": False},
}


def begin(call: Call, target: Target) -> None:
    """Do what the code stands for."""
    code = getattr(call.board.world().settings_of(call.account), target.why)
    number = call.request.called.removeprefix(code)
    if target.why == joins.CODE:
        joins.by_number(call, number)
    elif target.why in _ORDERS:
        _order(call, {"number": number} | _ORDERS[target.why])
    else:
        _pick_up(call, "" if target.why == GROUP else number)


# --- calls of other phones ------------------------------------------------------------------------------------------------------


def _pick_up(call: Call, number: str) -> None:
    found = find(call.board, call.account, number)
    if found is not None:
        tx, invite = call.tx, call.invite
        take(found, tx, invite, call.account, partial(_taken, call, _name(found)))
        return
    if not inner.ask_siblings(call, PICKUP, f"{call.account.id};{number}", why="pickup"):
        call.refuse(NOTHING_RINGS)


def _taken(call: Call, whose: str, taken: bool) -> None:
    call.over(
        PICKED_UP if taken else of_status(488),
        by="switch",
        status=200 if taken else 488,
        comment=f"took a call of {whose}" if taken else "the phones have no codec in common",
    )


def take(
    found: Leg,
    tx: InviteServerTransaction,
    invite: Request,
    newcomer: Caller | None,
    done: Callable[[bool], None] = lambda _taken: None,
) -> None:
    """Answer a call that rings, or take over one that is up. `done(False)`: it was refused."""
    if isinstance(found, Branch) and not found.answered:
        replaces.picked(found, tx, invite, newcomer, done)
    else:
        replaces.talking(found, tx, invite, newcomer)
        done(True)


def _name(leg: Leg) -> str:
    account = leg.whose
    return account.username if account is not None else "another worker"


def find(board: Board, account: Caller, number: str) -> Leg | None:
    """The party whose place the account may take: the phone that rings longest at the number, or anywhere in its group without one;
    else one that talks there.
    """
    world = board.world()
    wanted = world.local(number.removeprefix("+")) if number else None
    group = world.settings_of(account).pickup_group
    if (number and wanted is None) or not (number or group):
        return None
    for call in sorted(board.calls.values(), key=lambda one: one.started):
        for leg in _parties(call, ringing_only=not number):
            owner = leg.whose
            if owner is None or owner.id not in {wanted, owner.id if not number else None}:
                continue
            if number and replaces.related(world, account, owner):
                return leg
            if not number and world.settings_of(owner).pickup_group == group:
                return leg
    return None


def _parties(call: Call, *, ringing_only: bool) -> list[Leg]:
    if call.state in {"trying", "ringing"}:
        return [
            one for one in call.branches if one.target.kind == "local" and not one.given_up and one.dialog
        ]
    if call.state != "up" or ringing_only:
        return []
    return [one for one in (call.called, call.caller) if one is not None and one.dialog is not None]


def asked_inside(board: Board, tx: InviteServerTransaction, invite: Request) -> bool:
    """Whether another worker asks for a call that rings here; then it is answered."""
    asked = invite.get(PICKUP)
    if asked is None or not inner.sealed(board, invite, asked):
        return False
    who, _, number = asked.partition(";")
    account = board.world().account(int(who))
    found = find(board, account, number) if account is not None else None
    if found is None:
        tx.reply(inner.NOT_HERE, board.now)
    else:
        take(found, tx, invite, None)
    return True


# --- orders to the office -------------------------------------------------------------------------------------------------------


def _order(call: Call, order: dict[str, Any]) -> None:
    """Write it down and say yes."""
    board = call.board
    try:
        board.spool.append({"k": "do", "id": new_call_id(board.wall()), "account": call.account.id, **order})
    except SpoolFull:
        call.refuse(OVERLOAD, comment="the journal cannot be written")
        return
    call.enter_dialog()
    assert call.caller.dialog is not None
    call.caller.dialog.confirm()
    call.caller.awaiting_ack = call.tx
    body = _no_media(call.invite)
    headers: list[Header] = [("Contact", call.caller.contact)]
    if body:
        headers.append(("Content-Type", SDP_TYPE))
    call.tx.reply(200, board.now, None, headers, body)
    call.over(NORMAL, by="switch", status=200, comment=f"{call.request.called} was carried out")
    call.caller.hang_up()


def _no_media(invite: Request) -> bytes:
    """An answer that takes no stream (RFC 3264 §6)."""
    if not has_sdp(invite):
        return b""
    try:
        sdp = Sdp.parse(invite.body)
    except BadSdp:
        return b""
    for media in sdp.media:
        media.refuse()
    return sdp.encode()
