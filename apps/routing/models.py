"""By which way a call leaves: rules in priority order, each with the carriers it offers (guide 2560-3260)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField
from apps.routing.health.models import TrunkDay, TrunkEvent, TrunkHealth, TrunkHour, TrunkTally

__all__ = [
    "BestRoute",
    "BestRouteDay",
    "RouteRule",
    "RouteService",
    "RouteTarget",
    "Strategy",
    "TrunkDay",
    "TrunkEvent",
    "TrunkHealth",
    "TrunkHour",
    "TrunkTally",
]

#: Kinds that can be rung.
PHONES = ("subscriber", "extension", "agent")
prefix_list_rule = RegexValidator(r"^[0-9*#]*(\s*,\s*[0-9*#]+)*\Z", _("Prefixes separated by commas."))


class Strategy(models.TextChoices):
    """In which order the targets of one rule and priority are tried."""

    BY_SETTING = "", _("as the setting brs_lcr says")
    LEAST_COST = "least_cost", _("least cost")
    BEST_ROUTE = "best_route", _("best route: price and quality")
    BEST_THEN_CHEAPEST = "best_then_cheapest", _("best route, then least cost")
    WEIGHT = "weight", _("weight")
    BALANCED = "balanced", _("spread evenly")


class RouteService(models.TextChoices):
    """Which service a rule is for."""

    BOTH = "", _("calls and messages")
    VOICE = "voice", _("calls")
    SMS = "sms", _("text messages")


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
    groups = models.ManyToManyField(
        "groups.AccountGroup",
        blank=True,
        related_name="+",
        verbose_name=_("groups of the caller"),
        help_text=_("The caller, or somebody above it, is in one of them; empty: anyone."),
    )
    service = models.CharField(
        _("service"), max_length=8, choices=RouteService.choices, blank=True, default=RouteService.BOTH
    )
    tech_prefixes = models.CharField(
        _("tech prefix"),
        max_length=255,
        blank=True,
        validators=[prefix_list_rule],
        help_text=_("With which the call came; empty or *: with any, or without."),
    )
    caller_prefixes = models.TextField(
        _("caller number begins with"), blank=True, validators=[prefix_list_rule]
    )
    called_prefixes = models.TextField(
        _("called number begins with"),
        blank=True,
        validators=[prefix_list_rule],
        help_text=_("Prefixes with commas, as many as you like. Empty: any number."),
    )
    window = models.ForeignKey(
        "pricing.TimeWindow",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("time window"),
        help_text=_("On the caller's clock; empty: always."),
    )
    calendars = models.ManyToManyField(
        "pricing.Calendar",
        blank=True,
        related_name="+",
        verbose_name=_("holidays"),
        help_text=_("The dates of these calendars do not count as their weekday in the time window."),
    )
    strategy = models.CharField(
        _("order"), max_length=20, choices=Strategy.choices, blank=True, default=Strategy.BY_SETTING
    )
    final = models.BooleanField(
        _("last word"),
        default=False,
        help_text=_(
            "Rules after this one are not asked, even when all its carriers fail. Without carriers it blocks its calls."
        ),
    )

    together = models.BooleanField(
        _("ring group"),
        default=False,
        help_text=_("Its subscribers ring all at once, not the best one first."),
    )

    class Meta:
        verbose_name = _("route rule")
        verbose_name_plural = _("route rules")
        ordering = ["priority", "id"]

    def __str__(self) -> str:
        return self.name


class RouteTarget(models.Model):
    """Where a rule leads: a carrier, a subscriber of ours, or a group of those. A rule leads to carriers, or inside.

    Lower priority numbers are tried first. Equal carriers are ordered by the rule's strategy; of equal subscribers the best
    one comes first: registered, in no call, longest without one (guide 9770).
    """

    rule = models.ForeignKey(RouteRule, models.CASCADE, related_name="targets", verbose_name=_("rule"))
    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="route_targets",
        verbose_name=_("carrier"),
        limit_choices_to={"kind": "carrier"},
    )
    subscriber = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="inside_routes",
        verbose_name=_("or subscriber"),
        limit_choices_to={"kind__in": PHONES},
    )
    group = models.ForeignKey(
        "groups.AccountGroup",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="inside_routes",
        verbose_name=_("or group"),
        help_text=_("The accounts that were put into it, 100 at most, and not those below them."),
    )
    priority = models.PositiveIntegerField(
        _("priority"), default=1, help_text=_("1 first. 100 apart outweighs a demotion.")
    )
    weight = models.PositiveIntegerField(
        _("weight"), default=1, help_text=_("For the order by weight; 0: last.")
    )
    share = models.PositiveSmallIntegerField(
        _("share, %"),
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("So many of a hundred calls go to it first, whatever it costs."),
    )
    max_calls = models.PositiveIntegerField(
        _("lines"), default=0, help_text=_("Calls of this rule at once; 0: no limit.")
    )
    calls_per_second = models.PositiveIntegerField(
        _("calls per second"), default=0, help_text=_("Of this rule, for each switch worker; 0: no limit.")
    )
    minutes_per_day = models.PositiveIntegerField(
        _("minutes a day"), default=0, help_text=_("Of this rule, by UTC; 0: no limit.")
    )
    minutes_per_month = models.PositiveIntegerField(
        _("minutes a month"), default=0, help_text=_("Of this rule, by UTC; 0: no limit.")
    )
    full_until = models.DateTimeField(_("used up until"), null=True, editable=False)
    month_seconds = models.PositiveBigIntegerField(
        _("seconds of this month, without today's"), default=0, editable=False
    )
    month_counted_on = models.DateField(_("counted on"), null=True, editable=False)
    window = models.ForeignKey(
        "pricing.TimeWindow",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("time window"),
    )
    last_resort = models.BooleanField(
        _("last resort"), default=False, help_text=_("After all others of the rule, demoted ones too.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("route target")
        verbose_name_plural = _("route targets")
        ordering = ["priority", "id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "carrier"], name="carrier_once_per_rule"),
            models.UniqueConstraint(fields=["rule", "subscriber"], name="subscriber_once_per_rule"),
            models.UniqueConstraint(fields=["rule", "group"], name="group_once_per_rule"),
            models.CheckConstraint(
                condition=models.Q(carrier__isnull=False, subscriber=None, group=None)
                | models.Q(carrier=None, subscriber__isnull=False, group=None)
                | models.Q(carrier=None, subscriber=None, group__isnull=False),
                name="route_target_is_one_of_three",
                violation_error_message=_("Name a carrier, a subscriber or a group: one of them."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} → {self.leads_to}"

    @property
    def leads_to(self) -> str:
        """The name of the carrier, the subscriber or the group."""
        return str(self.carrier or self.subscriber or self.group)


def _percent(name: Any, default: int, least: int = 0, **options: Any) -> Any:
    limits = [MinValueValidator(least), MaxValueValidator(100)]
    return models.PositiveSmallIntegerField(name, default=default, validators=limits, **options)


class BestRoute(models.Model):
    """What price and quality of a carrier are worth for a destination: the figures of the best route (guide 3378-3436).

    What was measured and when it is tried again the office fills in from call records; the rest is the operator's.
    """

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="best_routes",
        verbose_name=_("carrier"),
        limit_choices_to={"kind": "carrier"},
    )
    prefix = models.CharField(
        _("called number begins with"),
        max_length=20,
        blank=True,
        validators=[RegexValidator(r"^[0-9]*\Z")],
        help_text=_("Empty: any number."),
    )
    quality_percent = _percent(
        _("weight of the quality, %"), 50, help_text=_("0: only the price counts; 100: only the quality.")
    )
    accuracy = _percent(
        _("accuracy, %"), 30, 1, help_text=_("The higher, the smaller the difference that decides.")
    )
    min_asr = _percent(_("worst ASR, %"), 20)
    max_asr = _percent(_("best ASR, %"), 70)
    min_acd = models.PositiveIntegerField(_("worst ACD, s"), default=35)
    max_acd = models.PositiveIntegerField(_("best ACD, s"), default=240)
    min_price = AmountField(
        _("best price"), default=0, validators=[MinValueValidator(0)], help_text=_("A minute, by the second.")
    )
    max_price = AmountField(
        _("worst price"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("A minute, by the second; 0: that of the dearest carrier that can have the call."),
    )
    asr_day = models.FloatField(_("ASR of the last day"), null=True, editable=False)
    acd_day = models.FloatField(_("ACD of the last day"), null=True, editable=False)
    asr_month = models.FloatField(_("ASR of the last month"), null=True, editable=False)
    acd_month = models.FloatField(_("ACD of the last month"), null=True, editable=False)
    measured_at = models.DateTimeField(_("measured"), null=True, editable=False)
    tried = models.PositiveSmallIntegerField(_("times tried again"), default=0, editable=False)
    next_try = models.DateTimeField(_("tried again from"), null=True, editable=False)
    next_try_count = models.PositiveIntegerField(_("calls for it"), default=10, editable=False)
    try_count = models.PositiveIntegerField(_("calls so far"), default=0, editable=False)
    is_best = models.BooleanField(_("the best of its destination"), default=False, editable=False)

    class Meta:
        verbose_name = _("best route figures")
        verbose_name_plural = _("best route figures")
        ordering = ["prefix", "carrier"]
        constraints = [
            models.UniqueConstraint(fields=["carrier", "prefix"], name="best_route_once"),
            models.CheckConstraint(
                condition=models.Q(max_asr__gt=models.F("min_asr"), max_acd__gt=models.F("min_acd")),
                name="best_route_worst_below_best",
                violation_error_message=_("The best ASR and ACD must be above the worst."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.carrier} {self.prefix or '*'}"


class BestRouteDay(models.Model):
    """How the calls of one day (UTC) to a destination went by a carrier; kept as long as the figures of a month need it."""

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("carrier")
    )
    prefix = models.CharField(_("called number begins with"), max_length=20)
    day = models.DateField(_("day"))
    attempts = models.PositiveIntegerField(_("attempts"))
    answered = models.PositiveIntegerField(_("answered"))
    seconds = models.PositiveBigIntegerField(_("seconds"))
    firsts = models.PositiveIntegerField(_("tried first"))

    class Meta:
        verbose_name = _("day of a route")
        verbose_name_plural = _("days of routes")
        constraints = [
            models.UniqueConstraint(fields=["day", "carrier", "prefix"], name="best_route_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.carrier_id} {self.prefix} {self.day}"
