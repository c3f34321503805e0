"""Which fields of an account matter for which kind: what its form shows, in which order, and what a file may hold."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.users.choices import STAFF, Kind

#: (title, rows of fields, on a tab of its own)
LAYOUT: tuple[tuple[Any, tuple[tuple[str, ...], ...], bool], ...] = (
    (
        None,
        (("username", "kind"), ("display_name", "parent"), ("web_password", "sip_password"), ("is_active", "email"),
         ("description",)),
        False,
    ),
    (_("Money"), (("billing", "credit_limit"), ("currency", "vat_rate"), ("payer",)), False),
    (_("Calls"), (("caller_number", "tech_prefix"), ("max_calls", "max_calls_offpeak"), ("calls_per_second", "max_call_seconds")), False),
    (
        _("Customer and invoice"),
        (("contact_name", "phone"), ("is_company", "vat_number"), ("country", "language"), ("time_zone",), ("address",),
         ("billing_address",)),
        True,
    ),
    (
        _("Contract and notes"),
        (("contract_number", "contract_state"), ("contract_comment",), ("comment",)),
        True,
    ),
)  # fmt: skip

_PRICED = frozenset(("currency", "vat_rate"))
_PAID = frozenset(("payer",))
_CREDIT = frozenset(("billing", "credit_limit"))
_LIMITS = frozenset(("max_calls", "max_calls_offpeak", "calls_per_second", "max_call_seconds"))
_CONTRACT = frozenset(("contract_number", "contract_state", "contract_comment"))
_INVOICED = frozenset(("address", "billing_address", "is_company", "vat_number"))

#: Kind → fields that mean nothing for it.
WITHOUT: dict[str, frozenset[str]] = {
    Kind.SUBSCRIBER: frozenset(("tech_prefix",)),
    # Its subscriber pays and has the contract.
    Kind.EXTENSION: _CREDIT | _PRICED | _PAID | _CONTRACT | _INVOICED | {"tech_prefix"},
    Kind.AGENT: frozenset(("tech_prefix",)),
    Kind.CALLING_CARD: frozenset(("tech_prefix", "sip_password")),
    Kind.RESELLER: frozenset(("caller_number", "payer")),
    Kind.CUSTOMER_TRUNK: frozenset(),
    # It is paid, and is shown nothing; how many lines it has, its trunk says besides.
    Kind.CARRIER: _CREDIT | _PAID | {"web_password", "caller_number", "tech_prefix", "calls_per_second", "max_call_seconds"},
    Kind.OWNER: _CREDIT | _PAID | _LIMITS | _CONTRACT | {"sip_password", "caller_number", "tech_prefix", "vat_rate"},
    Kind.SALES: _CREDIT | _PAID | _LIMITS | {"sip_password", "caller_number", "tech_prefix", "vat_rate"},
    **{
        kind: _CREDIT | _PRICED | _PAID | _LIMITS | _CONTRACT | _INVOICED | {"sip_password", "caller_number", "tech_prefix"}
        for kind in STAFF
    },
}  # fmt: skip


def fieldsets_of(kind: str) -> list[tuple[Any, dict[str, Any]]]:
    """The admin's fieldsets for a kind; with all fields for one that is not known."""
    without = WITHOUT.get(kind, frozenset())
    sets = []
    for title, rows, tab in LAYOUT:
        kept = [tuple(field for field in row if field not in without) for row in rows]
        fields = [row if len(row) > 1 else row[0] for row in kept if row]
        if fields:
            sets.append((title, {"fields": fields, **({"classes": ["tab"]} if tab else {})}))
    return sets
