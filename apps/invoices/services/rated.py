"""A call record of the switch's journal, checked and rated: the rows that it becomes. No database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from apps.cdrs.models import Disconnector
from apps.cdrs.services import EARLIEST, LATEST
from apps.pricing.engine import Terms, band_for, commission_from_profit, duration_seconds, rate

Row = dict[str, Any]
PAYERS = ("retail", "reseller")
LARGEST = 2**31 - 1
REMEMBERED = 5000

_terms: dict[str, Terms] = {}


class BadRecord(ValueError):
    """A record that can never be written; the message says why."""


@dataclass(slots=True)
class Rated:
    """A record and the rows that it becomes (keys: see `apps.cdrs.services`); amounts are micros."""

    record: Row
    call_id: str
    started: float
    cdr: Row
    prices: list[Row]
    entries: list[Row]


def rated(record: Row) -> Rated:
    """Check and rate one record. Raises BadRecord."""
    try:
        return _rated(record)
    except BadRecord:
        raise
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise BadRecord(f"{type(error).__name__}: {error}") from error


class Times(NamedTuple):
    """When the call was, epoch seconds, and its whole seconds of talk."""

    started: float
    answered: float | None
    ended: float
    seconds: int


def _rated(record: Row) -> Rated:
    call_id = str(UUID(record["id"]))
    times = _times(record)
    prices = _prices(record, call_id, times)
    cdr = _cdr(record, call_id, times) | _totals(record, prices)
    return Rated(record, call_id, times.started, cdr, prices, _entries(record, call_id, prices))


def _times(record: Row) -> Times:
    started, ended = _instant(record, "started"), _instant(record, "ended")
    if record.get("answered") is None:
        return Times(started, None, ended, 0)
    answered = _instant(record, "answered")
    return Times(started, answered, ended, duration_seconds(round((ended - answered) * 1000)))


def _instant(record: Row, key: str) -> float:
    moment = float(record[key])
    if not (isfinite(moment) and EARLIEST <= moment < LATEST):
        raise BadRecord(f"{key} is {record[key]!r}, no time that a call can have")
    return moment


def _prices(record: Row, call_id: str, times: Times) -> list[Row]:
    """Nobody of ours pays for more than was authorised; the carrier bills what it carried."""
    started, answered, _, seconds = times
    if answered is None:
        return []
    authorised = record.get("authorised")
    paid = seconds if authorised is None else min(seconds, int(authorised))
    shares = [(kind, account, packed, paid) for kind, account, packed in record.get("payers") or ()]
    shares += [(kind, account, packed, paid) for kind, account, packed in record.get("other_prices") or ()]
    if record.get("cost") and record.get("carrier") is not None:
        shares.append(("carrier", record["carrier"], record["cost"], seconds))
    common = {"call_id": call_id, "started_at": started}
    prices = [
        common | {"kind": kind, "account_id": int(account)} | _price(terms_of(packed), answered, billed)
        for kind, account, packed, billed in shares
    ]
    if record.get("commission"):
        prices.append(common | _commission(record["commission"], answered, paid, prices))
    return prices


def _commission(packed: list[Any], answered: float, seconds: int, prices: list[Row]) -> Row:
    """A sales person's share of the profit: what the list price of these seconds leaves above the carrier's cost."""
    account, share, reduction, terms = packed
    price = _price(terms_of(terms), answered, seconds)
    cost = sum(one["net"] for one in prices if one["kind"] == "carrier")
    net = commission_from_profit(price["net"], cost, int(share), int(reduction))
    return price | {"kind": "sales", "account_id": int(account), "net": net, "vat": 0, "gross": net}


def _price(terms: Terms, answered: float, seconds: int) -> Row:
    charge = rate(terms, answered, seconds)
    band = band_for(terms, int(answered), seconds)
    tier = next((tier for tier in band.tiers if tier.per), band.tiers[-1])
    return {
        "rate_id": band.rate_id,
        "prefix": band.prefix,
        "unit_price": tier.price * 60 // tier.per if tier.per else 0,
        "billing_step": band.tiers[-1].step if band.tiers[-1].per else tier.step,
        "billed_seconds": charge.billed_seconds,
        "currency": terms.currency,
        "net": charge.net,
        "vat": charge.vat,
        "gross": charge.gross,
        "vat_rate": terms.vat_ppm,
    }


def terms_of(packed: list[Any]) -> Terms:
    """The terms that the switch packed; calls to one destination share theirs."""
    key = repr(packed)
    known = _terms.get(key)
    if known is None:
        if len(_terms) >= REMEMBERED:
            _terms.clear()
        known = _terms[key] = Terms.from_list(packed)
    return known


def _totals(record: Row, prices: list[Row]) -> Row:
    """The net prices that stand in the CDR itself. Of several resellers it is the top one's."""
    net: defaultdict[str, int] = defaultdict(int)
    top = record.get("reseller")
    for price in prices:
        if price["kind"] != "reseller" or top is None or price["account_id"] == top:
            net[price["kind"]] += price["net"]
    return {
        "retail_price": net["retail"],
        "carrier_cost": net["carrier"],
        "sales_commission": net["sales"],
        "company_price": net["company"],
        "reseller_price": net["reseller"],
    }


