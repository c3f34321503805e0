"""When a trunk is demoted, tried again, restored, and given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.routing.health.engine import (
    Kind,
    Limits,
    Record,
    Standing,
    Standings,
    State,
    Tally,
    elapsed,
    observed,
    reset,
    summed,
)

NOW = 1_790_000_000.0
MINUTE = 60
LIMITS = Limits()
FAILURES_ONLY = Limits(min_asr=0, min_acd=0)
FAILED = Tally(attempts=1, failed=1)
ANSWERED = Tally(attempts=1, answered=1)
GOOD = Tally(attempts=1, answered=1, lasted=1, ended=1, seconds=120)
SHORT = Tally(attempts=1, answered=1, short=1, ended=1, seconds=3)


def after(
    record: Record, *tallies: Tally, now: float = NOW, limits: Limits = LIMITS
) -> tuple[Record, list[str]]:
    said: list[str] = []
    for tally in tallies:
        record, event = observed(record, tally, now, limits)
        said += [event.kind] if event else []
    return record, said


def demoted(limits: Limits = LIMITS) -> Record:
    found, said = after(Record(since=NOW), *[FAILED] * limits.max_failures, limits=limits)
    assert said == ["demoted"]
    return found


@pytest.mark.req("failover-002")
def test_thirty_failures_in_a_row_demote_and_twenty_nine_do_not() -> None:
    record, said = after(Record(since=NOW), *[FAILED] * 29)
    assert (record.state, record.failures, said) == (State.GOOD, 29, [])
    record, said = after(record, FAILED)
    assert (record.state, said) == (State.DEMOTED, ["demoted"])
    assert (record.failure_demotions, record.quality_demotions) == (1, 0)
    assert record.until == NOW + 10 * MINUTE


@pytest.mark.req("failover-002")
def test_an_answer_ends_a_row_of_failures() -> None:
    record, said = after(Record(), *[FAILED] * 29, ANSWERED, *[FAILED] * 29, limits=FAILURES_ONLY)
    assert (record.state, record.failed, said) == (State.GOOD, 29, [])


@pytest.mark.req("failover-002")
def test_false_answers_are_a_row_too_although_each_ends_the_row_of_failures() -> None:
    record, said = after(Record(), *[SHORT, FAILED] * 29, limits=FAILURES_ONLY)
    assert (record.short, record.failed, said) == (29, 1, [])
    record, said = after(record, SHORT, limits=FAILURES_ONLY)
    assert said == ["demoted"]
    assert after(Record(), *[SHORT] * 29, GOOD, *[SHORT] * 29, limits=FAILURES_ONLY)[1] == []


@pytest.mark.req("failover-003")
@pytest.mark.parametrize(
    ("tally", "kinds", "reason"),
    [
        (Tally(attempts=100, answered=9, failed=1), ["demoted"], "ASR 9 % of 100 calls in 60 minutes"),
        (Tally(attempts=100, answered=10, failed=1), [], ""),
        (Tally(attempts=39, answered=0, failed=1), [], ""),
        (
            Tally(attempts=80, answered=60, ended=40, seconds=40 * 15 - 1, failed=1),
            ["demoted"],
            "ACD 14 s of 40 calls in 60 minutes",
        ),
        (Tally(attempts=80, answered=60, ended=40, seconds=40 * 15, failed=1), [], ""),
        (Tally(attempts=80, answered=60, ended=39, seconds=39, failed=1), [], ""),
    ],
)
def test_asr_and_acd_below_the_least_demote_once_there_are_enough_calls(
    tally: Tally, kinds: list[str], reason: str
) -> None:
    limits = Limits(min_asr=10, min_acd=15, min_calls=40)
    record, event = observed(Record(), tally, NOW, limits)
    assert [event.kind if event else None] == (kinds or [None])
    if event:
        assert (event.reason, record.quality_demotions, record.failure_demotions) == (reason, 1, 0)


@pytest.mark.req("failover-008")
def test_traffic_that_has_just_begun_is_not_judged_by_its_short_calls() -> None:
    limits = Limits(min_calls=50, min_acd=10)
    tally = Tally(attempts=300, answered=200, ended=60, seconds=60)
    assert observed(Record(), tally, NOW, limits)[1] is None
    assert observed(Record(), tally._replace(answered=120), NOW, limits)[1] is not None


@pytest.mark.req("failover-006")
def test_what_is_older_than_the_window_counts_no_more() -> None:
    limits = Limits(min_asr=10, min_calls=50)
    bad = Tally(attempts=49, failed=1)
    record, _ = observed(Record(), bad, NOW, limits)
    record, event = observed(record, Tally(attempts=1, answered=1), NOW + 59 * MINUTE, limits)
    assert event is not None and event.reason.startswith("ASR 2 %")
    record, _ = observed(Record(), bad, NOW, limits)
    record, event = observed(record, Tally(attempts=49, failed=1), NOW + 66 * MINUTE, limits)
    assert event is None and summed(record, NOW + 66 * MINUTE, limits.window).attempts == 49


@pytest.mark.req("failover-006", "failover-007")
def test_it_is_tried_again_after_ever_longer_times_and_in_the_end_stays_out() -> None:
    record, now = Record(since=NOW), NOW
    waits: list[float] = []
    record, _ = after(record, *[FAILED] * 30, now=now)
    while record.state is State.DEMOTED:
        assert record.until is not None
        waits.append(record.until - now)
        assert elapsed(record, record.until - 1) == (record, None)
        now = record.until
        record, event = elapsed(record, now)
        assert (record.state, event and event.kind) == (State.PROBING, Kind.PROBING)
        record, _ = after(record, *[FAILED] * 3, now=now)
    assert waits == [minutes * MINUTE for minutes in (10, 20, 40, 80, 160)]
    assert (record.state, record.until, record.failure_demotions) == (State.OUT, None, 6)
    assert elapsed(record, now + 10**9) == (record, None)
    assert after(record, *[GOOD] * 1000, now=now + 10**6)[0].state is State.OUT


@pytest.mark.req("failover-006")
def test_a_few_good_calls_while_it_is_tried_restore_it() -> None:
    record, _ = elapsed(demoted(), NOW + 601)
    record, said = after(record, GOOD, FAILED, GOOD, now=NOW + 602)
    assert (record.state, said) == (State.PROBING, [])
    record, said = after(record, GOOD, now=NOW + 603)
    assert (record.state, record.level, said) == (State.GOOD, 0, ["restored"])


def test_earlier_demotions_are_forgotten_after_a_day_without_fault_and_not_before() -> None:
    restored = replace(demoted(), state=State.GOOD, level=0, until=None, since=NOW, failed=0)
    soon, _ = after(restored, *[FAILED] * 30, now=NOW + 3600)
    assert soon.until == NOW + 3600 + 20 * MINUTE
    late, _ = after(restored, *[FAILED] * 30, now=NOW + 86_401)
    assert late.until == NOW + 86_401 + 10 * MINUTE


@pytest.mark.req("failover-026", "failover-006")
def test_reset_sets_free_at_once_and_forgets_all_counts() -> None:
    out = replace(demoted(), state=State.OUT, until=None, failure_demotions=6, quality_demotions=2, level=2)
    record, event = reset(out, NOW + 5)
    assert (
        record == Record(since=NOW + 5, recent=record.recent) and summed(record, NOW + 5, 3600).attempts == 30
    )
    assert event.kind is Kind.RESET
    assert after(record, *[FAILED] * 30, now=NOW + 6)[0].until == NOW + 6 + 10 * MINUTE


@pytest.mark.req("failover-015")
def test_twice_as_many_failures_put_it_behind_carriers_of_another_hundred_too() -> None:
    record = demoted()
    assert record.level == 1
    record, said = after(record, *[FAILED] * 29, now=NOW + 5)
    assert (record.level, said) == (1, [])
    record, said = after(record, FAILED, now=NOW + 5)
    assert (record.level, record.state, said) == (2, State.DEMOTED, ["worse"])
    assert demoted(LIMITS._replace(slower=1)).level == 2


def test_limits_of_nought_ask_nothing() -> None:
    limits = Limits(max_failures=0, min_asr=0, min_acd=0)
    assert after(Record(), *[FAILED] * 500, *[SHORT] * 500, limits=limits)[1] == []


counts = st.integers(min_value=0, max_value=9)


@st.composite
def moments(draw: st.DrawFn) -> list[Tally]:
    """Calls one after the other, each as a worker counts it."""
    return draw(st.lists(st.sampled_from([FAILED, ANSWERED, GOOD, SHORT]), max_size=40))


@given(moments(), st.integers(0, 40))
def test_it_is_the_same_whether_calls_are_told_one_by_one_or_in_two_lots(
    calls: list[Tally], cut: int
) -> None:
    limits = Limits(max_failures=0, min_asr=0, min_acd=0)
    whole = Record()
    for call in calls:
        whole, _ = observed(whole, call, NOW, limits)
    lots = Record()
    for part in (calls[:cut], calls[cut:]):
        lot = Tally()
        for call in part:
            lot = lot.then(call)
        lots, _ = observed(lots, lot, NOW, limits)
    assert (lots.failed, lots.short, lots.good, summed(lots, NOW, 3600)) == (
        whole.failed,
        whole.short,
        whole.good,
        summed(whole, NOW, 3600),
    )


def test_while_it_is_tried_one_call_in_ten_finds_it_in_its_old_place() -> None:
    standing = Standing(State.PROBING, 1, None, "")
    places = [standing.behind(NOW, chance, 10) for chance in range(1000)]
    assert (places.count(0), places.count(1)) == (100, 900)
    assert Standing(State.DEMOTED, 2, NOW + 1, "").behind(NOW, 0, 10) == 2
    assert Standing(State.DEMOTED, 2, NOW, "").behind(NOW, 0, 10) == 0, "its time is over"
    assert Standing(State.OUT, 1, None, "").behind(NOW + 10**9, 0, 10) == 1


@pytest.mark.req("failover-005")
def test_the_whole_trunk_or_only_a_destination_of_four_digits_stands_behind() -> None:
    table = Standings()
    table.take("standings", [(7, "4930", "demoted", 1, None, "x"), (8, "", "out", 1, None, "y")])
    assert [bool(table.of(7, called)) for called in ("493012345", "493112345", "4930")] == [True, False, True]
    assert table.of(8, "36123") is not None and table.of(9, "36123") is None


def test_what_was_before_it_was_set_free_is_shown_but_judged_no_more() -> None:
    limits = Limits(max_failures=0, min_asr=10, min_calls=50)
    record, event = observed(Record(since=NOW - 60), Tally(attempts=60, failed=60), NOW, limits)
    assert event is not None
    record, _ = reset(record, NOW + 1)
    record, event = observed(record, Tally(attempts=49, failed=49), NOW + 2, limits)
    assert event is None and summed(record, NOW + 2, limits.window).attempts == 109
    record, event = observed(record, Tally(attempts=1, failed=1), NOW + 3, limits)
    assert event is not None and event.reason == "ASR 0 % of 50 calls in 60 minutes"
