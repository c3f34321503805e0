"""When a trunk, or one destination by it, is passed over, and when it may come back. Pure: values in, values out.

1. Workers count what came of calls (`Tally`); the office adds it up over a rolling window (`Record.recent`).
2. Too many calls that failed one after the other, or too low an ASR or ACD of enough calls, demote it: others go first.
3. After a while it is tried again with a trickle of calls. If they are well it is restored; if not it is demoted anew, each
   time for twice as long. After a few times it stays out until somebody resets it.

Two streaks are kept, because what an answer is worth is known only later: calls that were not answered since the last answer,
and answered calls that were short since the last one that was not (false answers are both answered and short).
Times are epoch seconds, durations seconds, shares per cent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

DIRECTION_DIGITS = 4
"""How many digits of the called number make a destination (guide 3452)."""
SLOTS = 12
"""Parts of the rolling window: what is older than the window falls out a part at a time."""
LONGEST = 30 * 86_400
"""Seconds for which anything is demoted at most, but for good."""


class State(StrEnum):
    """How it stands."""

    GOOD = "good"
    DEMOTED = "demoted"
    PROBING = "probing"
    OUT = "out"


class Kind(StrEnum):
    """What a history tells of."""

    DEMOTED = "demoted"
    WORSE = "worse"
    PROBING = "probing"
    RESTORED = "restored"
    OUT = "out"
    RESET = "reset"


class Tally(NamedTuple):
    """What came of calls in a moment, in this order. `lasted`: answered calls that were not short."""

    attempts: int = 0
    answered: int = 0
    failed: int = 0
    """Not answered, since the last that was."""
    lasted: int = 0
    short: int = 0
    """Answered and short, since the last that was not."""
    ended: int = 0
    seconds: int = 0
    """Of answered calls that have ended."""
    delays: int = 0
    """Calls of which it is known how long it took until it rang (PDD)."""
    delay_ms: int = 0
    heard: int = 0
    """Calls whose sound was measured."""
    mos: int = 0
    """Hundredths, added up."""

    def then(self, later: Tally) -> Tally:
        """Both, one after the other."""
        both = Tally(*map(sum, zip(self, later, strict=True)))
        return both._replace(
            failed=later.failed if later.answered else both.failed,
            short=later.short if later.lasted else both.short,
        )


class Limits(NamedTuple):
    """What is asked of it; 0 of a limit: not asked."""

    max_failures: int = 30
    min_asr: int = 5
    min_acd: int = 10
    max_pdd: int = 0
    """Milliseconds until it rings, on the average."""
    min_mos: int = 0
    """Hundredths."""
    min_calls: int = 50
    window: int = 3600
    first: int = 600
    """For how long it is demoted the first time."""
    most: int = 5
    """How often it may come back by itself."""
    forget: int = 86_400
    """After so long without fault its earlier ones are forgotten."""
    probes: int = 3
    """Calls one after the other that decide while it is tried."""
    slower: int = 2
    """How many times worse it must be to stand behind carriers whose priority is more than 100 away (guide 3520)."""


class Slot(NamedTuple):
    """A part of the window."""

    begins: int
    attempts: int = 0
    answered: int = 0
    ended: int = 0
    seconds: int = 0
    delays: int = 0
    delay_ms: int = 0
    heard: int = 0
    mos: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one trunk (or one destination by it)."""

    state: State = State.GOOD
    level: int = 0
    """1: stands behind carriers of the same hundred of priorities; 2: behind all."""
    since: float = 0.0
    until: float | None = None
    failed: int = 0
    short: int = 0
    good: int = 0
    """Calls that were well since it is tried again."""
    failure_demotions: int = 0
    quality_demotions: int = 0
    recent: tuple[Slot, ...] = field(default_factory=tuple)

    @property
    def failures(self) -> int:
        """Calls one after the other that went wrong."""
        return max(self.failed, self.short)


class Sum(NamedTuple):
    """The window, added up."""

    attempts: int
    answered: int
    ended: int
    seconds: int
    delays: int = 0
    delay_ms: int = 0
    heard: int = 0
    mos_sum: int = 0

    @property
    def asr(self) -> int | None:
        """Answered calls of all, in whole per cent, rounded down; None without any."""
        return 100 * self.answered // self.attempts if self.attempts else None

    @property
    def acd(self) -> int | None:
        """Average duration of answered calls, seconds; None without any."""
        return self.seconds // self.ended if self.ended else None

    @property
    def pdd(self) -> int | None:
        """Milliseconds until it rang, on the average; None without any."""
        return self.delay_ms // self.delays if self.delays else None

    @property
    def mos(self) -> int | None:
        """Hundredths, on the average of calls whose sound was measured; None without any."""
        return self.mos_sum // self.heard if self.heard else None


