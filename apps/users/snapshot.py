"""Accounts as rows for the switch, in the order in which `switch.world` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from apps.config.snapshot import plain
from apps.users.models import (
    Account,
    AccountSetting,
    KnownNumber,
    Pin,
    SipCredential,
    SourceAddress,
    Trunk,
    TrunkAccount,
)
from apps.users.queries import typed_own

Row = tuple[Any, ...]

PPM_OF_PERCENT = 10_000
CHUNK = 2000


def accounts() -> Iterator[Row]:
    """(id, username, kind, path, active, billing, currency, VAT ppm, zone, caller number, tech prefixes, limits, payer or 0, calls off
    peak or -1, country)."""
    rows = Account.objects.order_by("id").values_list(
        "id", "username", "kind", "path", "is_active", "billing", "currency", "vat_rate", "time_zone",
        "caller_number", "tech_prefix", "max_calls", "calls_per_second", "max_call_seconds", "payer_id",
        "max_calls_offpeak", "country",
    )  # fmt: skip
    for row in rows.iterator(chunk_size=CHUNK):
        path = [int(part) for part in row[3].split("/") if part] or [row[0]]
        yield (
            *row[:3],
            path,
            *row[4:7],
            ppm(row[7]),
            *row[8:-3],
            row[-3] or 0,
            -1 if row[-2] is None else row[-2],
            row[-1].upper(),
        )


def credentials() -> Iterator[Row]:
    """(SIP user name, account, realm, HA1 MD5, HA1 SHA-256)."""
    rows = SipCredential.objects.order_by("username")
    return rows.values_list("username", "account_id", "realm", "ha1_md5", "ha1_sha256").iterator(CHUNK)


def addresses() -> Iterator[Row]:
    """(network, port, account)."""
    rows = SourceAddress.objects.order_by("network", "port", "account_id")
    return rows.values_list("network", "port", "account_id").iterator(CHUNK)


def known_numbers() -> Iterator[Row]:
    """(caller number, account)."""
    rows = KnownNumber.objects.order_by("number")
    return rows.values_list("number", "account_id").iterator(CHUNK)


def pins() -> Iterator[Row]:
    """(digest of a PIN, account)."""
    return Pin.objects.order_by("account_id").values_list("digest", "account_id").iterator(CHUNK)


def trunks() -> Iterator[Row]:
    """(account, then the fields of `switch.call.model.TrunkAddress`)."""
    return (
        Trunk.objects.order_by("account_id")
        .values_list(
            "account_id", "host", "port", "transport", "strip_digits", "prefix", "max_calls", "answer_seconds",
            "response_seconds", "username", "realm", "ha1_md5", "ha1_sha256", "registers", "backup_host",
            "backup_port",
        )
        .iterator(CHUNK)
    )  # fmt: skip


def trunk_accounts() -> Iterator[Row]:
    """(carrier, then the fields of `switch.call.model.TrunkLogin`)."""
    rows = TrunkAccount.objects.filter(enabled=True, is_empty=False).order_by("carrier_id", "priority", "id")
    return rows.values_list(
        "carrier_id", "id", "priority", "username", "realm", "ha1_md5", "ha1_sha256", "caller_number", "registers",
        "expires",
    ).iterator(CHUNK)  # fmt: skip


def overrides() -> Iterator[Row]:
    """(account, key, its own value)."""
    rows = AccountSetting.objects.order_by("account_id", "key").values_list("account_id", "key", "value")
    for account, key, text in rows.iterator(chunk_size=CHUNK):
        for value in typed_own(key, text):
            yield account, key, plain(value)


def ppm(percent: Decimal) -> int:
    """Millionths of a percentage: 27.5 % is 275,000."""
    return int(percent * PPM_OF_PERCENT)
