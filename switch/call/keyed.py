"""A caller that is not trusted presses a key before its call goes on (guide 14147-14149, 14174-14177, 14264-14273).

1. It hears the recording `autoban_special_voicefile` as early media over our relay: before anything is set aside or dialled
   (`autoban_askkey`), or before a carrier that wants it gets the call, by that carrier's own settings (`autoban_special`).
2. The key that is expected (`autoban_special_expecteddtmf`): the call goes on. Another one, or none until the recording ends: it
   is refused, or goes on to the next carrier that does not ask. Nobody is asked twice in a call.
3. Both are written into the journal. The office keeps what became of it, so that who has pressed the key is not asked again for a
   day, until it is judged anew.
Who cannot be asked, because it offers no G.711 or its sound does not pass us, or because there is no recording, is refused, or not
given to that carrier. So is who forwards or transfers such a call: there is nobody to ask.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from secrets import choice
from typing import TYPE_CHECKING

from apps.screening.engine.standing import SPECIAL, own_key
from switch.call import dtmf
from switch.call.announce import Announcement, play
from switch.call.board import new_call_id
from switch.call.causes import CALLER_BANNED
from switch.call.resume import resume
from switch.charging.spool import SpoolFull
from switch.media.player import BadVoice, Voice

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Target
    from switch.world.settings import Settings

log = logging.getLogger("switch.call")

ANY, RANDOM = "any", "random"


class Question(Announcement):
    """The recording, and the keys that were pressed meanwhile. `key`: by which the caller is known; `done`: whether it was right."""

    __slots__ = ("_deaf", "_done", "_key", "_pressed", "_wanted")

    def __init__(self, call: Call, wanted: str, key: str, done: Callable[[bool], None]) -> None:
        super().__init__(call, "asked")
        self._wanted, self._key, self._done = wanted, key, done
        self._pressed = ""
        self._deaf: Callable[[], None] | None = None

    def listen(self) -> None:
        """From now on keys count."""
        self._deaf = dtmf.listen(self.call, self.call.caller, self._press)

    def stop(self) -> None:
        super().stop()
        if self._deaf is not None:
            self._deaf()
            self._deaf = None

    def over(self) -> None:
        """The recording was heard to its end, and so the time is up."""
        self._decide(right=False)

    def _press(self, digit: str) -> None:
        self._pressed += digit
        if self._wanted in (ANY, self._pressed):
            self._decide(right=True)
        elif not self._wanted.startswith(self._pressed):
            self._decide(right=False)

    def _decide(self, *, right: bool) -> None:
        call = self.call
        if call.announcement is not self or call.state not in {"trying", "ringing"}:
            return
        self.stop()
        call.announcement = None
        call.pressed = right
        _remember(call, self._key, right=right)
        resume(call, partial(self._done, right))


def ask(call: Call, go: Callable[[], None]) -> None:
    """Have the caller press a key, and go on; else the call is refused."""

    def done(right: bool) -> None:
        if right:
            go()
        else:
            refuse(call, "the wrong key, or none, was pressed")

    if not _put(call, call.board.world().settings, _key(call), done):
        refuse(call, "it cannot be asked for a key")


def ask_for(call: Call, target: Target, done: Callable[[bool], None]) -> None:
    """Have the caller press a key for the carrier that is to be dialled next; who is asked once in a call is not asked again."""
    settings = call.board.world().settings_of(target.account)
    asked = call.pressed is None and call.can_be_asked
    if not (asked and _put(call, settings, f"{SPECIAL}:{_key(call)}", done, place=call.place - 1)):
        done(False)


def _put(call: Call, settings: Settings, key: str, done: Callable[[bool], None], *, place: int = 0) -> bool:
    """Whether the caller hears the question."""
    wanted = settings.autoban_special_expecteddtmf
    wanted = choice("0123456789") if wanted == RANDOM else wanted
    digit = f"_{wanted}" if settings.autoban_special_expecteddtmf == RANDOM else ""
    voice = _voice(call, settings.autoban_special_voicefile, digit)
    if call.announcement is not None:
        call.announcement.stop()
    question = Question(call, wanted, key, done)
    if voice is None or not play(call, question, voice, forced=True, place=place):
        call.announcement = None
        return False
    question.listen()
    return True


def refuse(call: Call, why: str) -> None:
    """The call ends as it would without the question."""
    assert call.decision is not None
    call.refuse(CALLER_BANNED, comment=f"{call.decision.ask}: {why}")


def _voice(call: Call, names: str, digit: str) -> Voice | None:
    for name in names.split(","):
        try:
            return call.board.voices.get(name + digit)
        except BadVoice as error:
            log.debug("call=%s %s", call.id, error)
    log.warning("call=%s none of the recordings %s can be played", call.id, names)
    return None


def _key(call: Call) -> str:
    assert call.decision is not None
    caller = call.decision.caller
    digits = call.board.world().settings.autoban_numlength
    return own_key(call.decision.caller_number, caller.id, caller.kind, digits)


def _remember(call: Call, key: str, *, right: bool) -> None:
    """For the office. A full disk loses no more than that: the caller is asked again."""
    board, decision = call.board, call.decision
    assert decision is not None
    line = {
        "k": "do",
        "id": new_call_id(board.wall()),
        "account": decision.caller.id,
        "what": "pressed",
        "key": key,
        "right": right,
    }
    try:
        board.spool.append(line)
    except SpoolFull:
        log.warning("call=%s the journal cannot be written", call.id)
