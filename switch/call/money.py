"""Money of a running call: set aside before it is dialled, extended while it is up, cut on the second it must.

1. Before dialling every payer's account sets aside what `hold_seconds` cost (`Bank.hold`, all or nothing).
2. At the answer, what was granted says how many seconds are paid for.
3. `hold_extend_before` seconds before they are over, the next are asked for; a grant moves the end.
4. Nothing more granted: the call is cut at the last paid second.
5. Database away: a call that is up goes on, and is billed for as long as it was: we let it. Money for what it has
   outlasted is asked for when the database is back; if there is none, the call ends then.

What is authorised stands in the journal at any time, so that a call whose worker dies is billed for what it was
allowed, not for its first slice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apps.invoices.services.holds import Refusal
from apps.pricing.engine import highest
from switch.call import free, record
from switch.call.causes import (
    BALANCE_USED_UP,
    DATABASE_AWAY,
    DAY_USED_UP,
    DYNAMIC_USED_UP,
    LIMIT_DAY,
    LIMIT_DYNAMIC,
    LIMIT_MONTH,
    LOW_BALANCE,
    MONTH_USED_UP,
    NO_MONEY,
    OVERLOAD,
    PACKET_USED_UP,
    TOO_LONG,
)
from switch.call.pipeline import caps, first_hold, seconds_paid, with_floors
from switch.call.stages.money import PACKET, RETAIL
from switch.charging.spool import SpoolFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call
    from switch.call.model import Decision
    from switch.world.world import World

log = logging.getLogger("switch.call")

SHARES_RETRY = 2.0

#: By what the bank says: the cause of a call that does not begin, and of one that ends.
REFUSED = {
    Refusal.MONEY: NO_MONEY,
    Refusal.DAY: LIMIT_DAY,
    Refusal.MONTH: LIMIT_MONTH,
    Refusal.DYNAMIC: LIMIT_DYNAMIC,
    Refusal.FLOOR: LOW_BALANCE,
}
ENDED = {
    Refusal.DAY: DAY_USED_UP,
    Refusal.MONTH: MONTH_USED_UP,
    Refusal.DYNAMIC: DYNAMIC_USED_UP,
}


def first(call: Call, go_on: Callable[[Call], None]) -> None:
    """Set money aside, then `go_on`; or the call is refused."""
    decision = call.decision
    assert decision is not None
    settings = call.board.world().settings
    seconds = settings.hold_seconds
    if decision.max_seconds:
        seconds = min(seconds, decision.max_seconds)
    free.first(call, seconds, lambda: _first_money(call, seconds, go_on))


def _first_money(call: Call, seconds: int, go_on: Callable[[Call], None]) -> None:
    decision = call.decision
    assert decision is not None
    shares = first_hold(decision, call.started, seconds, call.free_seconds)
    if not shares:
        go_on(call)
        return
    call.asking_money = True
    world = call.board.world()
    call.board.bank.hold(
        call.id,
        with_floors(decision, shares, world, call.started),
        lambda granted: _first(call, granted, go_on),
        caps(decision, world, call.started),
    )


def _first(call: Call, granted: dict[int, int] | None, go_on: Callable[[Call], None]) -> None:
    call.asking_money = False
    if call.state not in {"trying", "ringing"}:
        return
    call.board.now = call.board.clock()
    if granted is None and call.board.bank.full:
        call.refuse(OVERLOAD, comment="too many calls wait for the database")
    elif granted is None:
        _without_database(call, go_on)
    elif min(granted.values()) <= 0:
        _refuse(call, *refused(granted))
    else:
        call.granted = granted
        go_on(call)


def refused(granted: dict[int, int]) -> tuple[int, Refusal]:
    """Whose money it was, and why."""
    account = min(granted, key=lambda one: (granted[one] > 0, granted[one]))
    return account, Refusal(granted[account])


def _refuse(call: Call, account: int, why: Refusal) -> None:
    world = call.board.world()
    who = world.account(account)
    name = who.username if who else account
    cause = REFUSED[why]
    quota = why in {Refusal.DAY, Refusal.MONTH, Refusal.DYNAMIC}
    status = world.settings_of(call.account).quotadiscreason if quota else 0
    call.refuse(cause, status=status, comment=f"{name}: {cause.text.lower()}")


def _without_database(call: Call, go_on: Callable[[Call], None]) -> None:
    """Balances cannot be asked for: postpaid accounts call on, prepaid ones as the settings say (issue 2 §4)."""
    assert call.decision is not None
    world = call.board.world()
    if nobody_prepaid(call.decision, world):
        call.limit = None
        call.money_waits = True
        go_on(call)
    elif world.settings.prepaid_when_database_away == "allow":
        call.limit = world.settings.database_away_allowance_seconds
        go_on(call)
    else:
        call.refuse(DATABASE_AWAY)


def nobody_prepaid(decision: Decision, world: World) -> bool:
    """Whether all that pay are postpaid."""
    payers = [world.account(payer.account_id) for payer in decision.payers]
    return all(payer is not None and payer.billing == "postpaid" for payer in payers)


def answered(call: Call) -> None:
    """From now on seconds are paid for: set the clock that ends the call, and the one that asks for more."""
    decision = call.decision
    assert decision is not None and call.answered is not None
    if call.limit is not None:
        call.authorised = call.limit
    elif call.money_waits or not decision.payers:
        call.authorised = None
    else:
        call.authorised = seconds_paid(decision, call.granted, call.answered, call.free_seconds, call.packet)
    _set_clocks(call)


def _set_clocks(call: Call) -> None:
    assert call.decision is not None
    board = call.board
    paid, longest = call.authorised, call.decision.max_seconds
    if longest and (paid is None or longest <= paid):
        board.alarms.set(call.cut, call.answered_at + longest)
        board.alarms.cancel(call.alarm)
        return
    if paid is None:
        return
    board.alarms.set(call.cut, call.answered_at + paid)
    if call.limit is None:
        before = board.world().settings.hold_extend_before
        board.alarms.set(call.alarm, max(call.answered_at + paid - before, board.now + 0.02))


def extend(call: Call) -> None:
    """Ask for the next `hold_seconds`: of free seconds if there are any, else of a packet's credit, else of money."""
    decision = call.decision
    if call.state != "up" or call.asking_money or decision is None:
        return
    assert call.answered is not None
    settings = call.board.world().settings
    # While the database was away the call may have outlasted what was paid for.
    paid = max(call.authorised or 0, int(call.board.now - call.answered_at))
    until = paid + settings.hold_seconds
    if decision.max_seconds:
        until = min(until, decision.max_seconds)
    if call.packet:
        free.more_of_packet(call, until, paid, lambda found: _extend_packet(call, until, paid, found))
    else:
        free.more(call, settings.hold_seconds, lambda found: _extend_money(call, until, paid, free=found))


