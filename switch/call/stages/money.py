"""From a decision to money: what to set aside before dialling, and how long that lasts."""

from __future__ import annotations

from collections.abc import Mapping

from apps.pricing.engine import highest, max_duration
from switch.call.model import Decision


def first_hold(decision: Decision, now: float, seconds: int) -> list[tuple[int, int, int]]:
    """What each payer's account should set aside: (account, micros for so many seconds, micros of the first second).

    With less than the last figure the call cannot begin. A payer for whom these seconds cost nothing is left out.
    """
    holds = []
    for payer in decision.payers:
        wanted = highest(payer.terms, now, seconds)
        if wanted > 0:
            holds.append((payer.account_id, wanted, highest(payer.terms, now, 1)))
    return holds


def seconds_paid(decision: Decision, granted: Mapping[int, int], answered_at: float) -> int | None:
    """How many seconds from the answer on the micros granted to each account pay for; None: no limit."""
    lasting = (
        max_duration(payer.terms, answered_at, granted.get(payer.account_id, 0)) for payer in decision.payers
    )
    return min((seconds for seconds in lasting if seconds is not None), default=None)
