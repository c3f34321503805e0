"""Tariffs side by side: what each asks for a prefix now, the cheapest, and what is left of the price of reference (guide 3872-3882).

Of a rate with several hours the dearest counts. A tariff without the prefix asks what its longest shorter one does.
Prices are compared net and in the installation's currency, at today's exchange rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from apps.pricelists.queries import digits_of_search
from apps.pricing.models import Rate, Tariff
from apps.pricing.queries import net_of_one

MOST_TARIFFS = 8
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tariff asks per minute for a prefix, in its own currency; `net`: comparable, None without an exchange rate."""

    price: Decimal
    prefix: str  # by which of its prefixes
    net: Decimal | None


@dataclass(frozen=True, slots=True)
class Cell:
    """An offer as it is shown: whether it is the cheapest, and whether a shorter prefix makes it."""

    offer: Offer | None
    least: bool
    shorter: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A prefix with the offers of the tariffs, in their order without the reference. `margin`: per cent of the reference that the least cost leaves."""

    prefix: str
    destination: str
    cells: tuple[Cell, ...]
    reference: Offer | None
    least: Decimal | None
    margin: Decimal | None

    @property
    def grade(self) -> str:
        """How the margin is coloured."""
        if self.margin is None:
            return ""
        return "loss" if self.margin < 0 else "thin" if self.margin < 10 else "good"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of lines; `after`: where the next one begins, "" at the end."""

    lines: list[Line]
    after: str


def compare(
    tariffs: Sequence[Tariff], reference: Tariff | None, *, text: str = "", after: str = "", size: int = 100
) -> Sheet:
    """Prefixes that any of the tariffs has, by prefix, from the one after `after` on.

    `text` is a part of a destination's name, or a number: the number itself comes first then, whatever prefix fits it.
    """
    now = timezone.now()
    every = [*tariffs, *([reference] if reference and reference not in tariffs else [])]
    digits = digits_of_search(text)
    names = _names(every, text, digits, after, size + 1, now)
    wanted = sorted(names)[: size + 1]
    more = len(wanted) > size
    wanted = wanted[:size]
    if digits and not after and digits not in names:
        wanted.insert(0, digits)
    books = {one.pk: _prices(one, wanted, now) for one in every}
    nets = {one.pk: net_of_one(one) for one in every}
    lines = [_line(prefix, names.get(prefix, ""), tariffs, reference, books, nets) for prefix in wanted]
    return Sheet(lines, wanted[-1] if more else "")


def _line(
    prefix: str,
    name: str,
    tariffs: Sequence[Tariff],
    reference: Tariff | None,
    books: dict[int, dict[str, tuple[Decimal, str]]],
    nets: dict[int, Decimal | None],
) -> Line:
    def offer(tariff: Tariff) -> Offer | None:
        book = books[tariff.pk]
        found = next((cut for cut in _cuts(prefix) if cut in book), None)
        if found is None:
            return None
        net = nets[tariff.pk]
        return Offer(book[found][0], found, None if net is None else book[found][0] * net)

    offers = [offer(one) for one in tariffs if one != reference]
    of_reference = offer(reference) if reference else None
    least = min((one.net for one in offers if one and one.net is not None), default=None)
    cells = tuple(
        Cell(one, bool(one and one.net is not None and one.net == least), bool(one and one.prefix != prefix))
        for one in offers
    )
    margin = None
    if least is not None and of_reference and of_reference.net:
        margin = ((of_reference.net - least) / of_reference.net * _HUNDRED).quantize(Decimal("0.1"))
    return Line(prefix, name or _name(prefix, books), cells, of_reference, least, margin)


def _name(prefix: str, books: dict[int, dict[str, tuple[Decimal, str]]]) -> str:
    """What the tariff with the longest prefix calls the place of a number."""
    for cut in _cuts(prefix):
        for book in books.values():
            if cut in book and book[cut][1]:
                return book[cut][1]
    return ""


def _in_force(now: datetime) -> QuerySet[Rate]:
    return Rate.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now), valid_from__lte=now)


def _names(
    tariffs: Iterable[Tariff], text: str, digits: str, after: str, most: int, now: datetime
) -> dict[str, str]:
    """The next prefixes of each tariff, with the first name found."""
    names: dict[str, str] = {}
    for tariff in tariffs:
        rows = _in_force(now).filter(tariff=tariff)
        if digits:
            rows = rows.filter(prefix__startswith=digits)
        elif text:
            rows = rows.filter(destination__icontains=text)
        if after:
            rows = rows.filter(prefix__gt=after)
        for prefix, name in (
            rows.order_by("prefix").values_list("prefix").annotate(name=Max("destination"))[:most]
        ):
            names[prefix] = names.get(prefix) or name
    return names


def _prices(tariff: Tariff, prefixes: Iterable[str], now: datetime) -> dict[str, tuple[Decimal, str]]:
    """The dearest price and the name of all prefixes that could decide about these."""
    cuts = {cut for prefix in prefixes for cut in _cuts(prefix)}
    rows = (
        _in_force(now)
        .filter(tariff=tariff, prefix__in=cuts)
        .order_by("prefix", "window_id", "min_digits", "max_digits", "-valid_from", "-id")
        .distinct("prefix", "window_id", "min_digits", "max_digits")
    )
    found: dict[str, tuple[Decimal, str]] = {}
    for prefix, price, name in rows.values_list("prefix", "price", "destination"):
        known = found.get(prefix)
        if known is None or price > known[0]:
            found[prefix] = (price, name or (known[1] if known else ""))
    return found


def _cuts(prefix: str) -> list[str]:
    return [prefix[:length] for length in range(len(prefix), -1, -1)]
