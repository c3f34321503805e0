"""From a decision to money: what to set aside before dialling, and how long that lasts."""

from __future__ import annotations

from collections.abc import Mapping

from apps.invoices.services.holds import Cap, Share
from apps.pricing.engine import highest, max_duration
from switch.call.model import Decision
from switch.call.stages.caps import cap_of, floor_of
from switch.world.world import World

RETAIL, PACKET = "retail", "packet"


def caps(decision: Decision, world: World, now: float) -> dict[int, Cap]:
    """The limits of those payers that have any."""
    accounts = [world.account(payer.account_id) for payer in decision.payers]
    found = {one.id: cap_of(one, world, now) for one in accounts if one is not None}
    return {account: cap for account, cap in found.items() if cap is not None}


def with_floors(
    decision: Decision, shares: list[tuple[int, int, int]], world: World, now: float
) -> list[Share]:
    """The same, with what every payer must be able to spend for the call to be routed at all."""
    floors: dict[int, int] = {}
    for payer in decision.payers:
        account = world.account(payer.account_id)
        if account is not None and payer.kind != PACKET:
            floor = floor_of(payer, account, world, now)
            floors[account.id] = max(floor, floors.get(account.id, 0))
    return [Share(*share, floors.get(share[0], 0)) for share in shares]


def first_hold(decision: Decision, now: float, seconds: int, free: int = 0) -> list[tuple[int, int, int]]:
    """What each payer's account should set aside: (account, micros for so many seconds, micros of the first second).

    With less than the last figure the call cannot begin. A payer for whom these seconds cost nothing is left out, and who
    pays the retail price as long as there are `free` seconds: it is asked for its money before they are over.
    """
    holds = []
    for payer in decision.payers:
        if payer.kind == PACKET or (free and payer.kind == RETAIL):
            continue
        wanted = highest(payer.terms, now, seconds)
        if wanted > 0:
            holds.append((payer.account_id, wanted, highest(payer.terms, now, 1)))
    return holds


def seconds_paid(
    decision: Decision, granted: Mapping[int, int], answered_at: float, free: int = 0, packet: int = 0
) -> int | None:
    """How many seconds from the answer on the micros granted to each account pay for; None: no limit.

    `free`: seconds before the retail price begins. `packet`: micros that an allowance has granted in place of the account.
    """
    found: int | None = None
    for payer in decision.payers:
        begin = free if payer.kind == RETAIL else 0
        amount = packet if payer.kind == PACKET else granted.get(payer.account_id, 0)
        lasting = max_duration(payer.terms, answered_at + begin, amount)
        if lasting is not None:
            found = lasting + begin if found is None else min(found, lasting + begin)
    return found
