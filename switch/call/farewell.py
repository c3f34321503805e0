"""Why a call was refused, as the caller hears it: a recording before the final answer (guide 4635, 4836, 13100-13108).

1. `allowdiscmessage`: nobody hears one (off); all hear `disc.wav` (common); by the status `disc_XXX.wav`, if there is such a file (codes).
2. The caller gets a 183 with our answer to its offer, over our relay; the refusal follows at the end of the recording, or as soon as
   the caller gives up. With `connectondisccode` it gets a 200 instead, for networks that pass no sound before that, and a BYE after it.
   Neither is an answered call: nothing is billed, and the record tells the refusal.
3. Who offers no G.711, or hears somebody else's sound through rtpengine, is refused at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.call import announce, media
from switch.call.abilities import ALLOW
from switch.call.alarms import Alarm
from switch.call.causes import CANCELLED, INTERNAL, OPERATOR_HANGUP, OVERLOAD, SHUTDOWN, Cause
from switch.call.resume import resume
from switch.call.sound import Side, Sound
from switch.media import PortsExhausted, Way
from switch.media.player import BadVoice, Player, Voice
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.media import Session
    from switch.world.settings import Settings

log = logging.getLogger("switch.call")

LONGEST = 30.0
"""Seconds: who is refused shall not keep a line and its hold for the length of a song."""
COMMON = "disc"
_AT_ONCE = frozenset((CANCELLED, INTERNAL, OPERATOR_HANGUP, OVERLOAD, SHUTDOWN))
_FOR_MACHINES = frozenset((401, 407, 421, 422, 487, 491))
"""Statuses that tell a phone what to do next."""


class Farewell:
    """One recording, and what is to be done after it."""

    __slots__ = ("_alarm", "_done", "call", "connected", "player")

    def __init__(self, call: Call, player: Player, connected: bool, done: Callable[[], None]) -> None:
        self.call, self.player, self.connected = call, player, connected
        self._done = done
        self._alarm = Alarm(self.over)
        call.board.alarms.set(self._alarm, call.board.now + LONGEST)

    def stop(self) -> None:
        """Nobody listens any more, or there is something more urgent to tell."""
        self.player.stop()
        self.call.board.alarms.end(self._alarm)

    def over(self) -> None:
        """It was heard to its end, or for long enough."""
        if self.call.farewell is self and self.call.state != "over":
            self.stop()
            resume(self.call, self._done)


def begin(call: Call, cause: Cause, status: int, done: Callable[[], None], play: str = "") -> bool:
    """Whether the caller hears why, or the recording `play`, and `done` follows later."""
    settings = call.board.world().settings_of(call.account)
    if status < 400 or status in _FOR_MACHINES or cause in _AT_ONCE:
        return False
    voice = _voice(call, play or _name(settings, status))
    if voice is None or call.tx.answered or call.farewell is not None:
        return False
    try:
        found = _way(call, settings)
    except (BadSdp, PortsExhausted):
        return False
    if found is None:
        return False
    session, payload, body = found
    relay = call.board.relay
    session.let(False, False)
    if settings.connectondisccode:
        _connect(call, body)
    elif not call.caller.shown:
        call.early_answer(body)
    player = Player(
        voice,
        payload,
        send=session.caller.send,
        later=relay.later,
        clock=relay.clock,
        done=lambda: _heard(call),
    )
    call.farewell = Farewell(call, player, settings.connectondisccode, done)
    player.start()
    return True


def _heard(call: Call) -> None:
    if call.farewell is not None:
        call.farewell.over()


def _name(settings: Settings, status: int) -> str:
    """The recording that tells of the status; "" when nobody hears one."""
    if settings.allowdiscmessage == "off":
        return ""
    return COMMON if settings.allowdiscmessage == "common" else f"{COMMON}_{status}"


def _voice(call: Call, name: str) -> Voice | None:
    if not name:
        return None
    try:
        return call.board.voices.get(name)
    except BadVoice as error:
        log.debug("call=%s %s", call.id, error)
        return None


def _way(call: Call, settings: Settings) -> tuple[Session, int, bytes] | None:
    """The caller's relay session, the codec, and our description of it; None where it cannot hear us."""
    if call.sound is not None and call.sound.ng is not None:
        return None
    if not media.has_sdp(call.invite):
        return None
    payload = announce.payload_of(call.caller.shown or call.invite.body, first=bool(call.caller.shown))
    if payload is None:
        return None
    session = call.sound.session if call.sound is not None else None
    if session is None:
        if call.caller.shown:
            return None  # it was told of the called party's address, and listens there
        session = _opened(call, settings)
    return (
        session,
        payload,
        call.caller.shown or announce.own_answer(call, session, payload, Sdp.parse(call.invite.body)),
    )


def _opened(call: Call, settings: Settings) -> Session:
    """A session for a caller that would have had none."""
    relay, source = call.board.relay, call.caller.flow.host
    side, nobody = Side(settings, source, call.caller.phone), Side(settings, source, phone=False)
    session = relay.open(call.id, hosts=(relay.host_for(source), None))
    call.sound = Sound(Way.ROUTE, (side, nobody), session=session)
    media.passed(call, call.invite, call.caller)
    return session


def _connect(call: Call, body: bytes) -> None:
    """Answer the caller, who shall hear it; nobody else is in the call."""
    caller = call.caller
    call.enter_dialog()
    assert caller.dialog is not None
    caller.dialog.confirm()
    caller.awaiting_ack, caller.shown = call.tx, body
    headers = [("Contact", caller.contact), ALLOW, ("Content-Type", media.SDP_TYPE)]
    call.tx.reply(200, call.board.now, None, headers, body)
