"""What a re-rating changes, summed up: by payer and kind of price, by destination, and in all."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from apps.cdrs.models import Rerating

MOST = 200

_SUMS = """
SELECT {what}, count(DISTINCT h.call_id), coalesce(sum(h.old_net), 0), coalesce(sum(h.net), 0),
  coalesce(sum(h.old_gross), 0), coalesce(sum(h.gross), 0)
FROM cdrs_pricechange h LEFT JOIN users_account a ON a.id = h.account_id
WHERE h.rerating_id = %s GROUP BY 1, 2, 3 ORDER BY abs(coalesce(sum(h.net), 0) - coalesce(sum(h.old_net), 0)) DESC, 1, 2
LIMIT %s
"""
_CURRENCY = "coalesce(h.currency, h.old_currency)"


@dataclass(frozen=True, slots=True)
class Difference:
    """Changed prices of one kind and currency that have something in common."""

    name: str
    kind: str
    currency: str
    calls: int
    old_net: Decimal
    net: Decimal
    old_gross: Decimal
    gross: Decimal

    @property
    def change(self) -> Decimal:
        """Net; positive: dearer than before."""
        return self.net - self.old_net


def by_account(run: Rerating, most: int = MOST) -> list[Difference]:
    """The payers whose prices change most."""
    return _rows(run, "coalesce(a.username, h.account_id::text)", most)


def by_destination(run: Rerating, most: int = MOST) -> list[Difference]:
    """The destinations whose prices change most."""
    return _rows(run, "coalesce(nullif(h.destination, ''), h.prefix, h.old_prefix, '')", most)


def totals(run: Rerating) -> list[Difference]:
    """All of it."""
    return _rows(run, "''", MOST)


def _rows(run: Rerating, name: str, most: int) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(what=f"{name}, h.kind, {_CURRENCY}"), [run.pk, most])
        return [Difference(*row) for row in cursor.fetchall()]
