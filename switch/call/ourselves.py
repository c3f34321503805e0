"""Calls that we answer ourselves, over our own relay: of who joins a call, and to access numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import announce, dtmf, media, record
from switch.call.abilities import ALLOW
from switch.call.causes import OVERLOAD
from switch.call.playing import speech_of
from switch.call.sound import Side, Sound
from switch.charging.spool import SpoolFull
from switch.media import PortsExhausted, Way
from switch.sip.sdp import BadSdp, Sdp
from switch.sip.server import InviteServerTransaction

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.sip.message import Header, Request
    from switch.sip.server import ServerTransaction


def open_sound(call: Call) -> bool:
    """Ports of ours for the caller, if it has heard of none yet; False, and the call is refused, when there are no more."""
    if call.sound is not None and call.sound.session is not None:
        return True
    board = call.board
    side = Side(board.world().settings_of(call.account), call.caller.flow.host, call.caller.phone)
    host = board.relay.host_for(side.source)
    try:
        session = board.relay.open(call.id, hosts=(host, host))
    except PortsExhausted as error:
        call.refuse(OVERLOAD, comment=str(error))
        return False
    call.sound = Sound(Way.ROUTE, (side, side), session=session)
    return True


def description(call: Call, request: Request) -> bytes | None:
    """What we say of ourselves to what the caller offers; None: it offers no plain G.711."""
    sound, payload = call.sound, speech_of(request.body)
    if sound is None or sound.session is None or payload is None:
        return None
    try:
        media.passed(call, request, call.caller)
        return announce.own_answer(call, sound.session, payload, Sdp.parse(request.body))
    except BadSdp:
        return None


def answer(call: Call, body: bytes) -> bool:
    """The call is up, with us; False, and it is over, when its record cannot be written."""
    board = call.board
    call.state, call.answered, call.answered_at = "up", call.wall_now(), board.now
    call.codec = media.codec_of(body)
    try:
        board.spool.append(record.up(call))
    except SpoolFull:
        call.state, call.answered = "trying", None
        call.refuse(OVERLOAD, comment="the journal cannot be written")
        return False
    board.counters.answered += 1
    call.enter_dialog()
    assert call.caller.dialog is not None
    call.caller.dialog.confirm()
    call.caller.awaiting_ack = call.tx
    call.caller.shown = body
    headers: list[Header] = [
        ("Contact", call.caller.contact),
        ALLOW,
        ("Supported", "replaces, join"),
        ("Content-Type", media.SDP_TYPE),
    ]
    call.tx.reply(200, board.now, None, headers, body)
    board.live.changed(call)
    return True


def asked(call: Call, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """A request in the dialog: there is nobody to pass it on to."""
    now = leg.board.now
    if isinstance(tx, InviteServerTransaction) or (request.method == "UPDATE" and request.body):
        body = description(call, request)
        if body is None:
            tx.reply(488, now)
            return
        if isinstance(tx, InviteServerTransaction):
            leg.awaiting_ack = tx
            tx.context = call
        tx.reply(200, now, None, [("Contact", leg.contact), ALLOW, ("Content-Type", media.SDP_TYPE)], body)
    elif request.method in {"INFO", "UPDATE"}:
        dtmf.taken(call, leg, request)
        tx.reply(200, now, None, [("Contact", leg.contact), ALLOW])
    else:
        tx.reply(405, now, None, (ALLOW,))
