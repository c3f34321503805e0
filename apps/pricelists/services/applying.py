"""Applying a list to its tariff in one transaction, and taking that back exactly.

Every rate that is touched is noted with what undoing needs (`Touched`), by the statements that touch it.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config import queries as config
from apps.pricelists.apps import PRICE_LIST
from apps.pricelists.errors import ListError
from apps.pricelists.models import ChangeSet, State, Touched
from apps.pricelists.services.notices import write_notices
from apps.pricelists.services.staging import RATE_COLUMNS, fingerprint
from apps.pricelists.services.uploads import lock
from apps.pricing.errors import NotConvertible
from apps.pricing.models import Tariff
from apps.pricing.queries import in_own_currency
from apps.users.models import Account

logger = logging.getLogger(__name__)

_SAME = "r.prefix = c.prefix AND r.min_digits = c.min_digits AND r.max_digits = c.max_digits"
_PRINT = "hashtextextended(r::text, 0)"
_NOTE = "INSERT INTO pricelists_touched (change_set_id, rate_id, what, valid_until, fingerprint, row)"
_PREPARE = """
DROP TABLE IF EXISTS list_out;
CREATE TEMPORARY TABLE list_out ON COMMIT DROP AS
SELECT c.*, lead(valid_from) OVER (PARTITION BY prefix, min_digits, max_digits ORDER BY valid_from) AS valid_until
FROM pricelists_change c WHERE change_set_id = %(change_set)s AND kind NOT IN ('unchanged', 'withdrawn');
CREATE INDEX ON list_out (prefix); ANALYZE list_out
"""
#: Rates that begin at the moment of a line are replaced by it; withdrawn ones go; so do those to come of a removed prefix.
_REMOVE = f"""
WITH gone AS (
  DELETE FROM pricing_rate r USING pricelists_change c
  WHERE c.change_set_id = %(change_set)s AND c.kind <> 'unchanged' AND r.tariff_id = %(tariff)s AND {_SAME}
    AND (r.valid_from = c.valid_from OR c.kind = 'removed' AND c.line = 0 AND r.valid_from > c.valid_from)
  RETURNING r.*
)
{_NOTE} SELECT DISTINCT ON (id) %(change_set)s, id, 'removed', NULL::timestamptz, NULL::bigint, to_jsonb(gone) FROM gone
"""  # noqa: S608
#: What a withdrawn price would have ended goes on; an earlier end by a line of this list comes after.
_REOPEN = f"""
WITH open AS (
  SELECT DISTINCT r.id, r.valid_until FROM pricing_rate r JOIN pricelists_change c ON {_SAME}
  WHERE c.change_set_id = %(change_set)s AND c.kind = 'withdrawn' AND r.tariff_id = %(tariff)s
    AND r.valid_until = c.valid_from
), done AS (UPDATE pricing_rate r SET valid_until = NULL FROM open WHERE r.id = open.id RETURNING r.id)
{_NOTE} SELECT %(change_set)s, id, 'ended', valid_until, NULL::bigint, NULL::jsonb FROM open
"""  # noqa: S608
_END = f"""
WITH ending AS (
  SELECT r.id, r.valid_until, min(c.valid_from) AS moment FROM pricing_rate r JOIN list_out c ON {_SAME}
  WHERE r.tariff_id = %(tariff)s AND r.valid_from < c.valid_from AND (r.valid_until IS NULL OR r.valid_until > c.valid_from)
  GROUP BY r.id
), done AS (
  UPDATE pricing_rate r SET valid_until = ending.moment FROM ending WHERE r.id = ending.id
)
{_NOTE} SELECT %(change_set)s, id, 'ended', valid_until, NULL::bigint, NULL::jsonb FROM ending
WHERE NOT EXISTS (SELECT FROM pricelists_touched t
  WHERE t.change_set_id = %(change_set)s AND t.rate_id = ending.id AND t.what = 'ended')
