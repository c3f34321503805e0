"""Writing call records: many at once, each once whatever is replayed, into a partition per month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from apps.core.compact import encoded

Row = Mapping[str, Any]
TABLES = ("cdrs_cdr", "cdrs_cdrprice")
LOCK = 0x6D697A75_63647273  # of those who make partitions
EARLIEST, LATEST = 946_684_800.0, 4_102_444_800.0  # 2000 to 2100: no partition for a broken clock

CDR_COLUMNS = {
    "id": "uuid", "started_at": "float8", "answered_at": "float8", "ended_at": "float8", "setup_ms": "int",
    "pdd_ms": "int", "duration": "int", "sip_status": "smallint", "q850_cause": "smallint",
    "hangup_cause": "text", "disconnector": "text", "service": "text", "caller_id": "bigint",
    "trunk_id": "bigint", "tech_prefix": "text",
    "caller_address": "text", "caller_number": "text", "original_called_number": "text",
    "called_number": "text", "dialled_number": "text", "destination": "text", "carrier_id": "bigint",
    "called_account_id": "bigint", "called_address": "text", "reseller_id": "bigint", "route_rule": "text",
    "attempts": "jsonb", "retail_price": "bigint", "carrier_cost": "bigint", "sales_commission": "bigint",
    "company_price": "bigint", "reseller_price": "bigint", "currency": "text", "media": "text", "codec": "text",
    "rtp_sent": "bigint", "rtp_received": "bigint", "rtp_lost": "bigint", "caller_mos": "numeric",
    "called_mos": "numeric", "quality": "jsonb", "sip_call_id": "text",
    "worker": "text", "world_version": "text", "comment": "text",
}  # fmt: skip
PRICE_COLUMNS = {
    "call_id": "uuid", "started_at": "float8", "kind": "text", "account_id": "bigint", "rate_id": "bigint",
    "prefix": "text", "unit_price": "bigint", "billing_step": "int", "billed_seconds": "int",
    "currency": "text", "net": "bigint", "vat": "bigint", "gross": "bigint", "vat_rate": "bigint",
    "seconds": "int", "terms": "uuid", "recorded": "bigint", "recorded_currency": "text",
}  # fmt: skip
AMOUNTS = {
    "retail_price", "carrier_cost", "sales_commission", "company_price", "reseller_price",
    "unit_price", "net", "vat", "gross", "recorded",
}  # fmt: skip


def _value(column: str) -> str:
    """How a column is made of its JSON value: times are epoch seconds, amounts micros, VAT rates millionths."""
    if column.endswith("_at"):
        return f"to_timestamp(r.{column})"
    if column in AMOUNTS:
        return f"r.{column} * 0.000001"
    return "r.vat_rate * 0.0001" if column == "vat_rate" else f"r.{column}"


def _records(columns: Mapping[str, str]) -> str:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"json_to_recordset(%s::json) AS r ({typed})"


STORE = (
    f"INSERT INTO cdrs_cdr ({', '.join(CDR_COLUMNS)}, recorded_at)"  # noqa: S608
    f" SELECT {', '.join(map(_value, CDR_COLUMNS))}, now() FROM {_records(CDR_COLUMNS)}"
    " ON CONFLICT (id, started_at) DO NOTHING RETURNING id"
)
STORE_PRICES = (
    "INSERT INTO cdrs_cdrprice"  # noqa: S608
    f" ({', '.join('tariff_id' if name == 'rate_id' else name for name in PRICE_COLUMNS)})"
    f" SELECT {', '.join('p.tariff_id' if name == 'rate_id' else _value(name) for name in PRICE_COLUMNS)}"
    f" FROM {_records(PRICE_COLUMNS)} LEFT JOIN pricing_rate p ON p.id = r.rate_id"
    " ON CONFLICT (call_id, kind, account_id, started_at) DO NOTHING"
)

STORE_TERMS = (
    "INSERT INTO cdrs_priceterms (id, packed)"
    " SELECT r.id, r.packed FROM json_to_recordset(%s::json) AS r (id uuid, packed jsonb) ON CONFLICT (id) DO NOTHING"
)
REMEMBERED_TERMS = 50_000

_known_months: set[tuple[int, int]] = set()
_known_terms: set[str] = set()


def store(*, rows: Sequence[Row]) -> set[str]:
    """Insert call records (keys: CDR_COLUMNS); the ids of those that were not there yet.

    The months must have their partitions: see `ensure_months`.
    """
    with connection.cursor() as cursor:
        cursor.execute(STORE, [encoded(rows).decode()])
        return {str(call) for (call,) in cursor.fetchall()}


def is_stored(*, call_id: str) -> bool:
    """Whether the call has its record, whenever it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM cdrs_cdr WHERE id = %s)", [call_id])
        return bool(cursor.fetchone()[0])


def store_prices(*, rows: Sequence[Row]) -> None:
    """Insert prices of calls (keys: PRICE_COLUMNS)."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(STORE_PRICES, [encoded(rows).decode()])


def store_terms(*, terms: Mapping[str, Sequence[Any]]) -> None:
    """Keep by what prices were reckoned, by the keys that the prices have. Inside of their transaction."""
    new = {key: packed for key, packed in terms.items() if key not in _known_terms}
    if not new:
        return
    rows = [
        {"id": key, "packed": new[key]} for key in sorted(new)
    ]  # in one order: writers do not wait crosswise
    with connection.cursor() as cursor:
        cursor.execute(STORE_TERMS, [encoded(rows).decode()])
    transaction.on_commit(partial(_note_terms, new.keys()))


def _note_terms(keys: Iterable[str]) -> None:
    """They are kept for good now, and need not be sent again."""
    if len(_known_terms) >= REMEMBERED_TERMS:
        _known_terms.clear()
    _known_terms.update(keys)


def ensure_months(*, moments: Iterable[float]) -> None:
    """Make the partitions for these epoch seconds, if they are not there, in a transaction of their own."""
    months = {_month(moment) for moment in moments}
    for month in sorted(months - _known_months):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            for table in TABLES:
                _make_partition(cursor, table, *month)
        transaction.on_commit(partial(_known_months.add, month))


def forget_months() -> None:
    """Look again which partitions there are: somebody may have dropped one. And which terms."""
    _known_months.clear()
    _known_terms.clear()


def _month(moment: float) -> tuple[int, int]:
    day = datetime.fromtimestamp(moment, UTC)
    return day.year, day.month


def _make_partition(cursor: Any, table: str, year: int, month: int) -> None:
    """Made apart and then attached, which lets everybody go on reading and writing the others."""
    name = f"{table}_y{year}m{month:02}"
    cursor.execute("SELECT to_regclass(%s)", [name])
    if cursor.fetchone()[0]:
        return
    start = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    cursor.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
        [start.isoformat(), end.isoformat()],
    )
