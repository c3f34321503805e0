"""From which amounts on a second person must agree."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.pricelists import is_amount


def _is_limit(text: str) -> str:
    return is_amount(text) if text else ""


SETTINGS: tuple[Definition, ...] = (
    Definition("approval_payment_limit", str, "", _("Payments entered by hand of more than this, in the installation's currency, wait for a second person. Empty: none does."),
               check=_is_limit),
    Definition("approval_pricelist_limit", str, "", _("Price lists that would have moved more money than this in the last 30 days, in the installation's currency, wait for a second person. Empty: none does."),
               check=_is_limit),
    Definition("approval_rate_percent", str, "", _("Rates entered one by one whose price changes by more per cent than this, or that change a call's price in another way, wait for a second person. Empty: none does."),
               check=_is_limit),
)  # fmt: skip
