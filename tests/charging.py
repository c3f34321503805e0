"""Payers, terms and call records as the journal has them, for tests of money."""

from __future__ import annotations

import time
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from apps.invoices.models import Balance, EntryKind, Hold
from apps.invoices.services.ledger import post
from apps.pricing.engine import Band, Terms, tiers
from apps.users.models import Account

_numbers = count(1)


def account(*, balance: str = "0", kind: str = "subscriber", **fields: Any) -> Account:
    """An account with so much money, put there by the ledger."""
    made = Account.objects.create(username=f"{kind}-{next(_numbers)}-{uuid4().hex[:6]}", kind=kind, **fields)
    if Decimal(balance):
        post(account=made, amount=Decimal(balance), kind=EntryKind.CORRECTION, text="opening balance")
    return made


def terms(micros_a_minute: int = 60_000_000, **fields: Any) -> list[Any]:
    """One price per minute, charged by the second: by default one whole unit a second."""
    band = Band(None, 0, "36", 0, tiers(micros_a_minute, **fields))
    return Terms(bands=(band,), currency="EUR").as_list()


def record(*payers: Account, seconds: float = 10, **fields: Any) -> dict[str, Any]:
    """An answered call that the first payer pays at retail and the others as resellers, one unit a second each."""
    start = fields.get("started", time.time() - 3600)
    kinds = ["retail", *["reseller"] * len(payers)]
    return {
        "id": str(uuid4()),
        "started": start,
        "answered": start + 1,
        "ended": start + 1 + seconds,
        "authorised": None,
        "status": 200,
        "q850": 16,
        "cause": "normal",
        "by": "caller",
        "caller": payers[0].pk if payers else None,
        "called_number": "3620123456",
        "payers": [[kind, payer.pk, terms()] for kind, payer in zip(kinds, payers, strict=False)],
        "attempts": [],
        "rtp": [1, 2, 0],
    } | fields


def spendable(owner: Account) -> Decimal:
    balance = Balance.objects.filter(account=owner).first() or Balance(account=owner)
    limit = Account.objects.get(pk=owner.pk).credit_limit if owner.billing == "postpaid" else 0
    return balance.amount - balance.held + limit


def held(owner: Account) -> Decimal:
    return sum((hold.amount for hold in Hold.objects.filter(account=owner)), Decimal(0))