class Event(NamedTuple):
    """Something for the history, with the reason in words."""

    kind: Kind
    reason: str
    until: float | None = None


def destination_of(called: str) -> str:
    """The destination that a called number belongs to."""
    return called[:DIRECTION_DIGITS]


def summed(record: Record, now: float, window: int, *, since: float = 0.0) -> Sum:
    """What the window holds now, or of it what has been counted since a moment."""
    inside = [one for one in _inside(record, now, window) if one.begins >= since]
    return Sum(*(sum(one[place] for one in inside) for place in range(1, len(Slot._fields))))


def _inside(record: Record, now: float, window: int) -> list[Slot]:
    """The parts that are not older than the window, whole."""
    oldest = now - window - max(1, window // SLOTS)
    return [one for one in record.recent if one.begins > oldest]


def observed(record: Record, tally: Tally, now: float, limits: Limits) -> tuple[Record, Event | None]:
    """What is known after these calls, and what follows from it."""
    record, event = elapsed(record, now)
    record = _added(record, tally, now, limits.window)
    found = _judged(record, now, limits)
    return (found[0], found[1] or event)


def elapsed(record: Record, now: float) -> tuple[Record, Event | None]:
    """Its time is over: it is tried again, by a clean sheet."""
    if record.state is not State.DEMOTED or record.until is None or now < record.until:
        return record, None
    return _entered(record, State.PROBING, now, record.level), Event(Kind.PROBING, "its time is over")


def reset(record: Record, now: float) -> tuple[Record, Event]:
    """Somebody has set it free: as if nothing had been."""
    return Record(since=now, recent=_before(record, now)), Event(Kind.RESET, "set free by hand")


def _added(record: Record, tally: Tally, now: float, window: int) -> Record:
    size = max(1, window // SLOTS)
    # What was before the state that it is in now is shown, but judged no more: it stays in parts of its own.
    begins = max(int(now) // size * size, int(record.since))
    slots = _inside(record, now, window)
    last = slots.pop() if slots and slots[-1].begins == begins else Slot(begins)
    slots.append(
        Slot(
            begins,
            last.attempts + tally.attempts,
            last.answered + tally.answered,
            last.ended + tally.ended,
            last.seconds + tally.seconds,
            last.delays + tally.delays,
            last.delay_ms + tally.delay_ms,
            last.heard + tally.heard,
            last.mos + tally.mos,
        )
    )
    return replace(
        record,
        recent=tuple(slots),
        failed=tally.failed if tally.answered else record.failed + tally.failed,
        short=tally.short if tally.lasted else record.short + tally.short,
        good=record.good + tally.lasted,
    )


def _judged(record: Record, now: float, limits: Limits) -> tuple[Record, Event | None]:
    if record.state is State.GOOD:
        fault = _fault(record, now, limits)
        return _demoted(record, fault, now, limits) if fault else (record, None)
    if record.state is State.PROBING:
        return _tried(record, now, limits)
    if record.level < 2 and (fault := _fault(record, now, _worse(limits))):
        return replace(record, level=2), Event(Kind.WORSE, fault.words, record.until)
    return record, None


class _Fault(NamedTuple):
    by_failures: bool
    words: str


def _fault(record: Record, now: float, limits: Limits) -> _Fault | None:
    """What is wrong with it, if anything."""
    if limits.max_failures and record.failed >= limits.max_failures:
        return _Fault(True, f"{record.failed} calls one after the other were not answered")
    if limits.max_failures and record.short >= limits.max_failures:
        return _Fault(True, f"{record.short} answered calls one after the other were short")
    found = summed(record, now, limits.window, since=int(record.since))
    minutes = limits.window // 60
    if found.attempts >= limits.min_calls and found.asr is not None and found.asr < limits.min_asr:
        return _Fault(False, f"ASR {found.asr} % of {found.attempts} calls in {minutes} minutes")
    # When traffic has just begun, only short calls can have ended: wait until half of those answered have.
    enough = found.ended >= limits.min_calls and 2 * found.ended >= found.answered
    if enough and found.acd is not None and found.acd < limits.min_acd:
        return _Fault(False, f"ACD {found.acd} s of {found.ended} calls in {minutes} minutes")
    return _unpleasant(found, limits)


def _unpleasant(found: Sum, limits: Limits) -> _Fault | None:
    """Whether who calls waits for too long, or hears too little."""
    minutes = limits.window // 60
    if limits.max_pdd and found.delays >= limits.min_calls and (found.pdd or 0) > limits.max_pdd:
        return _Fault(False, f"PDD {found.pdd} ms of {found.delays} calls in {minutes} minutes")
    if limits.min_mos and found.heard >= limits.min_calls and (found.mos or 0) < limits.min_mos:
        mos = f"{(found.mos or 0) / 100:.2f}"
        return _Fault(False, f"MOS {mos} of {found.heard} calls in {minutes} minutes")
    return None


def _worse(limits: Limits) -> Limits:
    """The limits for who is demoted already: its streaks began anew when it was, so this many more make it so many times."""
    times = limits.slower
    return limits._replace(
        max_failures=limits.max_failures * (times - 1),
        min_asr=limits.min_asr // times,
        min_acd=limits.min_acd // times,
        max_pdd=limits.max_pdd * times,
        min_mos=limits.min_mos // times,
    )


def _demoted(record: Record, fault: _Fault, now: float, limits: Limits) -> tuple[Record, Event]:
    if record.state is State.GOOD and now - record.since > limits.forget:
        record = replace(record, failure_demotions=0, quality_demotions=0)
    record = replace(
        record,
        failure_demotions=record.failure_demotions + fault.by_failures,
        quality_demotions=record.quality_demotions + (not fault.by_failures),
    )
    times = record.failure_demotions + record.quality_demotions
    level = max(2 if limits.slower <= 1 else 1, record.level)
    if times > limits.most:
        return _entered(record, State.OUT, now, level), Event(Kind.OUT, fault.words)
    until = now + min(LONGEST, limits.first * 2 ** min(times - 1, 30))
    found = replace(_entered(record, State.DEMOTED, now, level), until=until)
    return found, Event(Kind.DEMOTED, fault.words, until)


def _tried(record: Record, now: float, limits: Limits) -> tuple[Record, Event | None]:
    """It is being tried: a few calls decide."""
    few = min(limits.probes, limits.max_failures) or limits.probes
    if fault := _fault(record, now, limits._replace(max_failures=few)):
        return _demoted(record, fault, now, limits)
    if record.good < limits.probes:
        return record, None
    words = f"{record.good} calls were well"
    return _entered(record, State.GOOD, now, 0), Event(Kind.RESTORED, words)


def _entered(record: Record, state: State, now: float, level: int) -> Record:
    """In another state, by a clean sheet; how often it was demoted is not forgotten."""
    return Record(
        state,
        level,
        now,
        failure_demotions=record.failure_demotions,
        quality_demotions=record.quality_demotions,
        recent=_before(record, now),
    )


def _before(record: Record, now: float) -> tuple[Slot, ...]:
    """The window, as something that was before this moment."""
    return tuple(one._replace(begins=min(one.begins, int(now) - 1)) for one in record.recent)


# --- what a call asks -----------------------------------------------------------------------------------------------------------


class Standing(NamedTuple):
    """How the switch sees what is not good."""

    state: State
    level: int
    until: float | None
    why: str

    def behind(self, now: float, chance: int, share: int) -> int:
        """How far back it stands for one call (0, 1, 2). While it is tried, one call of `share` finds it in its old place."""
        trying = self.state is State.PROBING or (
            self.state is State.DEMOTED and self.until is not None and now >= self.until
        )
        return 0 if trying and chance % max(1, share) == 0 else self.level


class Standings:
    """Those that are not good: by carrier, the whole trunk or single destinations."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[int, dict[str, Standing]] = {}

    def take(self, section: str, rows: Iterable[Sequence[Any]]) -> None:
        """Rows of the snapshot (`snapshot.standings`); only while it is being made."""
        for carrier, destination, state, level, until, why in rows:
            standing = Standing(State(state), level, until, why)
            self._found.setdefault(carrier, {})[destination] = standing

    @property
    def carriers(self) -> Collection[int]:
        """Those that anything stands against."""
        return self._found

    def of(self, carrier: int, called: str) -> Standing | None:
        """What stands against the carrier for this number; None: nothing. The whole trunk speaks first."""
        mine = self._found.get(carrier)
        if mine is None:
            return None
        return mine.get("") or mine.get(destination_of(called))
