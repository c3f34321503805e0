"""The differences of one slice of time: calls with their prices by COPY out of PostgreSQL, what changes by COPY into it.

Python has the lines of one slice, whatever the run's size; a price that stays as it is goes no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO, TextIOBase
from typing import Any

from django.db import connection

from apps.cdrs.models import Rerating
from apps.cdrs.services import store_terms
from apps.invoices.services.rerating.memory import END, NONE, NULL
from apps.invoices.services.rerating.pricing import BETWEEN, NoPrice, Pricer

MONEY = ("billed_seconds", "currency", "net", "vat", "gross", "vat_rate", "recorded", "recorded_currency")
"""What must differ for a price to be another one."""
REST = ("tariff_id", "prefix", "unit_price", "billing_step", "seconds", "terms")
FIGURES = (*REST, *MONEY)


def _columns(names: tuple[str, ...], alias: str) -> str:
    """SQL: the columns as `memory` writes them."""
    return " || ".join(f"coalesce({alias}.{name}::text, '{NONE}') || '{END}'" for name in names)


# The calls of a slice with their prices, a line each. Prices come by their key, so by kind and account.
_CALLS = f"""
COPY (SELECT c.id, c.started_at, c.destination, date_part('epoch', c.started_at), date_part('epoch', c.answered_at),
  c.duration, coalesce(p.seconds, c.duration), c.caller_id, c.caller_number, c.called_number, c.carrier_id,
  c.called_account_id, c.service, c.trunk_id, c.tech_prefix, coalesce(p.prices, '')
FROM cdrs_cdr c LEFT JOIN LATERAL (
  SELECT max(p.seconds) FILTER (WHERE p.kind <> 'carrier') AS seconds,
    string_agg(p.kind || '{END}' || p.account_id || '{END}' || {_columns(MONEY + REST, "p")}, '{BETWEEN}') AS prices
  FROM cdrs_cdrprice p
  WHERE p.call_id = c.id AND p.started_at = c.started_at AND p.started_at >= %(since)s AND p.started_at < %(until)s) p
ON true
WHERE c.started_at >= %(since)s AND c.started_at < %(until)s AND c.answered_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM invoices_allowanceuse u WHERE u.call_id = c.id) {{conditions}}
) TO STDOUT
"""  # noqa: S608 - the names are our own columns
_STORE = f"""
COPY cdrs_pricechange (rerating_id, call_id, started_at, destination, kind, account_id,
  {", ".join(f"old_{name}" for name in MONEY + REST)}, {", ".join(MONEY + REST)}) FROM STDIN
"""


class Lines(TextIOBase):
    """What COPY sends, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.write = self.lines.append  # type: ignore[assignment,method-assign]  # called a million times


@dataclass(slots=True)
class Reckoned:
    """What became of a slice."""

    calls: int = 0
    problems: Counter[str] = field(default_factory=Counter)


def reckon(run: Rerating, pricer: Pricer, since: datetime, until: datetime) -> Reckoned:
    """Store what changes of the run's calls that began in [since, until). Inside of a transaction."""
    done = Reckoned()
    conditions, values = chosen(run)
    with connection.cursor() as cursor:
        calls = Lines()
        question = cursor.mogrify(
            _CALLS.format(conditions=conditions), {"since": since, "until": until} | values
        )
        cursor.copy_expert(question, calls)
        pricer.terms.clear()
        changes = _price(pricer, run.pk, calls.lines, done)
        store_terms(terms={key: one.packed for key, one in pricer.terms.items()})
        if changes:
            cursor.copy_expert(_STORE, StringIO("".join(changes)))
    return done


def chosen(run: Rerating) -> tuple[str, dict[str, Any]]:
    """Which calls of a span of time the run is about: conditions on `c`, and their values."""
    found = ""
    values: dict[str, Any] = {}
    if run.account is not None:
        found += (
            " AND CASE c.service WHEN 'inbound' THEN c.called_account_id ELSE c.caller_id END IN"
            " (SELECT id FROM users_account WHERE starts_with(path, %(path)s))"
        )
        values["path"] = run.account.path
    if run.caller_kind:
        found += " AND c.caller_id IN (SELECT id FROM users_account WHERE kind = %(kind)s)"
        values["kind"] = run.caller_kind
    if run.tariff_id is not None:
        found += (
            " AND EXISTS (SELECT FROM cdrs_cdrprice p WHERE p.call_id = c.id AND p.started_at = c.started_at"
            " AND p.tariff_id = %(tariff)s)"
        )
        values["tariff"] = run.tariff_id
    if run.calls:
        found += " AND c.id = ANY(%(calls)s::uuid[])"
        values["calls"] = run.calls
    return found, values


def _price(pricer: Pricer, run: int, lines: Iterable[str], done: Reckoned) -> list[str]:
    """The lines of changed prices."""
    found: list[str] = []
    changes = pricer.changes
    for line in lines:
        call_id, started, destination, *words, old = line[:-1].split("\t")
        done.calls += 1
        try:
            changed = changes(words, old)
        except NoPrice as error:
            done.problems[str(error)] += 1
            continue
        for payer, was, now in changed:
            columns = f"{payer}{was}{now}"[:-1].replace(END, "\t").replace(NONE, NULL)
            found.append(f"{run}\t{call_id}\t{started}\t{destination}\t{columns}\n")
    return found
