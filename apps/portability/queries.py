"""Reads of ported numbers that more than one place needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import F
from django.db.models.functions import Coalesce, Length

from apps.config import queries as config
from apps.portability.engine import Porting, spellings
from apps.portability.models import NumberBlock, Operator, PortedNumber


def best_of(numbers: Iterable[str]) -> dict[str, Porting]:
    """Where each number has gone, of several rows by the best: lowest priority, longest domain, newest."""
    rows = (
        PortedNumber.objects.filter(number__in=list(numbers))
        .order_by("number", "priority", Coalesce(Length("target__domain"), 0).desc(), "-created_at", "-id")
        .distinct("number")
        .values_list(
            "number", Coalesce("target__carrier_id", 0), "target__code", "target__prefix", "target__domain",
            Coalesce("target__port", 5060), F("new_number"),
        )
    )  # fmt: skip
    return {
        number: Porting(carrier, code or "", prefix or "", domain or "", port, new)
        for number, carrier, code, prefix, domain, port, new in rows
    }


class Where(NamedTuple):
    """Where calls to a number go by portability's tables. `found`: "number", "block" or "nothing"; `carrier`: account, None: none."""

    number: str
    found: str
    carrier: int | None = None
    code: str = ""
    prefix: str = ""
    new_number: str = ""
    domain: str = ""
    port: int | None = None


def where(number: str) -> Where:
    """Where a number has gone: by its own row, however the country's data (`numporttype`) spell it, else by its block.

    An operator's code leads to the carrier of the carrier map, as in the switch.
    """
    country = str(config.get("numporttype"))
    ways = spellings(number, country)
    known = best_of(ways)
    found = next((known[one] for one in ways if one in known), None)
    if found is None:
        return _by_block(number, ways, country)
    operator = Operator.objects.filter(code=found.code).first() if found.code else None
    carrier = found.carrier or (operator.carrier_id if operator else None)
    return Where(
        number,
        "number",
        carrier,
        found.code,
        found.prefix,
        found.number,
        found.domain,
        found.port if found.domain else None,
    )


def _by_block(number: str, ways: Iterable[str], country: str) -> Where:
    """Whose the numbers are that begin so, where the country's rules ask for that."""
    if country == "default":
        return Where(number, "nothing")
    begins = {one[:length] for one in ways for length in range(1, len(one) + 1)}
    block = max(NumberBlock.objects.filter(prefix__in=begins), key=lambda one: len(one.prefix), default=None)
    if block is None:
        return Where(number, "nothing")
    operator = Operator.objects.filter(code=block.spid).first()
    return Where(number, "block", operator.carrier_id if operator else None, block.spid)
