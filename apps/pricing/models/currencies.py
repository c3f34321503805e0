"""What currencies are worth in each other, and how exactly their amounts are written and paid (guide 4015-4048)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField


class ExchangeRate(models.Model):
    """Units of `currency` for one unit of the setting `currency` (the installation's own), from a day on."""

    currency = CurrencyField(_("currency"))
    valid_from = models.DateField(_("valid from"))
    units = models.DecimalField(_("units for one of ours"), max_digits=18, decimal_places=8)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["currency", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "valid_from"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(condition=models.Q(units__gt=0), name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.valid_from}"


class CurrencyPrecision(models.Model):
    """How documents in a currency are written and paid; without one, as ISO 4217 has it and to the last decimal.

    The guide's separator is that of the document's language, and the decimals of its total follow from the coins.
    """

    currency = CurrencyField(_("currency"), unique=True)
    decimals = models.PositiveSmallIntegerField(
        _("decimals on documents"), default=2, validators=[MaxValueValidator(6)]
    )
    cash_step = AmountField(
        _("smallest coin"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("What is to be paid is rounded to it, such as 5 in forints; 0: not rounded."),
    )

    class Meta:
        verbose_name = _("precision of a currency")
        verbose_name_plural = _("precision of currencies")
        ordering = ["currency"]

    def __str__(self) -> str:
        return f"{self.currency}: {self.decimals}"
