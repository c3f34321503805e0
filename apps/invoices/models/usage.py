"""What accounts have used, by day: what limits of a day and of a month are counted by."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField


class Usage(models.Model):
    """What calls of an account that ended on a day have cost it, and how long they were.

    The day is that of the account's own time zone. `spent` is the gross that its balance was charged with; `seconds` are those
    of calls that it made, of calls that it paid for, and of a carrier those that it carried. Only settled records change it.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="usage", verbose_name=_("account")
    )
    day = models.DateField(_("day"))
    spent = AmountField(_("spent"), default=0)
    seconds = models.PositiveBigIntegerField(_("seconds"), default=0)
    highest = AmountField(_("most spent on a day before"), default=0)

    class Meta:
        verbose_name = _("use of a day")
        verbose_name_plural = _("uses by day")
        ordering = ["-day", "account"]
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="usage_once_a_day")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}: {self.spent}"


class Growth(models.Model):
    """That the monthly limit of an account has grown after a month in which it was active; once for each month."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="growths", verbose_name=_("account")
    )
    month = models.DateField(_("month"), help_text=_("The first day of the month in which it was active."))
    before = AmountField(_("limit before"))
    after = AmountField(_("limit after"))

    class Meta:
        verbose_name = _("growth of a monthly limit")
        verbose_name_plural = _("growths of monthly limits")
        ordering = ["-month", "account"]
        constraints = [models.UniqueConstraint(fields=["account", "month"], name="growth_once_a_month")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.month}: {self.before} → {self.after}"


class UsedUp(models.Model):
    """That an account has talked as long as a limit of a day or a month lets it; the switch is told (`apps.invoices.snapshot`).

    `seconds` are all of that time, so that a limit that is raised meanwhile lets it call again.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="used_up", verbose_name=_("account")
    )
    key = models.CharField(_("setting"), max_length=64)
    seconds = models.PositiveBigIntegerField(_("seconds"))
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("time used up")
        verbose_name_plural = _("times used up")
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="used_up_once")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.key}"
