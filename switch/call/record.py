"""The lines that a call leaves in the journal (format: `switch.charging`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from switch.call.causes import Cause

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.measured import Measured

Line = dict[str, Any]
LONGEST_COMMENT = 500


def up(call: Call) -> Line:
    """The call was answered: all that is needed to bill it if nothing more is ever heard of it."""
    return {"k": "up", "id": call.id, "authorised": call.authorised, **_facts(call)}


def authorised(call: Call) -> Line:
    """More (or, while the database is away, everything) was authorised since the call was answered."""
    return {"k": "up", "id": call.id, "authorised": call.authorised, **_used(call)}


def _used(call: Call) -> Line:
    """What allowances have granted: free seconds of each, and which one pays in place of the account."""
    found: Line = {}
    if call.free:
        found["free"] = [list(one) for one in call.free.items()]
    if call.packet and call.decision is not None and call.decision.free is not None:
        found["packet"] = call.decision.free.packet
    return found


def end(
    call: Call, cause: Cause, *, by: str, status: int, ended: float, media: Measured, comment: str
) -> Line:
    """The call is over. Of an answered call only what `up` did not say."""
    line: Line = {
        "k": "end",
        "id": call.id,
        "ended": ended,
        "authorised": call.authorised,
        "status": status,
        "q850": cause.q850,
        "cause": cause.name,
        "by": by,
        "rtp": list(media.rtp),
        "quality": media.quality,
        "comment": clean(comment)[:LONGEST_COMMENT],
    }
    return line if call.answered is not None else {**_facts(call), **line}


def told(detail: str, trace: Sequence[str]) -> str:
    """Why it ended so, for the page of the record: the reason first, then what was found on the way to it."""
    steps = [step for step in trace if detail not in step or not detail]
    return " | ".join([*([detail] if detail else []), *steps])


def _facts(call: Call) -> Line:
    request, decision, branch = call.request, call.decision, call.called or call.last
    target = call.reached or (branch.target if branch is not None else None)
    carrier = target is not None and target.kind == "carrier"
    answered = call.answered
    setup = (answered if answered is not None else call.wall_now()) - call.started
    line: Line = {
        "started": call.started,
        "answered": answered,
        "caller_address": f"{request.source_host}:{request.source_port}",
        "original": clean(request.original or request.called)[:128],
        "dialled": target.number if target is not None else "",
        "carrier": target.account.id if target is not None and carrier else None,
        "login": target.login or None if target is not None else None,
        "called_account": target.account.id if target is not None and not carrier else None,
        "called_address": branch.address if branch is not None else "",
        "rule": target.rule if target is not None else "",
        "attempts": call.attempts,
        "cost": target.cost.as_list() if target is not None and target.cost is not None else None,
        "setup_ms": max(0, int(setup * 1000)),
        "pdd_ms": None if call.ringing_at is None else max(0, int((call.ringing_at - call.started) * 1000)),
        "media": call.sound.label if call.sound is not None else "direct",
        "codec": call.codec,
        "sip_call_id": clean(request.sip_call_id)[:255],
    }
    if decision is not None:
        return {**line, **decision.as_json(), **_used(call)}
    return {
        **line,
        "caller": call.account.id,
        "caller_number": clean(request.from_user)[:64],
        "called_number": clean(request.called)[:64],
        "destination": "",
        "reseller": None,
        "payers": [],
        "other_prices": [],
        "world": call.world_version,
    }


def clean(text: str) -> str:
    """What a peer wrote, as text that a database takes: no NUL, no broken UTF-8."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "�")
