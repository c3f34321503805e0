"""What is decided about the media of one call, and what is known of it while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from switch.call.measured import Measured
from switch.call.recorded import Recording, is_needed
from switch.media import (
    Conversion,
    Handling,
    Keys,
    Mode,
    NgSession,
    Own,
    Party,
    Session,
    Srtp,
    Way,
    behind_nat,
    decide,
    keys_for,
    merged,
    without_engine,
)
from switch.media.srtp import ENGINE
from switch.sip.codecs import G711, CodecRules, named
from switch.sip.grammar import BadValue
from switch.sip.message import Message, Request
from switch.sip.sdp import SENDONLY, BadSdp, Sdp
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.conference import Conference, Guest
    from switch.call.dialin import DialIn
    from switch.call.hold import Music
    from switch.call.model import Target
    from switch.call.playing import Playing
    from switch.world.settings import Settings

CALLER, CALLED = 0, 1
_OFFERED = {"internet": Own.PUBLIC, "lan": Own.PRIVATE}
"""Of `offerservicesfor`: which of our addresses all parties are told."""
CONVERTED = frozenset(("inband", "also_inband", "rfc4733", "info"))
"""Values of `convertdtmf` for which our own relay must carry the sound."""
Listener = Callable[[str, str], None]
"""A digit, and the way it came: "rfc4733", "info", "inband"."""


@dataclass(slots=True)
class Side:
    """One party's share. `source`: the address its messages come from, or go to."""

    settings: Settings
    source: str
    phone: bool
    held: bool = False
    protocol: str = ""
    """The profile of its last SDP, "" before the first; known of calls through rtpengine only, as `ice` is."""
    ice: bool = False
    silent: bool = False
    """It holds the other party, and sends nothing meanwhile."""
    stilled: bool = False
    """It offered to be inactive, and the other party was told otherwise (see `hold`)."""
    events: int | None = None
    """The payload type of telephone events in its last SDP."""

    def described(self, sdp: Sdp) -> None:
        """What its SDP says of holding the other party."""
        self.held = sdp.held
        self.silent = self.held and all(one.direction != SENDONLY for one in sdp.media if one.port)

    @property
    def handling(self) -> Handling:
        wanted = Handling(self.settings.nathandling)
        if wanted is Handling.AUTO and self.settings.allowlanpeers == "no":
            return Handling.PUBLIC
        return wanted

    @property
    def own(self) -> Own:
        wanted = Own(self.settings.nataddrtype)
        return _OFFERED.get(self.settings.offerservicesfor, wanted) if wanted is Own.AUTO else wanted

    @property
    def symmetric(self) -> bool:
        """Whether its media may come from anywhere (`checkrtpaddr`)."""
        wanted = self.settings.checkrtpaddr
        return wanted == "any" or (wanted == "auto" and self.phone)


