"""A believable day of calls over the demo's accounts, for tests that look at full pages and for the README's pictures."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.cdrs.services import forget_months
from apps.invoices.services.settlement import settle
from apps.pricing.engine import Band, Terms, tiers
from apps.users.models import Account
from mizu_site.demo_data import DESTINATIONS

DAY = 86_400
#: How many of a hundred of the day's calls begin in each hour.
SHAPE = (1, 1, 0, 0, 0, 1, 2, 4, 7, 9, 9, 8, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 1)
#: SIP status, Q.850 cause, the cause's name, and how often it comes.
FAILURES = (
    (486, 17, "busy", 5),
    (480, 18, "no_answer", 6),
    (404, 1, "unallocated", 2),
    (503, 34, "congestion", 1),
)


def settled_day(
    *, calls: int, midnight: float, until: float | None = None, seed: int = 7
) -> list[dict[str, Any]]:
    """Settle so many calls of the day that begins at `midnight` (epoch seconds), none later than `until`."""
    forget_months()  # another test's rollback has taken its partitions along
    ceiling = min(midnight + DAY, until or time.time())
    records = [record for record in _day(random.Random(seed), calls, midnight) if record["ended"] < ceiling]
    outcome = settle(records=records)
    assert not outcome.rejected, outcome.rejected[0]
    return records


def _day(dice: random.Random, calls: int, midnight: float) -> Iterator[dict[str, Any]]:
    callers = list(Account.objects.filter(kind__in=["subscriber", "customer_trunk"]).order_by("id"))
    carriers = list(Account.objects.filter(kind="carrier").order_by("id"))
    hours = dice.choices(range(24), SHAPE, k=calls)
    for hour in hours:
        started = midnight + 3600 * hour + dice.uniform(0, 3599)
        yield _call(dice, dice.choice(callers), dice.choice(carriers), started)


def _call(dice: random.Random, caller: Account, carrier: Account, started: float) -> dict[str, Any]:
    prefix, destination, price = dice.choice(DESTINATIONS)
    number = prefix + "".join(dice.choices("0123456789", k=9))
    ringing = dice.uniform(2, 12)
    talked = min(dice.lognormvariate(4.6, 0.9), 3000)
    status, q850, cause = (200, 16, "normal")
    if failed := dice.random() < 0.36:
        status, q850, cause, _ = dice.choices(FAILURES, [row[3] for row in FAILURES])[0]
    payers = [["retail", caller.pk, _terms(prefix, price, "1", caller)]]
    reseller = caller.parent if caller.parent and caller.parent.kind == "reseller" else None
    if reseller:
        payers.append(["reseller", reseller.pk, _terms(prefix, price, "0.85", reseller)])
    return {
        "id": str(UUID(int=dice.getrandbits(128), version=4)),
        "started": started,
        "answered": None if failed else started + ringing,
        "ended": started + ringing + (0 if failed else talked),
        "authorised": None,
        "status": status,
        "q850": q850,
        "cause": cause,
        "by": "called" if failed else dice.choice(["caller", "called"]),
        "caller": caller.pk,
        "caller_address": "192.0.2.7:5060",
        "caller_number": caller.caller_number or "442079460100",
        "original": "00" + number,
        "called_number": number,
        "dialled": number,
        "destination": destination,
        "carrier": carrier.pk,
        "called_address": "198.51.100.4:5060",
        "reseller": reseller.pk if reseller else None,
        "payers": payers,
        "cost": _terms(prefix, price, "0.6", carrier),
        "other_prices": [],
        "attempts": [[carrier.pk, status, cause, round(ringing * 1000)]],
        "setup_ms": round(ringing * 1000),
        "pdd_ms": dice.randrange(300, 1500),
        "media": "relay",
        "codec": dice.choice(["PCMA", "PCMU", "G722"]),
        "rtp": [0, 0, 0] if failed else [int(talked * 50), int(talked * 50), dice.randrange(3)],
        "sip_call_id": f"{dice.getrandbits(64):x}@192.0.2.7",
        "world": 1,
        "comment": "",
    }


def _terms(prefix: str, price: str, part: str, payer: Account) -> list[Any]:
    micros = int(Decimal(price) * Decimal(part) * 1_000_000)
    vat = int(payer.vat_rate * 10_000) if payer.kind != "carrier" else 0
    return Terms(
        bands=(Band(None, 0, prefix, 0, tiers(micros)),), currency=payer.currency, vat_ppm=vat
    ).as_list()
