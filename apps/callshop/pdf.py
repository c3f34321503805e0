"""A receipt as PDF, on paper of a receipt printer's width."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.utils import translation

from apps.callshop.models import Receipt
from apps.core.pdf import to_pdf


def render(receipt: Receipt) -> bytes:
    """From what the receipt itself has copied, in its owner's language."""
    lines = list(receipt.lines.all())
    with translation.override(receipt.owner.language):
        page = render_to_string(
            "callshop/receipt.html",
            {
                "receipt": receipt,
                "lines": lines,
                "height": 70 + 9 * len(lines),
                "zone": receipt.owner.time_zone,
            },
        )
    return to_pdf(page)