@dataclass(slots=True)
class Sound:
    """The media of one call. `sides`: the caller and the called; of several phones that ring the first stands for all."""

    way: Way
    sides: tuple[Side, Side]
    rules: tuple[CodecRules, ...] = ()
    keys: Keys = Keys.AS_IS
    engine: bool = False
    """Whether rtpengine is to carry it."""
    needed: bool = False
    """Whether nothing else can: it must convert something."""
    session: Session | None = None
    ng: NgSession | None = None
    ready: tuple[Message, bytes | None, str] | None = None
    """What rtpengine has made of a message's SDP, or why nothing."""
    waiting: list[tuple[Message, Any, Callable[[], None]]] = field(default_factory=list)
    """Messages that rtpengine's answer is waited for with, the first asked for already (see `switch.call.engine`)."""
    late: bool = False
    """The last INVITE had no offer: its answer brings one."""
    early: bool = True
    """Whether the called's SDP goes to the caller before the answer."""
    measured: Measured = field(default_factory=Measured)
    """What rtpengine counted when it was asked last."""
    conversions: list[Conversion | None] = field(default_factory=lambda: [None, None])
    """What is done with the DTMF of caller and called."""
    listeners: list[list[Listener]] = field(default_factory=lambda: [[], []])
    """Who wants to hear the digits of caller and called, by whichever way they come."""
    playing: tuple[Playing, ...] = ()
    """Recordings that a party hears now."""
    away: frozenset[int] = frozenset()
    """Who talks with somebody else now, and hears nothing here."""
    music: list[Music | None] = field(default_factory=lambda: [None, None])
    """What the other hears while caller, or called, holds it."""
    ordering: tuple[Callable[[], None], ...] = ()
    """What ends listening to digits by which a party orders something (see `digits`)."""
    conference: Conference | None = None
    """Where its parties hear each other while somebody has joined them."""
    guest: Guest | DialIn | None = None
    """Of who is alone with us: its place in a call that it has joined, or what it is asked for."""
    before: Sound | None = None
    """What carries the parties until another one's place is taken (see `media.renew`)."""
    withheld: bytes = b""
    """The SDP that did not."""
    recording: Recording = field(default_factory=Recording)
    passing: tuple[bool, bool] = field(default=(True, True))
    """Whose sound passes the relay before the answer."""

    @property
    def label(self) -> str:
        """For the record and the live view."""
        if self.ng is not None:
            return "rtpengine"
        return "relay" if self.session is not None else "direct"

    def mute(self, up: bool) -> None:
        """Who hears a recording, or is away, does not hear the other party; `up`: the call is answered."""
        if self.session is not None:
            passing = (True, True) if up else self.passing
            deaf = self.away | {one.hearer for one in self.playing}
            self.session.let(passing[CALLER] and CALLED not in deaf, passing[CALLED] and CALLER not in deaf)

    def is_offer(self, message: Message) -> bool:
        """Whether its SDP is an offer: of a request but an ACK, or of the answer to an INVITE that had none (RFC 3261 §13.2.1).

        A PRACK answers the offer of a provisional answer when the INVITE had none (RFC 3262 §5).
        """
        if isinstance(message, Request):
            if message.method == "INVITE":
                self.late = not message.body
            return message.method != "ACK" and not (self.late and message.method == "PRACK")
        return self.late and message.cseq.method == "INVITE"

    def filter(self, offer: Sdp) -> None:
        """Apply the accounts' choice of codecs. BadSdp when nothing is left, or when SRTP is asked for and not there."""
        if self.keys is Keys.REFUSE:
            raise BadSdp("the policy of an account refuses this offer, with SRTP or for want of it")
        for rules in self.rules:
            rules.apply(offer)


def planned(call: Call, target: Target) -> Sound:
    """What the accounts of the caller and of this target want of the call's media."""
    world = call.board.world()
    caller = Side(world.settings_of(call.speaker), call.caller.flow.host, call.caller.phone)
    theirs = world.settings_of(target.account)
    if call.converting == target.account.id:
        theirs = theirs.but({"needcodeconversion": True})
    called = Side(theirs, _host_of(call, target), target.trunk is None)
    recorded = is_needed(call, caller.settings, called.settings)
    mode = merged(_MODES[caller.settings.routertpcaller], _MODES[called.settings.routertpcalled])
    available = bool(call.board.rtpengine.nodes.all)
    keys = _keys(call, target, caller, called, available)
    engine = available and (keys in ENGINE or called.settings.needcodeconversion)
    ordering = any(
        one.settings.dtmffeatures and one.settings.ivrdtmfmethod != "info" for one in (caller, called)
    )
    converted = (
        call.announcement is not None
        or ordering
        or not CONVERTED.isdisjoint((caller.settings.convertdtmf, called.settings.convertdtmf))
    )
    if mode in {Mode.ALWAYS, Mode.BYPASS, Mode.CORRECT}:
        way = decide(mode, _NOWHERE, _NOWHERE, needed=engine or converted or recorded)
    else:
        parties = _caller_party(call, caller), _called_party(call, target, called)
        way = decide(mode, *parties, needed=engine or converted or recorded)
    needed = engine
    secret = recorded and _offers_srtp(call.invite.body)
    passing = (
        not (caller.settings.blockearlymedia_in or called.settings.blockearlymedia_in),
        all(side.settings.blockearlymedia not in {"audio", "all"} for side in (caller, called)),
    )
    converted = converted or not all(passing)  # only our own relay keeps sound back
    if call.board.rtpengine.nodes.answering and way is Way.ROUTE and keys is Keys.AS_IS and not converted:
        wanted = (
            caller.settings.media_engine != "relay" and not recorded
        )  # our own relay hears what is not encrypted
        engine = engine or secret or wanted
    rules = (
        () if mode is Mode.BYPASS else tuple(filter(None, map(_rules, (caller.settings, called.settings))))
    )
    if call.asks_as_caller:
        caller, called, passing = called, caller, (passing[1], passing[0])
    return Sound(
        way,
        (caller, called),
        rules,
        keys,
        engine,
        needed,
        early=all(_early_sdp(side.settings) for side in (caller, called)),
        passing=passing,
    )


