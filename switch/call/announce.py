"""A recording that the caller hears before the call or while it is dialled (guide 13720-13762).

1. Who hears one: calls from an account with `playadv`, else those that `playadvfor` names while `defadvfile` is set.
2. The caller gets a 183 with our own answer to its offer, so its media has to go over our relay.
3. `discadvonconnect`: dial when the recording is over (before); dial at once and break it off on the answer (stop), or let it
   end before the parties hear each other (continue).
A caller that offers no G.711, or no SDP at all, is just dialled; so is one whose recording cannot be played.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from switch.call import dial, media
from switch.media import PortsExhausted, g711
from switch.media.player import BadVoice, Player, Voice
from switch.sip.codecs import telephone_event
from switch.sip.sdp import BadSdp, Media, Sdp, answer_direction

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.media import Session
    from switch.world.settings import Settings

log = logging.getLogger("switch.call")

_NAMES = {g711.PCMU: "PCMU", g711.PCMA: "PCMA"}


class Announcement:
    """What one call plays, and what is to be done when it is over."""

    __slots__ = ("call", "player", "until")

    def __init__(self, call: Call, until: str) -> None:
        self.call, self.until = call, until
        self.player: Player | None = None

    @property
    def playing(self) -> bool:
        return self.player is not None and self.player.playing

    def stop(self) -> None:
        if self.player is not None:
            self.player.stop()

    def over(self) -> None:
        """It has been heard to its end."""
        call = self.call
        call.board.now = call.board.clock()
        sound = call.sound
        if sound is not None and sound.session is not None:
            sound.session.let(*((True, True) if call.state == "up" else sound.passing))
        if self.until == "before" and call.state in {"trying", "ringing"}:
            dial.begin(call)

    def answered(self, session: Session) -> None:
        """Somebody has answered: the parties hear each other, now or at the recording's end."""
        if self.playing and self.until == "continue":
            session.let(True, False)
        else:
            self.stop()
            session.let(True, True)


def before(call: Call) -> None:
    """Play what the caller is to hear, and dial."""
    world = call.board.world()
    settings = world.settings_of(call.account)
    name = recording_for(settings, phone=call.caller.phone, kind=call.account.kind)
    voice = _voice(call, name) if name and call.decision is not None else None
    if voice is None or not play(
        call, Announcement(call, settings.discadvonconnect), voice, forced=settings.playadvifnortprouting
    ):
        call.announcement = None
        dial.begin(call)
    elif settings.discadvonconnect != "before":
        dial.begin(call)


def recording_for(settings: Settings, *, phone: bool, kind: str) -> str:
    """The name of the recording for a caller; "" for none."""
    if settings.playadv:
        return settings.connectvoice or settings.defadvfile
    heard = {"nobody": False, "phones": phone, "numbers": phone or kind == "carrier", "all": True}
    return settings.defadvfile if heard[settings.playadvfor] else ""


def _voice(call: Call, name: str) -> Voice | None:
    try:
        return call.board.voices.get(name)
    except BadVoice as error:
        log.warning("call=%s %s", call.id, error)
        return None


def play(call: Call, announcement: Announcement, voice: Voice, *, forced: bool, place: int = 0) -> bool:
    """Whether it plays. The session that is opened for it is the call's; `forced`: one is, if the call needs none otherwise.

    `place`: before which target. Who has a description of somebody else's already hears it only over the session that has.
    """
    assert call.decision is not None
    shown = call.caller.shown
    if shown and (call.sound is None or call.sound.session is None):
        return False
    call.announcement = announcement if forced else None
    try:
        media.open_relay(call, call.decision.targets[place])
        session = call.sound.session if call.sound is not None else None
        if session is None:
            return False
        offer = Sdp.parse(call.invite.body)
        media.passed(call, call.invite, call.caller)
        payload = payload_of(shown, first=True) if shown else _g711(offer.audio)
    except (BadSdp, PortsExhausted):
        return False  # dialling finds the same, and says so
    if payload is None or call.sound is None:
        return False
    call.announcement = announcement
    session.let(call.sound.passing[0], False)
    if not shown:
        call.early_answer(own_answer(call, session, payload, offer))
    relay = call.board.relay
    announcement.player = Player(
        voice, payload, send=session.caller.send, later=relay.later, clock=relay.clock, done=announcement.over
    )
    announcement.player.start()
    return True


def payload_of(body: bytes, *, first: bool = False) -> int | None:
    """The G.711 that a description has, `first`: as what is sent by it; None for none. Raises BadSdp."""
    audio = Sdp.parse(body).audio
    found = _g711(audio)
    return None if first and audio is not None and audio.formats[:1] != [str(found)] else found


def _g711(audio: Media | None) -> int | None:
    return next((int(one) for one in audio.formats if one in {"0", "8"}), None) if audio is not None else None


def own_answer(call: Call, session: Session, payload: int, offer: Sdp) -> bytes:
    """Our answer: the first audio stream with this codec and telephone events, all others refused (RFC 3264 §6)."""
    assert call.sound is not None
    peer = call.sound.sides[0]
    host = call.board.relay.shown_address(session.caller, peer.source, peer.own)
    kind = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=- {session.caller.local[1]} 1 IN {kind} {host}",
        "s=-",
        f"c=IN {kind} {host}",
        "t=0 0",
    ]
    taken = False
    for stream in offer.media:
        fields = stream.lines[0][2:].split()
        if stream.kind == "audio" and stream.port and not taken:
            taken = True
            digits = telephone_event(stream)
            lines += [
                f"m=audio {session.caller.local[1]} {fields[2]} {payload}{'' if digits is None else f' {digits}'}",
                f"a=rtpmap:{payload} {_NAMES[payload]}/8000",
                *([] if digits is None else [f"a=rtpmap:{digits} telephone-event/8000"]),
                f"a={answer_direction(stream.direction)}",
            ]
        else:
            lines.append(f"m={fields[0]} 0 {' '.join(fields[2:])}")
    return ("\r\n".join(lines) + "\r\n").encode()
