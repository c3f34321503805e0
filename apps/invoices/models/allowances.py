"""What an account may use before its money: free seconds, money for a packet of numbers, free messages (guide 4387-4414)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField


class AllowanceKind(models.TextChoices):
    """What it consists of."""

    SECONDS = "seconds", _("free seconds")
    MONEY = "money", _("credit for packet tariffs")
    MESSAGES = "messages", _("free messages")


class Allowance(models.Model):
    """What an account has been given. What is left of it stands in `AllowanceState`, because every call changes that."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="allowances", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=64)
    kind = models.CharField(
        _("kind"), max_length=8, choices=AllowanceKind.choices, default=AllowanceKind.SECONDS
    )
    included = AmountField(
        _("included"),
        validators=[MinValueValidator(0)],
        help_text=_("Seconds, messages, or money in the account's currency."),
    )
    directions = models.CharField(
        _("for numbers"),
        max_length=400,
        blank=True,
        help_text=_("What numbers begin with, with commas; empty: all."),
    )
    renew_days = models.PositiveSmallIntegerField(
        _("new every, days"), default=0, help_text=_("0: it is given once.")
    )
    begins_at = models.DateTimeField(_("from"), default=timezone.now)
    ends_at = models.DateTimeField(_("to"), null=True, blank=True)

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")
        ordering = ["account", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(included__gte=0), name="allowance_not_negative")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def prefixes(self) -> list[str]:
        """What numbers begin with that it is for."""
        return [part for part in self.directions.replace(" ", "").split(",") if part]


class AllowanceState(models.Model):
    """What is left of an allowance, what running calls hold of that, and when it is new again."""

    allowance = models.OneToOneField(Allowance, models.CASCADE, primary_key=True, related_name="state")
    left = AmountField(_("left"))
    held = AmountField(_("held by running calls"), default=0)
    renews_at = models.DateTimeField(_("new at"), null=True, blank=True)

    class Meta:
        verbose_name = _("state of an allowance")
        verbose_name_plural = _("states of allowances")
        constraints = [
            models.CheckConstraint(condition=models.Q(held__gte=0), name="allowance_held_not_negative"),
            models.CheckConstraint(condition=models.Q(left__gte=0), name="allowance_left_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.left}"


class AllowanceHold(models.Model):
    """What a running call has set aside of an allowance."""

    call_id = models.UUIDField(_("call"))
    allowance = models.ForeignKey(Allowance, models.CASCADE, related_name="holds")
    amount = AmountField(_("amount"))
    worker = models.CharField(_("worker"), max_length=64)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("hold of an allowance")
        verbose_name_plural = _("holds of allowances")
        constraints = [
            models.UniqueConstraint(fields=["call_id", "allowance"], name="one_hold_per_allowance")
        ]
        indexes = [models.Index(fields=["worker"], name="allowance_hold_worker")]

    def __str__(self) -> str:
        return f"{self.amount}"


class AllowanceUse(models.Model):
    """What a call has used of an allowance; such a call is not re-rated, because what it would have cost is not what it used."""

    call_id = models.UUIDField(_("call"))
    allowance = models.ForeignKey(Allowance, models.PROTECT, related_name="uses", verbose_name=_("allowance"))
    amount = AmountField(_("amount"))
    ended_at = models.DateTimeField(_("ended"))

    class Meta:
        verbose_name = _("use of an allowance")
        verbose_name_plural = _("uses of allowances")
        ordering = ["-ended_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["call_id", "allowance"], name="allowance_used_once")]
        indexes = [models.Index(fields=["allowance", "-ended_at"], name="allowance_use")]

    def __str__(self) -> str:
        return f"{self.amount}"
