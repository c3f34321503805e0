"""What is counted of calls that are up."""

from __future__ import annotations

from math import inf

from switch.call.usage import UsageCounters

CARRIER, TARGET = 7, 3


def test_a_call_counts_for_its_carrier_and_for_the_target_of_its_rule() -> None:
    now = [100.0]
    usage = UsageCounters(lambda: now[0])
    assert (usage.routed_at(CARRIER), usage.idle(CARRIER)) == (0.0, inf)
    usage.take_line(CARRIER, TARGET)
    usage.take_line(CARRIER)
    assert (usage.carrier_calls(CARRIER), usage.target_calls(TARGET), usage.target_attempts(TARGET)) == (
        2,
        1,
        1,
    )
    assert usage.routed_at(CARRIER) == 100.0
    now[0] = 105.0
    usage.free_line(CARRIER, TARGET)
    assert (usage.carrier_calls(CARRIER), usage.target_calls(TARGET), usage.target_attempts(TARGET)) == (
        1,
        0,
        0,
    )
    now[0] = 107.5
    assert usage.idle(CARRIER) == 2.5


def test_what_other_workers_have_of_a_target_counts_too() -> None:
    usage, other = UsageCounters(lambda: 0.0), UsageCounters(lambda: 0.0)
    other.take_line(CARRIER, TARGET)
    usage.told(*other.counts())
    assert (usage.carrier_calls(CARRIER), usage.target_calls(TARGET)) == (1, 1)
