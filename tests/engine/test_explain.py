"""A price told step by step ends where `rate` ends."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from apps.core.values.money import Rounding
from apps.core.values.windows import TimeWindow
from apps.pricing.engine import Band, Crossing, Terms, rate, tiers
from apps.pricing.engine.explain import explain

MONDAY = 1_790_000_000  # 14:13:20 UTC
WINDOW = TimeWindow(31, 14 * 60, 14 * 60 + 15)


def band(window: TimeWindow | None, price: int, **fields: int) -> Band:
    once = {
        key: fields.pop(key)
        for key in ("grace_seconds", "minimum_charge", "maximum_charge", "surcharge")
        if key in fields
    }
    return Band(window, 1, "36", fields.pop("connect_fee", 0), tiers(price, **fields), **once)


bands = some.builds(
    band,
    some.none(),
    some.integers(-100, 10**6),
    connect_fee=some.integers(0, 10**5),
    first_increment=some.integers(1, 60),
    next_increment=some.integers(1, 60),
    minimum_seconds=some.integers(0, 90),
    free_seconds=some.integers(0, 30),
    free_after=some.integers(0, 300),
    grace_seconds=some.integers(0, 10),
    minimum_charge=some.integers(0, 10**5),
    maximum_charge=some.integers(0, 10**6),
    surcharge=some.integers(0, 10**4),
)


@settings(max_examples=300, deadline=None)
@given(
    bands,
    some.sampled_from(Crossing),
    some.sampled_from(Rounding),
    some.integers(0, 400),
    some.integers(-200, 200),
    some.booleans(),
    some.sampled_from([0, 30_000]),
)
def test_the_steps_end_at_the_price(
    own: Band, crossing: Crossing, rounding: Rounding, seconds: int, begins: int, windowed: bool, more: int
) -> None:
    found = ((band(WINDOW, 500_000, first_increment=7), own)) if windowed else (own,)
    terms = Terms(
        found, "EUR", rounding=rounding, decimals=4, vat_ppm=270_000, included_ppm=200_000, exchange=(3, 7),
        crossing=crossing, discount_ppm=50_000, recorded=("HUF", 400, 1), surcharge_ppm=more,
    )  # fmt: skip
    started = MONDAY + 100 + begins
    told, charge = explain(terms, started, seconds), rate(terms, started, seconds)
    assert told.charge == charge
    step = 1 if rounding is Rounding.NONE else 100
    assert abs(told.exchanged - charge.net) < (
        step if rounding is not Rounding.HALF_UP else Fraction(step, 2) + 1
    )
    paying = sum(one.end - one.begin for one in told.stretches if one.tier.per)
    # A step that is split at a window's end counts as billed whole, though its rest may be free there.
    assert paying <= charge.billed_seconds if terms.basis.split else paying == charge.billed_seconds
    assert told.recorded is not None and told.recorded.net == rate(
        Terms(found, "HUF", rounding=rounding, decimals=4, included_ppm=200_000, exchange=(400, 1), crossing=crossing,
              discount_ppm=50_000, surcharge_ppm=more),
        started, seconds,
    ).net  # fmt: skip


def test_a_call_across_windows_has_a_stretch_in_each() -> None:
    terms = Terms((band(WINDOW, 600_000), band(None, 60_000)))
    told = explain(terms, MONDAY, 120)  # the window closes after 100 s
    assert [(one.begin, one.end, one.amount) for one in told.stretches] == [
        (0, 100, 1_000_000),
        (100, 120, 20_000),
    ]


@pytest.mark.parametrize("seconds", [0, 3])
def test_what_is_within_the_grace_has_no_stretch(seconds: int) -> None:
    told = explain(Terms((band(None, 60_000, grace_seconds=3, connect_fee=5),)), MONDAY, seconds)
    assert (told.graced, told.stretches, told.exchanged) == (True, (), 0)
