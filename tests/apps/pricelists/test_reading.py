"""Lists as carriers send them, and as somebody sends them who means harm."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter

from apps.pricelists.reading import BadFile, Options, guess, open_sheet, read_lines, sheets
from apps.pricelists.reading.lines import Read


def table(data: str | bytes, **options: Any) -> list[tuple[int, list[str]]]:
    return list(open_sheet(data.encode() if isinstance(data, str) else data, **options).rows)


def read(data: str | bytes, **options: Any) -> Read:
    rows = table(data)
    layout = guess(rows)
    given = {"columns": layout.columns, "heading": layout.heading, "comma": layout.comma,
             "month_first": layout.month_first, "currency": "USD"}  # fmt: skip
    return read_lines(rows, Options(**given | options))


def prices(data: str | bytes, **options: Any) -> dict[str, Decimal | None]:
    found = read(data, **options)
    assert not found.errors, found.errors
    return {line.prefix: line.price for line in found.lines}


def errors(data: str | bytes, **options: Any) -> list[tuple[int, str]]:
    return read(data, **options).errors


def book(*rows: list[Any], first_row: int = 0) -> bytes:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    days = workbook.add_format({"num_format": "dd/mm/yyyy"})
    sheet = workbook.add_worksheet("Rates")
    for place, cells in enumerate(rows, first_row):
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write_datetime(place, column, cell, days)
            elif cell is not None:
                sheet.write(place, column, cell)
    workbook.close()
    return out.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_any_separator_and_encoding(separator: str, encoding: str) -> None:
    text = "\r\n".join(
        separator.join(row) for row in [["Destination", "Code", "Rate"], ["Réunion", "262", "0.12"]]
    )
    found = read(text.encode(encoding))
    assert [(line.destination, line.prefix, line.price) for line in found.lines] == [
        ("Réunion", "262", Decimal("0.12"))
    ]


def test_decimal_commas_thousands_and_currency_signs() -> None:
    assert prices("Code;Rate\n36;0,0512\n40;1.234,5\n41;$ 2,5\n") == {
        "36": Decimal("0.0512"), "40": Decimal("1234.5"), "41": Decimal("2.5")}  # fmt: skip
    assert prices('Code,Rate\n36,"1,234.5"\n40,USD 0.2\n41,0.3$\n') == {
        "36": Decimal("1234.5"), "40": Decimal("0.2"), "41": Decimal("0.3")}  # fmt: skip


def test_letterhead_before_the_headings_is_passed_over() -> None:
    text = "Acme Carrier Ltd.,,\n,,\nA to Z price list,,\nCountry,Dial Code,New Rate\nHungary,36,0.05\n"
    found = read(text)
    assert [(line.line, line.prefix, line.destination) for line in found.lines] == [(5, "36", "Hungary")]


def test_columns_without_headings_are_known_by_their_contents() -> None:
    rows = table("Hungary,36,0.05,60/1,2026-12-01\nRomania Mobile,407,0.06,1/1,2026-12-01\n")
    assert guess(rows).columns == {"destination": 0, "code": 1, "price": 2, "increments": 3, "valid_from": 4}
    assert guess(rows).heading == 0


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Destination,Country Code,Area Code,Rate,Effective Date,Status", "destination country_code code price valid_from status"),
        ("Country,Destination,Code,Old Rate,New Rate,Rate Change", " destination code  price status"),
        ("Zone,Prefixes,Price/min USD,First Increment,Next Increment,Connection Fee", "destination code price first_increment next_increment connect_fee"),
        ("Name,E.164,Peak Rate,Off-Peak Rate,Billing Increments,Valid From", "destination code peak_price price increments valid_from"),
        ("Ziel,Vorwahl,Preis,Takt,Gültig ab,Bemerkung", "destination code price increments valid_from status"),
    ],
)  # fmt: skip
def test_headings_of_many_carriers_are_understood(heading: str, expected: str) -> None:
    names = heading.split(",")
    found = guess([(1, names), (2, ["x", "36", "1", "0.1", "0.2", "x"])]).columns
    wanted = {field: place for place, field in enumerate(expected.split(" ")) if field}
    assert found == wanted


def test_a_remembered_heading_goes_before_the_guess_and_wherever_it_stands() -> None:
    rows = [(1, ["Rate B", "Code", "Rate A"]), (2, ["0.1", "36", "0.2"])]
    assert guess(rows).columns["price"] == 0
    known = {"code": "Code", "price": "Rate A"}
    assert guess(rows, known).columns == {"code": 1, "price": 2}
    assert guess([(1, ["Code", "Rate"]), (2, ["36", "0.1"])], known).columns == {"code": 0, "price": 1}


def test_codes_in_one_cell_joined_with_their_country() -> None:
    text = 'Country Code,Area Code,Rate\n971,"50, 52-54;56",0.2\n971,,0.1\n1,242/246,0.3\n'
    assert sorted(prices(text)) == ["1242", "1246", "971", "97150", "97152", "97153", "97154", "97156"]
    assert sorted(prices('Code,Rate\n"971, 9715-9719",0.2\n')) == [
        "971",
        "9715",
        "9716",
        "9717",
        "9718",
        "9719",
    ]
    assert sorted(prices("Code,Rate\n9715-7,0.2\n")) == ["9715", "9716", "9717"]


def test_increments_fees_days_and_closed_codes() -> None:
    text = (
        "Code,Rate,Increments,Connection Fee,Effective Date,Status\n"
        "36,0.05,60/6,0.1,31/12/2026,Increase\n"
        "40,0.05,30/30/6,,01/12/2026,\n"
        "41,n/a,,,01/12/2026,Closed\n"
    )
    first, second, closed = read(text).lines
    assert (first.first_increment, first.next_increment, first.connect_fee) == (60, 6, Decimal("0.1"))
    assert first.valid_from == date(2026, 12, 31)
    assert (second.minimum_seconds, second.first_increment, second.next_increment) == (30, 30, 6)
    assert closed.price is None and closed.valid_from == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("cells", "expected", "sure"),
    [
        (["12/31/2026", "01/02/2026"], date(2026, 1, 2), True),
        (["31/12/2026", "01/02/2026"], date(2026, 2, 1), True),
        (["01/02/2026", "01/02/2026"], date(2026, 2, 1), False),
        (["x", "1-Feb-26"], date(2026, 2, 1), True),
        (["x", "Feb 1, 2026"], date(2026, 2, 1), True),
        (["x", "2026-02-01 00:00:00"], date(2026, 2, 1), True),
        (["x", "46054"], date(2026, 2, 1), True),
    ],
)
def test_days_are_read_in_the_order_that_the_list_shows(cells: list[str], expected: date, sure: bool) -> None:
    rows = [(1, ["Code", "Rate", "Effective Date"])] + [
        (n + 2, [f"3{n}", "0.1", cell]) for n, cell in enumerate(cells)
    ]
    layout = guess(rows)
    options = Options(layout.columns, "USD", 1, month_first=layout.month_first)
    assert read_lines(rows, options).lines[-1].valid_from == expected
    assert layout.sure_of_days is sure


def test_a_price_now_and_one_to_come_may_stand_in_one_list() -> None:
    found = read("Code,Rate,Effective Date\n36,0.05,2026-01-01\n36,0.06,2026-12-01\n")
    assert [line.price for line in found.lines] == [Decimal("0.05"), Decimal("0.06")]


def test_a_workbook_is_read_with_its_numbers_days_and_row_numbers() -> None:
    data = book(["Destination", "Code", "Rate", "Effective Date"], ["Hungary", 36, 0.1 * 1.1, date(2026, 12, 1)],
                ["Romania", "40", 0.00001, date(2026, 12, 2)], first_row=3)  # fmt: skip
    found = read(data)
    assert not found.errors, found.errors
    assert [(line.line, line.prefix, line.price, line.valid_from) for line in found.lines] == [
        (5, "36", Decimal("0.11"), date(2026, 12, 1)),
        (6, "40", Decimal("0.00001"), date(2026, 12, 2)),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("36,", "price is missing"),
        ("36,-0.05", "negative"),
        ("36,free", "not an amount"),
        ("36,=1+1", "not an amount"),
        ("36,1e3", "not an amount"),
        ("36,9999999", "not a price of a minute"),
        ("36," + "9" * 900, "not an amount"),
        ("36,EUR 0.05", "not in USD"),
        ("36,0.0000001", "six decimals"),
        (",0.05", "code is missing"),
        ("hello,0.05", "not a dial code"),
        ("9.71E+11,0.05", "rounded the code"),
        ("93 70,0.05", "commas between"),
        ("9719-9715,0.05", "not a range"),
        ("1-999999999,0.05", "not a range"),
        ("100000-999999,0.05", "more than 2000 codes"),
        ("3" * 21 + ",0.05", "not a dial code"),
        ("36,0.05,01/01/1900", "not a day on which"),
        ("36,0.05,31/02/2026", "not a day"),
        ("36,0.05,2,0/1", "at least one second"),
        ("1,0.05", "line 2 already"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(line: str, reason: str) -> None:
    found = errors(f"Code,Rate,Effective Date,Increments\n1,0.01\n2,0.02\n{line}\n4,0.04\n")
    assert [number for number, _ in found] == [4]
    assert reason in found[0][1]


def test_prices_with_many_decimals_are_rounded_when_asked() -> None:
    assert prices("Code,Rate\n36,0.12345678\n", rounds=True) == {"36": Decimal("0.123457")}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(range(256)) * 40, "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "cannot be read"),
        (b"\xff\xfeab\x00", "encoding"),
        (b'Code,Rate\n36,"0.05\n' + b"1,1\n" * 9000, "quotation mark"),
        (b"Code,Rate\n" + b"9" * 20_000, "no table"),
    ],
)
def test_what_is_no_table_is_refused_with_few_words(data: bytes, reason: str) -> None:
    with pytest.raises(BadFile, match=reason):
        table(data)


def test_a_tiny_workbook_that_names_the_last_cell_of_all_does_not_take_the_memory() -> None:
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet()
    sheet.write(0, 0, "Code")
    sheet.write(1_048_575, 16_383, "x")
    workbook.close()
    with pytest.raises(BadFile, match="more memory or time"):
        table(out.getvalue())


def test_a_workbook_that_unfolds_to_gigabytes_is_not_unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_UNPACKED", 20 * 1024 * 1024)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as bomb,
    ):
        for _ in range(30):
            bomb.write(bytes(1024 * 1024))
    begun = time.process_time()
    with pytest.raises(BadFile, match="unfolds to 30 MB"):
        table(out.getvalue())
    assert time.process_time() - begun < 2


def test_a_file_with_too_many_rows_is_refused_at_its_line() -> None:
    rows = open_sheet(b"36,0.05\n" * 1_048_600).rows
    with pytest.raises(BadFile, match="more than 1048576 lines") as refused:
        for _ in rows:
            pass
    assert refused.value.line == 1_048_577


def test_a_sheet_that_is_not_there_is_named() -> None:
    with pytest.raises(BadFile, match="no sheet 'Nowhere'"):
        table(book(["Code"]), sheet="Nowhere")
