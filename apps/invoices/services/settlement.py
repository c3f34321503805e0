"""Ended calls become records, prices, ledger entries and released holds, exactly once.

`settle` takes call records as the switch's journal has them (see `switch.charging`). For each batch:
1. every record is checked and rated by the pure engine, from the terms that the switch decided by;
2. in one transaction: the CDRs are inserted (those that are there already are left alone), and for the new
   ones prices and ledger entries; then balances are locked, in the order of the account's id, and changed, and
   the holds of all these calls let go. The locks come last, because running calls wait for them. What was used of
   the days' and months' limits is noted under them, so that no hold sees a call neither held nor spent.
A record that cannot be written is reported, the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, connection, transaction

from apps.aaa.services import note_stops
from apps.cdrs import services as cdrs
from apps.core.compact import encoded
from apps.core.values.money import from_micros
from apps.invoices.models import Allowance, AllowanceUse
from apps.invoices.services import holds, limits
from apps.invoices.services.rated import BadRecord, Rated, rated
from apps.pricing.engine.price_lists import SMS
from apps.users.services.trunk_accounts import Use, note_uses

Record = dict[str, Any]

STORE_ENTRIES = (
    "INSERT INTO invoices_ledgerentry (account_id, kind, amount, currency, call_id, text, created_at)"
    " SELECT account_id, 'call', micros * 0.000001, currency, call_id, text, now() FROM json_to_recordset(%s::json)"
    " AS r (account_id bigint, micros bigint, currency text, call_id uuid, text text)"
)


@dataclass(slots=True)
class Outcome:
    """What became of a batch: ids of new records, how many were there already, refused ones with the reason."""

    new: set[str] = field(default_factory=set)
    known: int = 0
    rejected: list[tuple[Record, str]] = field(default_factory=list)


def settle(*, records: Sequence[Record]) -> Outcome:
    """Write these records. Raises the database's OperationalError and the like when it cannot write at all."""
    outcome = Outcome()
    batch: dict[str, Rated] = {}
    for record in records:
        try:
            one = rated(record)
        except BadRecord as error:
            _reject(outcome, record, str(error))
        else:
            batch[one.call_id] = one
    if batch:
        cdrs.ensure_months(moments=(one.started for one in batch.values()))
        _write_or_divide(list(batch.values()), outcome)
    return outcome


def _write_or_divide(batch: list[Rated], outcome: Outcome) -> None:
    """Write all at once; when the data of one prevent it, each by itself."""
    try:
        _note(outcome, batch, _write(batch))
    except (DataError, IntegrityError):
        cdrs.forget_months()  # perhaps a partition was dropped
        cdrs.ensure_months(moments=(one.started for one in batch))
        for one in batch:
            _write_alone(one, outcome)


def _write_alone(one: Rated, outcome: Outcome) -> None:
    try:
        _note(outcome, [one], _write([one]))
    except (DataError, IntegrityError) as error:
        _reject(outcome, one.record, str(error).strip())


def _note(outcome: Outcome, batch: list[Rated], new: set[str]) -> None:
    outcome.new |= new
    outcome.known += len(batch) - len(new)


@transaction.atomic
def _write(batch: list[Rated]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is wrong shows here, not at the commit
    new = cdrs.store(rows=[one.cdr for one in batch])
    fresh = [one for one in batch if one.call_id in new]
    cdrs.store_terms(terms={key: packed for one in fresh for key, packed in one.terms.items()})
    cdrs.store_prices(rows=[price for one in fresh for price in one.prices])
    note_stops(records=[one.record for one in fresh if one.record.get("service") != SMS])
    if uses := _trunk_uses(fresh):
        note_uses(uses=uses)
    entries = [entry for one in fresh for entry in one.entries]
    changes: defaultdict[int, int] = defaultdict(int)
    for entry in entries:
        changes[entry["account_id"]] += entry["micros"]
    with connection.cursor() as cursor:
        if entries:
            cursor.execute(STORE_ENTRIES, [encoded(entries).decode()])
        cursor.execute(
            holds.SETTLE, holds.settle_parameters([one.call_id for one in batch], changes, _allowances(fresh))
        )
    _store_allowance_uses(fresh)
    limits.note(uses=[use for one in fresh for use in one.uses])
    return new


def _allowances(batch: list[Rated]) -> dict[int, int]:
    """What these calls used of allowances, micros."""
    used: defaultdict[int, int] = defaultdict(int)
    for one in batch:
        for allowance, micros in one.used:
            used[allowance] += micros
    return used


def _store_allowance_uses(batch: list[Rated]) -> None:
    """Which call used what of which allowance; of one that is gone meanwhile nothing is written."""
    asked = {allowance for one in batch for allowance, _ in one.used}
    if not asked:
        return
    there = set(Allowance.objects.filter(pk__in=asked).values_list("pk", flat=True))
    rows = [
        AllowanceUse(
            call_id=one.call_id,
            allowance_id=allowance,
            amount=from_micros(micros),
            ended_at=datetime.fromtimestamp(one.ended, UTC),
        )
        for one in batch
        for allowance, micros in one.used
        if micros and allowance in there
    ]
    AllowanceUse.objects.bulk_create(rows)


def _trunk_uses(batch: list[Rated]) -> dict[int, Use]:
    """What these calls used of the accounts that carriers have given us."""
    uses: defaultdict[int, Use] = defaultdict(Use)
    for one in batch:
        login = one.record.get("login")
        if isinstance(login, int):
            use = uses[login]
            use.micros += sum(price["net"] for price in one.prices if price["kind"] == "carrier")
            use.calls += 1
            use.last = max(use.last, one.started)
    return dict(uses)


def _reject(outcome: Outcome, record: Record, reason: str) -> None:
    """Nobody will settle it any more: at least its money is free again.

    An `end` without its beginning is no loss if the call is stored: the journal's segment with its beginning
    was deleted after that, and a new writer reads the rest again.
    """
    try:
        call_id = str(UUID(record["id"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        outcome.rejected.append((record, reason))
        return
    holds.release(call_ids=[call_id])
    if "started" not in record and cdrs.is_stored(call_id=call_id):
        outcome.known += 1
    else:
        outcome.rejected.append((record, reason))
