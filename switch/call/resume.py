"""A call that goes on because something outside of SIP has answered: rtpengine, Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.call.causes import INTERNAL

if TYPE_CHECKING:
    from switch.call.call import Call

log = logging.getLogger("switch.call")


def resume(call: Call, go: Callable[[], None]) -> None:
    """Go on, now; what `go` raises is a defect, and ends this call only."""
    board = call.board
    board.now = board.clock()
    try:
        go()
    except Exception:
        board.counters.failures += 1
        log.exception("call=%s handling failed", call.id)
        call.hang_up(INTERNAL)
