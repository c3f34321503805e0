"""Vouchers: codes that are worth credit, made in batches, and what was tried with them (guide 7254-7264)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField

MOST_CODES = 50_000
"""Of one batch."""


class Batch(models.Model):
    """Vouchers that were made together: of one value, one issuer and one last day."""

    name = models.CharField(_("name"), max_length=64)
    issuer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="voucher_batches",
        verbose_name=_("reseller"),
        help_text=_("Whose customers may redeem them; empty: those of the house."),
    )
    value = AmountField(_("value of each"), validators=[MinValueValidator(0)])
    currency = CurrencyField(_("currency"))
    count = models.PositiveIntegerField(
        _("vouchers"), validators=[MinValueValidator(1), MaxValueValidator(MOST_CODES)]
    )
    valid_until = models.DateTimeField(
        _("valid until"), null=True, blank=True, help_text=_("Empty: for ever.")
    )
    paid = models.BooleanField(
        _("paid by the reseller"),
        default=False,
        editable=False,
        help_text=_("It was billed early when they were made: redeeming costs it nothing more."),
    )
    released = models.BooleanField(
        _("released"),
        default=True,
        editable=False,
        help_text=_("False: a second person has to agree before they can be printed."),
    )
    printed_at = models.DateTimeField(_("printed"), null=True, editable=False)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, editable=False)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("made by"),
    )

    class Meta:
        verbose_name = _("batch of vouchers")
        verbose_name_plural = _("vouchers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(value__gt=0), name="voucher_worth_something")
        ]

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    """What became of a voucher."""

    OPEN = "open", _("open")
    REDEEMED = "redeemed", _("redeemed")
    CANCELLED = "cancelled", _("cancelled")


class Voucher(models.Model):
    """One code, of which only a keyed digest is kept; `serial` is printed beside it, so that it can be asked about."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="vouchers", verbose_name=_("batch"))
    serial = models.PositiveIntegerField(_("serial number"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OPEN)
    payment = models.OneToOneField(
        "invoices.Payment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="voucher",
        verbose_name=_("payment"),
    )
    changed_at = models.DateTimeField(_("changed"), null=True, editable=False)

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers of a batch")
        ordering = ["batch", "serial"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "serial"], name="voucher_serial_once"),
            models.CheckConstraint(
                condition=models.Q(state="redeemed", payment__isnull=False)
                | (~models.Q(state="redeemed") & models.Q(payment__isnull=True)),
                name="voucher_redeemed_by_a_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}-{self.serial}"


class Attempts(models.Model):
    """How often an account has tried codes that are none, since when; too many lock it for a while."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="voucher_attempts"
    )
    failed = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("attempts at vouchers")
        verbose_name_plural = _("attempts at vouchers")

    def __str__(self) -> str:
        return f"{self.account_id}: {self.failed}"
