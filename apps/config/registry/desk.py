"""The lists of accounts (guide 1438-1456)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.money import is_price

SETTINGS: tuple[Definition, ...] = (
    # The guide's 3000 were forints of 2006, about ten euros.
    Definition(
        "lowcredits",
        str,
        "5",
        _(
            "The list of low balances holds prepaid accounts that have less than this, each in its own currency."
        ),
        check=is_price,
    ),
    Definition(
        "mustbeactive",
        bool,
        False,
        _(
            "The carrier has to be there: the list of those active within a day holds it even when it is away."
        ),
        account=True,
    ),
)
