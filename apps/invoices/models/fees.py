"""Fees that accounts owe once or again and again, and what each of them was charged (guide 3979-4003)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField
from apps.invoices.models.money import Invoice, LedgerEntry

ONCE, MONTHLY = -1, 0


class Fee(models.Model):
    """Something that an account owes: once, on the first of each month, or every so many days."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="fees", verbose_name=_("account")
    )
    name = models.CharField(_("title"), max_length=128, help_text=_("As it stands on the invoice."))
    net = AmountField(
        _("net"), validators=[MinValueValidator(0)], help_text=_("In the account's currency, each time.")
    )
    interval = models.SmallIntegerField(
        _("interval"),
        default=MONTHLY,
        validators=[MinValueValidator(ONCE), MaxValueValidator(3660)],
        help_text=_("-1: once; 0: at the beginning and on the first of each month; otherwise days."),
    )
    usable = models.BooleanField(
        _("calls count towards it"),
        default=False,
        help_text=_("What calls of its period have cost comes off it again when the period is over."),
    )
    begins_on = models.DateField(_("from"), default=timezone.localdate)
    ends_on = models.DateField(_("to"), null=True, blank=True, help_text=_("The first day without it."))
    description = models.TextField(_("description"), blank=True)

    class Meta:
        verbose_name = _("fee")
        verbose_name_plural = _("fees")
        ordering = ["account", "name", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(net__gte=0), name="fee_not_negative"),
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gt=models.F("begins_on")),
                name="fee_not_over_before_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FeeCharge(models.Model):
    """A fee as it was charged for one period; `net` is negative where calls that count towards it took it back."""

    fee = models.ForeignKey(Fee, models.PROTECT, related_name="charges", verbose_name=_("fee"))
    is_return = models.BooleanField(_("taken back"), default=False)
    due_on = models.DateField(_("due"))
    until = models.DateField(_("to"), null=True, blank=True, help_text=_("The first day after its period."))
    net = AmountField(_("net"))
    vat = AmountField(_("VAT"))
    vat_rate = models.DecimalField(_("VAT %"), max_digits=5, decimal_places=2)
    entry = models.OneToOneField(LedgerEntry, models.PROTECT, null=True, related_name="fee_charge")
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="fee_charges", verbose_name=_("invoice")
    )
    charged_at = models.DateTimeField(_("charged"), default=timezone.now)

    class Meta:
        verbose_name = _("charged fee")
        verbose_name_plural = _("charged fees")
        ordering = ["-due_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["fee", "due_on", "is_return"], name="fee_charged_once")
        ]

    def __str__(self) -> str:
        return f"{self.fee} {self.due_on}: {self.net}"
