"""The money that changes of prices would move: calls of the last days priced again by the pricing engine, before and after.

Exact as to the price lists: each call by its number, hour and seconds, with increments, fees, time windows, calendars and
rounding, net and in the tariff's currency, as if all of the list held at once. Not counted are discounts and the like of
single customers. Of more than `MOST_CALLS` an even share is taken, chosen by the calls' ids, and multiplied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.config import queries as config
from apps.core.values.money import from_micros
from apps.pricelists.models import ChangeSet
from apps.pricing import snapshot
from apps.pricing.engine import Rate, rate, select
from apps.pricing.engine.book import Book
from apps.pricing.engine.price_lists import Given, PriceLists
from apps.pricing.engine.rates import ALWAYS, NEVER, Price, plain_price
from apps.pricing.engine.terms import Terms
from apps.pricing.models import Tariff

DAYS = 30
MOST_CALLS = 400_000
SHOWN = 50  # destinations, those that move most
_CHUNK = 20_000
_PRICED = Rate._fields.index("price")
"""From this field on a rate says what it costs."""

_TERMS = ("first_increment", "next_increment", "minimum_seconds", "free_seconds", "free_after")
_ONCE = ("minimum_charge", "maximum_charge", "surcharge")


def _packed(number: str, price: str, window: str, source: str, kept: str) -> str:
    """A rate as whole numbers with commas, in the order of `_rate`; `source` has terms of its own, `kept` the others."""
    own = {
        "first_increment": source,
        "next_increment": source,
        "minimum_seconds": source,
        "connect_fee": source,
    }

    def term(name: str) -> str:
        return f"COALESCE({own.get(name, kept)}.{name}, t.{name})"

    parts = [
        number, f"({price} * 1000000)::bigint", f"({term('connect_fee')} * 1000000)::bigint", *map(term, _TERMS),
        f"{source}.min_digits", f"{source}.max_digits", f"COALESCE({window}, 0)", term("grace_seconds"),
        *(f"({term(name)} * 1000000)::bigint" for name in _ONCE),
    ]  # fmt: skip
    return f"concat_ws(',', {', '.join(parts)})"


_NOW = f"""
SELECT DISTINCT ON (r.prefix, r.min_digits, r.max_digits, r.window_id) r.prefix, {_packed("r.id", "r.price", "r.window_id", "r", "r")}
FROM pricing_rate r JOIN pricing_tariff t ON t.id = r.tariff_id
WHERE r.tariff_id = %(tariff)s AND r.valid_from <= %(now)s AND (r.valid_until IS NULL OR r.valid_until > %(now)s)
  {{without}}
ORDER BY r.prefix, r.min_digits, r.max_digits, r.window_id, r.valid_from DESC, r.id DESC
"""  # noqa: S608
_SAME = "r.prefix = c.prefix AND r.min_digits = c.min_digits AND r.max_digits = c.max_digits"
_UNTOUCHED = f"""AND NOT EXISTS (SELECT FROM pricelists_change c WHERE c.change_set_id = %(change_set)s
  AND c.kind NOT IN ('unchanged', 'withdrawn') AND {_SAME})"""
_THEN = f"""
WITH c AS (
  SELECT DISTINCT ON (prefix, min_digits, max_digits) * FROM pricelists_change
  WHERE change_set_id = %(change_set)s AND kind NOT IN ('unchanged', 'withdrawn')
  ORDER BY prefix, min_digits, max_digits, valid_from DESC
)
SELECT c.prefix, {_packed("-2 * c.id - each.peak", "each.price", "each.window_id", "c", "r")}
FROM c JOIN pricing_tariff t ON t.id = %(tariff)s LEFT JOIN pricing_rate r ON r.id = c.old_rate_id
CROSS JOIN LATERAL (VALUES (c.price, NULL::bigint, 0), (c.peak_price, t.peak_window_id, 1)) AS each(price, window_id, peak)
WHERE c.kind <> 'removed' AND each.price IS NOT NULL
"""  # noqa: S608
_SPAN = "p.tariff_id = %(tariff)s AND p.started_at >= %(since)s AND p.started_at < %(until)s AND p.billed_seconds > 0"
_COUNT = f"SELECT count(*) FROM cdrs_cdrprice p WHERE {_SPAN} AND starts_with(p.prefix, %(prefix)s)"  # noqa: S608
_CALLS = f"""
SELECT CASE WHEN starts_with(c.called_number, p.prefix) THEN c.called_number ELSE p.prefix END,
  extract(epoch FROM c.answered_at)::float8, COALESCE(p.seconds, c.duration), COALESCE(NULLIF(c.destination, ''), p.prefix)
