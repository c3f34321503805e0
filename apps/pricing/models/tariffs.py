"""Price groups, tariffs, their rates, and who pays by which tariff when (guide 3642-3900)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField, percent, zone_name
from apps.groups.models import AccountGroup
from apps.pricing.models.hours import Calendar, TimeWindow

NOT_NEGATIVE = MinValueValidator(0)
prefix_rule = RegexValidator(r"^[0-9*#]*\Z", _("Digits, * and # only; empty means every destination."))


class TariffKind(models.TextChoices):
    """Who pays by a tariff, and so which price of a CDR it makes (the guide's enduser, provider, other, sales, company)."""

    RETAIL = "retail", _("retail")
    CARRIER = "carrier", _("carrier")
    RESELLER = "reseller", _("reseller")
    SALES = "sales", _("sales")
    COMPANY = "company", _("company")
    PACKET = "packet", _("packet")  # the retail price of calls that an allowance of money pays for


class Service(models.TextChoices):
    """What a tariff is given for (the guide's ServiceType)."""

    VOICE = "voice", _("calls")
    SMS = "sms", _("messages")
    INBOUND = "inbound", _("calls to the account, at its charge")


class Rounding(models.TextChoices):
    """How the price of a call is rounded, once, at its end."""

    HALF_UP = "half_up", _("half up")
    UP = "up", _("up")
    DOWN = "down", _("down")
    NONE = "none", _("none: to the millionth")


class Crossing(models.TextChoices):
    """How a call is priced that is up while one time window ends and another begins."""

    PER_SECOND = "per_second", _("each second by its own window")
    INCREMENT_START = "increment_start", _("each increment by the window in which it begins")
    CALL_START = "call_start", _("all of the call by the window in which it begins")
    CALL_MIDDLE = "call_middle", _("all of the call by the window of its middle")


class PriceGroup(models.Model):
    """A shelf of tariffs that belong together, such as all those of wholesale customers."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("price group")
        verbose_name_plural = _("price groups")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tariff(models.Model):
    """A price list with what holds for all of its rates unless a rate says otherwise."""

    name = models.CharField(_("name"), max_length=128)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="own_tariffs",
        verbose_name=_("reseller"),
        help_text=_("Whose price list it is; empty: the house's."),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=TariffKind.choices, default=TariffKind.RETAIL)
    group = models.ForeignKey(
        PriceGroup,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="tariffs",
        verbose_name=_("price group"),
    )
    currency = CurrencyField(_("currency"))
    vat_included = models.BooleanField(_("prices include VAT"), default=False)
    vat_rate = models.DecimalField(
        _("VAT % in the prices"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[percent],
        help_text=_("Only for prices that include it; what is added to net prices is the account's own."),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[zone_name])
    peak_window = models.ForeignKey(
        TimeWindow,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("peak time"),
        help_text=_("What the peak column of an imported list means."),
    )
    rounding = models.CharField(
        _("rounding"), max_length=8, choices=Rounding.choices, default=Rounding.HALF_UP
    )
    decimals = models.PositiveSmallIntegerField(_("decimals of a call's price"), default=4)
    connect_fee = AmountField(_("connect fee"), default=0)
    first_increment = models.PositiveIntegerField(
        _("first increment, s"), default=1, validators=[MinValueValidator(1)]
    )
    next_increment = models.PositiveIntegerField(
        _("next increments, s"), default=1, validators=[MinValueValidator(1)]
    )
    minimum_seconds = models.PositiveIntegerField(_("minimum, s"), default=0)
    free_seconds = models.PositiveIntegerField(_("free at the start, s"), default=0)
    free_after = models.PositiveIntegerField(_("free after, s"), default=0, help_text=_("0: never."))
    grace_seconds = models.PositiveIntegerField(
        _("grace, s"), default=0, help_text=_("A call that lasts no longer costs nothing at all.")
    )
    minimum_charge = AmountField(
        _("least price of a call"), default=0, validators=[NOT_NEGATIVE], help_text=_("0: none.")
    )
    maximum_charge = AmountField(
        _("highest price of a call"), default=0, validators=[NOT_NEGATIVE], help_text=_("0: no limit.")
    )
    surcharge = AmountField(
        _("surcharge per call"),
        default=0,
        validators=[NOT_NEGATIVE],
        help_text=_("On top of every charged call, above its highest price too; price lists show it."),
    )
    crossing = models.CharField(
        _("calls across time windows"), max_length=16, choices=Crossing.choices, default=Crossing.PER_SECOND
    )
    calendars = models.ManyToManyField(
        Calendar,
        blank=True,
        related_name="tariffs",
        verbose_name=_("calendars"),
        help_text=_("Whose holidays and working Saturdays its time windows heed."),
    )
    comment = models.TextField(_("comment"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="tariff_name_once",
                nulls_distinct=False,
                violation_error_message=_("There is a tariff of this name already."),
            ),
            models.CheckConstraint(condition=models.Q(decimals__lte=6), name="tariff_decimals_up_to_six"),
            models.CheckConstraint(
                condition=models.Q(first_increment__gte=1, next_increment__gte=1),
                name="tariff_increments_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Rate(models.Model):
    """The price per minute of one prefix from a day on, always or in a time window. Empty fields: the tariff's."""

    tariff = models.ForeignKey(Tariff, models.CASCADE, related_name="rates", verbose_name=_("tariff"))
    prefix = models.CharField(_("prefix"), max_length=20, blank=True, validators=[prefix_rule])
    destination = models.CharField(_("destination"), max_length=128, blank=True)
    price = AmountField(_("price per minute"))
    window = models.ForeignKey(
        TimeWindow,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("time window"),
        help_text=_("Empty: whenever no other rate of this prefix applies."),
    )
    connect_fee = AmountField(_("connect fee"), null=True, blank=True)
    first_increment = models.PositiveIntegerField(_("first increment, s"), null=True, blank=True)
    next_increment = models.PositiveIntegerField(_("next increments, s"), null=True, blank=True)
    minimum_seconds = models.PositiveIntegerField(_("minimum, s"), null=True, blank=True)
    free_seconds = models.PositiveIntegerField(_("free at the start, s"), null=True, blank=True)
    free_after = models.PositiveIntegerField(_("free after, s"), null=True, blank=True)
    grace_seconds = models.PositiveIntegerField(_("grace, s"), null=True, blank=True)
    minimum_charge = AmountField(_("least price of a call"), null=True, blank=True, validators=[NOT_NEGATIVE])
    maximum_charge = AmountField(
        _("highest price of a call"), null=True, blank=True, validators=[NOT_NEGATIVE]
    )
    surcharge = AmountField(_("surcharge per call"), null=True, blank=True, validators=[NOT_NEGATIVE])
    min_digits = models.PositiveSmallIntegerField(_("shortest number"), default=0)
    max_digits = models.PositiveSmallIntegerField(_("longest number"), default=0, help_text=_("0: any."))
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)

    class Meta:
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        ordering = ["tariff", "prefix", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["tariff", "prefix", "window", "min_digits", "max_digits", "valid_from"],
                name="rate_once_per_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(first_increment__isnull=True) | models.Q(first_increment__gte=1),
                name="rate_first_increment_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(next_increment__isnull=True) | models.Q(next_increment__gte=1),
                name="rate_next_increment_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="rate_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["prefix"], name="rate_prefix", opclasses=["varchar_pattern_ops"])]

    def __str__(self) -> str:
        return f"{self.tariff}: {self.prefix or '*'}"


