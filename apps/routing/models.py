"""By which way a call leaves: rules in priority order, each with the carriers it offers (guide 2560-3260)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

prefix_list_rule = RegexValidator(r"^[0-9*#]*(\s*,\s*[0-9*#]+)*\Z", _("Prefixes separated by commas."))


class Strategy(models.TextChoices):
    """In which order the targets of one rule and priority are tried."""

    LEAST_COST = "least_cost", _("least cost")
    WEIGHT = "weight", _("weight")


class RouteRule(models.Model):
    """Calls that this rule takes, and how it orders its targets. Rules are asked in order of priority, 1 first."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    priority = models.PositiveIntegerField(_("priority"), default=100)
    enabled = models.BooleanField(_("enabled"), default=True)
    caller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="route_rules",
        verbose_name=_("caller"),
        help_text=_("The account or anybody below it; empty: anyone."),
    )
    caller_prefixes = models.TextField(
        _("caller number begins with"), blank=True, validators=[prefix_list_rule]
    )
    called_prefixes = models.TextField(
        _("called number begins with"),
        blank=True,
        validators=[prefix_list_rule],
        help_text=_("Empty: any number."),
    )
    window = models.ForeignKey(
        "pricing.TimeWindow",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("time window"),
    )
    strategy = models.CharField(
        _("order"), max_length=12, choices=Strategy.choices, default=Strategy.LEAST_COST
    )
    final = models.BooleanField(
        _("last word"),
        default=False,
        help_text=_("Rules after this one are not asked, even when all its carriers fail."),
    )

    class Meta:
        verbose_name = _("route rule")
        verbose_name_plural = _("route rules")
        ordering = ["priority", "id"]

    def __str__(self) -> str:
        return self.name


class RouteTarget(models.Model):
    """A carrier that a rule offers. Lower priority numbers are tried first; equals are ordered by the rule's strategy."""

    rule = models.ForeignKey(RouteRule, models.CASCADE, related_name="targets", verbose_name=_("rule"))
    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="route_targets",
        verbose_name=_("carrier"),
        limit_choices_to={"kind": "carrier"},
    )
    priority = models.PositiveIntegerField(_("priority"), default=1)
    weight = models.PositiveIntegerField(_("weight"), default=1)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("route target")
        verbose_name_plural = _("route targets")
        ordering = ["priority", "id"]
        constraints = [models.UniqueConstraint(fields=["rule", "carrier"], name="carrier_once_per_rule")]

    def __str__(self) -> str:
        return f"{self.rule} → {self.carrier}"
