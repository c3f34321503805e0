"""Session descriptions on their way through a call: untouched, corrected, or led over the relay (RFC 3264, guide 9896-9955)."""

from __future__ import annotations

import re
from contextlib import suppress
from random import getrandbits
from typing import TYPE_CHECKING

from switch.call import dtmf, engine, hold, recording, reoffer
from switch.call.measured import Measured, of_relay, of_rtpengine
from switch.call.sound import CALLED, CALLER, Side, Sound, planned
from switch.media import (
    Endpoint,
    Keys,
    NgSession,
    PortsExhausted,
    Session,
    Silence,
    Way,
    events,
    is_address,
    reachable,
)
from switch.sip.message import Message, Request, Response
from switch.sip.sdp import BadSdp, Media, Sdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.model import Target

SDP_TYPE = "application/sdp"
_AUDIO = re.compile(rb"^m=audio [0-9/]+ \S+ ([0-9]{1,3})(?![^ \r\n])", re.MULTILINE)
_ENCODING = re.compile(rb"[A-Za-z0-9._+-]{1,32}")
"""As much of an encoding's name as a record keeps."""
MAX_STREAMS = 8
"""Streams of one call that are relayed; more are refused."""
_STATIC = {b"0": "PCMU", b"3": "GSM", b"4": "G723", b"8": "PCMA", b"9": "G722", b"15": "G728", b"18": "G729"}

__all__ = ["BadSdp", "PortsExhausted", "close", "codec_of", "early", "has_sdp", "open_relay", "passed"]


def has_sdp(message: Message) -> bool:
    """Whether the message carries an offer or an answer."""
    return bool(message.body) and message.content_type == SDP_TYPE


def open_relay(call: Call, target: Target) -> None:
    """Decide about the media of the call to this target, and take ports if it is to be relayed. Raises PortsExhausted.

    Once relayed, always relayed: the caller may have heard of our ports already.
    """
    before, sound = call.sound, planned(call, target)
    if "session" in call.privacy:  # nobody hears the other's address (RFC 3323 §4.2)
        sound.way = Way.ROUTE
    if before is not None:
        sound.ng, sound.waiting, sound.recording = before.ng, before.waiting, before.recording
    if sound.ng is not None:
        sound.way = Way.ROUTE
    elif sound.engine and not call.own_relay:
        sound.way, sound.ng = Way.ROUTE, NgSession(call.board.rtpengine, call.id)
        if before is not None and before.session is not None:
            before.session.close()
    elif before is not None and before.session is not None:
        sound.way, sound.session = Way.ROUTE, before.session
    elif sound.way is Way.ROUTE:
        relay = call.board.relay
        caller, called = (relay.host_for(side.source) for side in sound.sides)
        accounts = zip((call.account, target.account), sound.sides, strict=True)
        one, other = (account.id if side.settings.uniqueportperuser else 0 for account, side in accounts)
        sound.session = relay.open(call.id, hosts=(caller, called), whose=(one, other))
    if sound.session is not None:
        sound.session.rtcp = all(side.settings.enablertcp for side in sound.sides)
        playing = call.announcement is not None and call.announcement.playing
        sound.session.let(sound.passing[0], sound.passing[1] and not playing)
    call.sound = sound


def passed(call: Call, message: Message, source: Leg) -> bytes:
    """The body as the other party shall see it. Raises BadSdp for one that cannot be used."""
    if not has_sdp(message):
        return _without(call, message)
    source.described = message.body
    recording.described(call)
    body = _led(call, message, source)
    hold.look(call)
    if call.sound is not None and call.sound.conference is not None:
        call.sound.conference.described()
    other = call.across(source)
    return body if not body or other is None or other.origin is None else other.origin.speak(body)


def restored(call: Call, leg: Leg) -> None:
    """An offer of the party was refused: what it said before holds again (RFC 3261 §14.1, RFC 6141 §3.4)."""
    sound = call.sound
    if sound is None or not leg.theirs:
        return
    with suppress(BadSdp):
        if sound.ng is None:  # the relay expects its media where it was before
            passed(call, Request("UPDATE", "sip:-", [("Content-Type", SDP_TYPE)], leg.theirs), leg)
        else:
            sound.sides[CALLER if leg.is_caller else CALLED].described(Sdp.parse(leg.theirs))
            hold.look(call)


