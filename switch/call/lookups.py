"""What must be asked outside before a call can be decided: ENUM, and portability by HTTP (guide 3613-3640).

A stage that needs an answer asks `Lookups.answer`; without one the call waits (`wait`) until it is there, or its time is over, and is
decided again from the beginning. Answers are kept, so the second decision, and the next call to the number, waits for nobody.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from apps.portability.engine import Porting
from switch.call.model import Ask, CallRequest, Decision, Direct, Rejection, Unanswered
from switch.call.pipeline import decide
from switch.call.resume import resume
from switch.sip.enum import domain_of, uris
from switch.sip.locate import Naptr, Question

if TYPE_CHECKING:
    from switch.call.alarms import Alarms
    from switch.call.call import Call
    from switch.call.model import Caller
    from switch.call.names import Names
    from switch.world.settings import Settings

log = logging.getLogger("switch.call")

ENUM, HTTP = "enum", "http"
MOST = 100_000
KEPT_ENUM = 60.0
"""Seconds; the records themselves are kept by their TTL."""
KEPT_FAILURE = 10.0
MOST_ASKED = 4
"""Questions that one call may wait for."""
MOST_WAITING = 1000
"""Questions that may be open; a call that has one more goes on without its answer."""

Answer = tuple[Any, ...]
Fetch = Callable[[str, float, Callable[[bytes | None], None]], None]
"""Address, seconds, and who is told: what it answered, None for nothing in time."""


class _Known(NamedTuple):
    answer: Answer
    until: float


class Lookups:
    """Asks, and keeps answers. Nothing here blocks."""

    def __init__(
        self, names: Names, clock: Callable[[], float], alarms: Alarms, fetch: Fetch | None = None
    ) -> None:
        self._names, self._clock, self._alarms = names, clock, alarms
        self.fetch = fetch
        self._known: OrderedDict[Ask, _Known] = OrderedDict()
        self._waiting: dict[Ask, list[Callable[[], None]]] = {}

    def answer(self, question: Ask) -> Answer | None:
        """What is known; () for nothing; None: it has to be asked."""
        known = self._known.get(question)
        return known.answer if known is not None and known.until > self._clock() else None

    def ask(self, question: Ask, settings: Settings, then: Callable[[], None]) -> None:
        """Call `then` once, now or later, when `answer` has an answer."""
        if self.answer(question) is not None:
            then()
            return
        waiting = self._waiting.get(question)
        if waiting is not None:
            waiting.append(then)
            return
        if len(self._waiting) >= MOST_WAITING:
            self._keep(question, (), KEPT_FAILURE)
            then()
            return
        self._waiting[question] = [then]
        if question.kind == ENUM:
            self._enum(question, settings)
        else:
            self._http(question, settings)

    # --- ENUM -------------------------------------------------------------------------------------------------------------------

    def _enum(self, question: Ask, settings: Settings) -> None:
        """Suffix after suffix, until one knows the number."""
        from switch.call.alarms import Alarm

        alarm = Alarm(partial(self._told, question, (), KEPT_FAILURE))
        self._alarms.set(alarm, self._clock() + settings.enumtimeout / 1000)
        self._next_suffix(question, list(settings.enumsuffixes), alarm)

    def _next_suffix(self, question: Ask, suffixes: list[str], alarm: Any) -> None:
        if question not in self._waiting:
            return  # its time is over
        if not suffixes:
            self._alarms.cancel(alarm)
            self._told(question, (), KEPT_ENUM)
            return
        suffix, *others = suffixes
        asked = Question("NAPTR", domain_of(question.number, suffix))

        def heard(records: Any) -> None:
            found = uris((one for one in records if isinstance(one, Naptr)), question.number)
            if not found:
                self._next_suffix(question, others, alarm)
                return
            self._alarms.cancel(alarm)
            places = [Direct(one.address, one.port or 0, _transport(one), one.user) for one in found]
            self._told(question, tuple(places), KEPT_ENUM)

        self._names.records(asked, heard)

    # --- HTTP -------------------------------------------------------------------------------------------------------------------

    def _http(self, question: Ask, settings: Settings) -> None:
        if self.fetch is None:
            self._told(question, (), KEPT_FAILURE)
            return
        address = settings.numporturl.replace("{number}", quote(question.number, safe=""))

        def heard(body: bytes | None) -> None:
            if body is None:
                self._told(question, (), KEPT_FAILURE)
            else:
                found = porting_of(body)
                self._told(question, () if found is None else (found,), settings.numportcache)

        self.fetch(address, settings.numporttimeout / 1000, heard)

    # --- both -------------------------------------------------------------------------------------------------------------------

    def _told(self, question: Ask, answer: Answer, seconds: float) -> None:
        waiting = self._waiting.pop(question, None)
        if waiting is None:
            return
        self._keep(question, answer, seconds)
        for then in waiting:
            then()

    def _keep(self, question: Ask, answer: Answer, seconds: float) -> None:
        self._known[question] = _Known(answer, self._clock() + max(seconds, 1.0))
        self._known.move_to_end(question)
        if len(self._known) > MOST:
            self._known.popitem(last=False)


def _transport(uri: Any) -> str:
    if uri.scheme == "sips":
        return "tls"
    return uri.transport if uri.transport in {"udp", "tcp", "tls"} else ("auto" if not uri.port else "udp")


def porting_of(body: bytes) -> Porting | None:
    """What a portability service has answered: a JSON object with the names of a ported number's columns, or an operator's code
    alone; nothing, or what makes no sense: not ported.
    """
    try:
        text = body.decode("utf-8").strip()
        found = json.loads(text) if text.startswith("{") else {"code": text}
        values = {
            "code": str(found.get("code") or ""),
            "prefix": str(found.get("prefix") or ""),
            "domain": str(found.get("domain") or ""),
            "number": str(found.get("new_number") or "").removeprefix("+"),
            "port": int(found.get("port") or 5060),
        }
    except (ValueError, TypeError, AttributeError):
        return None
    digits = (values["prefix"], values["number"])
    if not all(one == "" or (one.isascii() and one.isdigit() and len(one) <= 16) for one in map(str, digits)):
        return None
    named = (str(values["code"]), str(values["domain"]))
    if not all(len(one) <= 253 and all(sign.isalnum() or sign in "._-" for sign in one) for one in named):
        return None
    whole = Porting(**values)  # type: ignore[arg-type]
    return whole if any((whole.code, whole.prefix, whole.domain, whole.number)) else None


# --- calls that wait ----------------------------------------------------------------------------------------------------------------


class Without:
    """The usage without the call that is being decided: it has been counted already."""

    def __init__(self, usage: Any, path: tuple[int, ...]) -> None:
        self._usage, self._path = usage, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usage, name)

    def calls(self, account_id: int) -> int:
        return int(self._usage.calls(account_id)) - (account_id in self._path)

    def attempts(self, account_id: int) -> int:
        return int(self._usage.attempts(account_id)) - (account_id in self._path)


def wait(
    call: Call, request: CallRequest, account: Caller, outcome: Decision | Rejection, then: Callable[[Decision | Rejection], None],
    asked: int = 1,
) -> None:  # fmt: skip
    """`then` with the outcome: at once, unless it is a question; then once that is answered and the call decided again."""
    board = call.board
    if not isinstance(outcome, Unanswered):
        then(outcome)
        return

    def again() -> None:
        if call.state not in {"trying", "ringing"}:
            return
        world = board.world()
        usage: Any = Without(board.usage, account.path)
        found = decide(request, account, world, request.received_at, usage)
        call.world_version = world.version
        if isinstance(found, Unanswered) and asked < MOST_ASKED:
            wait(call, request, account, found, then, asked + 1)
        else:
            then(found)

    if outcome.question is None:
        then(outcome)
    else:
        board.lookups.ask(outcome.question, board.world().settings, partial(resume, call, again))
