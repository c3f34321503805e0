"""Session descriptions on their way through a call: as they are when media is direct, else led over the relay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from switch.media import PortsExhausted, Silence
from switch.sip.message import Message
from switch.sip.sdp import BadSdp, Media, Sdp

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.call.model import Target
    from switch.media import Session

SDP_TYPE = "application/sdp"
_AUDIO = re.compile(rb"^m=audio [0-9/]+ \S+ ([0-9]+)", re.MULTILINE)
_STATIC = {b"0": "PCMU", b"3": "GSM", b"4": "G723", b"8": "PCMA", b"9": "G722", b"15": "G728", b"18": "G729"}

__all__ = ["BadSdp", "PortsExhausted", "close", "codec_of", "has_sdp", "open_relay", "passed"]


def has_sdp(message: Message) -> bool:
    """Whether the message carries an offer or an answer."""
    return bool(message.body) and message.content_type == SDP_TYPE


def open_relay(call: Call, target: Target) -> None:
    """Take ports for the call when its caller or this target asks for the relay. Raises PortsExhausted.

    Once relayed, always relayed: the caller may have heard of our ports already.
    """
    assert call.decision is not None
    if call.session is None and "relay" in (call.decision.media, target.account.media):
        call.session = call.board.relay.open(call.id)


def passed(call: Call, message: Message, source: Leg) -> bytes:
    """The body as the other party shall see it. Raises BadSdp for one that cannot be relayed."""
    if not has_sdp(message):
        return message.body
    source.described = message.body
    body = _led(call, message, source)
    other = call.called if source.is_caller else call.caller
    return body if other is None or other.origin is None else other.origin.speak(body)


def _led(call: Call, message: Message, source: Leg) -> bytes:
    session = call.session
    if session is None:
        return message.body
    sdp = Sdp.parse(message.body)
    heard, shown = (session.caller, session.called) if source.is_caller else (session.called, session.caller)
    audio = sdp.audio
    heard.expect(
        *_place(audio),
        rtcp=(audio.address, audio.rtcp_port) if audio is not None and not _nowhere(audio) else None,
        signalling=source.flow.host,
        symmetric=source.phone,
    )
    host, port = shown.local
    sdp.relay(host, [port if media is audio else 0 for media in sdp.media])
    call.held[source.is_caller] = sdp.held
    session.held = any(call.held)
    return sdp.encode()


def _place(audio: Media | None) -> tuple[str | None, int]:
    return (None, 0) if audio is None else (audio.address, audio.port)


def _nowhere(audio: Media) -> bool:
    return audio.address in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def watch(call: Call) -> None:
    """From the answer on, silence ends the call, as the settings say (guide 4874-4875)."""
    session = call.session
    if session is None:
        return
    settings = call.board.world().settings_of(call.account)
    session.watch(
        lambda _session, silence: call.silent(silence),
        stopped=settings.rtp_timeout_seconds or float("inf"),
        never_started=settings.rtp_start_timeout_seconds or float("inf"),
    )


def close(session: Session | None) -> list[int]:
    """Give the ports back; packets to the called, to the caller, and lost of both."""
    if session is None:
        return [0, 0, 0]
    caller, called = session.caller.report(), session.called.report()
    session.close()
    return [caller.packets, called.packets, caller.lost + called.lost]


def codec_of(body: bytes) -> str:
    """The name of the first audio format of an answer; "" when there is none."""
    match = _AUDIO.search(body)
    if match is None:
        return ""
    payload = match.group(1)
    place = body.find(b"a=rtpmap:" + payload + b" ")
    if place < 0:
        return _STATIC.get(payload, payload.decode())
    name = body[place + 10 + len(payload) : place + 42 + len(payload)]
    return re.split(rb"[/\r\n]", name, maxsplit=1)[0].decode("ascii", "replace")


def describe(silence: Silence) -> str:
    """In words, for the record."""
    return f"media {silence.value}"
