"""From whom to whom a call was turned before it comes here, and by us: Diversion (RFC 5806) and History-Info (RFC 7044).

Whoever forwards a call (forwards, 3xx, ring groups) calls `divert`; each INVITE that goes out then says so, as the called account's
`diversion` wants it. What the caller's INVITE already said goes on when it comes from a trusted party.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from switch.call.identity import escaped
from switch.sip.message import BadMessage, Header, Request

if TYPE_CHECKING:
    from switch.call.call import Call

MOST = 10
"""Entries that go on; older ones are left out (a call that was turned more often goes round in a circle)."""
LONGEST = 512
CAUSES = {
    "unconditional": 302, "user-busy": 486, "no-answer": 408, "unavailable": 404, "deflection": 480, "away": 503,
}  # fmt: skip
"""Reasons of a Diversion and the causes of RFC 4458 §2."""
_INDEX = re.compile(r";\s*index\s*=\s*([0-9.]{1,64})", re.IGNORECASE)


class Diverted(NamedTuple):
    """One turn: by whom, to whom, and why (a key of `CAUSES`). `private`: who turned it does not want to be shown."""

    by: str
    to: str
    reason: str
    private: bool = False


def divert(call: Call, by: str, to: str, reason: str, *, private: bool = False) -> None:
    """Note that `by`, who was called, turned the call to `to`. ValueError for a reason that nobody knows."""
    if reason not in CAUSES:
        raise ValueError(f"{reason!r} is no reason of a diversion")
    call.diverted = (*call.diverted, Diverted(by, to, reason, private))


def headers(call: Call, wanted: str, host: str, *, trusted: bool) -> list[Header]:
    """What an INVITE says of it; `wanted`: none, diversion, history or both; `trusted`: whether the caller is."""
    if wanted == "none":
        return []
    found: list[Header] = []
    if wanted in {"diversion", "both"}:
        ours = [
            _diversion(one, host) for one in reversed(call.diverted)
        ]  # the last turn stands first (RFC 5806 §4)
        found += [
            ("Diversion", value) for value in [*ours, *_received(call.invite, "Diversion", trusted)][:MOST]
        ]
    if wanted in {"history", "both"}:
        known = _received(call.invite, "History-Info", trusted)
        found += [("History-Info", value) for value in [*known, *_history(call, known, host)][-MOST:]]
    return found


def _received(invite: Request, name: str, trusted: bool) -> list[str]:
    if not trusted or invite.get(name) is None:
        return []
    try:
        return [one for one in invite.members(name) if len(one) <= LONGEST]
    except BadMessage:
        return []


def _diversion(one: Diverted, host: str) -> str:
    privacy = "full" if one.private else "off"
    return f"<sip:{escaped(one.by)}@{host}>;reason={one.reason};counter=1;privacy={privacy}"


def _history(call: Call, known: list[str], host: str) -> list[str]:
    """Entries for our turns: who was called first, then each target below the one before it (RFC 7044 §5, RFC 4458)."""
    if not call.diverted:
        return []
    found = []
    match = _INDEX.search(known[-1]) if known else None
    index = match.group(1).strip(".") if match else ""
    if not index:
        index = "1"
        first = call.diverted[0]
        found.append(f"<sip:{escaped(first.by)}@{host}{_why(first)}>;index=1")
    for place, one in enumerate(call.diverted):
        index += ".1"
        following = call.diverted[place + 1] if place + 1 < len(call.diverted) else None
        why = _why(following) if following is not None else ""
        found.append(
            f"<sip:{escaped(one.to)}@{host};cause={CAUSES[one.reason]}{why}>;index={index};mp={index[:-2]}"
        )
    return found


def _why(one: Diverted) -> str:
    """Why this target was left again, as headers of its URI; privacy stands there too (RFC 7044 §10.1)."""
    private = "&Privacy=history" if one.private else ""
    return f"?Reason=SIP%3Bcause%3D{CAUSES[one.reason]}{private}"