def _extend_packet(call: Call, until: int, paid: int, found: bool | None) -> None:
    if call.state != "up":
        return
    if found is None:
        _extended(call, None)
    elif found:
        _extend_money(call, until, paid)
    else:
        call.cut_cause = PACKET_USED_UP
        _cut_at_its_end(call)
        _tell_journal(call)


def _extend_money(call: Call, until: int, paid: int, *, free: bool = False) -> None:
    """`free`: the retail price has been put off by further free seconds, so that its payer is not asked this time."""
    decision = call.decision
    if call.state != "up" or decision is None:
        return
    assert call.answered is not None
    shares = []
    for payer in decision.payers:
        if payer.kind == PACKET or (free and payer.kind == RETAIL):
            continue
        begin = call.free_seconds if payer.kind == RETAIL else 0
        have = call.granted.get(payer.account_id, 0)
        wanted = highest(payer.terms, call.answered + begin, max(0, until - begin)) - have
        if wanted > 0:
            least = highest(payer.terms, call.answered + begin, max(0, paid + 1 - begin)) - have
            shares.append((payer.account_id, wanted, max(1, least)))
    if not shares:
        answered(call)
        _tell_journal(call)
        return
    call.asking_money = True
    call.board.bank.hold(
        call.id,
        shares,
        lambda granted: _extended(call, granted),
        caps(decision, call.board.world(), call.board.wall()),
    )


def _extended(call: Call, granted: dict[int, int] | None) -> None:
    call.asking_money = False
    if call.state != "up":
        return
    board = call.board
    board.now = board.clock()
    if granted is None:
        call.authorised = None
        board.alarms.cancel(call.cut)
        _longest_only(call)
        board.alarms.set(call.alarm, board.now + SHARES_RETRY)
    elif min(granted.values()) <= 0:
        account, why = refused(granted)
        call.cut_cause = ENDED.get(why, BALANCE_USED_UP)
        log.info("call=%s nothing more is granted to account %d: %s", call.id, account, why.name)
        _cut_at_its_end(call)
    else:
        for account, amount in granted.items():
            call.granted[account] = call.granted.get(account, 0) + amount
        answered(call)
    _tell_journal(call)


def _cut_at_its_end(call: Call) -> None:
    """The call ends when what is paid for is over."""
    board = call.board
    if call.authorised is None:
        call.authorised = int(board.now - call.answered_at)
    board.alarms.set(call.cut, max(call.answered_at + call.authorised, board.now))


def _tell_journal(call: Call) -> None:
    """The record's `authorised` as it is now. A full disk loses no more than the extension of a call that outlives us."""
    try:
        call.board.spool.append(record.authorised(call))
    except SpoolFull:
        log.warning("call=%s the journal cannot be written", call.id)


def _longest_only(call: Call) -> None:
    assert call.decision is not None
    if call.decision.max_seconds:
        call.board.alarms.set(call.cut, call.answered_at + call.decision.max_seconds)


def cut(call: Call) -> None:
    """The last authorised second is over."""
    if call.state != "up":
        return
    longest = call.decision.max_seconds if call.decision is not None else 0
    elapsed = call.board.now - call.answered_at
    call.hang_up(TOO_LONG if longest and elapsed >= longest - 0.05 else call.cut_cause)
