"""What the demonstration reads in the office, waits for there, and holds against its own arithmetic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TypeVar

import redis
from django.conf import settings
from django.utils import timezone

from apps.cdrs.live import LiveCall, current_calls
from apps.cdrs.models import Cdr, CdrPrice
from apps.cdrs.queries import prices_of
from apps.core.values.money import Rounding
from apps.invoices.models import Balance, DocumentType, Invoice, LedgerEntry
from apps.pricing.engine import Band, Terms, Tier, rate, tiers
from apps.pricing.models import Rate, Tariff
from apps.pricing.queries import tariff_of
from apps.users.models import Account
from mizu_site.run.place import Fault

T = TypeVar("T")
MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Bill:
    """A call as it was recorded, with who paid what."""

    cdr: Cdr
    prices: list[CdrPrice]
    entries: list[LedgerEntry]

    def price(self, kind: str) -> CdrPrice:
        """The one price of a kind. Raises Fault when there is none, or more than one."""
        found = [price for price in self.prices if price.kind == kind]
        require(len(found) == 1, f"The call has {len(found)} prices of the kind {kind}, one is expected.")
        return found[0]


def require(condition: object, sentence: str) -> None:
    """Raise Fault with the sentence unless the condition holds."""
    if not condition:
        raise Fault(sentence)


def until(condition: Callable[[], T | None], seconds: float, sentence: str) -> T:
    """What the condition gives once it gives something; Fault with the sentence when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        require(time.monotonic() < deadline, sentence)
        time.sleep(0.05)
    return found


def subscriber(username: str) -> Account:
    """The account that calls. Raises Fault when the demo data is not there."""
    found = Account.objects.filter(username=username).first()
    if found is None:
        raise Fault(
            f"There is no subscriber {username}: the demonstration needs the data of the first start."
        )
    return found


def phone_password(var: Path, username: str) -> str:
    """What seed_demo noted for the phone of this subscriber. Raises Fault."""
    path = var / "logins.json"
    try:
        logins = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Fault(f"The logins of the first start cannot be read from {path} ({error}).") from error
    for login in logins:
        if login.get("what") == f"phone {username}":
            return str(login["password"])
    raise Fault(f"{path} has no password of phone {username}.")


def balance(account: Account) -> Decimal:
    return Decimal(Balance.objects.get(account=account).amount)


def registration(account: Account) -> str | None:
    """The contact that the switch has told the others of; None when there is none."""
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        contacts = client.hkeys(f"mizu:registrations:{account.pk}")
    return min((contact.decode() for contact in contacts), default=None)


def live_call(account: Account, number: str, since: datetime) -> LiveCall | None:
    """The account's call to this number that began since then, once it is up."""
    calls = (one for one in current_calls(account) if one.called_number == number and one.started >= since)
    return next((call for call in calls if call.state == "up"), None)


def bill(call_id: str, seconds: float) -> Bill:
    """The record of a call, as soon as it is written. Raises Fault."""
    cdr = until(
        lambda: Cdr.objects.filter(id=call_id).select_related("caller", "carrier").first(),
        seconds,
        f"The record of call {call_id} did not arrive within {seconds:g} seconds; see ./mizu logs writer.",
    )
    entries = LedgerEntry.objects.filter(call_id=cdr.id).select_related("account").order_by("id")
    return Bill(cdr, list(prices_of(cdr)), list(entries))


def check_price(account: Account, kind: str, price: CdrPrice, cdr: Cdr) -> None:
    """A price must be what the engine says of the price list as it stands, and what a pocket calculator says."""
    assert cdr.answered_at is not None
    tariff, line = price_list(account, kind, cdr.called_number, cdr.started_at)
    vat_ppm = int(price.vat_rate * 10_000)
    terms = Terms(
        bands=(Band(None, line.pk, line.prefix, _micros(_own(line, tariff, "connect_fee")), _tiers(line, tariff)),),
        currency=price.currency,
        rounding=Rounding(tariff.rounding),
        decimals=tariff.decimals,
        vat_ppm=vat_ppm,
    )  # fmt: skip
    charge = rate(terms, cdr.answered_at.timestamp(), cdr.duration)
    require(
        (_micros(price.net), _micros(price.vat), _micros(price.gross))
        == (charge.net, charge.vat, charge.gross),
        f"The {kind} price is {price.gross}, but the engine says {charge.gross * MICRO} for {cdr.duration} seconds.",
    )
    step = Decimal(1).scaleb(-tariff.decimals)
    net = (line.price * price.billed_seconds / 60).quantize(step, ROUND_HALF_UP)
    gross = net + (net * price.vat_rate / 100).quantize(step, ROUND_HALF_UP)
    require(
        price.gross == gross,
        f"The {kind} price is {price.gross}, but {price.billed_seconds} seconds at {line.price} a minute cost {gross}.",
    )


def price_list(account: Account, kind: str, number: str, at: datetime) -> tuple[Tariff, Rate]:
    """The tariff of an account, and its line for a number: the longest prefix that is valid. Raises Fault."""
    tariff = tariff_of(account, kind)
    if tariff is None:
        raise Fault(f"{account.username} has no {kind} tariff.")
    prefixes = [number[:length] for length in range(len(number) + 1)]
    lines = Rate.objects.filter(tariff=tariff, prefix__in=prefixes, window=None, valid_from__lte=at)
    current = [line for line in lines if line.valid_until is None or line.valid_until > at]
    if not current:
        raise Fault(f"The tariff {tariff.name} has no rate for {number}.")
    return tariff, max(current, key=lambda line: (len(line.prefix), line.valid_from))


def _own(line: Rate, tariff: Tariff, name: str) -> int | Decimal:
    """A field of the line, else of its tariff."""
    value = getattr(line, name)
    found: int | Decimal = getattr(tariff, name) if value is None else value
    return found


def _tiers(line: Rate, tariff: Tariff) -> tuple[Tier, ...]:
    names = ("first_increment", "next_increment", "minimum_seconds", "free_seconds", "free_after")
    return tiers(_micros(line.price), **{name: int(_own(line, tariff, name)) for name in names})


def _micros(amount: int | Decimal) -> int:
    return int(Decimal(amount) / MICRO)


def open_period(account: Account) -> tuple[datetime, datetime]:
    """From the end of the latest invoice that stands, else from the opening of the account, until now."""
    standing = account.invoices.filter(document_type=DocumentType.INVOICE, corrections=None)
    latest = standing.order_by("-period_end").values_list("period_end", flat=True).first()
    return latest or account.created_at, timezone.now()


def delivered(invoice: Invoice) -> bool:
    """Whether Celery has rendered it, and mailed it if there is an address."""
    invoice.refresh_from_db()
    return invoice.pdf is not None and (invoice.mailed_at is not None or not invoice.customer_email)


def letter_about(invoice: Invoice) -> Path | None:
    """The file of the mail with this invoice, where mail is kept as files."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if folder is None or not Path(folder).is_dir():
        return None
    newest = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in newest[:50] if invoice.number in path.read_text(errors="replace")), None)
