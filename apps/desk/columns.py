"""The columns of files of accounts: how a cell becomes a value, and a value a cell. What is exported can be imported again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from apps.users.choices import Billing, Contract, Kind

_GUARDED = re.compile(r"'[=+\-@|%\t\r]")
_TRUE, _FALSE = ("1", "yes", "true", "y", "x"), ("0", "no", "false", "n", "")


class BadCell(ValueError):
    """A cell that means nothing in its column; the message says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """`read` makes a field's value of a cell's text. Without it, the column is written only, and passed over when read."""

    name: str
    read: Callable[[str], Any] | None
    taken_only: bool = False  # never written: a secret, or the guide's way to say it


def unguarded(cell: str) -> str:
    """A cell without the quote that keeps a spreadsheet from taking it for a formula (`defusedcsv` writes it)."""
    text = cell.strip()
    return text[1:].replace("\\|", "|") if _GUARDED.match(text) else text


def _text(cell: str) -> str:
    return cell


def _yes(cell: str) -> bool:
    if cell.lower() in _TRUE:
        return True
    if cell.lower() in _FALSE:
        return False
    raise BadCell(_("yes or no is expected"))


def _whole(cell: str) -> int:
    text = cell.removesuffix(".0")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadCell(_("a whole number is expected"))
    return int(text)


def _amount(cell: str) -> Decimal:
    try:
        value = Decimal(cell or "0")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadCell(_("an amount such as 12.50 is expected"))
    return value


def _choice(choices: Any) -> Callable[[str], str]:
    known = {str(value): value for value in choices.values}

    def read(cell: str) -> str:
        found = known.get(cell.lower().replace(" ", "_"))
        if found is None:
            raise BadCell(_("expected is one of: %s") % ", ".join(known))
        return str(found)

    return read


#: The guide's `type` and `isoperator` → kind; those of its gateways for GSM, H.323, ISDN and SMS are none of ours (guide 1473-1496).
GUIDE_KINDS = {
    ("0", "2"): Kind.SUBSCRIBER, ("0", ""): Kind.SUBSCRIBER, ("0", "0"): Kind.EXTENSION, ("0", "1"): Kind.AGENT,
    ("0", "6"): Kind.CALLING_CARD, ("1", ""): Kind.RESELLER, ("4", ""): Kind.OWNER, ("5", ""): Kind.CUSTOMER_TRUNK,
    ("6", ""): Kind.SALES, ("9", ""): Kind.CARRIER, ("14", ""): Kind.SUPPORT, ("15", ""): Kind.ADMIN,
}  # fmt: skip


def guide_kind(type_: str, operator: str) -> str:
    """The kind that the guide's two numbers mean. Raises BadCell."""
    found = GUIDE_KINDS.get((type_, operator if type_ == "0" else ""))
    if found is None:
        raise BadCell(
            _("type %(type)s with isoperator %(operator)s is no kind of account here")
            % {"type": type_, "operator": operator or "—"}
        )
    return str(found)


def names(cell: str) -> list[str]:
    """Several in one cell, with semicolons."""
    return [one.strip() for one in cell.split(";") if one.strip()]


COLUMNS: tuple[Column, ...] = (
    Column("id", None),
    Column("username", _text),
    Column("kind", _choice(Kind)),
    Column("type", _text, taken_only=True),
    Column("isoperator", _text, taken_only=True),
    Column("parent", _text),
    Column("payer", _text),
    Column("display_name", _text),
    Column("contact_name", _text),
    Column("phone", _text),
    Column("email", _text),
    Column("address", _text),
    Column("billing_address", _text),
    Column("is_company", _yes),
    Column("vat_number", _text),
    Column("country", str.upper),
    Column("language", _text),
    Column("time_zone", _text),
    Column("is_active", _yes),
    Column("billing", _choice(Billing)),
    Column("credit_limit", _amount),
    Column("currency", str.upper),
    Column("vat_rate", _amount),
    Column("caller_number", _text),
    Column("tech_prefix", _text),
    Column("max_calls", _whole),
    Column("max_calls_offpeak", _whole),
    Column("calls_per_second", _whole),
    Column("max_call_seconds", _whole),
    Column("contract_number", _text),
    Column("contract_state", _choice(Contract)),
    Column("contract_comment", _text),
    Column("description", _text),
    Column("comment", _text),
    Column("groups", names),
    Column("tariff", _text),
    Column("addresses", names),
    Column("web_password", _text, taken_only=True),
    Column("sip_password", _text, taken_only=True),
    Column("balance", None),
    Column("created_at", None),
)
BY_NAME = {column.name: column for column in COLUMNS}
WRITTEN = tuple(column.name for column in COLUMNS if not column.taken_only)
#: What stands elsewhere than in the account itself.
BESIDE = frozenset(("groups", "tariff", "addresses", "web_password", "sip_password"))


def heading(cell: str) -> str:
    """The column that a heading names: as we write it, or as a person would ("User name")."""
    name = "_".join(unguarded(cell).lower().split())
    return {"user_name": "username", "name": "display_name", "e-mail": "email", "enabled": "is_active"}.get(
        name, name
    )
