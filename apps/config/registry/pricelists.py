"""What deserves a second look in a carrier's price list, and from which amount on a second person must agree."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition


def is_amount(text: str) -> str:
    """What is wrong with a text that should be a plain number from 0 on; empty: nothing."""
    plain = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text, re.ASCII)
    return "" if plain else f"{text[:20]!r} is not a number from 0 on with at most six decimals."


SETTINGS: tuple[Definition, ...] = (
    Definition("pricelist_most_increase", str, "20", _("Increases of more per cent stand out in the preview of a price list."),
               check=is_amount),
    Definition("pricelist_most_price", str, "5", _("Prices per minute above stand out in the preview of a price list, in its currency."),
               check=is_amount),
    Definition("pricelist_notice_days", int, 7, _("Increases that begin sooner after the upload stand out."), minimum=0, maximum=90),
    Definition("pricelist_keep_days", int, 90, _("How long the rows and the file of a list are kept once it is applied, undone or discarded; it cannot be undone afterwards."),
               minimum=7, maximum=3650),
)  # fmt: skip