FROM cdrs_cdrprice p JOIN cdrs_cdr c ON c.id = p.call_id AND c.started_at = p.started_at
WHERE {_SPAN} AND c.started_at >= %(since)s AND c.started_at < %(until)s AND c.answered_at IS NOT NULL AND starts_with(c.called_number, %(prefix)s)
  AND (%(share)s = 1 OR mod(abs(hashtext(p.call_id::text)), %(share)s) = 0)
"""  # noqa: S608


class ListRates:
    """The rates of a price list as they are at one moment; each is unpacked when the first call asks for it."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self._packed: defaultdict[str, list[str]] = defaultdict(list)
        for prefix, packed in rows:
            self._packed[prefix].append(packed)
        self._lengths = sorted({len(prefix) for prefix in self._packed}, reverse=True)
        self._groups: dict[str, list[Rate]] = {}

    def match(self, number: str, at: float) -> tuple[Rate, ...] | None:
        """The rates that price a call to the number."""
        found = select(self._of(number), number, at)
        return found or None

    def price(self, number: str, at: float) -> Price | None:
        """The price that they say, if it is one for every hour."""
        return plain_price(select(self._of(number), number, at))

    def _of(self, number: str) -> Iterator[list[Rate]]:
        for length in self._lengths:
            prefix = number[:length]
            if len(prefix) == length and prefix in self._packed:
                if prefix not in self._groups:
                    self._groups[prefix] = [_rate(prefix, one) for one in self._packed[prefix]]
                yield self._groups[prefix]


def _rate(prefix: str, packed: str) -> Rate:
    pk, price, fee, first, following, least, free, after, low, high, window, grace, *once = map(
        int, packed.split(",")
    )
    return Rate(
        pk, prefix, price, fee, first, following, least, free, after, low, high, ALWAYS, NEVER, window or None, grace, *once
    )  # fmt: skip


@dataclass(slots=True)
class Moved:
    """Calls to one destination; micros net. `lost`: calls that would have no price any more."""

    calls: int = 0
    seconds: int = 0
    before: int = 0
    after: int = 0
    lost: int = 0

    def add(self, other: Moved) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Replay:
    """Calls of a span of time priced by two states of a tariff. Of `share` calls one was taken."""

    since: datetime
    until: datetime
    share: int = 1
    by_destination: dict[str, Moved] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Figures for a page; amounts as texts."""
        total = Moved()
        for one in self.by_destination.values():
            total.add(one)
        rows = sorted(
            self.by_destination.items(), key=lambda row: (-abs(row[1].after - row[1].before), row[0])
        )
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "share": self.share,
            "total": _figures("", total, self.share),
            "destinations": [_figures(name, one, self.share) for name, one in rows[:SHOWN]],
            "more": max(0, len(rows) - SHOWN),
            "moved": str(from_micros(sum(abs(one.after - one.before) for _, one in rows) * self.share)),
        }


def _figures(name: str, one: Moved, share: int) -> dict[str, Any]:
    before, after = (Decimal(from_micros(micros * share)) for micros in (one.before, one.after))
    return {
        "destination": name,
        "calls": one.calls * share,
        "seconds": one.seconds * share,
        "lost": one.lost * share,
        "before": str(before),
        "after": str(after),
        "difference": str(after - before),
    }


def replay(change_set: ChangeSet, now: datetime | None = None) -> Replay:
    """What a list would have made of the calls of the last `DAYS` days that were priced by its tariff."""
    now = now or timezone.now()
    tariff, after = change_set.tariff, rates_then(change_set, now)
    return replay_calls(tariff, rates_now(tariff, now), tariff, after, now - timedelta(days=DAYS), now)


def rates_then(change_set: ChangeSet, now: datetime | None = None) -> ListRates:
    """The rates of a list's tariff as they would be with the list, as if all of it held at once."""
    values = {"tariff": change_set.tariff_id, "change_set": change_set.pk, "now": now or timezone.now()}
    return ListRates(_rows(_NOW.format(without=_UNTOUCHED), values) + _rows(_THEN, values))


