"""What a call costs: increments, minimum, free time, bands, VAT, rounding; and how long a budget lasts."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.values import Rounding, TimeWindow, divide, to_micros
from apps.core.values.windows import EVERY_DAY
from apps.pricing.engine import (
    LONGEST,
    NOTHING,
    Band,
    Crossing,
    Rate,
    Terms,
    Tier,
    band_of,
    highest,
    max_duration,
    rate,
    tiers,
)
from apps.pricing.engine.rating import largest_within

MINUTE = to_micros(60)  # a price at which every second costs one whole unit
UNIT = to_micros(1)


def plain(price: int = MINUTE, **fields: int) -> Terms:
    return Terms((band_of(Rate(1, "", price, **fields)),))


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def day_and_night(zone: str = "UTC", day: int = 8 * 60, evening: int = 18 * 60) -> Terms:
    """10 a second by day with a connect fee of 100, 1 a second with a fee of 7 the rest of the time."""
    by_day = Rate(1, "36", 10 * MINUTE, 100 * UNIT)
    by_night = Rate(2, "36", MINUTE, 7 * UNIT)
    return Terms((band_of(by_day, TimeWindow(EVERY_DAY, day, evening)), band_of(by_night)), zone=zone)


@pytest.mark.req("pricing-012", "promotions-001")
@pytest.mark.parametrize(
    ("fields", "seconds", "billed"),
    [
        ({}, 7, 7),
        ({"first_increment": 60, "next_increment": 60}, 1, 60),
        ({"first_increment": 60, "next_increment": 60}, 60, 60),
        ({"first_increment": 60, "next_increment": 60}, 61, 120),
        ({"first_increment": 30, "next_increment": 6}, 30, 30),
        ({"first_increment": 30, "next_increment": 6}, 31, 36),
        ({"minimum_seconds": 20}, 3, 20),
        ({"minimum_seconds": 20}, 21, 21),
        ({"minimum_seconds": 31, "first_increment": 30, "next_increment": 6}, 1, 36),
        ({"minimum_seconds": 30, "first_increment": 60, "next_increment": 60}, 1, 60),
        ({"free_seconds": 10}, 10, 0),
        ({"free_seconds": 10}, 11, 1),
        ({"free_seconds": 10, "first_increment": 30, "next_increment": 6}, 11, 30),
        ({"free_seconds": 10, "first_increment": 30, "next_increment": 6}, 45, 36),
        ({"free_seconds": 10, "minimum_seconds": 20}, 12, 20),
        ({"free_after": 60}, 60, 60),
        ({"free_after": 60}, 6000, 60),
        ({"free_after": 45, "first_increment": 30, "next_increment": 30}, 31, 45),
        ({"free_after": 90, "free_seconds": 10}, 500, 80),
    ],
)
def test_steps_minimum_and_free_time_decide_the_billed_seconds(
    fields: dict[str, int], seconds: int, billed: int
) -> None:
    charge = rate(plain(**fields), 0, seconds)
    assert (charge.billed_seconds, charge.gross) == (billed, billed * UNIT)


def test_a_call_of_no_seconds_costs_nothing_in_spite_of_a_connect_fee_and_a_minimum() -> None:
    assert rate(plain(connect_fee=UNIT, minimum_seconds=60), 0, 0) == NOTHING


def test_the_connect_fee_is_due_though_all_seconds_are_free() -> None:
    assert rate(plain(connect_fee=5 * UNIT, free_seconds=30), 0, 20).gross == 5 * UNIT


def test_a_negative_price_pays_out_and_rounds_as_a_positive_one() -> None:
    income = Terms((band_of(Rate(1, "", -to_micros("0.1"))),), decimals=2)
    expense = Terms((band_of(Rate(1, "", to_micros("0.1"))),), decimals=2)
    assert rate(income, 0, 27).gross == -rate(expense, 0, 27).gross == -to_micros("0.05")


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        pytest.param("2026-03-02T17:59:00", 60, 100 + 600, id="ends on the boundary: all of it by day"),
        pytest.param("2026-03-02T17:59:00", 61, 100 + 601, id="one second over: that second by night"),
        pytest.param("2026-03-02T18:00:00", 60, 7 + 60, id="begins on the boundary: all of it by night"),
        pytest.param("2026-03-02T23:59:30", 60, 7 + 60, id="midnight"),
        pytest.param("2024-02-28T23:59:30", 60, 7 + 60, id="into the leap day"),
        pytest.param("2024-02-29T07:59:50", 20, 7 + 10 + 100, id="on the leap day"),
        pytest.param("2026-01-31T23:00:00", 36_000, 7 + 9 * 3600 + 10 * 3600, id="over the month's end"),
        pytest.param(
            "2026-12-31T17:59:59", 86_400, 100 + 14 * 3600 + 36_000 * 10, id="a whole day over new year"
        ),
    ],
)
def test_a_call_is_split_by_the_second_where_the_price_changes(
    start: str, seconds: int, expected: int
) -> None:
    charge = rate(day_and_night(), at(start), seconds)
    assert (charge.gross, charge.billed_seconds) == (expected * UNIT, seconds)


@pytest.mark.parametrize(
    ("start", "fold", "seconds", "expected"),
    [
        # Forward: 02:00 becomes 03:00, so the window from 02:30 to 03:30 opens at 03:00 and is 30 minutes long.
        pytest.param("2026-03-29T01:00:00", 0, 7200, 7 + 1800 * 10 + 5400, id="the hour that is missing"),
        # Back: 03:00 becomes 02:00, so 02:30 to 03:00 comes twice, and 03:00 to 03:30 once.
        pytest.param("2026-10-25T02:00:00", 0, 7200, 7 + 3600 * 10 + 3600, id="the hour that comes twice"),
        pytest.param("2026-10-25T02:29:59", 1, 3600, 7 + 1 + 3599 * 10, id="in its second coming"),
    ],
)
def test_bands_follow_the_wall_clock_in_the_nights_when_clocks_change(
    start: str, fold: int, seconds: int, expected: int
) -> None:
    terms = day_and_night("Europe/Budapest", 2 * 60 + 30, 3 * 60 + 30)
    assert rate(terms, at(start, "Europe/Budapest", fold), seconds).gross == expected * UNIT


def test_two_calls_in_the_same_step_cost_the_same_even_when_the_step_crosses_a_boundary() -> None:
    by_day = Band(
        TimeWindow(EVERY_DAY, 8 * 60, 18 * 60),
        1,
        "",
        0,
        tiers(10 * MINUTE, first_increment=60, next_increment=60),
    )
    by_night = Band(None, 2, "", 0, tiers(MINUTE, first_increment=60, next_increment=60))
    terms, start = Terms((by_day, by_night)), at("2026-03-02T17:59:30")
    assert rate(terms, start, 1) == rate(terms, start, 60)
    assert rate(terms, start, 60).gross == (30 * 10 + 30) * UNIT


def test_terms_without_a_rest_do_not_cover_a_call_outside_their_windows() -> None:
    terms = Terms((band_of(Rate(1, "", MINUTE), TimeWindow(EVERY_DAY, 480, 1080)),))
    assert terms.covers(at("2026-03-02T08:00:00"))
    assert not terms.covers(at("2026-03-02T18:00:00"))


@pytest.mark.parametrize(
    ("vat", "included", "expected"),
    [
        (270_000, 0, ("10", "2.7", "12.7")),
        (0, 270_000, ("7.87", "0", "7.87")),
        (270_000, 270_000, ("7.87", "2.12", "9.99")),
    ],
)
def test_vat_is_taken_out_of_the_price_and_added_to_one_rounded_net(
    vat: int, included: int, expected: tuple[str, str, str]
) -> None:
    terms = Terms(
        (band_of(Rate(1, "", to_micros(10), 0, 60, 60)),), decimals=2, vat_ppm=vat, included_ppm=included
    )
    assert rate(terms, 0, 60)[:3] == tuple(map(to_micros, expected))


def test_an_exchange_rate_is_applied_exactly_and_rounded_once() -> None:
    terms = Terms((band_of(Rate(1, "", to_micros(1))),), exchange=(1, 3), decimals=6)
    assert rate(terms, 0, 180).gross == UNIT
    assert rate(terms, 0, 60).gross == 333_333


def test_terms_survive_the_way_through_json() -> None:
    terms = Terms(
        (*day_and_night().bands, band_of(Rate(9, "4420", 123, 4, 30, 6, 40, 5, 600))),
        currency="EUR",
        zone="Europe/Budapest",
        rounding=Rounding.UP,
        decimals=4,
        vat_ppm=270_000,
        included_ppm=5,
        exchange=(7, 3),
    )
    again = Terms.from_list(json.loads(json.dumps(terms.as_list())))
    assert again == terms
    assert rate(again, 1_700_000_000.25, 4321) == rate(terms, 1_700_000_000.25, 4321)


@pytest.mark.parametrize("fields", [{"first_increment": 0}, {"next_increment": 0}])
def test_an_increment_below_a_second_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one second"):
        tiers(1, **fields)


# ---- properties

prices = st.integers(-3_000_000, 30_000_000) | st.sampled_from([0, 1, 60, MINUTE])
lengths = st.sampled_from([1, 1, 6, 30, 60, 7])


once_per_call = st.fixed_dictionaries(
    {
        "grace_seconds": st.sampled_from([0, 0, 3, 45]),
        "minimum_charge": st.sampled_from([0, 0, 900_000]),
        "maximum_charge": st.sampled_from([0, 0, 1_000_000, 5_000_000]),
        "surcharge": st.sampled_from([0, 0, 70_001]),
    }
)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    return Rate(
        1,
        "",
        draw(prices),
        draw(st.sampled_from([0, 0, 150_000, -20_000])),
        draw(lengths),
        draw(lengths),
        draw(st.sampled_from([0, 0, 10, 45])),
        draw(st.sampled_from([0, 0, 5, 40])),
        draw(st.sampled_from([0, 0, 50, 200])),
        **draw(st.just({}) | once_per_call),
    )


START = at("2026-10-25T00:59:00")  # a minute before clocks go back in Budapest
edge_minutes = st.sampled_from([118, 119, 120, 121, 122, 125, 150, 0, 60, 180])
windows = st.builds(TimeWindow, st.sampled_from([EVERY_DAY, 64, 32, 96]), edge_minutes, edge_minutes)


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    bands = [band_of(draw(rates()), draw(windows)) for _ in range(draw(st.integers(0, 2)))]
    return Terms(
        (*bands, band_of(draw(rates()))),
        zone="Europe/Budapest",
        rounding=draw(st.sampled_from(Rounding)),
        decimals=draw(st.sampled_from([0, 2, 4, 6])),
        vat_ppm=draw(st.sampled_from([0, 270_000, 55_000])),
        included_ppm=draw(st.sampled_from([0, 0, 270_000])),
        exchange=draw(st.sampled_from([(1, 1), (39_137, 100), (1, 3)])),
        crossing=draw(st.sampled_from(Crossing)),
        discount_ppm=draw(st.sampled_from([0, 0, 125_000, 333_333])),
        surcharge_ppm=draw(st.sampled_from([0, 0, 30_000, 1_000_000])),
        days=draw(
            st.sampled_from([(), ((20_751, 7),), ((20_751, 0), (20_750, 7))])
        ),  # the Sunday of the change
    )


def second_by_second(terms: Terms, start: int, seconds: int) -> tuple[int, int]:
    """(micros before rounding times 60, billed seconds), step after step and second after second."""

    def band(second: int) -> Band:
        for one in terms.bands:
            if one.window is None or one.window.contains(start + second, terms.zone, terms.days):
                return one
        return terms.bands[-1]

    def tier(one: Band, second: int) -> Tier:
        return [t for t in one.tiers if t.start <= second][-1]

    own = band((seconds - 1) // 2 if terms.crossing is Crossing.CALL_MIDDLE else 0)
    if seconds <= own.grace_seconds:
        return 0, 0
    alone = terms.crossing in (Crossing.CALL_START, Crossing.CALL_MIDDLE)
    total, billed, second = own.connect_fee * 60, 0, 0
    while second < seconds:
        mine = own if alone else band(second)
        current = tier(mine, second)
        for _ in range(current.step):
            if tier(mine, second) != current:
                break
            billed += 1 if current.per else 0
            now = tier(band(second), second) if terms.crossing is Crossing.PER_SECOND else current
            total += now.price if now.per else 0
            second += 1
    if own.maximum_charge:
        total = min(total, own.maximum_charge * 60)
    if own.minimum_charge:
        total = max(total, own.minimum_charge * 60)
    return total + own.surcharge * 60, billed


@settings(max_examples=300, deadline=None)
@given(any_terms(), st.integers(-70, 70), st.integers(1, 400))
def test_the_walk_agrees_with_counting_second_by_second(terms: Terms, shift: int, seconds: int) -> None:
    total, billed = second_by_second(terms, START + shift, seconds)
    above, below = terms.exchange
    # The same sum through terms of one whole call: nothing but the rounding is left to agree on.
    once = Terms(
        (Band(None, 1, "", 0, (Tier(0, total, 60, 1),)),),
        rounding=terms.rounding,
        decimals=terms.decimals,
        vat_ppm=terms.vat_ppm,
        included_ppm=terms.included_ppm,
        exchange=(above, below),
        discount_ppm=terms.discount_ppm,
        surcharge_ppm=terms.surcharge_ppm,
    )
    charge = rate(terms, START + shift, seconds)
    assert charge.billed_seconds == billed
    assert charge[:3] == rate(once, 0, 1)[:3]
    assert charge.gross == charge.net + charge.vat


@settings(max_examples=600, deadline=None)
@given(
    any_terms(), st.integers(-70, 70), st.integers(-5, 3_000_000) | st.integers(0, 200_000_000), st.booleans()
)
def test_the_longest_call_is_the_exact_inverse_of_the_price(
    terms: Terms, shift: int, budget: int, on_the_spot: bool
) -> None:
    start = START + shift
    if on_the_spot:  # a budget that some call costs exactly, or misses by one
        budget = rate(terms, start, budget % 500 + 1).gross - budget % 2
    longest = max_duration(terms, start, budget)
    searched = 700
    brute = 0
    while brute < searched and budget >= 0 and rate(terms, start, brute + 1).gross <= budget:
        brute += 1
    if brute == searched:
        assert longest is None or longest >= searched
    else:
        assert longest == brute


@settings(max_examples=60, deadline=None)
@given(any_terms(), st.integers(0, 10**13))
def test_a_long_budget_pays_its_duration_and_not_a_second_more(terms: Terms, budget: int) -> None:
    longest = max_duration(terms, START, budget)
    if longest is None:
        assert rate(terms, START, 10 * LONGEST).gross <= budget
        return
    assert longest == 0 or rate(terms, START, longest).gross <= budget
    if terms.simple or terms.crossing is Crossing.CALL_START or longest < LONGEST:
        assert rate(terms, START, longest + 1).gross > budget


@settings(max_examples=150, deadline=None)
@given(any_terms(), st.integers(-70, 70), st.integers(1, 400))
def test_what_must_be_set_aside_pays_for_every_call_that_is_not_longer(
    terms: Terms, shift: int, seconds: int
) -> None:
    costs = [rate(terms, START + shift, length).gross for length in range(1, seconds + 1)]
    aside = highest(terms, START + shift, seconds)
    if terms.crossing is Crossing.CALL_MIDDLE and not terms.simple:
        assert aside == max(0, *costs)
    else:
        assert aside == max(0, costs[-1])
    if all(band.connect_fee >= 0 and all(tier.price >= 0 for tier in band.tiers) for band in terms.bands):
        assert aside == max(costs)


@given(any_terms(), st.integers(1, 5000))
def test_charges_are_whole_amounts_of_the_decimals(terms: Terms, seconds: int) -> None:
    step = 1 if terms.rounding is Rounding.NONE else 10 ** (6 - terms.decimals)
    assert all(amount % step == 0 for amount in rate(terms, START, seconds)[:3])


def test_terms_that_never_charge_again_last_for_ever() -> None:
    assert max_duration(plain(0), 0, 0) is None
    assert max_duration(plain(free_after=30), 0, 30 * UNIT) is None
    assert max_duration(plain(free_after=30), 0, 29 * UNIT) == 29
    assert max_duration(plain(-5), 0, 0) is None


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (Rounding.HALF_UP, [0, 2, 4]),
        (Rounding.UP, [0, 2, 4]),
        (Rounding.DOWN, [1, 3, 5]),
        (Rounding.NONE, [0, 2, 4]),
    ],
)
def test_a_price_on_the_edge_of_rounding_lasts_as_long_as_it_is_rounded(
    rounding: Rounding, expected: list[int]
) -> None:
    half_a_second = Terms((band_of(Rate(1, "", MINUTE // 2)),), rounding=rounding, decimals=0)
    assert [max_duration(half_a_second, 0, budget * UNIT) for budget in range(3)] == expected


@given(st.integers(-50, 50), st.integers(1, 60), st.sampled_from(Rounding))
def test_the_largest_sum_within_an_amount_is_the_last_that_rounds_to_it(
    quotient: int, denominator: int, rounding: Rounding
) -> None:
    largest = largest_within(quotient, denominator, rounding)
    assert divide(largest, denominator, rounding) <= quotient < divide(largest + 1, denominator, rounding)
