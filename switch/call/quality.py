"""What a call by a carrier tells of it: for the statistics by which trunks are judged (`switch.trunks.outcomes`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.measured import Measured
    from switch.call.model import Target


def failed(call: Call, target: Target) -> None:
    """The carrier did not bring the call to an answer."""
    if target.kind == "carrier" and call.decision is not None:
        call.board.outcomes.failed(target.account.id, call.decision.called)


def given_up(branch: Branch) -> None:
    """The caller gave up before an answer."""
    call = branch.call
    if branch.target.kind == "carrier" and call.decision is not None:
        call.board.outcomes.given_up(branch.target.account.id, call.decision.called)


def answered(branch: Branch) -> None:
    """The carrier's side answered."""
    call, board, account = branch.call, branch.board, branch.target.account
    if branch.target.kind != "carrier" or call.decision is None:
        return
    delay = (board.now if branch.rang is None else branch.rang) - branch.began
    short = board.world().settings_of(account).failover_short_seconds
    call.ongoing = board.outcomes.answered(account.id, call.decision.called, delay, short)


def ended(call: Call, seconds: float, media: Measured) -> None:
    """An answered call is over: how long it was, and how the carrier's side sounded to the caller."""
    ongoing, call.ongoing = call.ongoing, None
    if ongoing is None:
        return
    board = call.board
    mos = media.caller.mos if media.caller is not None else None  # what the caller heard
    board.outcomes.ended(ongoing, seconds, mos)
    least = board.world().settings_of(call.account).failover_repeat_seconds
    repeats = board.usage.repeats
    if seconds < least:
        repeats.short(call.account.id, ongoing.called, ongoing.carrier)
    elif least:
        repeats.lasted(call.account.id, ongoing.called)