def _without(call: Call, message: Message) -> bytes:
    """A message that describes nothing; an answer may be owed what was kept from the caller before."""
    sound = call.sound
    if sound is None:
        return message.body
    sound.is_offer(message)  # an INVITE without an offer: its answer will be one
    return sound.withheld if _answers(message) and not message.body else message.body


def _led(call: Call, message: Message, source: Leg) -> bytes:
    sound = call.sound
    if sound is None:
        return message.body
    offered = sound.is_offer(message)
    if sound.ng is not None:
        return _rewritten(sound, message)
    if sound.way is Way.BYPASS and not (offered and (sound.rules or sound.keys is Keys.REFUSE)):
        return message.body
    sdp = Sdp.parse(message.body)
    if offered:
        sound.filter(sdp)
    me, other = (CALLER, CALLED) if source.is_caller else (CALLED, CALLER)
    sound.sides[me].described(sdp)
    dtmf.shape(sound, sdp, me, offer=offered)
    packets = sound.sides[other].settings.ptime
    if packets:
        _packets(sdp, packets)
    if sound.session is not None:
        hold.shape(call, sound, sdp, me, offer=offered)
        _relay(call, sound, sound.session, sdp, source)
    elif sound.way is Way.CORRECT:
        _correct(call, sound, sdp, source)
    elif not sound.rules and not packets:
        return message.body
    return sdp.encode()


def _packets(sdp: Sdp, milliseconds: int) -> None:
    """How much sound the party that gets this is asked to put into one packet (RFC 8866 §6.4)."""
    for one in sdp.media:
        if one.kind == "audio" and one.port:
            one.drop("a=ptime:", "a=maxptime:")
            one.lines.append(f"a=ptime:{milliseconds}")


def _rewritten(sound: Sound, message: Message) -> bytes:
    """What rtpengine has made of it (`switch.call.engine` asked before the message got here)."""
    if isinstance(message, Response) and message.status >= 300:
        return b""
    if sound.ready is None or sound.ready[0] is not message:
        raise BadSdp("rtpengine was not asked for it")
    _, body, why = sound.ready
    if body is None:
        raise BadSdp(why)
    return body


def _answers(message: Message) -> bool:
    return isinstance(message, Response) and 200 <= message.status < 300 and message.cseq.method == "INVITE"


def early(call: Call, response: Response, branch: Branch) -> tuple[int, bytes]:
    """Status and body of a provisional answer for the caller; of several phones at once only the sound of none.

    A 183 whose media is kept from the caller becomes a 180: the phone plays its own ringing (guide 9191).
    """
    if len(call.branches) + len(call.guests) != 1:
        return response.status, b""
    body = passed(call, response, branch)
    sound = call.sound
    if body and sound is not None and not sound.early:
        sound.withheld = body
        return 180 if response.status == 183 else response.status, b""
    return response.status, body


# --- over the relay -------------------------------------------------------------------------------------------------------------


def _relay(call: Call, sound: Sound, session: Session, sdp: Sdp, source: Leg) -> None:
    """Every stream over ports of its own; one that cannot go over the relay is refused with port 0."""
    other = CALLED if source.is_caller else CALLER
    peer = sound.sides[other]
    ports = [_stream(call, sound, session, number, media, source) for number, media in enumerate(sdp.media)]
    session.held = any(one.held for one in sound.sides)
    shown = session.streams[0][other]
    sdp.relay(call.board.relay.shown_address(shown, peer.source, peer.own), ports)
    wanted = peer.settings.sdpalhandling
    if wanted != "none":
        sdp.hide(unknown=wanted == "unknown")


