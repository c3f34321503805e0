"""Edges that mutation testing found untested: every test here fails for a change of one character in the engine."""

import json
from itertools import product

import pytest

from apps.core.values import Rounding, TimeWindow, to_micros
from apps.pricing.engine import (
    LONGEST,
    Crossing,
    Rate,
    Terms,
    band_of,
    bands_of,
    duration_seconds,
    highest,
    max_duration,
    rate,
    select,
)

MINUTE = to_micros(60)
UNIT = to_micros(1)
MONDAY = 1_772_409_600  # 2026-03-02 00:00 UTC
SIX = MONDAY + 18 * 3600
DAY = TimeWindow(255, 480, 1080)


def two(first: Rate, rest: Rate, **terms: object) -> Terms:
    """The first rate from 08:00 to 18:00, the other one in the rest of the time."""
    return Terms((band_of(first, DAY), band_of(rest)), **terms)  # type: ignore[arg-type]


def test_a_number_of_exactly_the_longest_length_fits() -> None:
    one = Rate(1, "36", 1, min_digits=5, max_digits=7)
    found = [bool(select([[one]], "36" + "1" * more, 0)) for more in range(7)]
    assert found == [False, False, False, True, True, True, False]


def test_versions_in_a_window_compete_with_each_other_alone() -> None:
    group = [
        Rate(1, "36", 1, window=7, valid_from=10),
        Rate(2, "36", 1, window=7, valid_from=5),
        Rate(3, "36", 1, window=8, valid_from=1),
        Rate(4, "36", 1, valid_from=20),
    ]
    assert sorted(one.id for one in select([group], "361", 100)) == [1, 3, 4]


def test_two_bands_are_ordered_and_carry_their_windows() -> None:
    rates = [Rate(1, "36", 1), Rate(2, "36", 1, window=7)]
    assert [(band.rate_id, band.window) for band in bands_of(rates, {7: (DAY,)})] == [(2, DAY), (1, None)]


