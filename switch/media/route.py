"""Whether the media of a call goes through the switch: the guide's RouteRtpCaller and RouteRtpCalled (1673-1702, 9922-9935)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """What an account wants; the guide's number behind each."""

    PEER = "peer"
    """0: what the other party's account says."""
    BYPASS = "bypass"
    """1: neither SDP nor RTP is touched."""
    CORRECT = "correct"
    """2: addresses in the SDP are corrected, RTP is never routed."""
    BOTH_NAT = "both_nat"
    """3: routed when both parties are behind a NAT."""
    CALLER_NAT = "caller_nat"
    """4: routed when the caller is behind a NAT."""
    CALLED_NAT = "called_nat"
    """5: routed when the called is behind a NAT."""
    ANY_NAT = "any_nat"
    """6: routed when any party is behind a NAT."""
    ALWAYS = "always"
    """7: always routed."""


class Way(StrEnum):
    """What is done with one call."""

    BYPASS = "bypass"
    CORRECT = "correct"
    ROUTE = "route"


Situation = tuple[bool, bool]
"""Caller behind a NAT, called behind a NAT."""
_CALLER, _CALLED, _BOTH = (True, False), (False, True), (True, True)
_ROUTED: Final[dict[Mode, frozenset[Situation]]] = {
    Mode.CORRECT: frozenset(),
    Mode.BOTH_NAT: frozenset((_BOTH,)),
    Mode.CALLER_NAT: frozenset((_CALLER, _BOTH)),
    Mode.CALLED_NAT: frozenset((_CALLED, _BOTH)),
    Mode.ANY_NAT: frozenset((_CALLER, _CALLED, _BOTH)),
}
"""The situations in which each mode routes: the stricter of two modes is the one that routes in more of them."""


@dataclass(frozen=True, slots=True)
class Party:
    """Where a party stands. `source`: the address its messages come from, or go to."""

    source: str = ""
    nat: bool = False


def merged(caller: Mode, called: Mode) -> Mode:
    """One mode out of the caller's and the called's.

    1. PEER takes the other's; PEER on both sides is BOTH_NAT, which the guide recommends.
    2. ALWAYS or BYPASS of either holds whatever the other says. The guide does not say who wins when they meet:
       ALWAYS does, for a peer that needs the relay has no sound without it.
    3. Else the stricter one: what routes in all situations in which either of them does.
    """
    if caller is Mode.PEER:
        caller = called
    if called is Mode.PEER:
        called = caller
    if caller is Mode.PEER:
        return Mode.BOTH_NAT
    for absolute in (Mode.ALWAYS, Mode.BYPASS):
        if absolute in {caller, called}:
            return absolute
    wanted = _ROUTED[caller] | _ROUTED[called]
    return next(mode for mode, routed in _ROUTED.items() if routed == wanted)


def decide(mode: Mode, caller: Party, called: Party, *, needed: bool = False) -> Way:
    """What is done with a call. `needed`: something in the switch must hear the media, so it is routed whatever the mode (guide 9913)."""
    if needed or mode is Mode.ALWAYS:
        return Way.ROUTE
    if mode is Mode.BYPASS:
        return Way.BYPASS
    if mode is Mode.CORRECT:
        return Way.CORRECT
    if same_nat(caller, called):
        return Way.BYPASS
    return Way.ROUTE if (caller.nat, called.nat) in _ROUTED[mode] else Way.CORRECT


def same_nat(caller: Party, called: Party) -> bool:
    """Both behind the same NAT: they reach each other by their local addresses (guide 9904, 9935)."""
    return caller.nat and called.nat and caller.source == called.source
