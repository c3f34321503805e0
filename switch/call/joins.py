"""Who joins a call that is up: by Join (RFC 3911), by an access number, by a header of its INVITE (guide 6692-6698).

1. Join names a dialog of ours, and its party's account must be the joiner's, billed with it, or in its pickup group, as for Replaces.
   Both parties hear who joined.
2. `code_barge_in` before a number, alone for the call that has lasted longest, and `bargeinheader` are for accounts with the right
   `bargein`, in calls of the accounts below whoever is above them.
3. The call is led over our own relay if it is not yet (`over_relay`), and who joins is answered and seated (`conference`).
The record of who joined names the call, whose it is and how it was joined.
"""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from switch.call import conference, inner, media, ourselves
from switch.call.call import UP, Call
from switch.call.causes import NO_CALL, of_status
from switch.call.model import Decision, Target
from switch.call.offers import Reoffer
from switch.call.parties import introduce
from switch.call.playing import speech_of
from switch.call.replaces import related
from switch.call.sound import Sound
from switch.media import PortsExhausted, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.board import Board
    from switch.call.leg import Leg
    from switch.call.model import Caller, CallRequest
    from switch.sip.message import Request, Response
    from switch.sip.server import InviteServerTransaction
    from switch.world.world import World

log = logging.getLogger("switch.call")

CODE = "code_barge_in"
ASK = "X-Mizu-Join"
_VALUE = re.compile(r"\s*([^\s;]{1,128})\s*(?:;\s*mode\s*=\s*(listen|whisper|barge)\s*)?", re.IGNORECASE)


class Joined(NamedTuple):
    """The dialog to join, as its party names it."""

    call_id: str
    to_tag: str
    from_tag: str


def wanted(invite: Request) -> Joined | None:
    """What the INVITE wants to join; None: nothing. BadMessage when it cannot be told (RFC 3911 §3)."""
    values = invite.members("Join")
    if not values:
        return None
    call_id, *parameters = (part.strip() for part in values[0].split(";"))
    named = dict(part.partition("=")[::2] for part in parameters)
    if len(values) > 1 or not call_id or not {"to-tag", "from-tag"} <= named.keys():
        raise invite.refuse(400, "one Join with to-tag and from-tag is expected")
    return Joined(call_id, named["to-tag"].strip(), named["from-tag"].strip())


def take(
    board: Board,
    tx: InviteServerTransaction,
    invite: Request,
    request: CallRequest,
    account: Caller,
    joined: Joined,
) -> None:
    """Join the dialog, or refuse (RFC 3911 §4)."""
    leg = board.dialogs.get((joined.call_id, joined.to_tag, joined.from_tag))
    if leg is None or not _talks(leg):
        tx.reply(481, board.now)
        return
    owner = leg.whose
    if owner is None or not related(board.world(), account, owner):
        tx.reply(403, board.now)
        return
    made = Call(board, request, account, tx, invite, phone=bool(request.digest_username))
    made.decision = _free(made)
    begin(made, leg, conference.BARGE, conference.BARGE)


# --- by right -------------------------------------------------------------------------------------------------------------------


def by_header(
    board: Board, tx: InviteServerTransaction, invite: Request, request: CallRequest, account: Caller
) -> bool:
    """Whether the INVITE asks by the header `bargeinheader` for a call to join: a number or a Call-ID, and how; then it is seen to."""
    settings = board.world().settings_of(account)
    value = invite.get(settings.bargeinheader) if settings.bargeinheader else None
    if value is None or settings.bargein == "none":
        return False
    found = _VALUE.fullmatch(value)
    made = Call(board, request, account, tx, invite, phone=bool(request.digest_username))
    made.decision = _free(made)
    if found is None:
        made.refuse(NO_CALL)
    else:
        _look(made, found[1], (found[2] or "").lower())
    return True


def by_number(call: Call, number: str) -> None:
    """A phone has dialled the access number before this one."""
    _look(call, number, "")


def _look(call: Call, what: str, mode: str) -> None:
    """Join a call of this worker, else let the others of the node look, each in its turn."""
    leg = find(call.board, call.account, what)
    if leg is not None:
        _enter(call, leg, mode)
    elif not inner.ask_siblings(call, ASK, f"{call.account.id};{what};{mode}", why="joins a call"):
        call.refuse(NO_CALL)


def asked_inside(board: Board, tx: InviteServerTransaction, invite: Request, request: CallRequest) -> bool:
    """Whether another worker asks for a call of this one for somebody to join; then it is answered."""
    asked = invite.get(ASK)
    if asked is None or not inner.sealed(board, invite, asked):
        return False
    who, what, mode = asked.split(";")
    account = board.world().account(int(who))
    leg = find(board, account, what) if account is not None else None
    if leg is None or account is None:
        tx.reply(NO_CALL.status, board.now)
        return True
    made = Call(board, request, account, tx, invite, phone=False)
    made.decision = _free(made)
    _enter(made, leg, mode)
    return True