def rates_now(tariff: Tariff, now: datetime | None = None) -> ListRates:
    """The rates of a tariff in force."""
    return ListRates(_rows(_NOW.format(without=""), {"tariff": tariff.pk, "now": now or timezone.now()}))


def replay_calls(
    tariff: Tariff,
    before: ListRates,
    by: Tariff,
    after: ListRates,
    since: datetime,
    until: datetime,
    *,
    prefix: str = "",
    most: int = 0,
) -> Replay:
    """The calls that `tariff` priced in [since, until), to numbers that begin with `prefix`, priced by its rates `before`
    and by those of the tariff `by` (`after`), in the currency of `tariff`. Of more than `most` an even share is taken.
    """
    old_price, new_price = pricer(tariff, before, tariff.currency), pricer(by, after, tariff.currency)
    values = {"tariff": tariff.pk, "since": since, "until": until, "prefix": prefix}
    ((count,),) = _rows(_COUNT, values)
    found = Replay(since, until, max(1, -(-count // (most or MOST_CALLS))))
    for number, answered, seconds, destination in _calls(values | {"share": found.share}):
        moved = found.by_destination.get(destination)
        if moved is None:
            moved = found.by_destination[destination] = Moved()
        moved.calls += 1
        moved.seconds += seconds
        moved.before += old_price(number, answered, seconds) or 0
        new = new_price(number, answered, seconds)
        moved.after += new or 0
        moved.lost += new is None
    return found


def pricer(tariff: Tariff, rates: ListRates, currency: str) -> Callable[[str, float, int], int | None]:
    """A function from number, answer and seconds to micros net, None where the list has no price."""
    lists = PriceLists()
    sections = (
        ("tariffs", snapshot.tariffs()), ("windows", snapshot.windows()), ("calendars", snapshot.calendars()),
        ("exchange", snapshot.exchange_rates()),
    )  # fmt: skip
    for section, rows in sections:
        lists.take(section, rows)
    book = Book(lists, {tariff.pk: rates}, {}, currency=str(config.get("currency")))
    of = Given(lists.tariffs[tariff.pk], 0)
    at_one_rate = of.tariff.currency == currency
    known: dict[tuple[Any, ...], Terms] = {}

    def price(number: str, answered: float, seconds: int) -> int | None:
        found = rates.match(number, answered)
        if not found:
            return None
        # Whatever the hour, so many seconds cost the same; and of thousands of prefixes many have one price.
        plain = at_one_rate and len(found) == 1 and found[0].window is None
        terms = known.get(found[0][_PRICED:]) if plain else None
        if terms is None:
            made = book.terms(of, number, answered, currency=currency, vat_ppm=0)
            if isinstance(made, str):
                return None
            terms = made
            if plain:
                known[found[0][_PRICED:]] = terms
        return rate(terms, answered, seconds).net

    return price


def _rows(query: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _calls(values: dict[str, Any]) -> Iterator[tuple[str, float, int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, values)
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows
