"""When invoices are issued, and what follows when nobody pays them (guide 1617-1621)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Numbers
from apps.config.registry.money import is_price

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "billingday",
        int,
        1,
        _("On which day of the month the account's invoices end and the next ones begin."),
        minimum=1,
        maximum=28,
        account=True,
    ),
    Definition(
        "invoicereminders",
        Numbers,
        (),
        _("So many days after it was due a postpaid account is reminded of an invoice, with commas; empty: never."),
        minimum=1,
        maximum=365,
        account=True,
    ),
    Definition(
        "latefee",
        str,
        "",
        _("Net fee, in the account's currency, that each invoice costs once when it is paid late; empty: none."),
        check=is_price,
        account=True,
    ),
    Definition(
        "latefeedays",
        int,
        14,
        _("How many days after it was due an invoice counts as paid late."),
        minimum=1,
        maximum=365,
        account=True,
    ),
)  # fmt: skip