def _enter(call: Call, leg: Leg, mode: str) -> None:
    """Join it as the account may: as it wants, if that is within its right, else to listen."""
    most, modes = call.board.world().settings_of(call.account).bargein, conference.MODES
    if most not in modes:
        call.refuse(NO_CALL)
        return
    within = mode in modes and modes.index(mode) <= modes.index(most)
    begin(call, leg, mode if within else conference.LISTEN, most)


def find(board: Board, account: Caller, what: str) -> Leg | None:
    """The party to sit beside: of the call with this Call-ID, of a phone with this number, or of any; longest first, and only where it may."""
    world = board.world()
    wanted_id = world.local(what.removeprefix("+")) if what else None
    for call in sorted(board.calls.values(), key=lambda one: one.started):
        for leg in (call.called, call.caller):
            owner = leg.whose if leg is not None and _talks(leg) else None
            if leg is None or owner is None or owner.id == account.id or not may(world, account, owner):
                continue
            named = leg.dialog is not None and leg.dialog.id.call_id == what
            if not what or named or owner.id == wanted_id:
                return leg
    return None


def may(world: World, account: Caller, owner: Caller) -> bool:
    """Whether calls of `owner` are within the reach of the account's right: it is below whoever is above the account."""
    return related(world, account, owner) or owner.path[: len(account.path) - 1] == account.path[:-1]


def _talks(leg: Leg) -> bool:
    call = leg.call
    return (
        call.state == UP and not leg.aside and call.called is not None and leg in (call.caller, call.called)
    )


# --- joining --------------------------------------------------------------------------------------------------------------------


def begin(call: Call, leg: Leg, mode: str, most: str) -> None:
    """Let the caller of `call` join the conversation of `leg`; `most`: its right."""
    if not media.has_sdp(call.invite) or speech_of(call.invite.body) is None:
        call.refuse(of_status(488), comment="who joins must offer G.711")
        return
    over_relay(leg.call, partial(_relayed, call, leg, mode, most))


def _relayed(call: Call, leg: Leg, mode: str, most: str, ready: bool) -> None:
    board = call.board
    board.now = board.clock()
    if call.state not in {"trying", "ringing"}:
        return
    if not ready or not _talks(leg):
        call.refuse(
            of_status(488),
            comment="the call cannot be mixed: it is over, or it has no plain G.711 over our relay",
        )
        return
    if not ourselves.open_sound(call):
        return
    payload, body = speech_of(call.invite.body), ourselves.description(call, call.invite)
    if (
        body is None
        or payload is None
        or not conference.sit(call, leg.call, leg, payload, mode=mode, most=most)
    ):
        call.refuse(of_status(488), comment="the call cannot be mixed: a party has no plain G.711")
        return
    _answer(call, leg, mode, body)


def _answer(call: Call, leg: Leg, mode: str, body: bytes) -> None:
    """It is up: its record names what it has joined."""
    owner = leg.whose or leg.call.account
    call.reached = Target("local", owner, owner.username)
    call.attempts.append([owner.id, 200, f"{mode} {leg.call.id}", 0])
    if ourselves.answer(call, body):
        log.info(
            "call=%s account=%s joins call=%s of %s: %s",
            call.id,
            call.account.username,
            leg.call.id,
            owner.username,
            mode,
        )


def over_relay(call: Call, then: Callable[[bool], None]) -> None:
    """Lead a call that is up over our own relay: both parties get new descriptions if it is not there yet. `then(False)`: it cannot."""
    sound, called = call.sound, call.called
    if sound is None or called is None or sound.needed or sound.before is not None:
        then(False)
        return
    if sound.session is not None:
        then(True)
        return
    relay = call.board.relay
    try:
        session = relay.open(
            call.id, hosts=(relay.host_for(call.caller.flow.host), relay.host_for(called.flow.host))
        )
    except PortsExhausted:
        then(False)
        return
    call.sound = Sound(Way.ROUTE, sound.sides, sound.rules, sound.keys, session=session, before=sound)
    introduce(call, call.caller, called, call.caller.described, partial(_called_agreed, call, then))


def _called_agreed(call: Call, then: Callable[[bool], None], answer: Response, body: bytes) -> None:
    if answer.status >= 300 or not body:
        media.not_agreed(call)
        then(False)
        return
    Reoffer(call.caller, body, partial(_caller_agreed, call, then)).send()


def _caller_agreed(call: Call, then: Callable[[bool], None], answer: Response) -> None:
    if answer.status >= 300:
        call.hang_up(of_status(answer.status), comment="a party did not take the new description")
        then(False)
        return
    media.agreed(call)
    then(call.state == UP)


def _free(call: Call) -> Decision:
    """Who joins a call pays nothing for it: it goes nowhere."""
    request = call.request
    return Decision(
        caller=call.account, caller_number=call.account.caller_number.removeprefix("+") or request.from_user, caller_display="",
        called=request.called, destination="joins a call", payers=[], targets=[], max_seconds=0, world_version=call.world_version,
        failover_statuses=frozenset(),
    )  # fmt: skip