def _stream(call: Call, sound: Sound, session: Session, number: int, media: Media, source: Leg) -> int:
    """What the stream's endpoint is to expect, and the port that the other party is told."""
    me, other = (CALLER, CALLED) if source.is_caller else (CALLED, CALLER)
    if not media.port or not media.is_datagrams or number >= MAX_STREAMS:
        if number < len(session.streams):
            session.streams[number][me].expect(None, 0)
        return 0
    try:
        pair = session.stream(number)
    except PortsExhausted:
        return 0
    side = sound.sides[me]
    place = source.flow.host
    address = reachable(media.address, place, side.handling, call.board.relay.own)
    if not is_address(address):
        address = place  # a name: nothing here may wait for a resolver
    pair[me].expect(
        address,
        media.port,
        rtcp=(address, media.rtcp_port) if not _nowhere(media) else None,
        signalling=place,
        symmetric=side.symmetric,
        rtp=media.is_rtp,
        patient=side.settings.rtpsendonlytorec,
    )
    first = media.rtpmaps.get(int(media.formats[0])) if media.formats[0].isdecimal() else None
    if first is not None and first.rate:
        pair[me].stream.set_clock_rate(first.rate)
    return pair[other].local[1]


def _nowhere(media: Media) -> bool:
    return media.address in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


# --- between the parties --------------------------------------------------------------------------------------------------------


def _correct(call: Call, sound: Sound, sdp: Sdp, source: Leg) -> None:
    """Addresses that the other party could not reach become the one that the messages come from (guide 9928)."""
    side = sound.sides[CALLER if source.is_caller else CALLED]
    place, own = source.flow.host, call.board.relay.own
    for media in sdp.media:
        if media.port and not _nowhere(media):
            address = reachable(media.address, place, side.handling, own)
            if address != media.address:
                media.correct(address)
    if sdp.session.own_address is not None and sdp.session.own_address not in ("0.0.0.0", "::"):  # noqa: S104
        address = reachable(sdp.session.own_address, place, side.handling, own)
        if address != sdp.session.own_address:
            sdp.session.replace("c=", f"c=IN {'IP6' if ':' in address else 'IP4'} {address}")


# --- the answer and the end -----------------------------------------------------------------------------------------------------


def watch(call: Call) -> None:
    """From the answer on all sound passes, and silence ends the call, as the settings say (guide 4874-4875)."""
    from switch.call import digits, rescue  # which transfer and dial, and so import this

    sound = call.sound
    digits.attach(call)
    rescue.listen(call)
    if sound is not None and sound.ng is not None:
        engine.Watch(call)
        if sound.ng.moved:
            reoffer.Move(call).begin(leave=False)
    session = sound.session if sound is not None else None
    if session is None:
        recording.answered(call)
        return
    if call.announcement is not None:
        call.announcement.answered(session)
    else:
        session.let(True, True)
    dtmf.connect(call)
    recording.answered(call)
    for me, side in enumerate(sound.sides if sound is not None else ()):
        if side.settings.rtpwritefirst:
            _open_nat(session.streams[0][me])
    settings = call.board.world().settings_of(call.account)
    session.watch(
        lambda _session, silence: call.silent(silence),
        stopped=settings.rtp_timeout_seconds or float("inf"),
        never_started=settings.rtp_start_timeout_seconds or float("inf"),
    )


def _open_nat(endpoint: Endpoint) -> None:
    """One packet of comfort noise: a NAT between us and the party has a way for its media from then on (guide 4895)."""
    endpoint.send(events.packet(13, 0, 0, getrandbits(32), b"\x40"))


def close(call: Call, done: Callable[[Measured], None]) -> None:
    """Give the ports back, and tell what was measured: at once, or when rtpengine has told it."""
    sound = call.sound
    if call.announcement is not None:
        call.announcement.stop()
    recording.end(call)
    if sound is not None and sound.before is not None:
        _close(sound.before, call.codec, lambda _measured: None)
    _close(sound, call.codec, lambda measured: done(call.heard + measured))


def _close(sound: Sound | None, codec: str, done: Callable[[Measured], None]) -> None:
    for music in sound.music if sound is not None else ():
        if music is not None:
            music.stop()
    for one in sound.playing if sound is not None else ():
        one.stop()
    if sound is not None and sound.conference is not None:
        sound.conference.end()
    if sound is not None and sound.guest is not None:
        sound.guest.leave()
    if sound is None:
        done(Measured())
    elif sound.ng is not None:
        sound.ng.delete(lambda reply: done(of_rtpengine(reply, sound.ng, codec)))  # type: ignore[arg-type]
    elif sound.session is not None:
        measured = of_relay(sound.session, codec)
        sound.session.close()
        done(measured)
    else:
        done(Measured())


