"""Money: balances and the ledger that explains them, holds of running calls, payments, invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField


class Balance(models.Model):
    """What an account has: `amount` is the sum of its ledger entries, `held` the sum of its holds.

    Its own narrow row, because every call updates it. Spendable: amount + credit limit (postpaid) - held.
    """

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="balance"
    )
    amount = AmountField(_("balance"), default=0)
    held = AmountField(_("held by running calls"), default=0)

    class Meta:
        verbose_name = _("balance")
        verbose_name_plural = _("balances")
        constraints = [models.CheckConstraint(condition=models.Q(held__gte=0), name="held_not_negative")]

    def __str__(self) -> str:
        return f"{self.amount}"


class EntryKind(models.TextChoices):
    """Why a balance changed."""

    CALL = "call", _("call")
    PAYMENT = "payment", _("payment")
    CORRECTION = "correction", _("correction")
    FEE = "fee", _("fee")
    BONUS = "bonus", _("bonus")
    TRANSFER = "transfer", _("credit given")
    EXPIRY = "expiry", _("expired")


class LedgerEntry(models.Model):
    """One change of one balance; only ever added (a trigger refuses UPDATE and DELETE)."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="ledger", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=EntryKind.choices)
    amount = AmountField(_("amount"), help_text=_("Positive: the account has more."))
    currency = CurrencyField(_("currency"))
    call_id = models.UUIDField(_("call"), null=True, blank=True)
    payment = models.OneToOneField("Payment", models.PROTECT, null=True, blank=True, related_name="entry")
    rerating = models.ForeignKey(
        "cdrs.Rerating",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="entries",
        verbose_name=_("re-rating"),
    )
    text = models.CharField(_("text"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["call_id", "account"], condition=models.Q(kind="call"), name="a_call_is_charged_once"
            ),
            models.UniqueConstraint(
                fields=["rerating", "call_id", "account"],
                condition=models.Q(rerating__isnull=False),
                name="a_rerating_corrects_once",
            ),
        ]
        indexes = [models.Index(fields=["account", "-created_at"], name="ledger_account")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Hold(models.Model):
    """Money set aside for a call that runs. Owned by a worker's boot, so that a dead one's holds can be let go."""

    call_id = models.UUIDField(_("call"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="holds", verbose_name=_("account")
    )
    amount = AmountField(_("amount"))
    worker = models.CharField(_("worker"), max_length=64)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["call_id", "account"], name="one_hold_per_payer"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="hold_not_negative"),
        ]
        indexes = [models.Index(fields=["worker"], name="hold_worker")]

    def __str__(self) -> str:
        return f"{self.amount}"


class PaymentMethod(models.TextChoices):
    """How money came in."""

    CASH = "cash", _("cash")
    TRANSFER = "transfer", _("bank transfer")
    CARD = "card", _("card")
    CREDIT = "credit", _("credit of another account")
    VOUCHER = "voucher", _("voucher")
    OTHER = "other", _("other")


class Payment(models.Model):
    """Money that an account paid in, entered by hand. A wrong one is taken back by a second, negative one."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="payments", verbose_name=_("account")
    )
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    method = models.CharField(
        _("method"), max_length=12, choices=PaymentMethod.choices, default=PaymentMethod.TRANSFER
    )
    reference = models.CharField(_("reference"), max_length=128, blank=True)
    idempotency_key = models.CharField(max_length=128, null=True, blank=True, unique=True, editable=False)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("entered by"),
    )
    created_at = models.DateTimeField(_("time"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~models.Q(amount=0), name="payment_not_zero")]
        indexes = [models.Index(fields=["account", "-created_at"], name="payment_account")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class DocumentType(models.TextChoices):
    """Kinds of document, each with a number series of its own."""

    INVOICE = "invoice", _("invoice")
    CREDIT_NOTE = "credit_note", _("credit note")


class NumberSeries(models.Model):
    """The last number given out per issuer, type and year; locked while a document is issued, so without gaps."""

    issuer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    document_type = models.CharField(max_length=12, choices=DocumentType.choices)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "document_type", "year"], name="one_number_series")
        ]

    def __str__(self) -> str:
        return f"{self.document_type} {self.year}: {self.last}"


class Invoice(models.Model):
    """An issued document. It copies all it says, because it may never change; a mistake is undone by a credit note."""

    issuer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invoices_issued", verbose_name=_("issuer")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invoices", verbose_name=_("account")
    )
    document_type = models.CharField(
        _("type"), max_length=12, choices=DocumentType.choices, default=DocumentType.INVOICE
    )
    year = models.PositiveSmallIntegerField(_("year"))
    sequence = models.PositiveIntegerField(_("sequence"))
    number = models.CharField(_("number"), max_length=32)
    refers_to = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="corrections", verbose_name=_("refers to")
    )
    period_start = models.DateTimeField(_("period from"))
    period_end = models.DateTimeField(_("period to"), help_text=_("The first instant after it."))
    issued_at = models.DateTimeField(_("issued"), default=timezone.now)
    due_on = models.DateField(_("due"))
    issuer_name = models.CharField(max_length=128)
    issuer_address = models.TextField(blank=True)
    issuer_vat_number = models.CharField(max_length=32, blank=True)
    customer_name = models.CharField(_("customer"), max_length=128)
    customer_address = models.TextField(blank=True)
    customer_vat_number = models.CharField(max_length=32, blank=True)
    customer_email = models.EmailField(blank=True)
    language = models.CharField(max_length=8, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = CurrencyField(_("currency"))
    net = AmountField(_("net"))
    vat = AmountField(_("VAT"))
    gross = AmountField(_("gross"))
    rounding = AmountField(
        _("rounding"),
        default=0,
        help_text=_("What is to be paid is the gross with this, in whole coins (EN 16931 BT-114)."),
    )
    digits = models.PositiveSmallIntegerField(
        null=True, editable=False
    )  # of its amounts; None: as ISO 4217 has it
    pdf = models.BinaryField(editable=False, null=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "document_type", "year", "sequence"], name="invoice_number_once"
            ),
            models.UniqueConstraint(fields=["issuer", "number"], name="invoice_number_text_once"),
            models.CheckConstraint(
                condition=models.Q(period_end__gt=models.F("period_start")), name="invoice_period_not_empty"
            ),
        ]
        indexes = [models.Index(fields=["account", "-issued_at"], name="invoice_account")]

    def __str__(self) -> str:
        return self.number

    @property
    def to_pay(self) -> Decimal:
        """What is due, in whole coins."""
        return Decimal(self.gross + self.rounding)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise models.ProtectedError("An issued invoice is never deleted; issue a credit note.", {self})


class InvoiceLine(models.Model):
    """One line of an invoice: calls to one destination at one VAT rate, summed exactly and rounded once."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=200)
    calls = models.PositiveIntegerField(default=0)
    seconds = models.PositiveBigIntegerField(default=0)
    unit_price = AmountField(default=0, help_text="Net per minute on average, from the exact sum.")
    net = AmountField()
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, validators=[MinValueValidator(0)])

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once")]

    def __str__(self) -> str:
        return self.text
