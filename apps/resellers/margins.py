"""The margin guard of price lists: what is the least that a reseller may ask for the numbers of a prefix.

Prices per minute are compared net and in the installation's currency, at today's rates. The switch has the last word: a
call that would be sold below its cost, fees and steps counted, is refused while it is set up (`switch.call.stages.worth`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from apps.pricing.models import Rate, Tariff
from apps.pricing.queries import net_of_one
from apps.resellers.queries import cost_tariff, house_tariff
from apps.resellers.rights import Rights
from apps.users.models import Account
from apps.users.queries import setting_of

Asked = tuple[str, int | None, Decimal]
"""Prefix, time window, price per minute."""
_FEW = 50


@dataclass(frozen=True, slots=True)
class TooCheap:
    """A price below what it may be, both in the currency of the list that it stands in."""

    prefix: str
    price: Decimal
    least: Decimal


def too_cheap(*, reseller: Account, rights: Rights, tariff: Tariff, asked: Iterable[Asked]) -> list[TooCheap]:
    """Which of these prices are below what the reseller pays, or below those of the house where it has no right to that.

    A list whose currency has no exchange rate cannot be compared: every price of it is too cheap.
    """
    wanted = list(asked)
    found: list[TooCheap] = []
    for reference in _references(reseller, rights, tariff):
        found += _below(reference, tariff, wanted)
    return found


def _references(reseller: Account, rights: Rights, tariff: Tariff) -> list[Tariff]:
    lists = []
    if not setting_of(reseller, "allow_sellbelowcost"):
        lists.append(cost_tariff(reseller))
    if not rights.cheaper and tariff.kind == "retail":
        lists.append(house_tariff(reseller))
    return [one for one in lists if one is not None and one.pk != tariff.pk]


def _below(reference: Tariff, tariff: Tariff, wanted: list[Asked]) -> list[TooCheap]:
    there, here = net_of_one(reference), net_of_one(tariff)
    if there is None or here is None:
        return [TooCheap(prefix, price, price) for prefix, _window, price in wanted]
    book = _book(reference, [prefix for prefix, _window, _price in wanted])
    found = []
    for prefix, window, price in wanted:
        least = _least(book, prefix, window)
        if least is not None and price * here < least * there:
            found.append(TooCheap(prefix, price, (least * there / here).quantize(Decimal("0.000001"))))
    return found


def _book(reference: Tariff, prefixes: list[str]) -> dict[str, dict[int | None, Decimal]]:
    """The dearest price of each prefix and time window that holds now."""
    now = timezone.now()
    rows = Rate.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=now), tariff=reference, valid_from__lte=now
    )
    if len(prefixes) <= _FEW:
        rows = rows.filter(
            prefix__in={prefix[:length] for prefix in prefixes for length in range(len(prefix) + 1)}
        )
    rows = rows.order_by("prefix", "window_id", "min_digits", "max_digits", "-valid_from", "-id")
    rows = rows.distinct("prefix", "window_id", "min_digits", "max_digits")
    book: defaultdict[str, dict[int | None, Decimal]] = defaultdict(dict)
    for prefix, window, price in rows.values_list("prefix", "window_id", "price"):
        book[prefix][window] = max(price, book[prefix].get(window, price))
    return book


def _least(book: dict[str, dict[int | None, Decimal]], prefix: str, window: int | None) -> Decimal | None:
    """What the longest prefix asks in that window; without one of the same window, the dearest of all its hours."""
    for length in range(len(prefix), -1, -1):
        if prices := book.get(prefix[:length]):
            return prices[window] if window is not None and window in prices else max(prices.values())
    return None
