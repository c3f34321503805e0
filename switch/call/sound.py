"""What is decided about the media of one call, and what is known of it while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from switch.media import Handling, Mode, Own, Party, Session, Way, behind_nat, decide, merged
from switch.sip.codecs import G711, CodecRules, named
from switch.sip.grammar import BadValue
from switch.sip.sdp import BadSdp, Sdp
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Target
    from switch.world.settings import Settings

CALLER, CALLED = 0, 1


@dataclass(slots=True)
class Side:
    """One party's share. `source`: the address its messages come from, or go to."""

    settings: Settings
    source: str
    phone: bool
    held: bool = False

    @property
    def handling(self) -> Handling:
        return Handling(self.settings.nathandling)

    @property
    def own(self) -> Own:
        return Own(self.settings.nataddrtype)

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
    session: Session | None = None
    late: bool = False
    """The last INVITE had no offer: its answer brings one."""
    early: bool = True
    """Whether the called's SDP goes to the caller before the answer."""
    withheld: bytes = b""
    """The SDP that did not."""
    passing: tuple[bool, bool] = field(default=(True, True))
    """Whose sound passes the relay before the answer."""

    @property
    def label(self) -> str:
        """For the record and the live view."""
        return "relay" if self.session is not None else "direct"


def planned(call: Call, target: Target) -> Sound:
    """What the accounts of the caller and of this target want of the call's media."""
    world = call.board.world()
    caller = Side(world.settings_of(call.account), call.caller.flow.host, call.caller.phone)
    called = Side(world.settings_of(target.account), _host_of(call, target), target.trunk is None)
    mode = merged(Mode(caller.settings.routertpcaller), Mode(called.settings.routertpcalled))
    if mode in {Mode.ALWAYS, Mode.BYPASS, Mode.CORRECT}:
        way = decide(mode, _NOWHERE, _NOWHERE)
    else:
        way = decide(mode, _caller_party(call, caller), _called_party(call, target, called))
    rules = (
        () if mode is Mode.BYPASS else tuple(filter(None, map(_rules, (caller.settings, called.settings))))
    )
    return Sound(
        way,
        (caller, called),
        rules,
        early=all(_early_sdp(side.settings) for side in (caller, called)),
        passing=(
            not (caller.settings.blockearlymedia_in or called.settings.blockearlymedia_in),
            all(side.settings.blockearlymedia not in {"audio", "all"} for side in (caller, called)),
        ),
    )


_NOWHERE = Party()


def _early_sdp(settings: Settings) -> bool:
    return settings.earlystart and settings.blockearlymedia not in {"sdp", "all"}


# --- where they are -------------------------------------------------------------------------------------------------------------


def _caller_party(call: Call, side: Side) -> Party:
    """By the address of its offer; without one by its Contact."""
    return Party(side.source, _nat(side, [_named(call)]))


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
    return Party(side.source, _nat(side, named))


def _nat(side: Side, named: list[str | None]) -> bool:
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
