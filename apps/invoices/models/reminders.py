"""What an account was told, and charged, because it had not paid an invoice in time."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField
from apps.invoices.models.fees import Fee
from apps.invoices.models.money import Invoice


class Reminder(models.Model):
    """One letter about one invoice: so many days after it was due so much of it was open."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="reminders", verbose_name=_("invoice"))
    days = models.PositiveSmallIntegerField(_("days after it was due"))
    amount = AmountField(_("open"))
    created_at = models.DateTimeField(_("written"), default=timezone.now)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True)

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["invoice", "days"], name="a_reminder_comes_once")]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.days}"


class LateFee(models.Model):
    """The fee that an invoice cost because it was paid late."""

    invoice = models.OneToOneField(
        Invoice, models.PROTECT, primary_key=True, related_name="late_fee", verbose_name=_("invoice")
    )
    fee = models.OneToOneField(Fee, models.PROTECT, related_name="late_invoice", verbose_name=_("fee"))

    class Meta:
        verbose_name = _("late fee")
        verbose_name_plural = _("late fees")

    def __str__(self) -> str:
        return f"{self.invoice}: {self.fee}"
