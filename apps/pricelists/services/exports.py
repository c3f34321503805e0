"""Price lists as files for others: CSV and XLSX, in columns that we read back ourselves."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import xlsxwriter
from defusedcsv import csv
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.pricelists.models import Change, ChangeKind, ChangeSet
from apps.pricing.models import Rate, Tariff

Cell = str | int | Decimal | datetime | None
Table = Iterable[list[Cell]]
_MOST_ROWS = 1_048_575  # of a sheet, below its headings


def rate_rows(tariff: Tariff, now: datetime | None = None) -> Iterator[list[Cell]]:
    """A tariff's list with headings: the prices in force and those to come. A rate with hours of its own names them."""
    now = now or timezone.now()
    yield [
        _("Destination"), _("Code"), _("Price per minute"), _("Connect fee"), _("Increments"), _("Valid from"),
        _("Valid until"), _("Time window"),
    ]  # fmt: skip
    zone = ZoneInfo(tariff.time_zone)
    rates = Rate.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now), tariff=tariff).select_related(
        "window"
    )
    for one in rates.order_by("prefix", "valid_from", "window").iterator(5000):
        first, following = (
            one.first_increment or tariff.first_increment,
            one.next_increment or tariff.next_increment,
        )
        yield [
            one.destination, one.prefix or "*", one.price,
            tariff.connect_fee if one.connect_fee is None else one.connect_fee, f"{first}/{following}",
            one.valid_from.astimezone(zone), one.valid_until.astimezone(zone) if one.valid_until else None,
            str(one.window) if one.window else "",
        ]  # fmt: skip


def change_rows(change_set: ChangeSet) -> Iterator[list[Cell]]:
    """What a list changes, with headings, as its customers read it."""
    yield [
        _("Destination"), _("Code"), _("Price until now"), _("Price per minute"), _("Peak price"), _("Connect fee"),
        _("Increments"), _("Valid from"), _("Status"),
    ]  # fmt: skip
    tariff, zone = change_set.tariff, ZoneInfo(change_set.tariff.time_zone)
    changes = Change.objects.filter(change_set=change_set).exclude(kind=ChangeKind.UNCHANGED)
    for one in changes.order_by("destination", "prefix", "valid_from").iterator(5000):
        first, following = (
            one.first_increment or tariff.first_increment,
            one.next_increment or tariff.next_increment,
        )
        gone = one.price is None
        yield [
            one.destination, one.prefix or "*", one.old_price, one.price, one.peak_price,
            None if gone else tariff.connect_fee if one.connect_fee is None else one.connect_fee,
            "" if gone else f"{first}/{following}", one.valid_from.astimezone(zone), str(ChangeKind(one.kind).label),
        ]  # fmt: skip


def as_csv(table: Table) -> bytes:
    """UTF-8 with a mark that spreadsheets look for. A cell that one would take for a formula is disarmed."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([_text(cell) for cell in row] for row in table)
    return buffer.getvalue().encode("utf-8-sig")


def as_xlsx(table: Table, title: str) -> bytes:
    """A workbook with one sheet. Texts are written as texts, whatever they begin with; codes keep their zeros."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet(title[:31].translate(str.maketrans("[]:*?/\\", "       ")).strip("' ") or "1")
    bold, days = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    price = book.add_format({"num_format": "0.00####"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 8, 17)
    for place, row in enumerate(table):
        if place > _MOST_ROWS:
            break
        for column, cell in enumerate(row):
            if isinstance(cell, Decimal):
                sheet.write_number(place, column, float(cell), price)
            elif isinstance(cell, datetime):
                sheet.write_datetime(place, column, cell.replace(tzinfo=None), days)
            elif cell is not None:
                sheet.write_string(place, column, str(cell), bold if not place else None)
    book.close()
    return out.getvalue()


def _text(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        text = f"{cell:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    return "" if cell is None else str(cell)
