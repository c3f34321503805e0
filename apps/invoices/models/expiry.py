"""Prepaid balances that expire (guide 3961-3977, 10766-10778)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Expiry(models.Model):
    """Until when an account's balance holds, and the account itself; put off by each payment that counts for it."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="expiry",
        verbose_name=_("account"),
    )
    balance_until = models.DateTimeField(_("the balance holds until"))
    account_until = models.DateTimeField(_("the account holds until"), null=True, blank=True)

    class Meta:
        verbose_name = _("expiry of a balance")
        verbose_name_plural = _("expiries of balances")
        ordering = ["balance_until"]
        indexes = [models.Index(fields=["balance_until"], name="expiry_balance")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_until:%Y-%m-%d}"
