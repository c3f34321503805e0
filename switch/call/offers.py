"""Our own INVITEs within a party's dialog, when whoever it talks with has changed (RFC 3264 §8, RFC 3725)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.asker import PartyAsker
from switch.call.causes import NO_RESPONSE
from switch.call.media import SDP_TYPE
from switch.call.proof import CHALLENGES, prove
from switch.sip.client import InviteClientTransaction
from switch.sip.sdp import INACTIVE, SENDRECV, BadSdp, Media, Sdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.leg import Leg
    from switch.call.session_timer import SessionTimer
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header, Response

GONE = frozenset((408, 481))
GLARE = 491
_SOON = 0.2
MOST = 20


class Reoffer(PartyAsker):
    """A new description for a party, sent as soon as its dialog is free; `done(response)` with its final answer, a 2xx acknowledged.

    Both at once (491): again after a while of our own (RFC 3261 §14.1).
    """

    __slots__ = ("alarm", "body", "done", "proved", "tries")

    def __init__(self, leg: Leg, body: bytes, done: Callable[[Response], None]) -> None:
        super().__init__(leg)
        self.body = body
        self.done = done
        self.alarm = Alarm(self.send)
        self.tries = 0
        self.proved = False

    def send(self) -> None:
        leg = self.leg
        if leg.call.state != "up" or not leg.keys:
            return
        if leg.waiting is not None and leg.waiting is not self:
            leg.board.alarms.cancel(leg.waiting.alarm)  # what it had to say is no longer true
        leg.waiting = self
        if any((leg.asking, leg.serving, leg.unacked, leg.awaiting_ack)):
            self._later(_SOON)
            return
        leg.asking = leg.request("INVITE", self._headers(), self.body, self)

    def _headers(self) -> tuple[Header, ...]:
        """A re-INVITE that names no session interval would leave the session without one (RFC 4028)."""
        timer = self._timer
        return ("Content-Type", SDP_TYPE), *(timer.headers() if timer is not None else ())

    @property
    def _timer(self) -> SessionTimer | None:
        """The party's, when it is ours to keep."""
        timer = self.leg.timer
        return None if timer is None or timer.watch else timer

    def _later(self, seconds: float) -> None:
        self.tries += 1
        if self.tries > MOST:
            self.leg.call.hang_up(NO_RESPONSE, comment="a party never took a new description")
            return
        self.leg.board.alarms.set(self.alarm, self.leg.board.now + seconds)

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        leg, status = self.leg, response.status
        if leg.dialog is not None:
            leg.dialog.on_response(response)
        if status < 200:
            return
        leg.asking = None
        if status in CHALLENGES and not self.proved and tx.request is not None:
            proof = prove(leg.trunk, response, "INVITE", tx.request.uri)
            if proof is not None:
                self.proved = True
                leg.asking = leg.request("INVITE", (*self._headers(), proof), self.body, self)
                return
        if status == GLARE:
            self._later(random.uniform(2.1, 4.0))
            return
        if status in GONE:
            leg.call.hung_up(leg, NO_RESPONSE)
            return
        if status < 300 and isinstance(tx, InviteClientTransaction):
            leg.unacked = tx
            leg.acknowledge()
            leg.shown = self.body
            if self._timer is not None:
                self._timer.confirmed(response)
        self.done(response)

    def on_timeout(self) -> None:
        self.leg.asking = None
        self.leg.call.hung_up(self.leg, NO_RESPONSE)


class Origin:
    """Who a party believes to talk with: the `o=` of its descriptions stays when the far side changes, only the version grows."""

    __slots__ = ("last", "session", "user", "version")

    def __init__(self, body: bytes) -> None:
        """As in the last description that the party was sent."""
        self.user, self.session, self.version, self.last = "-", "0", 0, b""
        fields = origin_of(body)
        if fields is not None:
            self.user, self.session, self.version = fields

    def speak(self, body: bytes) -> bytes:
        """The description under this name; a new version when it differs from the last. BadSdp."""
        sdp = Sdp.parse(body)
        fields = (sdp.session.first("o=") or "").split()
        if len(fields) != 6:
            return body
        if body != self.last:
            self.version += 1
            self.last = body
        sdp.session.replace("o=", "o=" + " ".join([self.user, self.session, str(self.version), *fields[3:]]))
        return sdp.encode()


def origin_of(body: bytes) -> tuple[str, str, int] | None:
    """User, session and version of the `o=` line; None when there is none that can be read."""
    start = body.find(b"\no=")
    fields = body[start + 3 : body.find(b"\n", start + 3)].decode("utf-8", "replace").split()
    if start < 0 or len(fields) != 6 or not fields[2].isdigit():
        return None
    return fields[0], fields[1], int(fields[2])


def awake(body: bytes) -> bytes:
    """The description of somebody on hold as that of somebody who talks. An unreadable one stays as it is."""
    try:
        sdp = Sdp.parse(body)
    except BadSdp:
        return body
    for part in (sdp.session, *sdp.media):
        if part.own_direction is not None:
            part.set_direction(SENDRECV)
    return sdp.encode()


def on_hold(body: bytes) -> bytes:
    """The description of somebody who neither talks nor listens now. BadSdp."""
    sdp = Sdp.parse(body)
    for media in sdp.media:
        media.set_direction(INACTIVE)
    return sdp.encode()


def place_of(body: bytes) -> tuple[str, int] | None:
    """Where the first audio stream wants its media; None when there is none."""
    try:
        audio = Sdp.parse(body).audio
        return None if audio is None else (audio.address, audio.port)
    except BadSdp:
        return None


def answer_from(offer: bytes, described: bytes) -> bytes:
    """An answer to `offer` by somebody who described itself in an offer of its own (RFC 3264 §6): stream by stream the formats
    that both have, by name, under the offerer's numbers; a stream that the other does not have is refused. BadSdp when no stream is left.
    """
    asked, own = Sdp.parse(offer), Sdp.parse(described)
    left = list(own.media)
    answer = Sdp.parse(described)
    answer.media = []
    talking = False
    for stream in asked.media:
        mine = next((one for one in left if one.kind == stream.kind and one.port and stream.port), None)
        made = type(stream)(list(stream.lines), answer.session)
        formats = [] if mine is None else _common(stream, mine)
        made.drop("c=", "a=candidate", "a=ice-", "a=rtcp:", "b=")
        if mine is None or not formats or mine.protocol != stream.protocol:
            made.refuse()
        else:
            left.remove(mine)
            made.set_formats(formats)
            made.set_port(mine.port)
            made.lines.insert(1, f"c=IN {'IP6' if ':' in mine.address else 'IP4'} {mine.address}")
            made.set_direction(SENDRECV)
            talking = True
        answer.media.append(made)
    if not talking:
        raise BadSdp("nothing in common")
    return answer.encode()


def _common(stream: Media, mine: Media) -> list[str]:
    """The formats of the first that the second has too."""
    names = {_name(mine, one) for one in mine.formats}
    return [one for one in stream.formats if _name(stream, one) in names]


def _name(media: Media, payload: str) -> tuple[str, int]:
    """What a format means: the static ones by their number, the others by name and clock rate."""
    if not payload.isdigit():
        return payload, 0
    found = media.rtpmaps.get(int(payload))
    return (found.encoding.lower(), found.rate) if found is not None else _STATIC.get(payload, (payload, 0))


_STATIC = {"0": ("pcmu", 8000), "3": ("gsm", 8000), "4": ("g723", 8000), "8": ("pcma", 8000), "9": ("g722", 8000), "18": ("g729", 8000)}  # fmt: skip
