"""Accounts as files for a spreadsheet: no secrets, and no cell that it would take for a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

import xlsxwriter
from defusedcsv import csv
from django.db.models import QuerySet

from apps.desk.columns import BESIDE, WRITTEN
from apps.groups.models import GroupMember
from apps.pricing.models import UNCONDITIONAL, TariffAssignment, TariffKind
from apps.users.models import Account, SourceAddress

CHUNK = 1000
_FORMAT = "%Y-%m-%d %H:%M:%S"


def rows(accounts: QuerySet[Account]) -> Iterator[list[str]]:
    """Headings, then one line for each account, in the order of their ids; a thousand are held in memory at a time."""
    yield list(WRITTEN)
    last = 0
    chosen = accounts.order_by("pk").select_related("parent", "payer", "balance")
    while batch := list(chosen.filter(pk__gt=last)[:CHUNK]):
        beside = _beside([account.pk for account in batch])
        yield from ([_cell(account, name, beside) for name in WRITTEN] for account in batch)
        last = batch[-1].pk


def as_csv(accounts: QuerySet[Account]) -> Iterator[str]:
    """The lines of a CSV file, as they are read from the database."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows(accounts):
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def as_xlsx(accounts: QuerySet[Account]) -> bytes:
    """The same as a workbook. Every cell is text, so that numbers keep their zeros and nothing is a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet, bold = book.add_worksheet("accounts"), book.add_format({"bold": True})
    for number, row in enumerate(rows(accounts)):
        for column, cell in enumerate(row):
            sheet.write_string(number, column, cell, bold if number == 0 else None)
    sheet.freeze_panes(1, 2)
    book.close()
    return buffer.getvalue()


def _beside(ids: list[int]) -> dict[str, dict[int, str]]:
    """What stands in other tables, for these accounts."""
    groups = GroupMember.objects.filter(account__in=ids).order_by("account_id", "group__name")
    addresses = SourceAddress.objects.filter(account__in=ids).order_by("account_id", "network", "port")
    tariffs = TariffAssignment.objects.filter(
        account__in=ids, kind__in=(TariffKind.RETAIL, TariffKind.CARRIER), **UNCONDITIONAL
    )
    return {
        "groups": _joined(groups.values_list("account_id", "group__name")),
        "addresses": _joined((one.account_id, _place(one)) for one in addresses),
        "tariff": dict(tariffs.values_list("account_id", "tariff__name")),
    }


def _place(address: SourceAddress) -> str:
    """As `set_addresses` reads it."""
    if not address.port:
        return address.network
    return (
        f"[{address.network}]:{address.port}"
        if ":" in address.network
        else f"{address.network}:{address.port}"
    )


def _joined(pairs: Iterable[tuple[int, str]]) -> dict[int, str]:
    found = groupby(pairs, key=lambda pair: pair[0])
    return {account: ";".join(text for _, text in texts) for account, texts in found}


def _cell(account: Account, name: str, beside: dict[str, dict[int, str]]) -> str:
    if name in BESIDE:
        return beside[name].get(account.pk, "")
    if name in ("parent", "payer"):
        other = getattr(account, name)
        return other.username if other else ""
    if name == "balance":
        return _plain(account.balance.amount) if hasattr(account, "balance") else ""
    if name == "created_at":
        return account.created_at.strftime(_FORMAT)
    return _plain(getattr(account, name))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)
