"""Call records as files: for a spreadsheet, or as a page to print. As many as there are: they are written as they are read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from defusedcsv import csv
from django.db.models import QuerySet
from django.utils.html import escape
from django.utils.translation import gettext as _

from apps.cdrs.models import Cdr

COLUMNS = (
    "id", "started_at", "answered_at", "ended_at", "duration", "caller", "caller_number", "original_called_number",
    "called_number", "destination", "carrier", "dialled_number", "sip_status", "q850_cause", "hangup_cause", "disconnector",
    "pdd_ms", "retail_price", "currency", "carrier_cost", "reseller_price", "company_price", "sales_commission", "codec",
)  # fmt: skip
_NAMES = {"caller": "caller__username", "carrier": "carrier__username"}
CHUNK = 5000


def rows(calls: QuerySet[Cdr]) -> Iterator[list[str]]:
    """Headings, then a line for each call, in the order of the list. Times are UTC, prices as the records have them."""
    yield list(COLUMNS)
    wanted = calls.values_list(*(_NAMES.get(name, name) for name in COLUMNS))
    for row in wanted.iterator(chunk_size=CHUNK):
        yield [_plain(value) for value in row]


def as_csv(calls: QuerySet[Cdr]) -> Iterator[str]:
    """Lines of a CSV file, in which no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows(calls):
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def as_html(calls: QuerySet[Cdr]) -> Iterator[str]:
    """A page with one table, which needs nothing from elsewhere."""
    title = escape(_("Call records"))
    yield f"<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>{title}</title></head><body><h1>{title}</h1><table border='1'>\n"
    for number, row in enumerate(rows(calls)):
        tag = "td" if number else "th"
        yield "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>\n"
    yield "</table></body></html>\n"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