"""  # noqa: S608
_KEPT = "free_seconds, free_after, grace_seconds, minimum_charge, maximum_charge, surcharge"
_ADD = f"""
WITH kept AS (
  SELECT id, {_KEPT} FROM pricing_rate WHERE tariff_id = %(tariff)s
  UNION SELECT rate_id, {_KEPT} FROM pricelists_touched t, jsonb_populate_record(NULL::pricing_rate, t.row)
  WHERE t.change_set_id = %(change_set)s AND t.what = 'removed'
), r AS (
  INSERT INTO pricing_rate (tariff_id, prefix, destination, price, window_id, connect_fee, first_increment,
    next_increment, minimum_seconds, min_digits, max_digits, valid_from, valid_until, {_KEPT})
  SELECT %(tariff)s, c.prefix, c.destination, each.price, each.window_id, c.connect_fee, c.first_increment,
    c.next_increment, c.minimum_seconds, c.min_digits, c.max_digits, c.valid_from, c.valid_until, {_KEPT}
  FROM list_out c CROSS JOIN LATERAL (VALUES (c.price, NULL::bigint), (c.peak_price, %(peak)s::bigint)) AS each(price, window_id)
  LEFT JOIN kept ON kept.id = c.old_rate_id
  WHERE c.kind <> 'removed' AND each.price IS NOT NULL
  RETURNING *
)
{_NOTE} SELECT %(change_set)s, r.id, 'added', NULL::timestamptz, {_PRINT}, NULL::jsonb FROM r
"""  # noqa: S608
_SEAL = f"""
UPDATE pricelists_touched t SET fingerprint = {_PRINT} FROM pricing_rate r
WHERE t.change_set_id = %(change_set)s AND t.what = 'ended' AND r.id = t.rate_id
"""  # noqa: S608

_CHANGED = f"""
SELECT count(*) FROM pricelists_touched t LEFT JOIN pricing_rate r ON r.id = t.rate_id
WHERE t.change_set_id = %(change_set)s AND t.what <> 'removed' AND t.fingerprint IS DISTINCT FROM {_PRINT}
"""  # noqa: S608
_LATER = f"""
SELECT count(*) FROM pricing_rate r WHERE r.tariff_id = %(tariff)s
  AND r.id > %(last)s
  AND EXISTS (SELECT FROM pricelists_change c WHERE c.change_set_id = %(change_set)s AND c.kind <> 'unchanged' AND {_SAME})
"""  # noqa: S608
_TAKE_OUT = """
DELETE FROM pricing_rate r USING pricelists_touched t
WHERE t.change_set_id = %(change_set)s AND t.what = 'added' AND r.id = t.rate_id
"""
_EXTEND = """
UPDATE pricing_rate r SET valid_until = t.valid_until FROM pricelists_touched t
WHERE t.change_set_id = %(change_set)s AND t.what = 'ended' AND r.id = t.rate_id
"""
_COLUMNS = ", ".join(("id", *RATE_COLUMNS))
_BRING_BACK = f"""
INSERT INTO pricing_rate ({_COLUMNS})
SELECT {", ".join("o." + name for name in ("id", *RATE_COLUMNS))} FROM pricelists_touched t, jsonb_populate_record(NULL::pricing_rate, t.row) AS o
WHERE t.change_set_id = %(change_set)s AND t.what = 'removed'
"""  # noqa: S608


@transaction.atomic
def begin_applying(
    *, change_set: ChangeSet, by: Account | None = None, tells_customers: bool = False
) -> ChangeSet:
    """Have a list applied in the background, as it may be long; `tells_customers`: by e-mail, once it is.

    When it would have moved more money than the limit of four eyes, and a person wants it, it waits for a second one.
    Raises ListError when it is not ready.
    """
    stored = lock(change_set, (State.READY,))
    stored.tells_customers = tells_customers
    moved = moved_money(stored)
    if by is None or not needs_second_person(moved):
        return _begin(stored, State.APPLYING, by)
    stored.state = State.WAITING
    stored.save(update_fields=["state", "tells_customers"])
    approvals.ask(
        kind=PRICE_LIST,
        title=_("Price list %(list)s") % {"list": stored},
        amount=moved or Decimal(0),
        currency=str(config.get("currency")),
        payload={"change_set": stored.pk},
        by=by,
    )
    return stored


def moved_money(change_set: ChangeSet) -> Decimal | None:
    """What a list would have moved, up and down, in the installation's currency; None without an exchange rate."""
    difference = Decimal(change_set.replay.get("moved", 0))
    try:
        return in_own_currency(difference, change_set.tariff.currency, timezone.now().date()).quantize(
            Decimal("0.000001")
        )
    except NotConvertible:
        return None


def needs_second_person(moved: Decimal | None) -> bool:
    """Whether so much is above the limit; what cannot be converted is, if there is a limit."""
    limit = str(config.get("approval_pricelist_limit"))
    return bool(limit) and (moved is None or moved > Decimal(limit))


@transaction.atomic
def apply_approved(approval: Approval) -> None:
    """A second person has agreed. Raises ValidationError when the list does not wait any more."""
    _begin(_waiting(approval), State.APPLYING, approval.decided_by)


