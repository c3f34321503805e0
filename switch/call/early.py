"""What a caller hears of provisional answers before the call begins (guide 1842-1844)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import media
from switch.sip.message import Response

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call


def as_told(call: Call, response: Response, branch: Branch) -> Response:
    """The 18x of a target as the caller's and (where it says `called`) the target's account want it told.

    `forwardearlystart=no` leaves its session description out, which the caller then gets with the 2xx; an offer, which wants an
    answer, stays. `changesptoring` makes 180 of 183: a caller that plays no early media rings then.
    """
    settings = call.board.world().settings_of(call.account)
    if settings.forwardearlystart == "yes" and settings.changesptoring == "no":
        return response
    theirs = call.board.world().settings_of(branch.target.account)
    early = theirs.forwardearlystart if settings.forwardearlystart == "called" else settings.forwardearlystart
    ring = theirs.changesptoring if settings.changesptoring == "called" else settings.changesptoring
    silent = early == "no" and media.has_sdp(call.invite)
    if response.status == 183 and ring == "yes":
        changed = Response(180, None, list(response.headers), response.body)
    elif silent:
        changed = Response(response.status, response.reason, list(response.headers), response.body)
    else:
        return response
    if silent:
        changed.body = b""
        changed.remove("Content-Type")
    return changed
