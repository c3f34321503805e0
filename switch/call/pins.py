"""Who calls by a PIN: which account what was dialled stands for, who waits after wrong ones, and a PIN dialled before the number.

What counts as a PIN the setting `callingcardauth` says (guide 2194-2215, 6632-6655). Passwords have letters and are kept as
digests only, so nobody dials one: where the guide takes a password, a PIN is taken.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from apps.core.values.digits import prefix_of
from apps.users.pins import digest
from switch.call.causes import NOT_AUTHORISED
from switch.call.model import Caller, CallRequest, Rejection
from switch.call.stages.identify import KNOWN
from switch.offences import Offences

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.world.settings import Settings
    from switch.world.world import World

log = logging.getLogger("switch.call")

NAME, PIN, BOTH = "name", "pin", "name and PIN"
MASK: Final = "***"
LONGEST: Final = 40
"""Digits that are looked at."""
HOUR: Final = 3600.0
OF_ALL: Final = 100
"""How many times `loginfailures` all calls of one account may bring wrong PINs within an hour: a trunk has many callers."""
_CARDS: Final = frozenset(("calling_card",))
_OTHERS: Final = KNOWN - _CARDS


class Way(NamedTuple):
    """What an account of these kinds may be known by."""

    what: str
    kinds: frozenset[str] = KNOWN


#: By the value of `callingcardauth`. Of name and PIN together, the name comes first.
WAYS: Final[dict[str, tuple[Way, ...]]] = {
    "pin": (Way(PIN),),
    "card_name": (Way(NAME, _CARDS),),
    "card_pin": (Way(PIN, _CARDS),),
    "card_name_pin": (Way(BOTH, _CARDS),),
    "name": (Way(NAME),),
    "name_pin": (Way(BOTH),),
    "mixed": (Way(NAME, _CARDS), Way(BOTH, _OTHERS)),
    "all": (Way(PIN), Way(NAME), Way(BOTH)),
    "long": (Way(PIN), Way(NAME), Way(BOTH)),
}


def account_of(world: World, dialled: str, secret: str) -> Caller | None:
    """The account that the digits stand for; None: nobody's, or that of one that may not call. `secret`: the installation's."""
    settings = world.settings
    if not dialled.isdecimal() or not dialled.isascii() or len(dialled) > LONGEST:
        return None
    if settings.callingcardauth == "long" and len(dialled) < settings.pinlength:
        return None
    for what, kinds in WAYS[settings.callingcardauth]:
        found = world.account(account_id) if (account_id := _found(what, dialled, world, secret)) else None
        if found is not None and found.kind in kinds and found.enabled:
            return found
    return None


def _found(what: str, dialled: str, world: World, secret: str) -> int | None:
    if what == NAME:
        return world.with_name(dialled)
    if what == PIN:
        return _with_pin(dialled, world, secret)
    for end in range(1, len(dialled)):
        named = world.with_name(dialled[:end])
        if named is not None and _with_pin(dialled[end:], world, secret) == named:
            return named
    return None


def _with_pin(pin: str, world: World, secret: str) -> int | None:
    return world.with_pin(digest(pin, secret))


class Guesses:
    """Wrong PINs, counted as wrong passwords of the web are (settings `loginfailures`, `loginwait`, `loginwaitmost`).

    1. Of one number in calls of one account: at the limit nothing is looked at for the first wait, and each wrong one after that
       doubles it. A right PIN clears its count.
    2. Of all calls of one account within an hour, `OF_ALL` times as many: then nothing is looked at for the longest wait.
    """

    MOST = 20_000
    """Sources that are remembered; who was heard of longest ago is forgotten first."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # source → wrong ones, waits until
        self._of_all = Offences()

    def waits(self, account: int, number: str, now: float) -> bool:
        """Whether nothing that comes from there is looked at now."""
        return any(
            now < self._wrong.get(source, (0, 0.0))[1] for source in (_source(account, number), str(account))
        )

    def wrong(self, account: int, number: str, now: float, settings: Settings) -> None:
        """A PIN from there was nobody's."""
        source, most = _source(account, number), settings.loginwaitmost
        count, until = self._wrong.get(source, (0, 0.0))
        count = 1 if count and until and now - until > HOUR else count + 1
        beyond = count - settings.loginfailures
        wait = min(most, settings.loginwait * 2 ** min(beyond, 30)) if beyond >= 0 else 0
        self._note(source, count, now + wait if wait else 0.0)
        if self._of_all.one_more("pin", str(account), now, settings.loginfailures * OF_ALL, HOUR):
            log.warning("account=%s brought too many wrong PINs: none is looked at for %s s", account, most)
            self._note(str(account), 0, now + most)

    def right(self, account: int, number: str) -> None:
        self._wrong.pop(_source(account, number), None)

    def _note(self, source: str, count: int, until: float) -> None:
        self._wrong[source] = (count, until)
        self._wrong.move_to_end(source)
        if len(self._wrong) > self.MOST:
            self._wrong.popitem(last=False)


def _source(account: int, number: str) -> str:
    return f"{account}/{number}"


def known(board: Board, dialled: str, by: Caller, request: CallRequest, world: World) -> Caller | None:
    """Whose the PIN is that came in a call of `by`. Wrong ones are counted, of an address that nobody trusts as wrong passwords too."""
    guesses, now = board.guesses, board.now
    if guesses.waits(by.id, request.from_user, now):
        return None
    found = account_of(world, dialled, board.secret.decode())
    if found is not None:
        guesses.right(by.id, request.from_user)
        return found
    guesses.wrong(by.id, request.from_user, now, world.settings)
    board.guesser(request.source_host)
    log.warning("call=%s account=%s wrong PIN from %s", request.call_id, by.username, request.source_host)
    return None


def dialled(board: Board, caller: Caller, request: CallRequest, world: World) -> Caller | Rejection:
    """Who pays for the call: whose PIN stands between `code_pin` and the number, else who calls.

    The PIN goes out of the called number, and out of what the record tells of it.
    """
    code = world.settings.code_pin
    prefix = prefix_of(caller.tech_prefix, request.called)
    rest = request.called[len(prefix) :]
    if not code or not rest.startswith(code):
        return caller
    pin, number = _parted(rest.removeprefix(code))
    request.original = f"{prefix}{code}{MASK}{number and '*'}{number}"
    request.called = prefix + number
    found = known(board, pin, caller, request, world)
    if found is None or not number:
        return Rejection(
            NOT_AUTHORISED, "the PIN is nobody's" if found is None else "no number after the PIN", caller
        )
    request.trunk = caller.id
    return found


def _parted(text: str) -> tuple[str, str]:
    """PIN and number, with * or # (escaped too) between them."""
    plain = text.replace("%23", "#").replace("%2A", "*").replace("%2a", "*")
    end = next((place for place, sign in enumerate(plain) if sign in "*#"), len(plain))
    return plain[:end], plain[end + 1 :]
