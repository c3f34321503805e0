"""Price lists in the guide's eight columns: all of a file, or nothing."""

import io
import time
from datetime import UTC, datetime
from datetime import time as clock
from decimal import Decimal

import pytest

from apps.pricing.models import Rate, TimeWindow
from apps.pricing.services import ImportRefused, PricingError, change_tariff, export_rates, import_rates
from tests import make

pytestmark = pytest.mark.django_db
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def load(tariff, text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return import_rates(tariff=tariff, stream=io.BytesIO(data), **options)


def prices(tariff):
    return {rate.prefix: rate.price for rate in tariff.rates.filter(valid_until=None)}


def errors(tariff, text):
    with pytest.raises(ImportRefused) as refused:
        load(tariff, text)
    assert not tariff.rates.exists(), "something of a refused file was taken"
    return refused.value.errors


@pytest.fixture
def tariff():
    return make.tariff()


@pytest.fixture
def peaked(tariff):
    window = TimeWindow.objects.create(name="peak", starts=clock(8), ends=clock(18), weekdays=31)
    return change_tariff(tariff=tariff, peak_window=window)


@pytest.mark.req("import-export-003")
def test_two_columns_are_enough(tariff):
    result = load(tariff, "36,0.05\n3630,0.1\n")
    assert prices(tariff) == {"36": Decimal("0.05"), "3630": Decimal("0.1")}
    assert (result.lines, result.added, result.ended) == (2, 2, 0)


@pytest.mark.req("pricing-012", "import-export-003")
def test_all_eight_columns_land_where_they_belong(peaked):
    load(peaked, "36,,0.20,0.10,30,60,10,12")
    always, peak = peaked.rates.order_by("price")
    assert (always.price, always.window) == (Decimal("0.10"), None)
    assert (peak.price, peak.window) == (Decimal("0.20"), peaked.peak_window)
    for rate in (always, peak):
        assert (rate.first_increment, rate.next_increment, rate.minimum_seconds) == (30, 30, 60)
        assert (rate.min_digits, rate.max_digits) == (10, 12)


def test_empty_columns_leave_what_the_tariff_says(tariff):
    load(tariff, "36,0.05,,,0,,,")
    rate = tariff.rates.get()
    assert (rate.first_increment, rate.minimum_seconds, rate.min_digits) == (None, None, 0)


def test_a_flat_price_holds_outside_the_peak_time(peaked):
    load(peaked, "36,0.05,0.07")
    assert {(r.price, r.window_id) for r in peaked.rates.all()} == {
        (Decimal("0.05"), None),
        (Decimal("0.07"), peaked.peak_window_id),
    }


@pytest.mark.req("pricing-009")
def test_a_star_is_every_destination(tariff):
    load(tariff, "*,0.5")
    assert prices(tariff) == {"": Decimal("0.5")}


@pytest.mark.parametrize(
    "text",
    [
        "prefix,price\n36,0.05",
        "Prefix;Price;Peak\n36;0,05;",
        "36;0,05",
        "36\t0,05",
        "sep=;\r\n36;0,05\r\n",
        "\ufeff36,0.05",
        "\ufeffprefix,price\n+36,.05\n\n\n",
        '"36","0.05"',
        "36 , 0.0500000000\r\n",
    ],
)
def test_what_spreadsheets_write_is_understood(tariff, text):
    load(tariff, text)
    assert prices(tariff) == {"36": Decimal("0.05")}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("36", "prefix and price"),
        ("36,", "price is missing"),
        (",0.05", "not a prefix"),
        ("hello,0.05", "not a prefix"),
        ("3" * 21 + ",0.05", "not a prefix"),
        ("٣٦,0.05", "not a prefix"),
        ("36,free", "not an amount"),
        ("36,-0.05", "not an amount"),
        ("36,1e3", "not an amount"),
        ("36,NaN", "not an amount"),
        ("36,0.0000001", "six decimals"),
        ("36," + "9" * 13, "not an amount"),
        ("36," + "9" * 900, "not an amount"),
        ("36,0.05,,,60.5", "billing step"),
        ("36,0.05,,,9999999", "billing step"),
        ("36,0.05,,,,-1", "minamount"),
        ("36,0.05,,,,,,,,,,,,,,,-1", "surcharge"),
        ("36,0.05,,,,,,,,,,,,x", "grace"),
        ("36,0.05,,,,,,,,,,,,,2,1", "highest charge 1 is less"),
        ("36,0.05,,,,,12,10", "less than mindigits"),
        ("36,0.05,,,,,,33", "32 digits"),
        ("36,0.05,,0.04", "same hours"),
        ("36,,0.04", "peak needs"),
        ("36,0.05,0.07", "no peak time"),
        ("36,0.05,,,,,,,x" + "," * 9 + "y", "at most 17"),
        ('36,"0.05', "quotation mark"),
        ("36,0.05\x00", "control characters"),
        ("36,0.05,,,,,,,\u202egnp.exe", "control characters"),
        ("1,0.05", "line 1 already"),
        ("36,0.05" + " " * 2000, "longer than"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(tariff, line, reason):
    found = errors(tariff, f"1,0.01\n2,0.02\n{line}\n4,0.04\n")
    assert [number for number, _reason in found] == [3]
    assert reason in found[0][1]


def test_every_bad_line_is_named_at_once(tariff):
    assert [line for line, _ in errors(tariff, "1,x\n2,0.1\n3,y\n2,0.2\n")] == [1, 3, 4]


def test_text_of_another_alphabet_names_the_line(tariff):
    found = errors(tariff, b"1,0.1\n36,0.05,,,,,,,Sz\xe9kesfeh\xe9rv\xe1r\n")
    assert found == [(2, "not UTF-8; save the sheet as CSV UTF-8")]


@pytest.mark.parametrize("junk", [b"", b"\n\n", b"prefix,price\n", b"\xef\xbb\xbf"])
def test_a_file_without_prices_is_refused(tariff, junk):
    with pytest.raises(ImportRefused, match="no prices"):
        load(tariff, junk)


def test_a_line_that_never_ends_is_refused_without_reading_it_all(tariff):
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size=-1):
            Endless.asked = size
            assert 0 < size <= 100 * 1024 * 1024, "the whole stream was asked for"
            return b"9" * size

    with pytest.raises(ImportRefused, match="larger than"):
        import_rates(tariff=tariff, stream=Endless())


def test_a_spreadsheet_file_is_refused_with_few_words(tariff):
    assert errors(tariff, b"PK\x03\x04" + bytes(range(256)) * 40)


def test_a_prefix_in_the_file_ends_what_there_was_and_the_others_go_on(peaked):
    load(peaked, "36,0.05,0.07\n40,0.03")
    result = load(peaked, "36,0.06", valid_from=JUNE.replace(year=2099))
    old = peaked.rates.filter(prefix="36", valid_until=JUNE.replace(year=2099))
    assert result.ended == old.count() == 2
    assert prices(peaked) == {"36": Decimal("0.06"), "40": Decimal("0.03")}


def test_replacing_ends_everything_else(tariff):
    load(tariff, "36,0.05\n40,0.03", valid_from=JUNE)
    load(tariff, "36,0.06", valid_from=JUNE.replace(month=7), replace=True)
    assert prices(tariff) == {"36": Decimal("0.06")}
    assert tariff.rates.get(prefix="40").valid_until == JUNE.replace(month=7)


def test_the_same_file_twice_for_the_same_day_leaves_one_price(tariff):
    for price in ("0.05", "0.06"):
        load(tariff, f"36,{price}", valid_from=JUNE)
    assert tariff.rates.get().price == Decimal("0.06")


@pytest.mark.req("pricing-014")
def test_a_list_for_later_leaves_todays_prices_until_then(tariff):
    load(tariff, "36,0.05", valid_from=JUNE)
    later = JUNE.replace(year=2099)
    load(tariff, "36,0.06", valid_from=later)
    assert [(r.price, r.valid_until) for r in tariff.rates.order_by("valid_from")] == [
        (Decimal("0.05"), later),
        (Decimal("0.06"), None),
    ]


def test_destinations_names_survive_a_list_without_names(tariff):
    load(tariff, "36,0.05,,,,,,,Hungary \\ N", valid_from=JUNE)
    load(tariff, "36,0.06")
    assert tariff.rates.get(valid_until=None).destination == "Hungary \\ N"


def test_other_tariffs_are_left_alone(tariff):
    other = make.tariff(prices={"36": "0.09"})
    load(tariff, "36,0.05", replace=True)
    assert prices(other) == {"36": Decimal("0.09")}


def test_what_is_exported_imports_as_the_same(peaked):
    load(peaked, "36,,0.20,0.10,30,60,10,12,Hungary\n*,0.5\n40,0.030000,0.04")
    first = export_rates(tariff=peaked)
    copy = make.tariff(peak_window=peaked.peak_window)
    load(copy, first)
    assert export_rates(tariff=copy) == first
    assert "36,,0.2,0.1,30,60,10,12,Hungary" in first


def test_columns_of_our_own_land_where_they_belong_and_come_back(tariff):
    load(tariff, "36,0.05,,,60,,,,Hungary,0.1,6,5,600,3,0.02,9.5,0.004\n40,0.03")
    rate = tariff.rates.get(prefix="36")
    assert (rate.first_increment, rate.next_increment, rate.free_seconds, rate.free_after) == (60, 6, 5, 600)
    assert (rate.connect_fee, rate.grace_seconds) == (Decimal("0.1"), 3)
    amounts = (rate.minimum_charge, rate.maximum_charge, rate.surcharge)
    assert amounts == (Decimal("0.02"), Decimal("9.5"), Decimal("0.004"))
    other = tariff.rates.get(prefix="40")
    assert (other.connect_fee, other.surcharge, other.grace_seconds) == (None, None, None)
    text = export_rates(tariff=tariff)
    assert text.splitlines()[0].endswith("destination,connect fee,next step,free seconds,free after,grace,"
                                         "least charge,highest charge,surcharge")  # fmt: skip
    copy = make.tariff()
    load(copy, text)
    assert export_rates(tariff=copy) == text


def test_a_price_list_that_has_no_more_is_written_in_the_guides_columns(tariff):
    load(tariff, "36,0.05")
    assert export_rates(tariff=tariff).splitlines()[0].endswith("maxdigits,destination")


def test_a_peak_rate_with_a_fee_of_its_own_is_not_written_as_if_it_had_none(peaked):
    load(peaked, "36,0.05,0.07")
    peaked.rates.filter(window=peaked.peak_window).update(connect_fee="0.1")
    with pytest.raises(PricingError, match="more than the price"):
        export_rates(tariff=peaked)


def test_a_hundred_thousand_lines_take_seconds(tariff):
    text = "".join(f"{1_000_000 + n},0.0{n % 10},,,1,0,,,Somewhere\n" for n in range(100_000))
    begun = time.process_time()
    assert load(tariff, text).added == 100_000
    assert time.process_time() - begun < 10
    assert Rate.objects.filter(tariff=tariff).count() == 100_000
