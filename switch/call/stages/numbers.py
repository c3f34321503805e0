"""The called and the caller number, from what was dialled to the digits that prices and routes are looked up by."""

from __future__ import annotations

from urllib.parse import unquote

from apps.core.values.digits import digits_of
from switch.call.causes import BAD_NUMBER
from switch.call.model import Rejection
from switch.call.stages.state import Call, above
from switch.world.world import World

LONGEST_NUMBER = 32
#: Who may show a number that we do not know to be its own: it passes calls of others on.
TRUNKS = frozenset({"customer_trunk", "carrier"})


def rewrite(call: Call, world: World) -> Call | Rejection:
    """Sets `called` and `caller_number`.

    A SIP user name of ours is called as it is. In a number, the caller's tech prefix goes first, then what
    people put between digits, then `+` or `00`, which both say that a country code follows.
    """
    raw = call.request.called.partition(";")[0]
    raw = unquote(raw) if "%" in raw else raw
    dialled = raw.removeprefix(call.caller.tech_prefix)
    if world.credential(dialled):
        call.called = dialled
    else:
        try:
            digits = digits_of(dialled)
        except ValueError:
            return call.refuse(BAD_NUMBER, f"{dialled[:40]!r} is not a number")
        call.called = digits if dialled.lstrip().startswith("+") else digits.removeprefix("00")
    if not 0 < len(call.called) <= LONGEST_NUMBER:
        return call.refuse(BAD_NUMBER, f"{dialled[:40]!r} has {len(call.called)} digits")
    call.caller_number = _caller_number(call, world)
    if call.called != call.request.called:
        call.note(f"{call.request.called[:40]} was dialled, that is {call.called}.")
    return call


def _caller_number(call: Call, world: World) -> str:
    """A trunk's calls show the number they came with; anybody else's the account's own or that of the one it belongs to."""
    if call.caller.kind in TRUNKS:
        settings = world.settings_of(call.caller)
        heeded = settings.parseidentity in {"number", "name"} and settings.trustedidentity != "no"
        asserted = call.request.asserted_number if heeded else ""
        for shown in (asserted, call.request.from_user):
            digits = _digits(shown)
            if digits:
                return digits
    for account in above(call, world):
        if account.caller_number:
            return account.caller_number.removeprefix("+")
        if account.kind != "extension":
            break
    return call.caller.username


def _digits(shown: str) -> str:
    try:
        digits = digits_of(shown)
    except ValueError:
        return ""
    if len(digits) > LONGEST_NUMBER:
        return ""
    return digits if shown.startswith("+") else digits.removeprefix("00")
