"""Digits that a phone presses in a call to have the switch do something (guide 6028-6030, 6153-6171, 14039-14050).

Heard are the phones of accounts with `dtmffeatures` that may transfer, from the answer on, by the ways of `ivrdtmfmethod`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from switch.call import dtmf
from switch.call.handover import Handover
from switch.call.onward import Apart
from switch.call.transfer import allowed

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.leg import Leg

_WANTED = re.compile(r"\*([89])\*([0-9]{1,32})#")

_MOST = 40
"""Digits that are kept: more than any order has."""


class Order(NamedTuple):
    """What the digits ask for: 8 or 9 with a number, or one digit alone."""

    what: str
    number: str = ""


class Entry:
    """The digits of one party, until they make an order. `patience`: seconds after which a digit begins anew (`dtmfdigittimeout`).

    Two stars in a row forget what was entered; the second may begin the next order.
    """

    __slots__ = ("_digits", "_last", "patience")

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._digits = ""
        self._last = float("-inf")

    def press(self, digit: str, now: float) -> Order | None:
        """The order that this digit completes."""
        if now - self._last > self.patience:
            self._digits = ""
        self._last = now
        if not self._digits and digit != "*":
            return Order(digit)
        self._digits = (self._digits + digit)[-_MOST:]
        if self._digits.endswith("**"):
            self._digits = "*"
        if digit != "#":
            return None
        found, self._digits = _WANTED.fullmatch(self._digits), ""
        return None if found is None else Order(found[1], found[2])


def attach(call: Call) -> None:
    """The call has media that may carry digits: listen to those who may order something."""
    world, sound = call.board.world(), call.sound
    if sound is None:
        return
    for stop in sound.ordering:
        stop()
    sound.ordering = ()
    parties = (call.caller,) if isinstance(call, Apart) else (call.caller, call.called)
    for leg in parties:
        account = None if leg is None else leg.whose
        if leg is None or account is None:
            continue
        settings = world.settings_of(account)
        if settings.dtmffeatures and allowed(call, account, settings):
            entry = Entry(settings.dtmfdigittimeout)
            sound.ordering = (*sound.ordering, dtmf.listen(call, leg, partial(_pressed, call, leg, entry)))


def _pressed(call: Call, leg: Leg, entry: Entry, digit: str) -> None:
    board = call.board
    board.now = board.clock()
    order = entry.press(digit, board.now)
    whole = leg.call
    if order is None or whole.state != "up" or leg.aside:
        return
    transfer = whole.transfer
    if isinstance(transfer, Handover) and transfer.leg is leg and not order.number:
        transfer.pressed(order.what)
    elif order.number and transfer is None:
        _transfer(whole, leg, order)


def _transfer(call: Call, leg: Leg, order: Order) -> None:
    other = call.called if leg is call.caller else call.caller
    account = leg.whose
    if other is None or account is None or not leg.described or not other.described:
        return
    Handover(call, leg, other, account, order.number, consults=order.what == "8").begin()