def test_a_holiday_closes_what_would_cover_the_call() -> None:
    bands = (band_of(Rate(1, "", 1), TimeWindow(31)),)
    assert Terms(bands).covers(MONDAY)
    assert not Terms(bands, days=((MONDAY // 86_400, 7),)).covers(MONDAY)


@pytest.mark.parametrize(
    "fields", [{"crossing": Crossing.CALL_START}, {"discount_ppm": 5}, {"days": ((20_812, 7),)}]
)
def test_each_of_the_rarer_terms_travels_alone(fields: dict[str, object]) -> None:
    terms = Terms((band_of(Rate(1, "36", 5)),), **fields)  # type: ignore[arg-type]
    assert Terms.from_list(json.loads(json.dumps(terms.as_list()))) == terms


@pytest.mark.parametrize("field", ["grace_seconds", "minimum_charge", "maximum_charge", "surcharge"])
def test_each_of_what_is_counted_once_travels_alone(field: str) -> None:
    terms = Terms((band_of(Rate(1, "36", 5, **{field: 3})),))
    assert Terms.from_list(json.loads(json.dumps(terms.as_list()))) == terms


@pytest.mark.parametrize(("milliseconds", "seconds"), [(-5000, 0), (0, 0), (499, 0), (500, 1), (1499, 1)])
def test_a_duration_is_never_below_nothing(milliseconds: int, seconds: int) -> None:
    assert duration_seconds(milliseconds) == seconds


@pytest.mark.parametrize("how", [Crossing.PER_SECOND, Crossing.INCREMENT_START, Crossing.CALL_START])
def test_what_is_set_aside_is_the_price_of_the_longest_call_unless_the_middle_decides(how: Crossing) -> None:
    terms = two(Rate(1, "", 10 * MINUTE, 60), Rate(2, "", MINUTE), crossing=how)
    for seconds in (0, 1, 59, 61, 119, 121, 300):
        assert highest(terms, SIX - 60, seconds) == rate(terms, SIX - 60, seconds).gross


def test_nothing_is_set_aside_for_a_free_call_however_it_is_rounded() -> None:
    terms = two(
        Rate(1, "", 0), Rate(2, "", 0), crossing=Crossing.CALL_MIDDLE, rounding=Rounding.UP, decimals=2
    )
    assert highest(terms, SIX - 60, 300) == 0


def test_what_is_set_aside_covers_the_beginning_of_a_call_that_pays_back() -> None:
    terms = two(Rate(1, "", -MINUTE, 9 * UNIT), Rate(2, "", -MINUTE), crossing=Crossing.CALL_MIDDLE)
    assert highest(terms, SIX - 60, 300) == 8 * UNIT


def test_a_connect_fee_that_cannot_be_paid_ends_the_call_before_its_first_second() -> None:
    terms = two(Rate(1, "", 1, 1000 * UNIT), Rate(2, "", 1, 1000 * UNIT))
    assert max_duration(terms, SIX - 60, 1000 * UNIT - 1) == 0
    assert max_duration(terms, SIX - 60, 10_000 * UNIT) == LONGEST


@pytest.mark.parametrize("short", [0, 1, 60, 61, 120])
def test_the_shortcut_for_the_rich_is_not_taken_by_those_who_are_a_step_short(short: int) -> None:
    """A unit a second at all hours, by the minute, and a budget of so many seconds less than the longest call."""
    each = {"first_increment": 60, "next_increment": 60}
    terms = two(Rate(1, "", MINUTE, **each), Rate(2, "", MINUTE, **each))
    affordable = (LONGEST - short) // 60 * 60
    assert max_duration(terms, SIX - 60, (LONGEST - short) * UNIT) == affordable


DEAR = Rate(1, "", 10 * MINUTE, 3 * UNIT, 7, 6, surcharge=UNIT)
LIMITED = Rate(2, "", MINUTE, UNIT, 10, 4, 0, 20, minimum_charge=9 * UNIT, maximum_charge=150 * UNIT)


@pytest.mark.parametrize(
    ("how", "grace", "turned", "rounding"),
    list(product(Crossing, [0, 35], [False, True], [Rounding.HALF_UP, Rounding.UP])),
)
def test_every_budget_lasts_exactly_as_long_as_it_pays(
    how: Crossing, grace: int, turned: bool, rounding: Rounding
) -> None:
    """Each price of each of the first minutes, and one micro less, against counting second by second."""
    day, rest = (LIMITED, DEAR) if turned else (DEAR, LIMITED)
    terms = two(day._replace(grace_seconds=grace), rest, crossing=how, rounding=rounding)
    costs = [rate(terms, SIX - 45, seconds).gross for seconds in range(1, 200)]
    for budget in sorted({cost - less for cost in costs for less in (0, 1)}):
        lasting = max_duration(terms, SIX - 45, budget)
        paid = next((n for n, cost in enumerate(costs) if cost > budget), len(costs)) if budget >= 0 else 0
        if paid == len(costs):
            assert lasting is None or lasting >= paid
        else:
            assert lasting == paid, budget
    for seconds in range(len(costs)):
        assert highest(terms, SIX - 45, seconds) == max([0, *costs[:seconds]])


@pytest.mark.parametrize("before", [1, 2])
def test_the_middle_of_a_call_that_begins_just_before_a_boundary(before: int) -> None:
    terms = two(Rate(1, "", MINUTE), Rate(2, "", 10 * MINUTE), crossing=Crossing.CALL_MIDDLE)
    costs = [rate(terms, SIX - before, seconds).gross // UNIT for seconds in range(1, 8)]
    cheap = 2 * before
    assert costs == [n if n <= cheap else 10 * n for n in range(1, 8)]
    assert [max_duration(terms, SIX - before, budget * UNIT) for budget in (1, 2, 19, 69)] == [
        min(1, cheap), min(2, cheap), cheap, max(cheap, 6),
    ]  # fmt: skip


def test_a_tier_that_begins_where_the_middle_moves_on_is_not_asked_of_the_band_that_is_over() -> None:
    """Free for two minutes by day, at night at all; the middle of a call of 120 s from 17:59 is the last one by day."""
    by_day = Rate(1, "", 10 * MINUTE, 5 * UNIT, free_seconds=120)
    terms = two(by_day, Rate(2, "", 0), crossing=Crossing.CALL_MIDDLE)
    assert max_duration(terms, SIX - 60, 5 * UNIT) == 2 * (14 * 3600 + 60)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [(Rounding.HALF_UP, -2), (Rounding.UP, -2), (Rounding.DOWN, -1), (Rounding.NONE, -1_500_000)],
)
def test_what_is_paid_back_is_rounded_as_what_is_charged(rounding: Rounding, expected: int) -> None:
    terms = Terms((band_of(Rate(1, "", -MINUTE // 2)),), rounding=rounding, decimals=0)
    assert rate(terms, 0, 3).net == (expected if rounding is Rounding.NONE else expected * UNIT)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exchange": (0, 1)}, "exchange"),
        ({"exchange": (1, 0)}, "exchange"),
        ({"vat_ppm": -1}, "VAT"),
        ({"included_ppm": -1}, "VAT"),
        ({"decimals": 7}, "decimals"),
    ],
)
def test_terms_that_have_no_sense_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Terms((band_of(Rate(1, "", 1)),), **fields)  # type: ignore[arg-type]


def test_terms_without_a_band_are_refused() -> None:
    with pytest.raises(ValueError, match="without a band"):
        Terms(())


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("vat", [0, 55_000, 270_000, 999_999])
def test_a_budget_of_exactly_a_gross_price_pays_for_it_however_net_and_vat_are_rounded(
    rounding: Rounding, vat: int
) -> None:
    """A cent a second, plus VAT: each second's gross is more than the last one's."""
    terms = Terms((band_of(Rate(1, "", to_micros("0.6"))),), rounding=rounding, decimals=2, vat_ppm=vat)
    for seconds in range(1, 130):
        gross = rate(terms, 0, seconds).gross
        assert max_duration(terms, 0, gross) == seconds
        assert max_duration(terms, 0, gross - 1) == seconds - 1


@pytest.mark.parametrize(
    ("evening", "expected"),
    [({"first_increment": 100}, 300 + 30), ({"free_seconds": 45}, 300 + 15), ({"free_after": 50}, 300 + 20)],
)
def test_a_step_that_reaches_into_another_band_is_priced_by_the_tiers_of_that_band_as_far_as_it_reaches(
    evening: dict[str, int], expected: int
) -> None:
    """A minute of 10 a second that begins half a minute before 1 a second does."""
    day = Rate(1, "", 10 * MINUTE, first_increment=60, next_increment=60)
    terms = two(day, Rate(2, "", MINUTE, **evening))  # type: ignore[arg-type]
    assert rate(terms, SIX - 30, 20).gross == expected * UNIT
