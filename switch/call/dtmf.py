"""DTMF between the parties: by RTP event, by INFO, as sound; passed on, converted, or listened to (guide 1892-1900, 6083-6114).

What a party gets is its account's setting `convertdtmf`. Conversion happens in our own relay, from the answer on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from switch.call.asked import Asked
from switch.call.sound import CALLED, CALLER, CONVERTED, Listener, Side, Sound
from switch.media import Conversion, Timing, Wanted, events, g711, tones
from switch.sip.codecs import telephone_event

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.sip.message import Request
    from switch.sip.sdp import Media, Sdp
    from switch.world.settings import Settings

RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"
_SIGNAL = re.compile(rb"^\s*Signal\s*=\s*([0-9A-Da-d*#]|1[01])\s*$", re.MULTILINE)
_DIGIT = re.compile(rb"\s*([0-9A-Da-d*#]|1[01])\s*")
_NUMBERED = {"10": "*", "11": "#"}
METHODS = {
    "inband": {"inband"},
    "info": {"info"},
    "inband_info": {"inband", "info"},
    "rfc4733": {"rfc4733"},
    "rfc4733_info": {"rfc4733", "info"},
    "all": {"inband", "rfc4733", "info"},
    "first": {"inband", "rfc4733", "info"},
}


# --- in the session description -------------------------------------------------------------------------------------------------


def shape(sound: Sound, sdp: Sdp, me: int, *, offer: bool) -> None:
    """What the other party is told of telephone events: none if it shall not get any, some if it shall although this one has none."""
    side, peer = sound.sides[me], sound.sides[1 - me]
    audio = sdp.audio
    if audio is None:
        return
    side.events = telephone_event(audio)
    if peer.settings.convertdtmf in {"inband", "info"} or (
        not offer and peer.events is None and side.settings.convertdtmf == "rfc4733"
    ):
        _drop(audio)
    elif offer and side.events is None and peer.settings.convertdtmf == "rfc4733":
        _add(audio, _free_payload(audio, peer.settings.defdtmfpayload), peer.settings)
    if (
        not offer
        and peer.events is not None
        and side.settings.convertdtmf in CONVERTED
        and telephone_event(audio) is None
    ):
        _add(audio, peer.events, side.settings)


def _drop(audio: Media) -> None:
    gone = {str(one.payload) for one in audio.rtpmaps.values() if one.encoding.lower() == "telephone-event"}
    kept = [one for one in audio.formats if one not in gone]
    if kept and len(kept) < len(audio.formats):
        audio.set_formats(kept)


def _add(audio: Media, payload: int, settings: Settings) -> None:
    audio.add_format(
        str(payload), f"rtpmap:{payload} telephone-event/8000", f"fmtp:{payload} 0-{settings.maxdtmfdigit}"
    )


def _free_payload(audio: Media, wanted: int) -> int:
    taken: set[int] = {int(one) for one in audio.formats if one.isdecimal()} | set(audio.rtpmaps)
    return next((one for one in (wanted, *range(96, 128)) if one not in taken), wanted)


# --- in the stream --------------------------------------------------------------------------------------------------------------


def connect(call: Call) -> None:
    """The call is answered: put what converts between the parties."""
    sound = call.sound
    if sound is None or sound.session is None:
        return
    for me in (CALLER, CALLED):
        wanted = wanted_of(sound.sides[me], sound.sides[1 - me])
        if wanted is None:
            continue
        hearer = sound.session.streams[0][1 - me]
        relay = call.board.relay
        made = Conversion(wanted, send=hearer.send, later=relay.later, clock=relay.clock)
        made.on_digit = partial(_heard, call, me, made)
        sound.conversions[me] = made
        sound.session.streams[0][me].convert(made)


def wanted_of(side: Side, peer: Side) -> Wanted | None:
    """What is to be done with the DTMF of a party; None: it is passed on as it comes."""
    timing = timing_of(peer.settings)
    match peer.settings.convertdtmf:
        case "inband":
            return Wanted(side.events, None, tone=True, drop=True, timing=timing)
        case "also_inband":
            both = peer.events if peer.events is not None else side.events
            return Wanted(both, peer.events, tone=True, drop=peer.events is None, timing=timing)
        case "rfc4733":
            heard = side.events is not None
            return Wanted(peer.events if heard else None, peer.events, detect=not heard, timing=timing)
        case "info":
            return Wanted(side.events, None, drop=True, detect=side.events is None, timing=timing)
    return None


def timing_of(settings: Settings) -> Timing:
    """How digits are sent to an account (guide 6107-6114)."""
    return Timing(
        packets=settings.deftmfpacketcount,
        end_packets=settings.deftmfendpacketcount,
        packet_ms=settings.deftmfpackettime or 20,
        pause_ms=settings.deftmfdelay,
        sleep_ms=settings.deftmfsleep,
    )


def _heard(call: Call, me: int, conversion: Conversion, digit: str) -> None:
    """The conversion has recognised a digit."""
    sound = call.sound
    assert sound is not None
    call.board.now = call.board.clock()
    wanted = sound.sides[1 - me].settings.convertdtmf
    if wanted == "info":
        target: Leg | None = call.caller if me == CALLED else call.called
        if target is not None and call.state == "up":
            inform(target, digit, timing_of(sound.sides[1 - me].settings))
    elif wanted == "rfc4733" and conversion.wanted.detect:
        conversion.press(digit)


# --- by INFO --------------------------------------------------------------------------------------------------------------------


def inform(leg: Leg, digit: str, timing: Timing) -> None:
    """Tell a party a digit by INFO."""
    body = f"Signal={digit}\r\nDuration={timing.packets * timing.packet_ms}\r\n".encode()
    Asked(leg, "INFO", (("Content-Type", RELAY),), body, lambda _response: None).send()


def digit_of(request: Request) -> str:
    """The digit that an INFO brings; "" when it brings something else."""
    if request.method != "INFO" or request.content_type not in {RELAY, PLAIN}:
        return ""
    pattern = (
        _SIGNAL.search(request.body) if request.content_type == RELAY else _DIGIT.fullmatch(request.body)
    )
    if pattern is None:
        return ""
    text = pattern.group(1).decode().upper()
    return _NUMBERED.get(text, text)


def taken(call: Call, leg: Leg, request: Request) -> bool:
    """A digit by INFO: tell who listens, convert it; whether that is all, and nothing goes on to the other party."""
    sound, digit = call.sound, digit_of(request)
    if sound is None or not digit:
        return False
    me = CALLER if leg.is_caller else CALLED
    for listener in tuple(sound.listeners[me]):
        listener(digit, "info")
    wanted = sound.sides[1 - me].settings.convertdtmf
    conversion = sound.conversions[me]
    if conversion is not None and wanted in {"inband", "also_inband", "rfc4733"}:
        conversion.press(digit)
        return wanted != "also_inband"
    return wanted == "no_info"


# --- listening ------------------------------------------------------------------------------------------------------------------


def listen(call: Call, leg: Leg, on_digit: Callable[[str], None]) -> Callable[[], None]:
    """Tell every digit of a party, by the ways of its account's setting `ivrdtmfmethod`; what is answered stops it.

    Whatever is converted besides, the party's own stream is heard. A stream that rtpengine carries is not heard here,
    its digits come by INFO only.
    """
    sound = call.sound
    assert sound is not None
    me = CALLER if leg.is_caller else CALLED
    method = sound.sides[me].settings.ivrdtmfmethod
    ways = METHODS[method]
    first: list[str] = []

    def told(digit: str, way: str) -> None:
        if way not in ways:
            return
        if method == "first":
            first[:] = first or [way]
            if way != first[0]:
                return
        on_digit(digit)

    sound.listeners[me].append(told)
    tap = None if sound.session is None else _tap(sound, me, ways, told)
    if tap is not None and sound.session is not None:
        sound.session.streams[0][me].attach(tap)

    def stop() -> None:
        sound.listeners[me].remove(told)
        if tap is not None and sound.session is not None:
            sound.session.streams[0][me].detach(tap)

    return stop


def _tap(sound: Sound, me: int, ways: set[str], told: Listener) -> Callable[[bytes, float], None]:
    peer = sound.sides[1 - me].events
    kind = peer if peer is not None else sound.sides[me].events
    listener = events.Listener(kind) if kind is not None and "rfc4733" in ways else None
    detector = tones.Detector() if "inband" in ways else None

    def tap(data: bytes, _now: float) -> None:
        if listener is not None and (digit := listener.digit(data)):
            told(digit, "rfc4733")
        if detector is not None and len(data) > 12 and (codec := data[1] & 0x7F) in g711.DECODED:
            for digit in detector.feed(g711.decode(events.payload_of(data), codec)):
                told(digit, "inband")

    return tap