class TariffAssignment(models.Model):
    """By which tariff an account pays, for calls that all of its conditions fit; what is below it in the tree inherits it.

    Of several of one kind and service that fit and are valid now the most particular holds: one for a caller, then for a
    group of callers, for a tech prefix, for the longest beginning of the caller's number, then the one that began last
    (the guide's "traffic direction" and validity of a packet, 3816-3824).
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="tariffs", verbose_name=_("account")
    )
    tariff = models.ForeignKey(Tariff, models.PROTECT, related_name="assignments", verbose_name=_("tariff"))
    kind = models.CharField(_("kind"), max_length=8, choices=TariffKind.choices, editable=False)
    caller_prefix = models.CharField(
        _("caller number begins with"),
        max_length=20,
        blank=True,
        validators=[prefix_rule],
        help_text=_("Empty: whoever calls."),
    )
    service = models.CharField(_("service"), max_length=8, choices=Service.choices, default=Service.VOICE)
    caller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("calls of"),
        help_text=_("Of this account and all below it, and what this trunk brings. Empty: of everybody."),
    )
    caller_group = models.ForeignKey(
        AccountGroup,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("group of callers"),
        help_text=_("Empty: in whatever group."),
    )
    tech_prefix = models.CharField(
        _("tech prefix"),
        max_length=16,
        blank=True,
        validators=[prefix_rule],
        help_text=_("With which the call came. Empty: any, or none."),
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True, help_text=_("Empty: always."))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)

    class Meta:
        verbose_name = _("tariff of an account")
        verbose_name_plural = _("tariffs of accounts")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "account",
                    "kind",
                    "service",
                    "caller",
                    "caller_group",
                    "tech_prefix",
                    "caller_prefix",
                    "valid_from",
                ],
                name="one_tariff_of_a_kind_and_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="tariff_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.tariff}"

    def as_row(self) -> tuple[Any, ...]:
        """As `apps.pricing.engine.price_lists.assignment` reads it."""
        row = self.tariff_id, self.caller_prefix, _second(self.valid_from), _second(self.valid_until)
        caller = (self.caller_id, self.caller.username) if self.caller else None
        group = (self.caller_group_id, self.caller_group.name) if self.caller_group else None
        if self.service == Service.VOICE and not (caller or group or self.tech_prefix):
            return row
        return *row, self.service, caller, group, self.tech_prefix

    def clean(self) -> None:
        self.kind = self.tariff.kind if self.tariff_id else ""


UNCONDITIONAL: dict[str, Any] = {
    "service": Service.VOICE,
    "caller": None,
    "caller_group": None,
    "tech_prefix": "",
    "caller_prefix": "",
    "valid_from": None,
}
"""What the assignment looks like that holds for all calls that none else is for."""
CONDITIONS = ("service", "caller", "caller_group", "tech_prefix", "caller_prefix")


def _second(moment: datetime | None) -> int | None:
    """The first whole second from there on."""
    return None if moment is None else -int(-moment.timestamp() // 1)
