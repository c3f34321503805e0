"""Calls whose media goes through rtpengine: what it is asked, and how a call waits for its answer.

rtpengine answers a moment later, and the call's logic wants an SDP at once. So a message with an SDP is held back
until rtpengine has rewritten it, and what comes for the same call meanwhile waits behind it, in order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from switch.call import hold
from switch.call.alarms import Alarm
from switch.call.causes import OVERLOAD
from switch.call.measured import of_rtpengine
from switch.call.resume import resume
from switch.call.sound import CALLED, CALLER, Side, Sound
from switch.media import UNSPECIFIED, Keys, PortsExhausted, Silence, reachable
from switch.sip.codecs import named
from switch.sip.message import Message, Request, Response
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg

log = logging.getLogger("switch.call")

SDP_TYPE = "application/sdp"
EVERY = 5.0
"""Seconds between two looks at whether media flows."""
_SUITES = (
    "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32",
    "AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
    "F8_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_32", "NULL_HMAC_SHA1_80", "NULL_HMAC_SHA1_32",
)  # fmt: skip
_AS_REGISTERED = {
    "AES_CM_256_HMAC_SHA1_80": "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_256_HMAC_SHA1_32": "AES_256_CM_HMAC_SHA1_32",
}
"""The guide's spelling of two suites, and IANA's (RFC 6188)."""
_CODECS = {"OPUS": "opus/48000/2", "SPEEX": "speex/8000", "G726": "G726-32"}
"""Codecs that rtpengine must be told more of than the name."""


def held_back(call: Call, message: Message, leg: Leg, go: Callable[..., None], *arguments: object) -> bool:
    """Whether `go` will be called later, once rtpengine has rewritten the message's SDP; else it is the caller's to call."""
    sound = call.sound
    if sound is None or sound.ng is None:
        return False
    wanted = bool(message.body) and message.content_type == SDP_TYPE and _is_used(call, leg, message)
    if not sound.waiting and not wanted:
        return False
    _wait(call, sound, message, leg if wanted else None, partial(go, *arguments))
    return True


def rewritten(call: Call, message: Message, leg: Leg, go: Callable[[], None]) -> None:
    """`go` once a description that we pass on by ourselves (not by a bridge) is as the other party shall see it."""
    sound = call.sound
    if sound is None or sound.ng is None or not message.body:
        go()
    else:
        _wait(call, sound, message, leg, go)


def _wait(call: Call, sound: Sound, message: Message, leg: Leg | None, go: Callable[[], None]) -> None:
    sound.waiting.append((message, leg, go))
    if len(sound.waiting) == 1:
        _first(call, sound)


def prepare(call: Call, go: Callable[[], None]) -> None:
    """Before a target is dialled: the caller's offer as that target shall see it, then `go`."""
    sound = call.sound
    if sound is None or sound.ng is None:
        go()
        return
    sound.ng.another_target()
    if not held_back(call, call.invite, call.caller, go):
        go()


def _first(call: Call, sound: Sound) -> None:
    """The first of those that wait; those after it that need no SDP go along at once."""
    while sound.waiting:
        message, leg, _go = sound.waiting[0]
        if leg is not None:
            _ask(call, sound, message, leg)
            return
        _release(call, sound)


def _do_without(call: Call, sound: Sound, why: str) -> None:
    """The first offer was not taken: our own relay carries the call if it can, else the call has no media and is refused."""
    if sound.needed:
        call.refuse(OVERLOAD, comment=why)
        return
    relay = call.board.relay
    caller, called = (relay.host_for(side.source) for side in sound.sides)
    try:
        sound.session = relay.open(call.id, hosts=(caller, called))
    except PortsExhausted as error:
        call.refuse(OVERLOAD, comment=str(error))
        return
    sound.ng = None
    sound.session.let(*sound.passing)


def _release(call: Call, sound: Sound) -> None:
    """Handle it; whatever comes of that stands behind it meanwhile."""
    try:
        resume(call, sound.waiting[0][2])
    finally:
        sound.waiting.pop(0)


def _is_used(call: Call, leg: Leg, message: Message) -> bool:
    """Whether the call will ask for this SDP: not of answers that come too late, nor of requests that are refused anyway."""
    if call.state == "over":
        return False
    if isinstance(message, Request):
        return (
            message.method == "ACK" or message is call.invite or (leg.asking is None and leg.serving is None)
        )
    if not isinstance(message, Response) or message.status >= 300:
        return False
    branch = next((one for one in call.branches if one is leg), None)
    if branch is not None and call.called is None:
        return not branch.given_up and (message.status >= 200 or len(call.branches) == 1)
    return leg.is_caller or leg is call.called


def _ask(call: Call, sound: Sound, message: Message, leg: Leg) -> None:
    def told(body: bytes | None, why: str) -> None:
        call.board.now = call.board.clock()
        if body is None:
            log.warning("call=%s media: %s", call.id, why)
        sound.ready = (message, body, why)
        if body is None and message is call.invite:
            _do_without(call, sound, why)
        _release(call, sound)
        _first(call, sound)

    assert sound.ng is not None
    try:
        sdp = Sdp.parse(message.body)
        offer = sound.is_offer(message)
        if offer:
            sound.filter(sdp)
        given = sound.sides[CALLER if leg.is_caller else CALLED]
        given.described(sdp)
        hold.shape(call, sound, sdp, CALLER if leg.is_caller else CALLED, offer=offer)
        fields = fields_of(call, sound, sdp, leg, offer=offer)
    except BadSdp as error:
        told(None, str(error))
        return
    give = sound.ng.offer if offer else sound.ng.answer
    give(sdp.encode(), leg.is_caller, fields, told)


