"""Good and bad callers by their statistics."""

from __future__ import annotations

import pytest

from apps.config.registry import defaults
from apps.screening.engine.standing import (
    BAD,
    GOOD,
    UNDECIDED,
    Measure,
    Thresholds,
    keys_of,
    ladder,
    special_standing,
    standing,
)

PLAIN = Thresholds(
    asr=10,
    acd=15,
    good=5,
    calls=150,
    calls_by={"user": 3, "ip": 6, "trunk": 4},
    stat_by={"user": 0.9, "ip": 0.7, "trunk": 0.5},
)


@pytest.mark.req("fraud-027", "fraud-029", "fraud-030", "fraud-032")
@pytest.mark.parametrize(
    ("calls", "answered", "acd", "outcome"),
    [
        (149, 0, 0, UNDECIDED),  # too few to say
        (150, 0, 0, BAD),
        (200, 19, 100, BAD),  # 9.5 % answered
        (200, 20, 100, UNDECIDED),  # 10 %
        (200, 30, 100, UNDECIDED),  # 15 % is not above
        (200, 31, 100, GOOD),
        (200, 100, 14, BAD),
        (200, 100, 15, UNDECIDED),
        (200, 100, 25, UNDECIDED),
        (200, 100, 26, GOOD),
    ],
)
def test_a_number_is_judged_by_the_least_asr_and_acd(
    calls: int, answered: int, acd: int, outcome: int
) -> None:
    assert standing("number", Measure(calls, answered, acd * answered), PLAIN) == outcome
    assert standing("number_ip", Measure(calls, answered, acd * answered), PLAIN) == outcome


@pytest.mark.req("fraud-034", "fraud-035", "fraud-036")
@pytest.mark.parametrize(
    ("kind", "calls", "asr", "acd"),
    [("user", 450, 0.09, 13.5), ("ip", 900, 0.07, 10.5), ("trunk", 600, 0.05, 7.5)],
)
def test_an_account_an_address_and_a_trunk_need_more_calls_and_less_of_the_rest(
    kind: str, calls: int, asr: float, acd: float
) -> None:
    assert standing(kind, Measure(calls - 1, 0, 0), PLAIN) == UNDECIDED
    assert standing(kind, Measure(calls, 0, 0), PLAIN) == BAD
    just = round(10_000 * asr)
    assert standing(kind, Measure(10_000, just - 1, 1000 * just), PLAIN) == BAD
    assert standing(kind, Measure(10_000, just, 20 * just), PLAIN) == UNDECIDED
    assert standing(kind, Measure(1000, 1000, int(1000 * acd) - 1), PLAIN) == BAD
    assert standing(kind, Measure(1000, 1000, int(1000 * acd)), PLAIN) == UNDECIDED


@pytest.mark.req("fraud-033")
def test_a_call_is_known_by_the_last_digits_of_its_number_its_address_and_its_account() -> None:
    assert keys_of("36301234567", "192.0.2.7", 5, "subscriber", 9) == (
        "number:301234567", "number_ip:301234567@192.0.2.7", "ip:192.0.2.7", "user:5",
    )  # fmt: skip
    assert keys_of("06301234567", "192.0.2.7", 5, "customer_trunk", 7)[::3] == ("number:1234567", "trunk:5")


@pytest.mark.req("fraud-046", "fraud-047", "fraud-054")
@pytest.mark.parametrize(
    ("calls", "answered", "acd", "outcome"),
    [
        (1, 1, 41, GOOD),  # one call is enough, if it is a good one
        (1, 1, 40, UNDECIDED),
        (1, 0, 0, UNDECIDED),
        (3, 0, 0, UNDECIDED),
        (4, 0, 0, BAD),
        (4, 1, 9, BAD),
        (4, 1, 10, UNDECIDED),
        (9, 3, 41, GOOD),
        (9, 2, 41, UNDECIDED),
        (10, 3, 31, GOOD),  # although that is below the least ACD: good is asked first
        (10, 2, 41, UNDECIDED),
        (10, 2, 39, BAD),
        (10, 1, 300, BAD),
        (50, 11, 31, GOOD),
    ],
)
def test_carriers_of_their_own_thresholds_judge_by_how_many_calls_there_were(
    calls: int, answered: int, acd: int, outcome: int
) -> None:
    good, bad = (tuple(defaults()[f"autoban_special_{name}"]) for name in ("good", "bad"))
    assert special_standing(Measure(calls, answered, acd * answered), ladder(good), ladder(bad)) == outcome
    assert special_standing(Measure(calls, answered, acd * answered), (), ()) == UNDECIDED
    if outcome == BAD:  # the figures are an operator's
        assert (
            special_standing(Measure(calls, answered, acd * answered), (), ladder(["60/15/40"])) == UNDECIDED
        )
