"""Who pays for the call, and by which terms, as `apps.pricing.engine.payers` has it."""

from __future__ import annotations

from apps.pricing.engine.payers import Question, who_pays
from switch.call.causes import ACCOUNT_DISABLED, NO_PRICE
from switch.call.model import Rejection
from switch.call.stages.state import Call, origin_of
from switch.world.world import World


def prices(call: Call, world: World) -> Call | Rejection:
    """Sets `payers`, `by_callee`, `other_prices`, `commission`, `destination` and `reseller_id`."""
    origin = origin_of(call, world)
    callee = call.local
    asked = Question(
        call.caller, origin, call.called, call.now, callee is not None, bool(call.service), callee
    )
    bill = who_pays(world, asked)
    call.trace += bill.notes
    call.reseller_id = bill.reseller_id
    call.destination = bill.destination or call.destination
    if bill.refused:
        return call.refuse(NO_PRICE, bill.refused)
    payer = world.account(bill.billing.id)
    if bill.payers and payer is not None and not payer.enabled:
        return call.refuse(ACCOUNT_DISABLED, f"{payer.username}, who pays, is disabled")
    call.payers, call.other_prices, call.commission = bill.payers, bill.reckoned, bill.commission
    call.by_callee = bill.by_callee
    return call
