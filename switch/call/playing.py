"""A recording for one party of a call: by our own player over our relay, by rtpengine's over rtpengine.

While it plays, the other party is not heard there. A party without G.711 or with SRTP end to end, and one whose media does not pass
us, hears nothing.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.sound import CALLED, CALLER
from switch.media import g711
from switch.media.player import BadVoice, Player
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.sound import Sound

log = logging.getLogger("switch.call")

_FOR_EVER = 1_000_000


def speech_of(body: bytes, told: bytes = b"") -> int | None:
    """The payload type of G.711 that a party prefers by its description, of those that it was told, if it was told any.

    None: it has none that we can make or read.
    """
    try:
        audio = Sdp.parse(body).audio
        other = Sdp.parse(told).audio if told else None
    except BadSdp:
        return None
    if audio is None or audio.is_secure:
        return None
    common = audio.formats if other is None else [one for one in audio.formats if one in other.formats]
    return next((int(one) for one in common if one.isdecimal() and int(one) in g711.DECODED), None)


class Playing:
    """One recording on its way to a party, over the media that the call has now. `done` is called at its end, not after `stop`."""

    __slots__ = ("_call", "_done", "_file", "_leg", "_me", "_player", "_sound", "active", "failed")

    def __init__(self, call: Call, leg: Leg, done: Callable[[], None] | None = None) -> None:
        self._call, self._leg, self._done = call, leg, done
        self._me = CALLER if leg.is_caller else CALLED
        self._sound: Sound | None = call.sound
        self._player: Player | None = None
        self._file: Alarm | None = None
        self.active = False
        self.failed = False
        """Whether nothing was heard, although it had begun."""

    def start(self, name: str, *, again: bool = False) -> bool:
        """Whether it plays."""
        sound = self._sound
        if sound is None or not name:
            return False
        try:
            if sound.ng is not None:
                return self._by_rtpengine(sound, name, again)
            return self._by_us(sound, name, again)
        except (BadVoice, OSError) as error:
            log.warning("call=%s %s", self._call.id, error)
            return False

    def _by_us(self, sound: Sound, name: str, again: bool) -> bool:
        session, board = sound.session, self._call.board
        payload = speech_of(self._leg.described, self._leg.shown)
        if payload is None or session is None:
            return False
        voice = board.voices.get(name)
        self._begin(sound)
        self._player = Player(
            voice, payload, send=session.streams[0][self._me].send, later=board.relay.later, clock=board.relay.clock,
            done=self._over, again=again,
        )  # fmt: skip
        self._player.start()
        return True

    def _by_rtpengine(self, sound: Sound, name: str, again: bool) -> bool:
        assert sound.ng is not None
        path = self._call.board.voices.path(name)
        self._begin(sound)
        sound.ng.play(self._me == CALLER, str(path), _FOR_EVER if again else 1, partial(self._told, again))
        return True

    def _told(self, again: bool, reply: dict[str, Any]) -> None:
        """rtpengine says how long it will take."""
        board = self._call.board
        board.now = board.clock()
        length = reply.get("duration")
        if self.active and not isinstance(length, int):
            log.warning("call=%s rtpengine plays nothing: %s", self._call.id, reply.get("error-reason", b""))
            self.failed = True
            self._over()
        elif self.active and isinstance(length, int) and not again:
            self._file = Alarm(self._over)
            board.alarms.set(self._file, board.now + length / 1000)

    def _begin(self, sound: Sound) -> None:
        self.active = True
        sound.playing = (*sound.playing, self)
        sound.mute(self._call.state == "up")

    def _end(self) -> None:
        sound = self._sound
        self.active = False
        if sound is not None:
            sound.playing = tuple(one for one in sound.playing if one is not self)
            sound.mute(self._call.state == "up")

    def _over(self) -> None:
        board = self._call.board
        board.now = board.clock()
        if self.active:
            self._end()
            if self._done is not None:
                self._done()

    @property
    def hearer(self) -> int:
        return self._me

    def stop(self) -> None:
        """No more."""
        if not self.active:
            return
        if self._player is not None:
            self._player.stop()
        elif self._sound is not None and self._sound.ng is not None:
            self._sound.ng.quiet(self._me == CALLER)
        self._end()