# --- silence --------------------------------------------------------------------------------------------------------------------


class Watch:
    """From the answer on: silence for too long ends the call, as with our own relay. rtpengine is asked every few seconds."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.sound = call.sound
        self.packets = 0
        self.heard = False
        self.since = call.board.now
        self.alarm = Alarm(self._look)
        self._later()

    def _later(self) -> None:
        self.call.board.alarms.set(self.alarm, self.call.board.now + EVERY)

    def _look(self) -> None:
        sound = self.call.sound
        if self.call.state == "up" and sound is self.sound and sound is not None and sound.ng is not None:
            sound.ng.query(self._told)

    def _told(self, reply: dict[str, Any]) -> None:
        call = self.call
        call.board.now = call.board.clock()
        if call.state != "up" or call.sound is None or call.sound is not self.sound:
            return  # over, or it goes on elsewhere, which is watched too
        packets = packets_of(reply)
        if call.sound.ng is not None:
            call.sound.measured = of_rtpengine(reply, call.sound.ng, call.codec)
        if packets != self.packets or any(side.held for side in call.sound.sides):
            self.heard = self.heard or packets != self.packets
            self.packets, self.since = packets, call.board.now
        settings = call.board.world().settings_of(call.account)
        most = settings.rtp_timeout_seconds if self.heard else settings.rtp_start_timeout_seconds
        if most and call.board.now - self.since >= most:
            call.silent(Silence.STOPPED if self.heard else Silence.NEVER_STARTED)
        else:
            self._later()


def packets_of(reply: dict[str, Any]) -> int:
    """RTP packets that a node has had of a call; 0 when it does not say."""
    try:
        return int(reply["totals"]["RTP"]["packets"])
    except (KeyError, TypeError, ValueError):
        return 0


# --- what rtpengine is told -----------------------------------------------------------------------------------------------------


def fields_of(call: Call, sound: Sound, sdp: Sdp, leg: Leg, *, offer: bool) -> dict[str, Any]:
    """The parts of an ng command that depend on the two accounts."""
    me, other = (CALLER, CALLED) if leg.is_caller else (CALLED, CALLER)
    side, peer = sound.sides[me], sound.sides[other]
    audio = sdp.audio
    side.ice = any(part.attributes("candidate") for part in sdp.media)
    if audio is not None:
        side.protocol = audio.protocol
    fields: dict[str, Any] = {
        "replace": ["origin", "session-connection"],
        "flags": ["port-latching" if side.symmetric else "trust-address"],
        "ICE": "force" if peer.ice else "remove",
    }
    if audio is not None and audio.address not in UNSPECIFIED:
        address = reachable(audio.address, leg.flow.host, side.handling, call.board.relay.own)
        if address != audio.address:
            fields["received-from"] = ["IP6" if ":" in address else "IP4", address]
    if offer:
        fields["TOS"] = call.board.relay.dscp << 2
        _transport(sound, side, peer, fields)
        _codecs(side, peer, fields)
    return fields


def _transport(sound: Sound, side: Side, peer: Side, fields: dict[str, Any]) -> None:
    """The profile for the other party: what it spoke before, else what the policies say."""
    if peer.protocol:
        fields["transport-protocol"] = peer.protocol
    elif sound.keys is Keys.DECODE:
        fields["transport-protocol"] = "RTP/AVPF" if side.protocol.endswith("F") else "RTP/AVP"
    elif sound.keys is Keys.ENCRYPT or (sound.keys is Keys.BOTH and side.protocol.startswith("RTP/AVP")):
        dtls = peer.settings.srtp_keys == "dtls"
        fields["transport-protocol"] = "UDP/TLS/RTP/SAVP" if dtls else "RTP/SAVP"
    secured = fields.get("transport-protocol", side.protocol)
    if "TLS" in secured:
        fields["SDES"] = ["off"]
    elif "SAVP" in secured:
        fields["DTLS"] = "off"
        fields["SDES"] = _suites(peer)


def _suites(peer: Side) -> list[str]:
    wanted = _AS_REGISTERED.get(peer.settings.def_srtp_alg, peer.settings.def_srtp_alg)
    options = [f"no-{one}" for one in _SUITES if one != wanted]
    return options if peer.settings.srtp_auth else [*options, "unauthenticated_srtp"]


def _codecs(side: Side, peer: Side, fields: dict[str, Any]) -> None:
    """What is offered although the offering party does not have it (guide 10838-10848)."""
    settings = peer.settings
    if not settings.needcodeconversion:
        return
    allowed = named(settings.convertcodecs)
    wanted = [name for name in named(settings.choosecodecs) if name in allowed]
    forced = settings.convertcodecsforced or bool(wanted)
    codecs: dict[str, Any] = {"transcode": [_CODECS.get(name, name) for name in wanted or allowed]}
    if forced:
        codecs["mask"] = ["all"]
    fields["codec"] = codecs
