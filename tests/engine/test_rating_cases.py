"""Every row of the published cases, against the exact recomputation."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.cdrs.queries import Traffic
from apps.core.values import Rounding, round_micros, to_micros
from apps.pricing.engine import Rate, Terms, band_of, duration_seconds, max_duration, rate
from tests.engine import cases

ALL = cases.read()
ODD = {"RC081", "RC140"}  # written in words of their own, tested one by one below


def of(*kinds: str) -> list:
    return [
        pytest.param(c, id=c.id)
        for c in ALL
        if c.kind in kinds and c.id not in cases.NOT_OURS and c.id not in ODD
    ]


@pytest.mark.parametrize("case", of("cost"))
def test_a_published_cost_is_met_exactly(case: cases.Case) -> None:
    charge = rate(cases.terms(case), case.start, int(case.seconds or 1))
    assert charge.gross == cases.expected_micros(case)


def test_calls_truncated_to_whole_units_are_priced_as_published() -> None:
    """RC140: 127 a minute in full minutes, at least one, 500 on top; 61 seconds."""
    one = Rate(1, "", to_micros(127), to_micros(500), 60, 60, 60)
    charge = rate(Terms((band_of(one),), rounding=Rounding.DOWN, decimals=0), 0, 61)
    assert (charge.gross, charge.billed_seconds) == (to_micros(754), 120)


def test_seconds_of_a_package_are_billed_at_no_price() -> None:
    """RC081: the package pays, so the price is zero, and 566 seconds are taken from it."""
    charge = rate(Terms((band_of(Rate(1, "", 0, 0, 60, 11)),)), 0, 560)
    assert (charge.gross, charge.billed_seconds) == (0, 566)


@pytest.mark.parametrize("case", of("billed_seconds"))
def test_published_billed_seconds_are_met(case: cases.Case) -> None:
    if case.definition.startswith("{"):
        terms = cases.terms(case)
    else:
        words = {
            name: int(value) for name, value in re.findall(r"(included|init|step) (\d+) s", case.definition)
        }
        terms = Terms(
            (band_of(Rate(1, "", 60, 0, words["init"], words["step"], 0, words.get("included", 0))),)
        )
    assert rate(terms, case.start, int(case.seconds)).billed_seconds == case.expected


@pytest.mark.parametrize("case", of("rounding"))
def test_a_published_rounding_is_met(case: cases.Case) -> None:
    data = case.json()
    amount = to_micros(str(data["amount"]))
    assert round_micros(amount, data["dec"], cases.ROUNDINGS[data["round"]]) == cases.expected_micros(case)


@pytest.mark.parametrize("case", of("duration_rounding"))
def test_a_published_rounding_of_a_duration_is_met(case: cases.Case) -> None:
    rule = cases.ROUNDINGS[case.definition.rsplit(" ", 1)[1]]
    assert duration_seconds(int(Decimal(case.seconds) * 1000), rule) == case.expected


@pytest.mark.parametrize("case", of("max_seconds"))
def test_a_published_longest_call_is_met(case: cases.Case) -> None:
    data = case.json()
    ratio = re.search(r"tariff ([\d.]+) / account ([\d.]+)", data["fx"])
    exact = Fraction(ratio[1]) / Fraction(ratio[2])
    one = Rate(1, "", to_micros(data["rate_min"]), 0, data["init_s"], data["next_s"])
    terms = Terms((band_of(one),), exchange=(exact.numerator, exact.denominator))
    assert max_duration(terms, 0, to_micros(data["balance"])) == case.expected


@pytest.mark.parametrize("case", of("margin"))
def test_a_published_margin_is_what_the_customer_pays_above_the_vendor(case: cases.Case) -> None:
    customer = next(c for c in ALL if c.id == "RC086")
    vendor = Terms((band_of(Rate(2, "", to_micros("1.1"), 0, 60, 60)),))
    seconds = int(case.seconds)
    earned = rate(cases.terms(customer), 0, seconds).net - rate(vendor, 0, seconds).net
    assert earned == cases.expected_micros(case)


def test_published_statistics_of_calls_are_met() -> None:
    """RC104 and RC105: four calls, three of them answered, of 10, 22 and 22 seconds."""
    asr, acd = (c for c in ALL if c.kind == "statistic")
    traffic = Traffic(calls=4, answered=3, seconds=54, revenue=Decimal(0), cost=Decimal(0))
    assert (traffic.asr / 100, traffic.acd) == (asr.expected, acd.expected)


def test_every_row_is_either_tested_or_listed_with_its_reason() -> None:
    kinds = {"cost", "billed_seconds", "rounding", "duration_rounding", "max_seconds", "margin", "statistic"}
    assert {c.id for c in ALL if c.kind not in kinds} <= set(cases.NOT_OURS)
    assert set(cases.NOT_OURS) <= {c.id for c in ALL}
    assert len(ALL) == 70
