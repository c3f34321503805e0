"""What currencies are worth in each other (guide 4015-4048)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import CurrencyField


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
