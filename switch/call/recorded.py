"""Who wants a call to be recorded, and what is recorded of it (guide 6367-6379).

The caller's account for calls that it makes, the called's for those that it gets, whoever forwards or transfers for both (settings
`record`, `recordnumbers`); later a party by the keys of `code_record`, or an operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.playing import Playing
    from switch.media import Endpoint, NgSession, Session, Tap
    from switch.media.recorder import Recorder
    from switch.world.settings import Settings


@dataclass(slots=True)
class Wish:
    """Why a call is recorded, and for whom: ids of the accounts that wanted it."""

    reason: str
    for_caller: int | None = None
    for_called: int | None = None
    asked_by: str = ""


@dataclass(slots=True)
class Recording:
    """What is recorded of a call now, and was before."""

    count: int = 0
    recorder: Recorder | None = None
    taps: list[tuple[Endpoint, Tap]] = field(default_factory=list)
    copies: Session | None = None
    """The endpoints that rtpengine sends its copies to."""
    source: NgSession | None = None
    telling: tuple[Playing, ...] = ()
    """What the parties hear before it begins."""
    codecs: dict[str, Any] = field(default_factory=dict)
    keys: list[Callable[[], None]] = field(default_factory=list)
    """What ends the listening to the parties' keys."""

    @property
    def on(self) -> bool:
        return self.recorder is not None or bool(self.telling)


def is_needed(call: Call, caller: Settings, called: Settings) -> bool:
    """Whether media must go through the switch, because the call is recorded or may be."""
    if any(one.disablep2prtrouting or one.recordondemand for one in (caller, called)):
        return True
    sound = whole_of(call).sound
    running = sound is not None and sound.recording.on
    return running or _made(call, caller) or _got(call, called) or wish_of(call) is not None


def _made(call: Call, settings: Settings) -> bool:
    number = call.decision.called if call.decision is not None else call.request.called
    return settings.record in {"outgoing", "all"} and _among(number, settings.recordnumbers)


def _got(call: Call, settings: Settings) -> bool:
    number = call.decision.caller_number if call.decision is not None else call.request.from_user
    return settings.record in {"incoming", "all"} and _among(number, settings.recordnumbers)


def _among(number: str, beginnings: tuple[str, ...]) -> bool:
    return not beginnings or number.removeprefix("+").startswith(
        tuple(one.removeprefix("+") for one in beginnings)
    )


def wish_of(call: Call) -> Wish | None:
    """What the accounts that take part want, those that forward or transfer too; None: not to record."""
    whole = whole_of(call)
    settings_of = call.board.world().settings_of
    wish = Wish("setting")
    if _made(whole, settings_of(whole.account)):
        wish.for_caller = whole.account.id
    wanting = [
        guest.account.id
        for guest in whole.guests
        if guest.state != "over"
        if _made(guest, settings := settings_of(guest.account)) or _got(whole, settings)
    ]
    branch = whole.called
    if branch is not None and _got(whole, settings_of(branch.target.account)):
        wanting.append(branch.target.account.id)
    wish.for_called = next(iter(wanting), None)
    return wish if wish.for_caller is not None or wish.for_called is not None else None


def whole_of(call: Call) -> Call:
    """The call that has the parties' dialogs; a call within it is its own whole's."""
    return getattr(call, "whole", call)
