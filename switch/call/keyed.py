"""A caller that is not trusted presses a key before its call goes on (guide 14147-14149, 14174-14177, 14264-14273).

1. It hears the recording `autoban_special_voicefile` before anything is set aside or dialled, as early media over our relay.
2. The key that is expected (`autoban_special_expecteddtmf`): the call goes on. Another one, or none until the recording ends: it
   is refused.
3. Both are written into the journal. The office keeps what became of it, so that who has pressed the key is not asked again for a
   day, until it is judged anew.
Who cannot be asked, because it offers no G.711 or its sound does not pass us, or because there is no recording, is refused. So is
who forwards or transfers such a call: there is nobody to ask.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from secrets import choice
from typing import TYPE_CHECKING

from apps.screening.engine.standing import own_key
from switch.call import dtmf
from switch.call.announce import Announcement, play
from switch.call.board import new_call_id
from switch.call.causes import CALLER_BANNED
from switch.call.resume import resume
from switch.charging.spool import SpoolFull
from switch.media.player import BadVoice, Voice

if TYPE_CHECKING:
    from switch.call.call import Call

log = logging.getLogger("switch.call")

ANY, RANDOM = "any", "random"


class Question(Announcement):
    """The recording, and the keys that were pressed meanwhile. `go`: what the call goes on with."""

    __slots__ = ("_deaf", "_go", "_pressed", "_wanted")

    def __init__(self, call: Call, wanted: str, go: Callable[[], None]) -> None:
        super().__init__(call, "asked")
        self._wanted, self._go = wanted, go
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
        _remember(call, right=right)
        resume(call, self._go if right else lambda: refuse(call, "the wrong key, or none, was pressed"))


def ask(call: Call, go: Callable[[], None]) -> None:
    """Have the caller press a key, and go on."""
    settings = call.board.world().settings
    wanted = settings.autoban_special_expecteddtmf
    wanted = choice("0123456789") if wanted == RANDOM else wanted
    digit = f"_{wanted}" if settings.autoban_special_expecteddtmf == RANDOM else ""
    voice = _voice(call, settings.autoban_special_voicefile, digit)
    question = Question(call, wanted, go)
    if voice is None or not play(call, question, voice, forced=True):
        call.announcement = None
        refuse(call, "it cannot be asked for a key")
        return
    question.listen()


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


def _remember(call: Call, *, right: bool) -> None:
    """For the office. A full disk loses no more than that: the caller is asked again."""
    board, decision = call.board, call.decision
    assert decision is not None
    caller = decision.caller
    digits = board.world().settings.autoban_numlength
    key = own_key(decision.caller_number, caller.id, caller.kind, digits)
    line = {
        "k": "do",
        "id": new_call_id(board.wall()),
        "account": caller.id,
        "what": "pressed",
        "key": key,
        "right": right,
    }
    try:
        board.spool.append(line)
    except SpoolFull:
        log.warning("call=%s the journal cannot be written", call.id)
