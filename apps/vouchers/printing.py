"""Codes on paper or in a file: the answer that carries them is the only place where they ever stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from django.http import HttpResponse
from django.template.loader import render_to_string

from apps.core.formats import money
from apps.core.pdf import to_pdf
from apps.vouchers.codes import written
from apps.vouchers.models import Batch
from apps.vouchers.services import Printed


def response(batch: Batch, codes: Sequence[Printed], form: str) -> HttpResponse:
    """A file to be saved; nothing on the way may keep a copy."""
    if form == "pdf":
        found = HttpResponse(_pdf(batch, codes), content_type="application/pdf")
    else:
        found = HttpResponse(_csv(batch, codes), content_type="text/csv; charset=utf-8")
    found["Content-Disposition"] = f'attachment; filename="vouchers-{batch.pk}.{form}"'
    found["Cache-Control"] = "no-store"
    return found


def _csv(batch: Batch, codes: Sequence[Printed]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(("number", "code", "value", "currency", "valid_until"))
    until = batch.valid_until.isoformat() if batch.valid_until else ""
    for one in codes:
        writer.writerow((f"{batch.pk}-{one.serial}", written(one.code), batch.value, batch.currency, until))
    return stream.getvalue()


def _pdf(batch: Batch, codes: Sequence[Printed]) -> bytes:
    cards = [{"number": f"{batch.pk}-{one.serial}", "code": written(one.code)} for one in codes]
    issuer = batch.issuer
    context = {
        "batch": batch, "cards": cards, "value": money(batch.value, batch.currency),
        "issuer": (issuer.display_name or issuer.username) if issuer else "",
    }  # fmt: skip
    return to_pdf(render_to_string("vouchers/cards.html", context))
