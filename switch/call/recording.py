"""How a call is recorded: when it begins and ends, and where it is heard (guide 6367-6411).

1. Somebody wants it (`switch.call.recorded`).
2. Media is then led through the switch (`is_needed`), by the own relay unless something must be converted.
3. From the answer on, both parties hear `recordannouncement`, then each other, and the recorder hears both.
4. In the own relay it listens at the two endpoints. rtpengine sends copies, decrypted and as G.711, to two endpoints of ours.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from apps.recordings.engine import spool
from switch.call import dtmf
from switch.call.playing import Playing
from switch.call.recorded import Recording, Wish, whole_of, wish_of
from switch.call.sound import CALLED, CALLER, Sound
from switch.media import NgSession, PortsExhausted, Session
from switch.sip.sdp import BadSdp, Media, Sdp

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.media import Endpoint

log = logging.getLogger("switch.call")

MOST = 99
"""Recordings of one call."""
_WHO = (spool.CALLER, spool.CALLED)


# --- beginning and end ----------------------------------------------------------------------------------------------------------


def answered(call: Call) -> None:
    """The parties are connected: for the first time, or one of them is another now, perhaps over other media."""
    sound = call.sound
    if sound is None or sound.label == "direct":
        return
    _listen_for_keys(call, sound)
    wish = wish_of(call)
    if sound.recording.recorder is not None:
        _leave(sound.recording)
        _attach(call, sound)
    elif wish is not None:
        begin(call, wish)


def moved(call: Call) -> None:
    """Another rtpengine carries the call: have the copies from there."""
    sound = call.sound
    if sound is not None and sound.ng is not None and sound.recording.copies is not None:
        _subscribe(call, sound.ng, sound.recording.copies)


def begin(call: Call, wish: Wish) -> bool:
    """Record from now on; False: it is recorded already, or cannot be, and the log says why."""
    sound = call.sound
    if call.state != "up" or sound is None or sound.recording.on:
        return False
    why = _hindrance(call, sound)
    told = (side.settings.recordannouncement for side in sound.sides)
    name = next(filter(None, told), "")
    if not why and name:
        why = _announce(call, sound, name, wish)
    elif not why:
        _start(call, sound, wish)
    if why:
        log.warning("call=%s is not recorded: %s", call.id, why)
    return not why


def _hindrance(call: Call, sound: Sound) -> str:
    if sound.recording.count >= MOST:
        return "it has been recorded too often"
    if sound.session is None and sound.ng is None:
        return "its media does not go through the switch"
    if sound.session is not None and all(one is not None and one.is_secure for one in _audios(call)):
        return "its media is encrypted between the parties, and rtpengine does not carry it"
    return ""


def end(call: Call) -> None:
    """Record no more; a second time does nothing."""
    if call.sound is None:
        return
    recording = call.sound.recording
    for one in recording.telling:
        one.stop()
    recording.telling = ()
    _leave(recording)
    if recording.recorder is not None:
        recording.recorder.close()
        recording.recorder = None


def by_operator(call: Call, name: str, *, on: bool) -> None:
    """Somebody in the office wants it, or has heard enough."""
    whole = whole_of(call)
    if on:
        begin(whole, Wish("operator", asked_by=name))
    else:
        end(whole)
    whole.board.live.changed(whole)


def _start(call: Call, sound: Sound, wish: Wish) -> None:
    board, recording = call.board, sound.recording
    recording.count += 1
    decision = call.decision
    recording.recorder = board.recorders.begin(
        f"{call.id}-{recording.count}",
        {
            "call": call.id, "number": recording.count, "started": board.wall(), "codec": call.codec,
            "caller_number": decision.caller_number if decision is not None else "",
            "called_number": decision.called if decision is not None else "",
            "for_caller": wish.for_caller, "for_called": wish.for_called, "reason": wish.reason, "asked_by": wish.asked_by,
        },
    )  # fmt: skip
    recording.codecs = {}
    _attach(call, sound)
    board.live.changed(call)


# --- where it is heard ----------------------------------------------------------------------------------------------------------


def _attach(call: Call, sound: Sound) -> None:
    """At the endpoints of our own relay, or at those that rtpengine sends its copies to."""
    if sound.session is not None:
        _note_codecs(call, sound.recording)
        _tap(sound.recording, sound.session.stream(_place(call)))
    elif sound.ng is not None:
        _copy(call, sound, sound.ng)


def _tap(recording: Recording, pair: tuple[Endpoint, Endpoint]) -> None:
    assert recording.recorder is not None
    for who, endpoint in zip(_WHO, pair, strict=True):
        tap = recording.recorder.tap(who)
        endpoint.attach(tap)
        recording.taps.append((endpoint, tap))


def _leave(recording: Recording) -> None:
    """Hear nothing more, for now or for ever."""
    for endpoint, tap in recording.taps:
        endpoint.detach(tap)
    recording.taps.clear()
    if recording.source is not None:
        recording.source.unsubscribe()
        recording.source = None
    if recording.copies is not None:
        recording.copies.close()
        recording.copies = None


def _copy(call: Call, sound: Sound, ng: NgSession) -> None:
    """Two endpoints that feed nobody, for the copies of both parties."""
    relay, recording = call.board.relay, sound.recording
    host = relay.host_for(ng.node.host)
    try:
        recording.copies = relay.open(call.id, hosts=(host, host))
    except PortsExhausted as error:
        log.warning("call=%s is not recorded: %s", call.id, error)
        end(call)
        return
    recording.copies.let(False, False)
    recording.source = ng
    _tap(recording, recording.copies.stream(0))
    _subscribe(call, ng, recording.copies)


def _subscribe(call: Call, ng: NgSession, copies: Session) -> None:
    for caller, endpoint in zip((True, False), copies.stream(0), strict=True):
        ng.subscribe(caller, endpoint.local, partial(_subscribed, call, endpoint))


def _subscribed(call: Call, endpoint: Endpoint, body: bytes | None, why: str) -> None:
    try:
        audio = Sdp.parse(body).audio if body is not None else None
    except BadSdp as error:
        audio, why = None, str(error)
    if audio is None or audio.address is None:
        log.warning("call=%s one party is not recorded: %s", call.id, why or "rtpengine names no port")
    else:
        endpoint.expect(audio.address, audio.port)


# --- telling the parties --------------------------------------------------------------------------------------------------------


def _announce(call: Call, sound: Sound, name: str, wish: Wish) -> str:
    """Play it to both, then let them hear each other and record them; else why it cannot be played."""
    done = partial(_told, call, sound, wish)
    hearers = [leg for leg in (call.caller, call.called) if leg is not None]
    sound.recording.telling = tuple(Playing(call, leg, done) for leg in hearers)
    started = [one.start(name) for one in sound.recording.telling]
    if all(started):
        return ""
    end(call)
    return f"the announcement {name} cannot be played to both parties"


def _told(call: Call, sound: Sound, wish: Wish) -> None:
    """One of them has heard it to its end."""
    told = sound.recording.telling
    if any(one.active for one in told):
        return
    sound.recording.telling = ()
    if any(one.failed for one in told):
        log.warning("call=%s is not recorded: rtpengine did not play the announcement", call.id)
    elif call.state == "up" and call.sound is sound:
        _start(call, sound, wish)


# --- keys -----------------------------------------------------------------------------------------------------------------------


def _listen_for_keys(call: Call, sound: Sound) -> None:
    """Of the parties as they are now; who listened before does not any more."""
    keys = sound.recording.keys
    while keys:
        keys.pop()()
    for me, leg in ((CALLER, call.caller), (CALLED, call.called)):
        settings = sound.sides[me].settings
        if leg is not None and settings.recordondemand and settings.code_record:
            keys.append(dtmf.listen(call, leg, Keys(call, me, settings.code_record).pressed))


class Keys:
    """Waits for the code of one party."""

    def __init__(self, call: Call, me: int, code: str) -> None:
        self._call, self._me, self._code = call, me, code
        self._latest = ""

    def pressed(self, digit: str) -> None:
        self._latest = (self._latest + digit)[-len(self._code) :]
        if self._latest != self._code:
            return
        self._latest = ""
        call = self._call
        call.board.now = call.board.clock()
        if call.sound is not None and call.sound.recording.on:
            end(call)
        else:
            begin(call, self._wish())
        call.board.live.changed(call)

    def _wish(self) -> Wish:
        call = self._call
        if self._me == CALLER:
            return Wish("party", for_caller=call.account.id, asked_by=call.account.username)
        account = call.called.target.account if call.called is not None else call.account
        return Wish("party", for_called=account.id, asked_by=account.username)


# --- what the packets are -------------------------------------------------------------------------------------------------------


def described(call: Call) -> None:
    """A party has described its media anew."""
    sound = call.sound
    if sound is not None and sound.session is not None and sound.recording.recorder is not None:
        _note_codecs(call, sound.recording)


def _note_codecs(call: Call, recording: Recording) -> None:
    """What payload types mean in what comes from each party: as the other one has named them, else it itself."""
    assert recording.recorder is not None
    caller, called = (_named(one) for one in _audios(call))
    codecs = {"caller_codecs": {**caller, **called}, "called_codecs": {**called, **caller}}
    if codecs != recording.codecs:
        recording.codecs = codecs
        recording.recorder.note(codecs)


def _named(audio: Media | None) -> dict[str, str]:
    return {} if audio is None else {str(one.payload): one.encoding for one in audio.rtpmaps.values()}


def _audios(call: Call) -> tuple[Media | None, Media | None]:
    """The audio streams of the last SDP of caller and called."""
    return _audio(call.caller), _audio(call.called)


def _audio(leg: Leg | None) -> Media | None:
    if leg is None or not leg.described:
        return None
    try:
        return Sdp.parse(leg.described).audio
    except BadSdp:
        return None


def _place(call: Call) -> int:
    """Which of the SDP's streams is the audio."""
    try:
        streams = Sdp.parse(call.caller.described).media
    except BadSdp:
        return 0
    return next((number for number, one in enumerate(streams) if one.kind == "audio"), 0)
