"""Music for a party that the other one has put on hold (guide 6118, 6205-6213; RFC 3264 §8.4).

1. A description without a direction towards us (`sendonly`, `inactive`, 0.0.0.0) holds the other party.
2. Which recording: `musiconhold` of who holds; while a transfer is under way what `playtransfertone` says.
3. `inactive` would keep the other party from hearing anything: it is told `sendonly`, and its answer goes back as `inactive`.
4. Who holds with `sendonly` may send music of its own: as long as its sound comes, ours is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.measured import packets_from
from switch.call.playing import Playing
from switch.call.sound import CALLED, CALLER
from switch.sip.sdp import INACTIVE, SENDONLY, Sdp

if TYPE_CHECKING:
    from typing import Any

    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.sound import Sound

LOOK = 1.0
"""Seconds between two looks at whether who holds sends sound itself."""
_FEW = 10
"""Packets in that time which are no music: comfort noise, what keeps a NAT open."""


def recording(call: Call, holder: Leg | None) -> str:
    """What is played when this party holds the other; "": nothing."""
    sound = call.sound
    if holder is None or sound is None:
        return ""
    settings = sound.sides[CALLER if holder.is_caller else CALLED].settings
    if call.transfer is not None and holder is call.transfer.leg:
        return {"nothing": "", "ring": "ring"}.get(settings.playtransfertone, settings.musiconhold or "music")
    return settings.musiconhold


def shape(call: Call, sound: Sound, sdp: Sdp, me: int, *, offer: bool) -> None:
    """The direction that the other party is told."""
    side, peer, audio = sound.sides[me], sound.sides[1 - me], sdp.audio
    if audio is None:
        return
    if offer:
        side.stilled = (
            audio.direction == INACTIVE and call.state == "up" and bool(recording(call, _party(call, me)))
        )
        if side.stilled:
            audio.set_direction(SENDONLY)
    elif peer.stilled:
        audio.set_direction(INACTIVE)


def look(call: Call) -> None:
    """A description has come: begin or end the music."""
    sound = call.sound
    if sound is None or (sound.session is None and sound.ng is None):
        return
    for me, side in enumerate(sound.sides):
        music = sound.music[me]
        talks = call.state == "up" and sound.conference is None
        wanted = talks and side.held and not sound.sides[1 - me].held
        name = recording(call, _party(call, me)) if wanted else ""
        if music is not None and music.name != name:
            music.stop()
            sound.music[me] = None
        if name and sound.music[me] is None:
            sound.music[me] = Music(call, me, name)


def _party(call: Call, me: int) -> Leg | None:
    return call.caller if me == CALLER else call.called


class Music:
    """What the other party hears while this one holds it."""

    __slots__ = ("_alarm", "_call", "_me", "_packets", "_playing", "_sound", "name")

    def __init__(self, call: Call, me: int, name: str) -> None:
        self._call, self._me, self.name = call, me, name
        self._sound = call.sound
        self._playing: Playing | None = None
        self._packets: int | None = None
        self._alarm = Alarm(self._look)
        if self._sound is not None and self._sound.sides[me].silent:
            self._play()
        else:
            self._look()

    def stop(self) -> None:
        """The party is back, or the call goes on with other media."""
        self._call.board.alarms.end(self._alarm)
        if self._playing is not None:
            self._playing.stop()

    def _look(self) -> None:
        """Whether sound came from who holds since we looked last."""
        sound = self._sound
        if sound is None:
            return
        if sound.session is not None:
            self._told(sound.session.streams[0][self._me].stream.packets)
        elif sound.ng is not None:
            sound.ng.query(self._counted)

    def _counted(self, reply: dict[str, Any]) -> None:
        if self._sound is not None and self._sound.ng is not None and self._sound.music[self._me] is self:
            self._call.board.now = self._call.board.clock()
            self._told(packets_from(reply, self._sound.ng, caller=self._me == CALLER))

    def _told(self, packets: int) -> None:
        board = self._call.board
        before, self._packets = self._packets, packets
        if before is not None:
            own = packets - before > _FEW
            if own and self._playing is not None:
                self._playing.stop()
                self._playing = None
            elif not own and self._playing is None:
                self._play()
        board.alarms.set(self._alarm, board.now + LOOK)

    def _play(self) -> None:
        hearer = self._hearer()
        if hearer is not None:
            self._playing = Playing(self._call, hearer)
            self._playing.start(self.name, again=True)

    def _hearer(self) -> Leg | None:
        return _party(self._call, 1 - self._me)
