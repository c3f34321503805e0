"""The parties of a call and who has joined it, at one mixer (RFC 3911; guide 6297-6299, 6692-6698).

Who joins is in a call of its own with us, that costs nothing and leaves a record, so that nobody listens without a trace. The call that
is joined stays what it was for money and record; it ends those of who joined it. With the last of them its parties are alone again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from switch.call import dtmf, hold, ourselves
from switch.call.causes import NORMAL
from switch.call.playing import speech_of
from switch.media.mixer import Mixer, Seat

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.media import Session
    from switch.sip.message import Request
    from switch.sip.server import ServerTransaction

LISTEN, WHISPER, BARGE = "listen", "whisper", "barge"
MODES = (LISTEN, WHISPER, BARGE)
_DIGITS = {"4": LISTEN, "5": WHISPER, "6": BARGE}
"""What who has joined may press to be heard by nobody, by one party, by all; no more than its right."""


class Conference:
    """The mixer of a call over our own relay."""

    def __init__(self, call: Call, session: Session) -> None:
        relay = call.board.relay
        self.call, self.session = call, session
        self.mixer = Mixer(later=relay.later, clock=relay.clock)
        self.guests: tuple[Guest, ...] = ()
        session.apart = True
        session.let(True, True)
        self.seats: tuple[Seat, Seat] = (
            self.mixer.seat(session.caller, _payload(call.caller)),
            self.mixer.seat(session.called, _payload(call.called)),
        )

    def described(self) -> None:
        """A party may want another codec from now on."""
        for seat, leg in zip(self.seats, (self.call.caller, self.call.called), strict=True):
            seat.payload = _payload(leg)

    def leave(self, guest: Guest) -> None:
        """Somebody who joined has hung up."""
        self.guests = tuple(one for one in self.guests if one is not guest)
        self.mixer.leave(guest.seat)
        if not self.guests:
            self._dissolve()

    def end(self) -> None:
        """The call is over, or goes on with other media: who joined it has nothing to hear any more."""
        guests, self.guests = self.guests, ()
        self._dissolve()
        for one in guests:
            one.call.hang_up(NORMAL, comment="the call that was joined is over")

    def _dissolve(self) -> None:
        self.mixer.close()
        self.session.apart = False
        self.session.let(True, True)
        if self.call.sound is not None:
            self.call.sound.conference = None
            self.call.sound.mute(True)


def _payload(leg: Leg | None) -> int:
    """The G.711 that a party is sent; one that has none now, for it is on hold, gets what it will not hear."""
    found = None if leg is None else speech_of(leg.described, leg.shown)
    return 0 if found is None else found


@dataclass(slots=True, eq=False)
class Guest:
    """Who has joined. `beside`: whose side it is on, and who hears it whisper; `most`: its right."""

    call: Call
    conference: Conference
    seat: Seat
    beside: int
    most: str

    def speak(self, mode: str) -> None:
        """Who hears it from now on."""
        beside = self.conference.seats[self.beside]
        self.seat.heard_by = {LISTEN: frozenset[Seat](), WHISPER: frozenset((beside,)), BARGE: None}[mode]

    def pressed(self, digit: str) -> None:
        mode = _DIGITS.get(digit)
        if mode is not None and MODES.index(mode) <= MODES.index(self.most):
            self.speak(mode)

    def leave(self) -> None:
        """Its call is over."""
        self.conference.leave(self)

    def asked(self, leg: Leg, tx: ServerTransaction, request: Request) -> None:
        """A request in its dialog."""
        ourselves.asked(self.call, leg, tx, request)


def sit(guest: Call, call: Call, leg: Leg, payload: int, *, mode: str, most: str) -> bool:
    """Let the caller of `guest` join the conversation of `leg`, over our relay already. False: that one has no G.711."""
    sound, own = call.sound, guest.sound
    if sound is None or sound.session is None or own is None or own.session is None:
        return False
    parties = [call.caller, call.called]
    if any(one is None or speech_of(one.described, one.shown) is None for one in parties):
        return False
    if sound.conference is None:
        sound.conference = Conference(call, sound.session)
    conference = sound.conference
    seat = conference.mixer.seat(own.session.caller, payload, frozenset())
    made = own.guest = Guest(guest, conference, seat, 0 if leg.is_caller else 1, most)
    conference.guests = (*conference.guests, made)
    made.speak(mode)
    dtmf.listen(guest, guest.caller, made.pressed)
    hold.look(call)
    return True