_NOWHERE = Party()
_MODES = {mode.value: mode for mode in Mode}
_PLAIN = frozenset(("accept", "auto", "bypass"))
"""Policies that leave an offer without SRTP alone."""


def _keys(call: Call, target: Target, caller: Side, called: Side, available: bool) -> Keys:
    """What the SRTP policies make of the caller's offer; the usual call, without SRTP, is seen to be one without reading its SDP."""
    body = call.invite.body
    secure = _offers_srtp(body)
    if not secure and caller.settings.srtp in _PLAIN and called.settings.srtp in _PLAIN:
        return Keys.AS_IS
    if not body:
        # The offer comes with the answer: what is required cannot be promised yet, and is asked for in our next offer.
        return Keys.AS_IS
    source, aim = Srtp(caller.settings.srtp), Srtp(called.settings.srtp)
    keys = keys_for(source, aim, secure=secure, carrier=target.trunk is not None)
    return keys if available else without_engine(keys, aim)


def _offers_srtp(body: bytes) -> bool:
    """The usual SDP, without SRTP, is seen to be one without reading it."""
    return (b"SAVP" in body or b"a=crypto:" in body or b"a=fingerprint:" in body) and _secure(body)


def _secure(body: bytes) -> bool:
    try:
        audio = Sdp.parse(body).audio
    except BadSdp:
        return False
    return audio is not None and audio.is_secure


def _early_sdp(settings: Settings) -> bool:
    return settings.earlystart and settings.blockearlymedia not in {"sdp", "all"}


# --- where they are -------------------------------------------------------------------------------------------------------------


def _caller_party(call: Call, side: Side) -> Party:
    """By the address of its offer; without one by its Contact."""
    return Party(side.source, behind(side, [_named(call)]))


def _named(call: Call) -> str | None:
    try:
        if call.invite.body:
            audio = Sdp.parse(call.invite.body).audio
            return audio.address if audio is not None else None
    except BadSdp:
        return None
    contact = call.invite.contact
    return contact.uri.address if contact is not None else None


def _called_party(call: Call, target: Target, side: Side) -> Party:
    """A phone by the Contact that it registered; a trunk is public unless its account says otherwise (guide 9912)."""
    named: list[str | None] = []
    if target.trunk is None:
        for binding in _bindings(call, target):
            try:
                host = Uri.parse(binding.uri).address
            except BadValue:
                continue
            if behind_nat(host, binding.flow.host):
                named.append(host)
    return Party(side.source, behind(side, named))


def behind(side: Side, named: list[str | None]) -> bool:
    """Whether the party is behind a NAT: as its account says, else by an address that it names (guide 1710-1712)."""
    known = side.settings.natdetected
    return known == "yes" or (known == "auto" and any(behind_nat(one, side.source) for one in named))


def _host_of(call: Call, target: Target) -> str:
    if target.trunk is not None:
        return target.trunk.host
    return next((one.flow.host for one in _bindings(call, target)), "")


def _bindings(call: Call, target: Target):  # type: ignore[no-untyped-def]  # Binding, of a module above this one
    return call.board.registrar.reachable(target.account.id, call.board.wall())


# --- codecs ---------------------------------------------------------------------------------------------------------------------


def _rules(settings: Settings) -> CodecRules | None:
    """What an account wants of the codecs; None for nothing, which is the usual case."""
    only: frozenset[str] = frozenset()
    if settings.onlyg711:
        only |= G711
    if settings.onlyg723 or settings.onlyg72x:
        only |= {"G723"}
    if settings.onlyg729 or settings.onlyg72x:
        only |= {"G729"}
    made = CodecRules(
        choose=named(settings.choosecodecs) if settings.choosecodecs else (),
        order=named(settings.codecorder) if settings.codecorder else (),
        only=only,
        block_g711=settings.block711,
        cut_g711=settings.cutg711,
    )
    return made or None
