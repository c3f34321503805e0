"""Importing a price list: all of it, or nothing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.utils import timezone

from apps.pricing.errors import ImportRefused
from apps.pricing.models import Tariff
from apps.pricing.services.lines import DETAILS, MOST_BYTES, RateLine, read

_NO_PEAK_TIME = "the tariff has no peak time: set it, or leave the column peak empty"

_PREPARE = """
DROP TABLE IF EXISTS rates_in;
CREATE TEMPORARY TABLE rates_in (
  prefix text, destination text, price numeric(18, 6), window_id bigint, step int, minimum int,
  min_digits int, max_digits int, connect_fee numeric(18, 6), next_increment int, free_seconds int, free_after int,
  grace_seconds int, minimum_charge numeric(18, 6), maximum_charge numeric(18, 6), surcharge numeric(18, 6)
) ON COMMIT DROP
"""
_MORE = ", ".join(field for _, field in DETAILS if field != "next_increment")
_KEEP_NAMES = """
UPDATE rates_in SET destination = old.destination
FROM (SELECT DISTINCT ON (prefix) prefix, destination FROM pricing_rate
      WHERE tariff_id = %(tariff)s AND destination <> '' ORDER BY prefix, valid_from DESC) AS old
WHERE rates_in.destination = '' AND rates_in.prefix = old.prefix
"""
_NAMED = "(%(replace)s OR (prefix, min_digits, max_digits) IN (SELECT prefix, min_digits, max_digits FROM rates_in))"
_REMOVE = f"""
DELETE FROM pricing_rate WHERE tariff_id = %(tariff)s AND {_NAMED}
AND (valid_from = %(since)s OR (%(replace)s AND valid_from > %(since)s))
"""  # noqa: S608
_END = f"""
UPDATE pricing_rate SET valid_until = %(since)s WHERE tariff_id = %(tariff)s AND {_NAMED}
AND valid_from < %(since)s AND (valid_until IS NULL OR valid_until > %(since)s)
"""  # noqa: S608
_ADD = f"""
INSERT INTO pricing_rate (tariff_id, prefix, destination, price, window_id, first_increment, next_increment,
  minimum_seconds, min_digits, max_digits, valid_from, {_MORE})
SELECT %(tariff)s, prefix, destination, price, window_id, step, COALESCE(next_increment, step), minimum, min_digits,
  max_digits, %(since)s, {_MORE}
FROM rates_in
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: lines read, rates added, older rates that end when the new ones begin."""

    lines: int
    added: int
    ended: int


@transaction.atomic
def import_rates(
    *, tariff: Tariff, stream: BinaryIO, valid_from: datetime | None = None, replace: bool = False
) -> ImportResult:
    """Take the prices of a file (see `lines`) from `valid_from` on, now by default.

    A prefix in the file ends whatever the tariff had for it; with `replace` all others end too. `price` and
    `offpeak` become rates for all hours, `peak` one in the tariff's peak time; an empty or zero billing step and
    an empty minimum leave the tariff's. Raises ImportRefused with every bad line, and then nothing is changed.
    """
    tariff = Tariff.objects.select_for_update().get(pk=tariff.pk)
    rows = _checked(tariff, stream.read(MOST_BYTES + 1))
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        cursor.copy_expert("COPY rates_in FROM STDIN", _as_copy(tariff, rows))
        values: dict[str, Any] = {
            "tariff": tariff.pk,
            "since": valid_from or timezone.now(),
            "replace": replace,
        }
        cursor.execute(_KEEP_NAMES, values)
        cursor.execute(_REMOVE, values)
        cursor.execute(_END, values)
        ended = cursor.rowcount
        cursor.execute(_ADD, values)
        added = cursor.rowcount
        cursor.execute("DROP TABLE rates_in")
    tariff.save(update_fields=["changed_at"])
    return ImportResult(len(rows), added, ended)


def _checked(tariff: Tariff, data: bytes) -> list[RateLine]:
    if len(data) > MOST_BYTES:
        raise ImportRefused([(0, f"the file is larger than {MOST_BYTES // 1024 // 1024} MB; split it")])
    rows, errors = read(data)
    if tariff.peak_window_id is None:
        errors += [(row.line, _NO_PEAK_TIME) for row in rows if row.peak is not None]
    if not rows and not errors:
        errors = [(0, "the file has no prices")]
    if errors:
        raise ImportRefused(sorted(errors))
    return rows


def _as_copy(tariff: Tariff, rows: list[RateLine]) -> io.StringIO:
    buffer = io.StringIO()
    for row in rows:
        always = row.flat if row.flat is not None else row.offpeak
        if always is not None:
            buffer.write(_copy_line(row, always, None))
        if row.peak is not None:
            buffer.write(_copy_line(row, row.peak, tariff.peak_window_id))
    buffer.seek(0)
    return buffer


def _copy_line(row: RateLine, price: Decimal, window: int | None) -> str:
    r"""One line of COPY's text format: tabs between, \N for null, backslashes doubled."""
    name = row.destination.replace("\\", "\\\\").replace("\t", " ")
    values = (
        row.prefix, name, price, window, row.step, row.minimum, row.min_digits, row.max_digits, *row.details
    )  # fmt: skip
    return "\t".join("\\N" if value is None else str(value) for value in values) + "\n"
