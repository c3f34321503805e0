"""A call record of the switch's journal, checked and rated: the rows that it becomes. No database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from apps.cdrs.models import Disconnector
from apps.cdrs.services import EARLIEST, LATEST
from apps.invoices.services.priced import Figures, Known, known
from apps.pricing.engine import commission_from_profit, duration_seconds
from apps.pricing.engine.price_lists import INBOUND, SMS, VOICE

Row = dict[str, Any]
PAYERS = ("retail", "reseller")
PACKET = "packet"
DISCONNECTORS = frozenset(Disconnector.values)
SECOND = MESSAGE = 1_000_000
LARGEST = 2**31 - 1


class BadRecord(ValueError):
    """A record that can never be written; the message says why."""


class Use(NamedTuple):
    """What the call used of an account's day: its account, when the call ended, micros that it was charged, seconds."""

    account_id: int
    ended: float
    micros: int
    seconds: int


@dataclass(slots=True)
class Rated:
    """A record and the rows that it becomes (keys: see `apps.cdrs.services`); amounts are micros."""

    record: Row
    call_id: str
    started: float
    ended: float
    cdr: Row
    prices: list[Row]
    entries: list[Row]
    terms: dict[str, list[Any]]  # by their key: what the prices were reckoned by
    uses: list[Use]
    used: list[tuple[int, int]]  # allowances, and the micros that the call used of each


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
    terms: dict[str, list[Any]] = {}
    prices = _prices(record, call_id, times, terms)
    cdr = _cdr(record, call_id, times) | _totals(record, prices)
    entries = _entries(record, call_id, prices)
    uses, used = _uses(record, times, entries), _used(record, times, prices)
    return Rated(record, call_id, times.started, times.ended, cdr, prices, entries, terms, uses, used)


def free_seconds(record: Row) -> int:
    """For how many seconds the retail price was not asked for, because an allowance had them."""
    return sum(int(seconds) for _, seconds in record.get("free") or ())


def _paid(record: Row, seconds: int) -> int:
    authorised = record.get("authorised")
    return seconds if authorised is None else min(seconds, int(authorised))


def _used(record: Row, times: Times, prices: list[Row]) -> list[tuple[int, int]]:
    """Free seconds go in the order in which they were granted; a packet pays the packet's price; a free message is one."""
    if times.answered is None:
        return []
    if record.get("message") is not None:
        return [(int(record["message"]), MESSAGE)]
    found, left = [], _paid(record, times.seconds)
    for allowance, seconds in record.get("free") or ():
        used = min(int(seconds), left)
        left -= used
        found.append((int(allowance), used * SECOND))
    if record.get("packet") is not None:
        gross = sum(price["gross"] for price in prices if price["kind"] == PACKET)
        found.append((int(record["packet"]), gross))
    return found


def _uses(record: Row, times: Times, entries: list[Row]) -> list[Use]:
    """What it cost each payer; and its seconds, of who called, of who paid the retail price, and of the carrier."""
    found = [Use(one["account_id"], times.ended, -one["micros"], 0) for one in entries]
    if not times.seconds or record.get("service") == SMS:
        return found
    talked = {account for kind, account, _ in record.get("payers") or () if kind in ("retail", PACKET)}
    talked |= {record[key] for key in ("caller", "carrier") if record.get(key) is not None}
    return found + [Use(int(account), times.ended, 0, times.seconds) for account in sorted(talked)]


def _times(record: Row) -> Times:
    started, ended = _instant(record, "started"), _instant(record, "ended")
    if record.get("answered") is None:
        return Times(started, None, ended, 0)
    answered = _instant(record, "answered")
    if record.get("service") == SMS:  # it counts as so long (guide 6846)
        return Times(started, answered, ended, _count(record["seconds"]))
    return Times(started, answered, ended, duration_seconds(round((ended - answered) * 1000)))


def _instant(record: Row, key: str) -> float:
    moment = float(record[key])
    if not (isfinite(moment) and EARLIEST <= moment < LATEST):
        raise BadRecord(f"{key} is {record[key]!r}, no time that a call can have")
    return moment


def _prices(record: Row, call_id: str, times: Times, terms: dict[str, list[Any]]) -> list[Row]:
    """Nobody of ours pays for more than was authorised; the carrier bills what it carried. Notes the `terms`.

    Free seconds come first: the retail price is that of a call which begins when they are over.
    """
    started, answered, _, seconds = times
    if answered is None:
        return []
    paid, free = _paid(record, seconds), free_seconds(record)
    shares = [
        (kind, account, packed, max(0, paid - free), answered + free)
        if kind == "retail" and free
        else (kind, account, packed, paid, answered)
        for kind, account, packed in record.get("payers") or ()
    ]
    shares += [
        (kind, account, packed, paid, answered) for kind, account, packed in record.get("other_prices") or ()
    ]
    if record.get("cost") and record.get("carrier") is not None:
        shares.append(("carrier", record["carrier"], record["cost"], seconds, answered))
    common = {"call_id": call_id, "started_at": started}
    prices: list[Row] = []
    for kind, account, packed, billed, begun in shares:
        by = _noted(packed, terms)
        figures = by.figures(begun, min(billed, LARGEST))
        prices.append(common | {"kind": kind, "account_id": int(account)} | figures._asdict())
    if record.get("commission"):
        account, share, reduction, packed = record["commission"]
        listed = known(packed).figures(answered, min(paid, LARGEST))
        cost = sum(one["net"] for one in prices if one["kind"] == "carrier")
        figures = commission(listed, cost, int(share), int(reduction))
        prices.append(common | {"kind": "sales", "account_id": int(account)} | figures._asdict())
    return prices


def _noted(packed: list[Any], terms: dict[str, list[Any]]) -> Known:
    found = known(packed)
    terms[found.id] = found.packed
    return found


def commission(listed: Figures, cost: int, share_ppm: int, reduction_ppm: int) -> Figures:
    """A sales person's share of the profit: what the list price of these seconds leaves above the carrier's cost."""
    net = commission_from_profit(listed.net, cost, share_ppm, reduction_ppm)
    return listed._replace(net=net, vat=0, gross=net, terms=None, recorded=None, recorded_currency="")


def _totals(record: Row, prices: list[Row]) -> Row:
    """The net prices that stand in the CDR itself. Of several resellers it is the top one's."""
    net: defaultdict[str, int] = defaultdict(int)
    top = record.get("reseller")
    for price in prices:
        if price["kind"] != "reseller" or top is None or price["account_id"] == top:
            net[price["kind"]] += price["net"] if price["recorded"] is None else price["recorded"]
    retail = (one["recorded_currency"] or one["currency"] for one in prices if one["kind"] == "retail")
    return {
        "currency": next(retail, ""),
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
        "disconnector": by if by in DISCONNECTORS else Disconnector.SWITCH.value,
        "service": record["service"] if record.get("service") in (SMS, INBOUND) else VOICE,
        "caller_id": record.get("caller"),
        "trunk_id": record.get("trunk"),
        "tech_prefix": _text(record, "tech_prefix", 64),
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
    value = record.get(key)
    return "" if value is None else _clean_text(str(value))[:length]


def _clean_text(text: str) -> str:
    """What came off the wire may hold what PostgreSQL's text does not: NUL, half characters."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _clean_text(value)
    return [_clean(item) for item in value] if isinstance(value, list) else value
