"""Reading a list and comparing it with its tariff: every change as a row, to be looked at before anything happens.

1. The file becomes lines (`reading`); any bad one refuses the list, with all reasons.
2. By COPY into a temporary table; of days that are over only the latest of a prefix counts, from the list's start on.
3. Each line is compared with the rate that would be in force at its moment, or with the line of the same prefix before
   it. What the list has no column for stays as that rate has it.
4. A complete list also removes the prefixes that it does not have, and withdraws prices to come that it does not tell.
5. The calls of the last days are priced anew (`apps.pricelists.replay`).
"""

from __future__ import annotations

import io
import logging
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Count

from apps.config import queries as config
from apps.pricelists.models import BUSY, OPEN, Change, ChangeSet, State
from apps.pricelists.reading import BadFile, ListLine, Options, read_lines
from apps.pricelists.reading.lines import Read
from apps.pricelists.replay import replay
from apps.pricelists.services.uploads import check_state, forget, lock, sheet_of
from apps.pricing.models import Rate

logger = logging.getLogger(__name__)
READABLE = (*OPEN, State.STAGING)

_PREPARE = """
DROP TABLE IF EXISTS list_in;
CREATE TEMPORARY TABLE list_in (
  n int, line int, prefix text, destination text, price numeric(18, 6), peak numeric(18, 6), connect_fee numeric(18, 6),
  first_increment int, next_increment int, minimum_seconds int, min_digits int, max_digits int, day date
) ON COMMIT DROP
"""
_KEY = "prefix, min_digits, max_digits"
_SAME = "{0}.prefix = {1}.prefix AND {0}.min_digits = {1}.min_digits AND {0}.max_digits = {1}.max_digits"
_HELD = f"""
SELECT DISTINCT ON (w.n) w.n, r.id, r.price, r.valid_from, r.destination, r.connect_fee, r.first_increment, r.next_increment,
  r.minimum_seconds
FROM wanted w JOIN pricing_rate r ON r.tariff_id = %(tariff)s AND {_SAME.format("r", "w")}
  AND r.valid_from <= w.since AND (r.valid_until IS NULL OR r.valid_until > w.since) AND {{window}}
ORDER BY w.n, r.valid_from DESC, r.id DESC
"""  # noqa: S608
#: What each line would change. `l…`: the list's own line of the same prefix before it.
_COMPARE = f"""
WITH dated AS (
  SELECT *, GREATEST(COALESCE(day::timestamp AT TIME ZONE %(zone)s, %(begins)s), %(begins)s) AS since FROM list_in
), wanted AS MATERIALIZED (
  SELECT DISTINCT ON ({_KEY}, since) * FROM dated ORDER BY {_KEY}, since, day DESC NULLS LAST
), held AS (
  {_HELD.format(window="r.window_id IS NULL")}
), peak AS (
  {_HELD.format(window="r.window_id = %(peak)s")}
), resolved AS (
  SELECT w.n, w.line, w.prefix, w.min_digits, w.max_digits, w.since, w.price, h.id AS old_rate_id,
    COALESCE(NULLIF(w.destination, ''), h.destination, '') AS destination,
    h.price AS held_price, p.price AS held_peak, h.valid_from AS held_from, h.connect_fee AS held_fee, h.first_increment AS held_first,
    h.next_increment AS held_next, h.minimum_seconds AS held_minimum,
    CASE WHEN %(has_peak)s THEN w.peak ELSE p.price END AS peak,
    CASE WHEN %(has_fee)s THEN w.connect_fee ELSE h.connect_fee END AS connect_fee,
    CASE WHEN %(has_steps)s THEN w.first_increment ELSE h.first_increment END AS first_increment,
    CASE WHEN %(has_steps)s THEN w.next_increment ELSE h.next_increment END AS next_increment,
    CASE WHEN %(has_minimum)s THEN w.minimum_seconds ELSE h.minimum_seconds END AS minimum_seconds
  FROM wanted w LEFT JOIN held h USING (n) LEFT JOIN peak p USING (n)
), following AS (
  SELECT *, row_number() OVER own > 1 AS follows, lag(price) OVER own AS l_price, lag(peak) OVER own AS l_peak,
    lag((connect_fee, first_increment, next_increment, minimum_seconds)) OVER own AS l_terms
  FROM resolved WINDOW own AS (PARTITION BY {_KEY} ORDER BY since)
), compared AS (
  SELECT *, CASE WHEN follows THEN l_price ELSE held_price END AS old_price,
    CASE WHEN follows THEN l_peak ELSE held_peak END AS old_peak,
    CASE WHEN follows THEN l_terms ELSE (held_fee, held_first, held_next, held_minimum) END AS old_terms
  FROM following
), kinds AS (
  SELECT *, CASE
      WHEN price IS NULL THEN CASE WHEN old_price IS NULL THEN 'unchanged' ELSE 'removed' END
      WHEN held_from = since AND price = held_price AND peak IS NOT DISTINCT FROM held_peak
        AND (held_fee, held_first, held_next, held_minimum)
          IS NOT DISTINCT FROM (connect_fee, first_increment, next_increment, minimum_seconds) THEN 'unchanged'
      WHEN old_price IS NULL THEN 'new'
      WHEN price > old_price OR price = old_price AND peak > old_peak THEN 'increase'
      WHEN price < old_price OR price = old_price AND peak < old_peak THEN 'decrease'
      WHEN peak IS DISTINCT FROM old_peak OR old_terms
        IS DISTINCT FROM (connect_fee, first_increment, next_increment, minimum_seconds) THEN 'changed'
      ELSE 'unchanged' END AS kind,
    CASE WHEN old_price > 0 AND price IS NOT NULL THEN LEAST((price - old_price) * 100 / old_price, 9999999) END AS percent
  FROM compared
)
INSERT INTO pricelists_change (change_set_id, line, kind, prefix, destination, min_digits, max_digits, old_rate_id,
  old_price, old_peak_price, price, peak_price, connect_fee, first_increment, next_increment, minimum_seconds,
  valid_from, percent, attention)
SELECT %(change_set)s, line, kind, prefix, destination, min_digits, max_digits, old_rate_id, old_price, old_peak,
  price, peak, connect_fee, first_increment, next_increment, minimum_seconds, since, percent,
  kind <> 'unchanged' AND (COALESCE(percent > %(most_percent)s, false) OR COALESCE(GREATEST(price, peak) > %(most_price)s, false)
    OR (kind = 'increase' AND since < %(uploaded)s + %(notice)s * interval '1 day'))
FROM kinds ORDER BY prefix, since
"""  # noqa: S608
_REMOVED = f"""
INSERT INTO pricelists_change (change_set_id, line, kind, prefix, destination, min_digits, max_digits, old_rate_id,
  old_price, valid_from, attention)
SELECT DISTINCT ON ({_KEY}) %(change_set)s, 0, 'removed', prefix, destination, min_digits, max_digits, r.id, price,
  %(begins)s, false
FROM pricing_rate r WHERE tariff_id = %(tariff)s AND (valid_until IS NULL OR valid_until > %(begins)s)
  AND NOT EXISTS (SELECT FROM list_in i WHERE {_SAME.format("i", "r")})
ORDER BY {_KEY}, valid_from, window_id NULLS FIRST
"""  # noqa: S608
_WITHDRAWN = f"""
INSERT INTO pricelists_change (change_set_id, line, kind, prefix, destination, min_digits, max_digits, old_rate_id,
  old_price, valid_from, attention)
SELECT DISTINCT ON ({_KEY}, valid_from) %(change_set)s, 0, 'withdrawn', prefix, destination, min_digits, max_digits, r.id,
  price, r.valid_from, false
FROM pricing_rate r WHERE tariff_id = %(tariff)s AND valid_from > %(begins)s
  AND EXISTS (SELECT FROM list_in i WHERE {_SAME.format("i", "r")})
  AND NOT EXISTS (SELECT FROM pricelists_change c WHERE c.change_set_id = %(change_set)s AND {_SAME.format("c", "r")}
    AND c.valid_from = r.valid_from)
ORDER BY {_KEY}, valid_from, window_id NULLS FIRST
"""  # noqa: S608
_FINGERPRINT = """
SELECT count(*) || ':' || COALESCE(bit_xor(hashtextextended(r::text, 0)), 0) FROM pricing_rate r WHERE tariff_id = %s
"""