def _entries(record: Row, call_id: str, prices: list[Row]) -> list[Row]:
    """One charge per payer: the same account may pay in two roles."""
    found: dict[int, Row] = {}
    for price in prices:
        if price["kind"] not in PAYERS or not price["gross"]:
            continue
        entry = found.setdefault(
            price["account_id"],
            {
                "account_id": price["account_id"],
                "micros": 0,
                "currency": price["currency"],
                "call_id": call_id,
                "text": _text(record, "called_number", 64),
            },
        )
        if entry["currency"] != price["currency"]:
            raise BadRecord(f"account {price['account_id']} would pay in two currencies")
        entry["micros"] -= price["gross"]
    return list(found.values())


def _cdr(record: Row, call_id: str, times: Times) -> Row:
    started, answered, ended, seconds = times
    by = record.get("by")
    sent, received, lost = record.get("rtp") or (0, 0, 0)
    return {
        "id": call_id,
        "started_at": started,
        "answered_at": answered,
        "ended_at": ended,
        "setup_ms": _count(record.get("setup_ms")),
        "pdd_ms": None if record.get("pdd_ms") is None else _count(record["pdd_ms"]),
        "duration": min(seconds, LARGEST),
        "sip_status": _count(record.get("status"), 32767),
        "q850_cause": _count(record.get("q850"), 32767),
        "hangup_cause": _text(record, "cause", 64),
        "disconnector": by if by in Disconnector.values else Disconnector.SWITCH.value,
        "service": "voice",
        "caller_id": record.get("caller"),
        "caller_address": _text(record, "caller_address", 64),
        "caller_number": _text(record, "caller_number", 64),
        "original_called_number": _text(record, "original", 128),
        "called_number": _text(record, "called_number", 64),
        "dialled_number": _text(record, "dialled", 64),
        "destination": _text(record, "destination", 128),
        "carrier_id": record.get("carrier"),
        "called_account_id": record.get("called_account"),
        "called_address": _text(record, "called_address", 64),
        "reseller_id": record.get("reseller"),
        "route_rule": _text(record, "rule", 64),
        "attempts": _clean(record.get("attempts") or []),
        "media": _text(record, "media", 12),
        "codec": _text(record, "codec", 32),
        "rtp_sent": int(sent),
        "rtp_received": int(received),
        "rtp_lost": int(lost),
        "caller_mos": _mos(record, "caller"),
        "called_mos": _mos(record, "called"),
        "quality": record.get("quality"),
        "sip_call_id": _text(record, "sip_call_id", 255),
        "worker": _text(record, "worker", 64),
        "world_version": _text(record, "world", 64),
        "comment": _text(record, "comment", 4000),
    }


def _mos(record: Row, party: str) -> float | None:
    """What a party heard; None when nothing is known of it."""
    value = ((record.get("quality") or {}).get(party) or {}).get("mos")
    return None if value is None else min(5.0, max(1.0, float(value)))


def _count(value: Any, largest: int = LARGEST) -> int:
    return 0 if value is None else min(max(0, int(value)), largest)


def _text(record: Row, key: str, length: int) -> str:
    """What came off the wire may hold what PostgreSQL's text does not: NUL, half characters."""
    value = record.get(key)
    return "" if value is None else str(_clean(str(value)))[:length]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    return [_clean(item) for item in value] if isinstance(value, list) else value