def is_measured(call: Call) -> bool:
    """Whether its media passes somebody who counts it."""
    sound = call.sound
    return sound is not None and (sound.session is not None or sound.ng is not None)


# --- when a party goes on with another ------------------------------------------------------------------------------------------


def move(call: Call, guest: Call) -> None:
    """The parties go on with the media that was set up for a call within theirs; what they had is closed, and counts."""
    before = call.sound
    call.sound, guest.sound = guest.sound, None
    if call.sound is not None and before is not None:
        call.sound.recording = before.recording
    _leave(call, before)
    watch(call)


def renew(call: Call, source: Leg) -> None:
    """A party in the place of another is about to describe itself. rtpengine knows each pair by a name of its own; our own
    relay just hears another party. `agreed` or `not_agreed` follows.
    """
    sound = call.sound
    if sound is not None and sound.ng is not None:
        name = f"{call.id}-{source.dialog.id.local_tag if source.dialog is not None else ''}"
        call.sound = Sound(
            sound.way, _with(call, sound, source), sound.rules, sound.keys, sound.engine, sound.needed,
            ng=NgSession(call.board.rtpengine, name), before=sound, recording=sound.recording,
        )  # fmt: skip


def _with(call: Call, sound: Sound, source: Leg) -> tuple[Side, Side]:
    """The sides, with the newcomer on its."""
    me = CALLER if source.is_caller else CALLED
    account = source.whose
    settings = sound.sides[me].settings if account is None else call.board.world().settings_of(account)
    side = Side(settings, source.flow.host, source.phone)
    return (side, sound.sides[CALLED]) if me == CALLER else (sound.sides[CALLER], side)


def agreed(call: Call, newcomer: Leg | None = None) -> None:
    """The other party talks with the new one; or both talk elsewhere."""
    from switch.call import digits  # as below

    sound = call.sound
    if sound is None:
        return
    if sound.before is not None:
        before, sound.before = sound.before, None
        _leave(call, before)
        watch(call)
    elif newcomer is not None:
        was = sound.sides[CALLER if newcomer.is_caller else CALLED]
        sound.sides = _with(call, sound, newcomer)
        now = sound.sides[CALLER if newcomer.is_caller else CALLED]
        now.events, now.held, now.silent = was.events, was.held, was.silent
        dtmf.connect(call)
        digits.attach(call)


def leave(guest: Call) -> None:
    """The parties of a call within another go on in that one's media."""
    sound, guest.sound = guest.sound, None
    _close(sound, guest.codec, lambda _measured: None)


def not_agreed(call: Call) -> None:
    """It does not: the call goes on as it was."""
    sound = call.sound
    if sound is not None and sound.before is not None:
        call.sound, sound.before = sound.before, None
        _close(sound, call.codec, lambda _measured: None)


def _leave(call: Call, before: Sound | None) -> None:
    def heard(measured: Measured) -> None:
        call.heard += measured

    if call.announcement is not None:
        call.announcement.stop()
        call.announcement = None
    _close(before, call.codec, heard)


def measured(call: Call) -> Measured:
    """What is known now, while the call runs."""
    sound = call.sound
    if sound is None or sound.session is None:
        return call.heard + (sound.measured if sound is not None else Measured())
    return call.heard + of_relay(sound.session, call.codec)


def codec_of(body: bytes) -> str:
    """The name of the first audio format of an answer; "" when there is none."""
    match = _AUDIO.search(body)
    if match is None:
        return ""
    payload = match.group(1)
    place = body.find(b"a=rtpmap:" + payload + b" ")
    if place < 0:
        return _STATIC.get(payload, payload.decode())
    name = _ENCODING.match(body, place + 10 + len(payload))
    return name.group().decode("ascii") if name is not None else ""


def describe(silence: Silence) -> str:
    """In words, for the record."""
    return f"media {silence.value}"
