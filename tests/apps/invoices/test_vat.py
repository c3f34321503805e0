"""VAT and totals, held to the published examples of EN 16931 and XRechnung (`vat_cases.tsv`)."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from apps.invoices.engine import rounded, totals, vat_of

with (Path(__file__).parent / "vat_cases.tsv").open(newline="", encoding="utf-8") as stream:
    CASES = [case for case in csv.DictReader(stream, delimiter="\t") if case["rate_pct"] not in ("", "None")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['source'][-28:]}-{case['vat_category']}")
def test_vat_is_what_the_published_invoice_says(case):
    if case["match"] != "yes":
        pytest.skip("the publisher's own rounding differs from base × rate")
    computed = vat_of(Decimal(case["taxable"]), Decimal(case["rate_pct"]), 2)
    assert computed == Decimal(case["exact_half_up"]) == Decimal(case["vat_amount"])


def test_there_are_enough_cases_to_mean_something():
    assert sum(case["match"] == "yes" for case in CASES) > 50


@pytest.mark.parametrize(
    ("amount", "digits", "result"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.004999", 2, "0.00"),
        ("2.5", 0, "3"),
        ("1.0005", 3, "1.001"),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount, digits, result):
    assert rounded(Decimal(amount), digits) == Decimal(result)


def test_vat_is_rounded_once_per_rate_and_not_per_line():
    lines = [(Decimal("0.02"), Decimal(20))] * 3
    assert totals(lines, 2).vat == Decimal("0.01")  # 0.012, where three lines would have made 0.00


def test_totals_are_the_sums_of_what_is_shown():
    foot = totals(
        [(Decimal("1.00"), Decimal(20)), (Decimal("2.00"), Decimal(5)), (Decimal("0.13"), Decimal(20))], 2
    )
    assert [(each.rate, each.base, each.vat) for each in foot.by_rate] == [
        (Decimal(5), Decimal("2.00"), Decimal("0.10")),
        (Decimal(20), Decimal("1.13"), Decimal("0.23")),
    ]
    assert (foot.net, foot.vat, foot.gross) == (Decimal("3.13"), Decimal("0.33"), Decimal("3.46"))


def test_nothing_totals_nothing():
    assert totals([], 2).gross == 0
