"""Things that tests need, made through the services as an operator would make them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.cdrs.models import Cdr, CdrPrice
from apps.cdrs.services import ensure_months, forget_months
from apps.invoices.services import payments
from apps.pricing import services as pricing
from apps.pricing.models import Rate, Tariff
from apps.recordings.models import Listening, Recording
from apps.routing import services as routing
from apps.routing.models import RouteRule
from apps.signalling.causes import CAUSES
from apps.signalling.models import HangupCause
from apps.users import services as users
from apps.users.models import Account, TrunkAccount

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def account(kind: str, *, balance: str = "0", **fields: Any) -> Account:
    """An account of any kind, with money that a payment brought."""
    fields.setdefault("username", f"{kind}{next(_numbers)}")
    made = users.open_account(kind=kind, **fields)
    if Decimal(balance):
        payments.enter(account=made, amount=Decimal(balance), method="cash")
    return made


def subscriber(**fields: Any) -> Account:
    return account("subscriber", **fields)


def extension(*, parent: Account, **fields: Any) -> Account:
    return account("extension", parent=parent, **fields)


def reseller(**fields: Any) -> Account:
    return account("reseller", **fields)


def company(**fields: Any) -> Account:
    """The owner that the setting company_account names by default."""
    return account("owner", **{"username": "company", "display_name": "Example Telecom"} | fields)


def recording(call: Cdr, **fields: Any) -> Recording:
    """A recording of a call, without a file."""
    values = {"number": 1, "seconds": call.duration, "frames": 8000 * call.duration, "rate": 8000, "size": 1000,
              "sha256": "0" * 64, "key_id": "0" * 8, "path": f"{call.pk}-1.flac.sealed", "caller_number": call.caller_number,
              "called_number": call.called_number}  # fmt: skip
    return Recording.objects.create(**{"call_id": call.pk, "started_at": call.started_at} | values | fields)


def listening(recording: Recording, by: Account) -> Listening:
    """That somebody listened to it."""
    return Listening.objects.create(
        recording=recording,
        call_id=recording.call_id,
        account=by,
        username=by.username,
        way="listen",
        address="192.0.2.1",
    )


def admin(**fields: Any) -> Account:
    return account("admin", **fields)


def direct(account: Account) -> Account:
    """Media of its calls goes past the switch, if the other party agrees."""
    for key in ("routertpcaller", "routertpcalled"):
        users.set_own(account=account, key=key, value="bypass")
    return account


def customer_trunk(*, addresses: Sequence[str] = (), **fields: Any) -> Account:
    made = account("customer_trunk", **fields)
    users.set_addresses(account=made, networks=addresses)
    return made


def carrier(*, price: str | None = None, host: str = "127.0.0.1", port: int = 5080, **fields: Any) -> Account:
    """A carrier at an address; with `price`, one that takes any number for so much a minute."""
    made = account("carrier", **fields)
    users.set_trunk(account=made, host=host, port=port)
    if price is not None:
        pricing.assign_tariff(account=made, tariff=tariff("carrier", prices={"": price}))
    return made


def trunk_account(carrier: Account, **fields: Any) -> TrunkAccount:
    """An account that the carrier has given us."""
    given = {"username": f"mizu{next(_numbers)}", "realm": "carrier.example", "password": "between-us"}
    return users.open_trunk_account(carrier=carrier, **given | fields)


def tariff(kind: str = "retail", *, prices: Mapping[str, str] | None = None, **fields: Any) -> Tariff:
    """A tariff with prices per minute by prefix, valid since long ago."""
    made = pricing.create_tariff(**{"name": f"tariff {next(_numbers)}", "kind": kind} | fields)
    for prefix, price in (prices or {}).items():
        rate(made, prefix, price)
    return made


def rate(tariff: Tariff, prefix: str, price: str, **fields: Any) -> Rate:
    return pricing.add_rate(
        tariff=tariff, prefix=prefix, price=Decimal(price), **{"valid_from": LONG_AGO} | fields
    )


def rule(*carriers: Account, **fields: Any) -> RouteRule:
    """A rule for any number that offers these carriers as equals."""
    targets = [{"carrier": each} for each in carriers]
    named = {"name": f"rule {next(_numbers)}", "targets": targets, "strategy": "least_cost"}
    return routing.create_rule(**named | fields)


def call(
    payer: Account,
    *,
    at: datetime,
    net: str = "0.10",
    seconds: int = 60,
    destination: str = "Hungary",
    vat_rate: str = "20",
    kind: str = "retail",
    caller: Account | None = None,
) -> Cdr:
    """An answered call in the records, with the price that `payer` paid for it."""
    forget_months()  # another test's rollback has taken its partitions along
    ensure_months(moments=[at.timestamp()])
    cdr = Cdr.objects.create(
        id=uuid.uuid4(),
        started_at=at,
        answered_at=at,
        ended_at=at + timedelta(seconds=seconds),
        duration=seconds,
        caller=caller or payer,
        caller_number="442079461001",
        called_number="36301234567",
        destination=destination,
    )
    vat = Decimal(net) * Decimal(vat_rate) / 100
    CdrPrice.objects.create(
        call_id=cdr.id,
        started_at=at,
        kind=kind,
        account=payer,
        prefix="36",
        billed_seconds=seconds,
        currency=payer.currency,
        net=Decimal(net),
        vat=vat,
        gross=Decimal(net) + vat,
        vat_rate=Decimal(vat_rate),
    )
    return cdr


def cause(name: str) -> HangupCause:
    """One that every installation has; tests that empty all tables take it away from those after them."""
    known = {one: rest for one, *rest in CAUSES}
    status, q850, text = known[name]
    values = {"sip_status": status, "q850": q850, "text": text}
    return HangupCause.objects.get_or_create(name=name, defaults=values)[0]
