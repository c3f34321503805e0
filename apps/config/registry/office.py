"""The installation itself, and its invoices."""

from __future__ import annotations

from babel.numbers import is_currency
from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition


def _currency(text: str) -> str:
    return "" if is_currency(text) else f"{text[:10]!r} is not an ISO 4217 currency code."


def _number_format(text: str) -> str:
    """A format that must name type, year and sequence, or two documents could get the same number."""
    try:
        first = text.format(type="INV", year=2026, sequence=1)
        others = {
            text.format(type="CN", year=2026, sequence=1),
            text.format(type="INV", year=2027, sequence=1),
            text.format(type="INV", year=2026, sequence=2),
        }
    except (KeyError, IndexError, ValueError, AttributeError):
        return "expected is a text with {type}, {year} and {sequence}, such as {type}-{year}-{sequence:06d}."
    if first in others or len(others) < 3 or len(first) > 32 or "/" in first:
        return "{type}, {year} and {sequence} must all be there, without a slash, in at most 32 characters."
    return ""


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "currency",
        str,
        "EUR",
        _("The installation's own currency: carrier costs and reports are in it."),
        check=_currency,
    ),
    Definition("company_account", str, "company", _("User name of the owner account that issues invoices.")),
    Definition(
        "invoice_due_days", int, 15, _("Days from issue to due date."), minimum=0, maximum=365, account=True
    ),
    # The guide's "Group By" of a price group (3756-3774).
    Definition(
        "invoicegrouping",
        str,
        "destination",
        _("What a line of an invoice sums: calls to one destination, or all calls of one price group."),
        choices=("destination", "price_group"),
        account=True,
    ),
    Definition(
        "invoice_number_format",
        str,
        "{type}-{year}-{sequence:06d}",
        _("How a number is written; {type} is INV or CN."),
        check=_number_format,
    ),
)
