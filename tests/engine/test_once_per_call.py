"""What is counted once per call, whatever its seconds cost; and calls that cross from one band into another."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from apps.core.values import Rounding, TimeWindow, to_micros
from apps.pricing.engine import (
    NOTHING,
    Crossing,
    Rate,
    Terms,
    band_for,
    band_of,
    highest,
    max_duration,
    rate,
)

MINUTE = to_micros(60)
UNIT = to_micros(1)
EVERY = 255


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def costs(seconds: int, **fields: int) -> int:
    """Units of a call at one unit a second."""
    return rate(Terms((band_of(Rate(1, "", MINUTE, **fields)),)), 0, seconds).gross // UNIT


@pytest.mark.parametrize(
    ("fields", "seconds", "expected"),
    [
        ({"grace_seconds": 3, "connect_fee": 5 * UNIT}, 3, 0),
        ({"grace_seconds": 3, "connect_fee": 5 * UNIT}, 4, 9),
        ({"grace_seconds": 3, "minimum_charge": 7 * UNIT, "surcharge": UNIT}, 2, 0),
        ({"minimum_charge": 7 * UNIT}, 1, 7),
        ({"minimum_charge": 7 * UNIT}, 8, 8),
        ({"minimum_charge": 7 * UNIT, "connect_fee": 2 * UNIT}, 4, 7),
        ({"minimum_charge": 7 * UNIT, "free_seconds": 30}, 20, 7),
        ({"maximum_charge": 10 * UNIT}, 3600, 10),
        ({"maximum_charge": 10 * UNIT, "connect_fee": 2 * UNIT}, 8, 10),
        ({"maximum_charge": 10 * UNIT, "connect_fee": 2 * UNIT}, 9, 10),
        ({"surcharge": 4 * UNIT}, 0, 0),
        ({"surcharge": 4 * UNIT}, 1, 5),
        ({"surcharge": 4 * UNIT, "maximum_charge": 10 * UNIT}, 100, 14),
        ({"surcharge": 4 * UNIT, "free_seconds": 30}, 20, 4),
        ({"minimum_charge": 9 * UNIT, "maximum_charge": 5 * UNIT}, 100, 9),
    ],
)
def test_grace_least_and_most_charge_and_surcharge(
    fields: dict[str, int], seconds: int, expected: int
) -> None:
    assert costs(seconds, **fields) == expected


def test_within_the_grace_no_second_is_billed() -> None:
    assert rate(Terms((band_of(Rate(1, "", MINUTE, grace_seconds=3)),)), 0, 3) == NOTHING


@pytest.mark.parametrize(
    ("fields", "budget", "lasts"),
    [
        ({"grace_seconds": 5}, 0, 5),
        ({"grace_seconds": 5}, 5, 5),
        ({"grace_seconds": 5}, 7, 7),
        ({"minimum_charge": 10 * UNIT}, 9, 0),
        ({"minimum_charge": 10 * UNIT}, 10, 10),
        ({"maximum_charge": 10 * UNIT}, 9, 9),
        ({"maximum_charge": 10 * UNIT}, 10, None),
        ({"maximum_charge": 10 * UNIT, "surcharge": 4 * UNIT}, 13, 9),
        ({"maximum_charge": 10 * UNIT, "surcharge": 4 * UNIT}, 14, None),
        ({"surcharge": 4 * UNIT}, 4, 0),
        ({"surcharge": 4 * UNIT}, 5, 1),
    ],
)
def test_a_budget_lasts_as_long_as_these_let_it(
    fields: dict[str, int], budget: int, lasts: int | None
) -> None:
    assert max_duration(Terms((band_of(Rate(1, "", MINUTE, **fields)),)), 0, budget * UNIT) == lasts


def test_a_discount_comes_off_before_the_one_rounding() -> None:
    terms = Terms((band_of(Rate(1, "", to_micros("0.10"))),), decimals=2, discount_ppm=125_000)
    assert rate(terms, 0, 60).net == to_micros("0.09")  # 0.0875
    assert rate(terms, 0, 600).net == to_micros("0.88")  # 0.875


@pytest.mark.req("billing-048")
@pytest.mark.parametrize(
    ("seconds", "discount", "surcharge", "net"),
    [
        (60, 0, 30_000, "0.1030"),
        (60, 100_000, 30_000, "0.0927"),
        (61, 0, 30_000, "0.1047"),
        (0, 0, 30_000, "0"),
    ],
)
def test_a_surcharge_comes_on_top_of_what_the_discount_leaves_and_no_second_is_added(
    seconds: int, discount: int, surcharge: int, net: str
) -> None:
    one = band_of(Rate(1, "", to_micros("0.10")))
    terms = Terms((one,), decimals=4, discount_ppm=discount, surcharge_ppm=surcharge)
    charge = rate(terms, 0, seconds)
    assert (charge.net, charge.billed_seconds) == (to_micros(net), seconds)
    assert Terms.from_list(terms.as_list()) == terms


def test_a_surcharge_is_not_negative() -> None:
    with pytest.raises(ValueError, match="surcharge"):
        Terms((band_of(Rate(1, "", 1)),), surcharge_ppm=-1)


def test_a_discount_of_everything_makes_the_call_free_and_endless() -> None:
    terms = Terms((band_of(Rate(1, "", MINUTE, 5 * UNIT)),), discount_ppm=1_000_000, vat_ppm=270_000)
    assert rate(terms, 0, 100)[:3] == (0, 0, 0)
    assert max_duration(terms, 0, 0) is None
    assert highest(terms, 0, 100) == 0


@pytest.mark.parametrize("discount", [-1, 1_000_001])
def test_a_discount_outside_nothing_and_everything_is_refused(discount: int) -> None:
    with pytest.raises(ValueError, match="discount"):
        Terms((band_of(Rate(1, "", 1)),), discount_ppm=discount)


@pytest.mark.parametrize("field", ["grace_seconds", "minimum_charge", "maximum_charge", "surcharge"])
def test_nothing_of_these_is_negative(field: str) -> None:
    with pytest.raises(ValueError, match="rate 7"):
        band_of(Rate(7, "", 1, **{field: -1}))


def test_without_rounding_the_millionth_is_kept_whatever_the_decimals_say() -> None:
    terms = Terms((band_of(Rate(1, "", to_micros("0.0001"))),), rounding=Rounding.NONE, decimals=2)
    assert rate(terms, 0, 1).net == 2  # 1.67 micros
    assert max_duration(terms, 0, 2) == 1


# ---- crossing

DAY_EVENING = [Rate(1, "", 10 * MINUTE, 100 * UNIT, 60, 60), Rate(2, "", MINUTE, 7 * UNIT, 60, 60)]


def crossing(how: Crossing, rates: list[Rate] = DAY_EVENING) -> Terms:
    """10 a second until 18:00 and 1 from then on, by the minute."""
    by_day = TimeWindow(EVERY, 480, 1080)
    return Terms((band_of(rates[0], by_day), band_of(rates[1])), crossing=how)


@pytest.mark.parametrize(
    ("start", "seconds", "per_second", "increment", "by_start", "by_middle"),
    [
        # before 18:00, seconds: price by each rule; connect fees are 100 by day and 7 in the evening
        pytest.param(
            "17:59:30", 30, 100 + 330, 100 + 600, 100 + 600, 100 + 600, id="one step over the boundary"
        ),
        pytest.param("17:59:00", 60, 100 + 600, 100 + 600, 100 + 600, 100 + 600, id="ends on the boundary"),
        pytest.param("17:59:00", 61, 100 + 660, 100 + 660, 100 + 1200, 100 + 1200, id="the middle is on it"),
        pytest.param("17:59:00", 120, 100 + 660, 100 + 660, 100 + 1200, 100 + 1200, id="half and half"),
        pytest.param("17:59:00", 121, 100 + 720, 100 + 720, 100 + 1800, 7 + 180, id="the middle is past it"),
        pytest.param(
            "17:58:30", 300, 100 + 930 + 180 - 0, 100 + 1200 + 180, 100 + 3000, 7 + 300, id="most of it after"
        ),
        pytest.param("18:00:00", 60, 7 + 60, 7 + 60, 7 + 60, 7 + 60, id="begins on the boundary"),
    ],
)
def test_a_call_over_the_boundary_by_each_rule(
    start: str, seconds: int, per_second: int, increment: int, by_start: int, by_middle: int
) -> None:
    began = at(f"2026-03-02T{start}")
    found = [rate(crossing(how), began, seconds).gross // UNIT for how in Crossing]
    assert found == [per_second, increment, by_start, by_middle]


@pytest.mark.parametrize(
    ("start", "zone", "fold", "seconds", "expected"),
    [
        pytest.param("2026-10-25T01:30:00", "Europe/Budapest", 0, 7200, 10, id="the hour that comes twice"),
        pytest.param("2026-03-29T01:30:00", "Europe/Budapest", 0, 7200, 1, id="the hour that is missing"),
        pytest.param("2024-02-28T23:59:59", "UTC", 0, 7200, 1, id="into the leap day"),
        pytest.param("2026-02-28T23:59:59", "UTC", 0, 7200, 1, id="over the month's end"),
        pytest.param("2026-12-31T23:00:00", "UTC", 0, 7201, 1, id="over the year's end"),
    ],
)
def test_the_middle_of_a_call_is_looked_for_on_the_wall_clock(
    start: str, zone: str, fold: int, seconds: int, expected: int
) -> None:
    """10 a second from 02:00 to 03:00, 1 at other times."""
    window = TimeWindow(EVERY, 120, 180)
    terms = Terms(
        (band_of(Rate(1, "", 10 * MINUTE), window), band_of(Rate(2, "", MINUTE))),
        zone=zone,
        crossing=Crossing.CALL_MIDDLE,
    )
    assert rate(terms, at(start, zone, fold), seconds).gross // UNIT == expected * seconds


def test_by_the_middle_a_budget_ends_at_the_first_second_that_it_could_not_pay() -> None:
    """A call of 121 s costs 187 and one of 120 s 1300: with 500 the call may be hung up at no second from the 61st on."""
    terms, began = crossing(Crossing.CALL_MIDDLE), at("2026-03-02T17:59:00")
    assert rate(terms, began, 121).gross // UNIT == 187
    assert max_duration(terms, began, 700 * UNIT) == 60
    assert highest(terms, began, 121) == 1300 * UNIT
    assert max_duration(terms, began, 1300 * UNIT) == 60 * ((1300 - 7) // 60)


def test_what_is_counted_once_comes_from_the_band_that_the_call_belongs_to() -> None:
    rates = [Rate(1, "", 0, surcharge=UNIT, grace_seconds=50), Rate(2, "", 0, surcharge=2 * UNIT)]
    began = at("2026-03-02T17:59:00")
    by_start, by_middle = crossing(Crossing.PER_SECOND, rates), crossing(Crossing.CALL_MIDDLE, rates)
    assert [rate(by_start, began, seconds).gross // UNIT for seconds in (50, 51, 500)] == [0, 1, 1]
    assert [rate(by_middle, began, seconds).gross // UNIT for seconds in (50, 51, 500)] == [0, 1, 2]
    assert [band_for(by_middle, began, seconds).rate_id for seconds in (0, 1, 120, 121)] == [1, 1, 1, 2]


@pytest.mark.req("pricing-033")
def test_a_holiday_price_holds_on_the_dates_that_the_terms_name() -> None:
    rates = [Rate(1, "", 10 * MINUTE), Rate(2, "", MINUTE)]
    windows = [TimeWindow(31), None]
    bands = tuple(band_of(one, window) for one, window in zip(rates, windows, strict=True))
    boxing_day = at("2026-12-25T23:59:50")  # a Friday; the Saturday after it counts as a Friday too
    ordinary, special = Terms(bands), Terms(bands, days=((20_812, 7), (20_813, 4)))
    assert rate(ordinary, boxing_day, 20).gross // UNIT == 100 + 10
    assert rate(special, boxing_day, 20).gross // UNIT == 10 + 100


def test_all_of_it_survives_the_way_through_json() -> None:
    one = Rate(1, "36", 5, grace_seconds=1, minimum_charge=2, maximum_charge=3, surcharge=4)
    terms = Terms(
        (band_of(one, TimeWindow(128, 1, 2)), band_of(Rate(2, "3", 6))),
        rounding=Rounding.NONE,
        crossing=Crossing.CALL_MIDDLE,
        discount_ppm=5,
        days=((20_812, 7),),
    )
    assert Terms.from_list(json.loads(json.dumps(terms.as_list()))) == terms


def test_plain_terms_travel_without_what_they_do_not_have() -> None:
    packed = Terms((band_of(Rate(1, "36", 5)),)).as_list()
    assert (len(packed), len(packed[0][0])) == (8, 5)


def test_the_worked_example_of_docs_money_is_right() -> None:
    one = Rate(1, "36", to_micros("0.12"), to_micros("0.05"), 60, 6)
    charge = rate(Terms((band_of(one),), decimals=4, vat_ppm=270_000, discount_ppm=100_000), 0, 130)
    assert charge.billed_seconds == 132
    assert charge[:3] == tuple(map(to_micros, ("0.2826", "0.0763", "0.3589")))
