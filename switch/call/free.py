"""What a running call uses before its retail payer's money: free seconds in slices, or an allowance of money.

1. Before it is dialled a call asks its allowances of seconds for the first slice; with some granted no money of the payer is asked for.
2. With none it asks the allowance of money, which then pays the whole call by the packet's terms, and ends it when it is used up.
3. While it is up it asks for the next free seconds before they are over, until there are no more; then money pays, as for a call that
   begins there.
What was granted stands in the journal; what was not used goes back when the call is settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.pricing.engine import highest
from apps.pricing.engine.payers import Payer
from switch.call.stages.money import PACKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call

SECOND = 1_000_000


def first(call: Call, seconds: int, then: Callable[[], None]) -> None:
    """Ask allowances for the first slice, then go on."""
    assert call.decision is not None
    free = call.decision.free
    if free is None:
        then()
    elif free.seconds:
        _ask_seconds(call, seconds, lambda: then() if call.free else _packet(call, seconds, then))
    else:
        _packet(call, seconds, then)


def more(call: Call, seconds: int, then: Callable[[bool], None]) -> None:
    """Ask for the next slice of free seconds while there are any; `then` hears whether there are more now."""
    decision = call.decision
    assert decision is not None
    if decision.free is None or not call.free or call.free_gone:
        then(False)
        return
    before = call.free_seconds
    _ask_seconds(call, seconds, lambda: then(call.free_seconds > before))


def _ask_seconds(call: Call, seconds: int, then: Callable[[], None]) -> None:
    assert call.decision is not None and call.decision.free is not None
    shares = [(one, seconds * SECOND, SECOND) for one in call.decision.free.seconds]
    _ask(call, shares, lambda granted: _got_seconds(call, granted, then))


def _got_seconds(call: Call, granted: dict[int, int] | None, then: Callable[[], None]) -> None:
    if granted is not None:
        for allowance, micros in granted.items():
            if micros >= SECOND:
                call.free[allowance] = call.free.get(allowance, 0) + micros // SECOND
        call.free_gone = not any(micros >= SECOND for micros in granted.values())
    then()


def _packet(call: Call, seconds: int, then: Callable[[], None]) -> None:
    decision = call.decision
    assert decision is not None and decision.free is not None
    free = decision.free
    if free.packet is None or free.terms is None:
        then()
        return
    wanted = highest(free.terms, call.started, seconds)
    least = max(1, highest(free.terms, call.started, 1))
    share = (free.packet, max(1, wanted), least)
    _ask(call, [share], lambda granted: _got_packet(call, granted, then))


def _got_packet(call: Call, granted: dict[int, int] | None, then: Callable[[], None]) -> None:
    decision = call.decision
    assert decision is not None and decision.free is not None
    micros = sum((granted or {}).values())
    if micros > 0 and decision.free.terms is not None:
        call.packet = micros
        retail = decision.payers[0]
        decision.payers = [Payer(retail.account_id, PACKET, decision.free.terms), *decision.payers[1:]]
    then()


def more_of_packet(call: Call, until: int, paid: int, done: Callable[[bool | None], None]) -> None:
    """Ask the allowance that pays for the call up to `until` seconds.

    `done` hears whether there was anything left; None: the database is away.
    """
    decision = call.decision
    assert decision is not None and decision.free is not None and call.answered is not None
    terms, packet = decision.payers[0].terms, decision.free.packet
    assert packet is not None
    wanted = highest(terms, call.answered, until) - call.packet
    if wanted <= 0:
        done(True)
        return
    least = max(1, highest(terms, call.answered, paid + 1) - call.packet)

    def got(granted: dict[int, int] | None) -> None:
        call.packet += sum((granted or {}).values())
        done(None if granted is None else any(granted.values()))

    _ask(call, [(packet, wanted, least)], got)


def _ask(
    call: Call, shares: list[tuple[int, int, int]], then: Callable[[dict[int, int] | None], None]
) -> None:
    """`then` hears what was granted; None: the database is away. A call that is over goes on no more."""
    call.asking_money = True

    def got(granted: dict[int, int] | None) -> None:
        call.asking_money = False
        if call.state == "over":
            return
        call.board.now = call.board.clock()
        then(granted)

    call.board.bank.hold_free(call.id, shares, got)
