"""Callshops: a subscriber lets guests call from cabins, and they pay it at once (guide 7266-7272)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.money import is_percent

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "callshop",
        bool,
        False,
        _("The subscriber keeps a callshop: its extensions are cabins, with live costs and receipts."),
        account=True,
    ),
    Definition(
        "callshopmarkup",
        str,
        "0",
        _("What guests of the callshop pay on top of what the call costs its owner, per cent."),
        check=is_percent,
        account=True,
    ),
)
