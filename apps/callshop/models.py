"""Receipts of a callshop's cabins. A cabin itself is an extension below the owner (guide 7266-7272)."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField


class Receipt(models.Model):
    """What a guest has paid for the calls from a cabin. It copies all that it says, and is never changed."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="receipts", verbose_name=_("owner")
    )
    cabin = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="cabin_receipts", verbose_name=_("cabin")
    )
    number = models.PositiveIntegerField(_("number"))
    closed_at = models.DateTimeField(_("closed"))
    currency = CurrencyField(_("currency"))
    digits = models.PositiveSmallIntegerField(editable=False)
    total = AmountField(_("total"))
    owner_name = models.CharField(max_length=128)
    owner_address = models.TextField(blank=True)
    owner_vat_number = models.CharField(max_length=32, blank=True)
    cabin_name = models.CharField(max_length=128)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "number"], name="receipt_number_once")]

    def __str__(self) -> str:
        return f"{self.number}"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise models.ProtectedError("A receipt is never deleted.", {self})


class ReceiptLine(models.Model):
    """One call on a receipt; a call is paid for once."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="lines")
    call_id = models.UUIDField(unique=True)
    started_at = models.DateTimeField()
    called_number = models.CharField(max_length=64)
    destination = models.CharField(max_length=128, blank=True)
    seconds = models.PositiveIntegerField()
    amount = AmountField()

    class Meta:
        ordering = ["started_at", "id"]

    def __str__(self) -> str:
        return self.called_number