def begin_staging(*, change_set: ChangeSet) -> None:
    """Say that a list is being read, for those who look at its page, and have it read. Raises ListError once it was applied."""
    from apps.pricelists.tasks import carry_out

    with transaction.atomic():
        stored = lock(change_set, OPEN)
        forget(stored)
        stored.state = State.STAGING
        stored.save()
        transaction.on_commit(partial(carry_out.delay, stored.pk), robust=True)


@transaction.atomic
def stop_staging(*, change_set: ChangeSet) -> None:
    """Let go of a list that is being read: what comes of it is thrown away. Raises ListError when nobody reads it."""
    stored = lock(change_set, (State.STAGING,))
    stored.state = State.UPLOADED
    stored.save(update_fields=["state"])


def stage(*, change_set: ChangeSet) -> ChangeSet:
    """Read a list and store what it would change. It is `READY` then, or `REFUSED` with its errors.

    The file is read before anything is locked, so that reading can be stopped. Raises ListError if it was.
    """
    found = ChangeSet.objects.select_related("tariff").get(pk=change_set.pk)
    check_state(found, READABLE)
    read = _read_file(found)
    with transaction.atomic():
        stored = lock(change_set, (found.state,))
        forget(stored)
        if read.error_count:
            _refuse(stored, read.errors, read.error_count)
        else:
            _store(stored, read)
    return stored


