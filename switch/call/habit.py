"""What is remembered of a call when it begins and ends: of its address, and of wrong numbers (`switch.habits`, `switch.addresses`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from apps.pricing.engine import rate
from switch.call.stages.money import PACKET, RETAIL

if TYPE_CHECKING:
    from switch.call.call import Call

WRONG = frozenset((404, 484, 604))
"""Statuses that say that there is no such number."""


def began(call: Call) -> None:
    """A call of an account that is limited by address counts from its beginning."""
    call.board.usage.addresses.began(call.request.source_host)


def ended(call: Call, status: int, seconds: float) -> None:
    """What it has come to."""
    board, decision = call.board, call.decision
    settings = board.world().settings_of(call.account)
    if decision is not None and settings.usewrongnumfilter and call.answered is None and status in WRONG:
        board.usage.habits.dialled_wrong(call.account.id, decision.called, settings.wrongnumcache)
    if call.answered is None or decision is None or not board.usage.addresses.counts:
        return
    whole = math.ceil(seconds)
    paid = sum(
        rate(payer.terms, call.answered, whole).net
        for payer in decision.payers
        if not decision.by_callee and payer.kind in {RETAIL, PACKET}
    )
    board.usage.addresses.ended(call.request.source_host, whole, paid)