@transaction.atomic
def put_back(approval: Approval) -> None:
    """A second person has refused: the list can be changed and compared again."""
    stored = _waiting(approval)
    stored.state = State.READY
    stored.save(update_fields=["state"])


def _waiting(approval: Approval) -> ChangeSet:
    try:
        return lock(ChangeSet(pk=approval.payload["change_set"]), (State.WAITING,))
    except (ListError, ChangeSet.DoesNotExist) as error:
        raise ValidationError(str(error)) from error


@transaction.atomic
def begin_undoing(*, change_set: ChangeSet, by: Account | None = None) -> None:
    """Have a list undone in the background. Raises ListError when it is not applied."""
    _begin(lock(change_set, (State.APPLIED,)), State.UNDOING, by)


def _begin(stored: ChangeSet, state: State, by: Account | None) -> ChangeSet:
    from apps.pricelists.tasks import carry_out

    stored.state, stored.errors = state, []
    stored.save(update_fields=["state", "errors", "tells_customers"])
    transaction.on_commit(partial(carry_out.delay, stored.pk, by.pk if by else None), robust=True)
    return stored


@transaction.atomic
def apply(*, change_set: ChangeSet, by: Account | None = None) -> ChangeSet:
    """Make all changes of a list, or none. Raises ListError when its tariff has other rates than it was compared with."""
    stored = lock(change_set, (State.READY, State.APPLYING))
    tariff = Tariff.objects.select_for_update(of=("self",)).get(pk=stored.tariff_id)
    values = _values(stored)
    with connection.cursor() as cursor:
        if fingerprint(cursor, tariff.pk) != stored.fingerprint:
            raise ListError(
                _(
                    "The tariff's prices have changed since this list was compared with them. Compare it again."
                )
            )
        cursor.execute(_PREPARE, values)
        for statement in (_REMOVE, _REOPEN, _END, _ADD, _SEAL):
            cursor.execute(statement, values)
        cursor.execute("DROP TABLE list_out")
        cursor.execute("SELECT COALESCE(max(id), 0) FROM pricing_rate")
        stored.last_rate_id = cursor.fetchone()[0]
    tariff.save(update_fields=["changed_at"])
    stored.state, stored.applied_at, stored.applied_by = State.APPLIED, timezone.now(), by
    stored.save()
    logger.info("price list %s applied to %s by %s", stored.pk, tariff, by)
    if stored.tells_customers:
        from apps.pricelists.tasks import deliver_notice

        for notice in write_notices(stored):
            transaction.on_commit(partial(deliver_notice.delay, notice.pk), robust=True)
    return stored


@transaction.atomic
def undo(*, change_set: ChangeSet, by: Account | None = None) -> ChangeSet:
    """Put back every rate as it was before the list was applied, ids included. Prices of calls already made stay.

    Raises ListError when a rate that the list touched, or one of the same prefix, has been changed since.
    """
    stored = lock(change_set, (State.APPLIED, State.UNDOING))
    tariff = Tariff.objects.select_for_update(of=("self",)).get(pk=stored.tariff_id)
    values = _values(stored)
    if not ChangeSet.objects.filter(pk=stored.pk).exclude(data=b"").exists():
        raise ListError(_("This list was applied so long ago that what undoing it needs is no longer kept."))
    with connection.cursor() as cursor:
        for question in (_CHANGED, _LATER):
            cursor.execute(question, values)
            count = cursor.fetchone()[0]
            if count:
                raise ListError(
                    _(
                        "%(count)d rates of these prefixes were changed after the list was applied. Undo that first."
                    )
                    % {"count": count}
                )
        try:
            for statement in (_TAKE_OUT, _EXTEND, _BRING_BACK):
                cursor.execute(statement, values)
        except IntegrityError:
            raise ListError(_("The rates cannot be put back: others stand in their place now.")) from None
    tariff.save(update_fields=["changed_at"])
    Touched.objects.filter(change_set=stored)._raw_delete(using="default")
    stored.state, stored.undone_at, stored.undone_by = State.UNDONE, timezone.now(), by
    stored.save()
    logger.info("price list %s of %s undone by %s", stored.pk, tariff, by)
    return stored


def _values(stored: ChangeSet) -> dict[str, Any]:
    return {
        "change_set": stored.pk,
        "tariff": stored.tariff_id,
        "peak": stored.tariff.peak_window_id,
        "last": stored.last_rate_id,
    }