def _read_file(found: ChangeSet) -> Read:
    options = Options(
        columns=found.columns,
        currency=found.tariff.currency,
        heading=found.heading,
        comma=found.comma,
        month_first=found.month_first,
        rounds=found.rounds,
        takes_peak=found.tariff.peak_window_id is not None,
    )
    try:
        return read_lines(sheet_of(found).rows, options)
    except BadFile as error:
        return Read(errors=[(error.line, str(error))], error_count=1)


def _store(stored: ChangeSet, read: Read) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        cursor.copy_expert("COPY list_in FROM STDIN", _as_copy(read.lines))
        cursor.execute(f"CREATE INDEX ON list_in ({_KEY}); ANALYZE list_in")
        _compare(cursor, stored)
        stored.fingerprint = fingerprint(cursor, stored.tariff_id)
        cursor.execute("DROP TABLE list_in")
    stored.summary, stored.replay = _summary(stored), replay(stored).as_json()
    stored.state = State.READY
    stored.save()
    logger.info("price list %s read: %s", stored.pk, stored.summary)


def fingerprint(cursor: Any, tariff_id: int) -> str:
    """Differs whenever a rate of the tariff is another than it was."""
    cursor.execute(_FINGERPRINT, [tariff_id])
    return str(cursor.fetchone()[0])


@transaction.atomic
def fail(*, change_set: ChangeSet, why: str) -> None:
    """What Celery should have done with a list did not work: it is as it was before, and its page says why."""
    stored = lock(change_set, tuple(State))
    if stored.state in BUSY:
        stored.state, stored.errors, stored.error_count = BUSY[State(stored.state)], [(0, why)], 1
        stored.save()


def _refuse(stored: ChangeSet, errors: list[tuple[int, str]], count: int) -> None:
    stored.state, stored.errors, stored.error_count = State.REFUSED, sorted(errors), count
    stored.save()


def _compare(cursor: Any, stored: ChangeSet) -> None:
    columns = set(stored.columns)
    values = {
        "tariff": stored.tariff_id,
        "peak": stored.tariff.peak_window_id,
        "change_set": stored.pk,
        "zone": stored.tariff.time_zone,
        "begins": stored.begins,
        "uploaded": stored.created_at,
        "has_peak": "peak_price" in columns,
        "has_fee": "connect_fee" in columns,
        "has_steps": bool(columns & {"increments", "first_increment", "next_increment"}),
        "has_minimum": bool(columns & {"minimum", "increments"}),
        "most_percent": Decimal(str(config.get("pricelist_most_increase"))),
        "most_price": Decimal(str(config.get("pricelist_most_price"))),
        "notice": config.get("pricelist_notice_days"),
    }
    cursor.execute(_COMPARE, values)
    if stored.complete:
        cursor.execute(_WITHDRAWN, values)
        cursor.execute(_REMOVED, values)


def _summary(stored: ChangeSet) -> dict[str, int]:
    rows = Change.objects.filter(change_set=stored)
    kinds = rows.order_by().values_list("kind").annotate(n=Count("id"))
    return dict(kinds) | {"attention": rows.filter(attention=True).count()}


def _as_copy(lines: list[ListLine]) -> io.StringIO:
    r"""COPY's text format: tabs between, \N for null, backslashes doubled."""
    buffer = io.StringIO()
    for number, one in enumerate(lines):
        name = one.destination.replace("\\", "\\\\")
        values = (number, one.line, one.prefix, name, *one[3:])
        buffer.write("\t".join(["\\N" if value is None else str(value) for value in values]))
        buffer.write("\n")
    buffer.seek(0)
    return buffer


RATE_COLUMNS = tuple(one.column for one in Rate._meta.concrete_fields if not one.primary_key)
