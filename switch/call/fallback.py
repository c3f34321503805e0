"""Another try with more codecs, when who is called has none in common with the caller (guide 10834).

1. It answered 488 or 606, and gave no other reason than the media format (a Warning, RFC 3261 §20.43).
2. `transcodefallback` of its account allows it, rtpengine is there, and did not convert already.
3. The caller has not been told of any media yet. The same target is asked once more, over rtpengine, as if its account had
   `needcodeconversion`: the codecs of `convertcodecs` are offered beside the caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call import media

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.model import Target
    from switch.sip.message import Response

_REFUSALS = frozenset((488, 606))
_FORMATS = frozenset(("304", "305", "399"))
"""Warnings of a format or a type of media that is not there, and of reasons in words only."""


def wanted(call: Call, target: Target, refused: Branch | None, status: int) -> bool:
    """Whether the target is to be asked again with more codecs; then the call is marked for that."""
    board = call.board
    if (
        status not in _REFUSALS
        or refused is None
        or call.converting
        or call.caller.shown
        or not media.has_sdp(call.invite)
        or not board.rtpengine.nodes.answering
    ):
        return False
    settings = board.world().settings_of(target.account)
    if settings.needcodeconversion or not settings.transcodefallback or not _for_formats(refused.refusal):
        return False
    call.converting = target.account.id
    return True


def _for_formats(refusal: Response | None) -> bool:
    warnings = [] if refusal is None else refusal.members("Warning")
    return not warnings or any(one.strip()[:3] in _FORMATS for one in warnings)
