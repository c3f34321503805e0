"""Lists of called numbers, rules of the firewall, bans (guide 2477-2498, 3002-3154, 8816-8826)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField

MOST_DIGITS = 16
"""A key of the mapped list has so many symbols; E.164 numbers have 15."""

number_rule = RegexValidator(
    rf"^[0-9]{{1,{MOST_DIGITS}}}\Z", _("A number or how it begins: country code first, digits only.")
)


class Book(models.TextChoices):
    """Which list. The switch has one file of each, so that what statistics add every hour does not rewrite a million rows."""

    BLACK = "black", _("blacklist")
    WHITE = "white", _("whitelist")
    AUTOMATIC = "automatic", _("blacklist, found by statistics")


class Level(models.IntegerChoices):
    """How sure it is (the guide's `sure`)."""

    PROBABLY_GOOD = 0, _("0 probably good")
    NOT_SURE = 1, _("1 not sure")
    PROBABLY_WRONG = 2, _("2 probably wrong")
    VERY_SURE = 3, _("3 very sure")
    ALWAYS = 6, _("6 always block")


class ScreenedNumber(models.Model):
    """A called number, or the beginning of many, that is blocked or known to be good: for everybody, or for one account and those
    below it.

    Which levels stop a call the setting `filtering` of the caller and of the carrier says; level 6 stops every call.
    """

    book = models.CharField(_("list"), max_length=9, choices=Book.choices, default=Book.BLACK)
    number = models.CharField(_("number"), max_length=MOST_DIGITS, validators=[number_rule])
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="screened_numbers",
        verbose_name=_("account"),
        help_text=_("Whose calls: of it and everybody below it; empty: everybody's."),
    )
    level = models.PositiveSmallIntegerField(_("level"), choices=Level.choices, default=Level.ALWAYS)
    expires_at = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: for good."))
    enabled = models.BooleanField(_("in force"), default=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    found_by = models.CharField(_("found by"), max_length=16, blank=True, editable=False)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("screened number")
        verbose_name_plural = _("screened numbers")
        ordering = ["number", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["book", "number", "account"],
                condition=models.Q(account__isnull=False),
                name="listed_once_per_account",
                violation_error_message=_("This number is on the list already."),
            ),
            models.UniqueConstraint(
                fields=["book", "number"],
                condition=models.Q(account__isnull=True),
                name="listed_once_for_everybody",
                violation_error_message=_("This number is on the list already."),
            ),
            models.CheckConstraint(
                condition=models.Q(number__regex=rf"^[0-9]{{1,{MOST_DIGITS}}}$"),
                name="a_listed_number_is_digits",
            ),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="a_level_that_there_is"),
        ]
        indexes = [
            models.Index(fields=["number"], name="listed_number", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["book", "found_by"], name="listed_found_by"),
        ]

    def __str__(self) -> str:
        return self.number


class FirewallRule(models.Model):
    """Who is heard at all, decided before a message is understood (guide 2477-2498).

    `source`: an address, a network, an address with a port, `C:` and a country, `U:` and a user name or number of From, or `*`, the
    rule for everybody else. While `*` is allowed, all are heard but those that are not; else nobody but those that are, and our
    trunks and carriers.
    """

    source = models.CharField(
        _("source"),
        max_length=64,
        unique=True,
        help_text=_(
            "192.0.2.7, 192.0.2.7:5060, 192.0.2.0/24, 2001:db8::/48, C:HU for a country (C:ZZ: not known), U:name for a user name or"
            " number of From, or *."
        ),
    )
    allowed = models.BooleanField(_("heard"), default=False)
    enabled = models.BooleanField(_("in force"), default=True)
    comment = models.CharField(_("comment"), max_length=200, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("firewall rule")
        verbose_name_plural = _("firewall rules")
        ordering = ["source"]

    def __str__(self) -> str:
        return self.source


class CountryFile(models.Model):
    """How a node's file of countries is (setting `geoipfile`); no row: it has none."""

    node = models.CharField(_("node"), max_length=64, unique=True, blank=True)
    path = models.CharField(_("file"), max_length=500)
    error = models.CharField(_("error"), max_length=500, blank=True)
    built_at = models.DateTimeField(_("made"), null=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("file of countries")
        verbose_name_plural = _("files of countries")
        ordering = ["node"]

    def __str__(self) -> str:
        return self.path


class Ban(models.Model):
    """That a worker stopped hearing a source, why and until when; kept as a history."""

    source = models.CharField(_("source"), max_length=64)
    reason = models.CharField(_("reason"), max_length=200)
    worker = models.CharField(_("worker"), max_length=64)
    banned_at = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    lifted_at = models.DateTimeField(_("lifted"), null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("lifted by")
    )

    class Meta:
        verbose_name = _("ban")
        verbose_name_plural = _("bans")
        ordering = ["-banned_at", "-id"]
        permissions = [("lift_ban", "Can let a banned source be heard again")]
        indexes = [
            models.Index(fields=["-banned_at"], name="ban_time"),
            models.Index(fields=["source"], name="ban_source"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "banned_at", "worker"], name="a_ban_is_told_once")
        ]

    def __str__(self) -> str:
        return self.source


class Good(models.IntegerChoices):
    """What statistics say of a caller (the guide's `good`)."""

    BAD = 0, _("0 bad: refused")
    UNDECIDED = 1, _("1 not decided")
    GOOD = 2, _("2 good")
    VERY_GOOD = 3, _("3 very good")
    KEY = 4, _("4 pressed the key")


class CallerStanding(models.Model):
    """Whether a caller's calls go out, by how its calls went (guide 14122-14160, 14189-14309).

    `key` says whose: `number:` and the last digits of a caller number, `ip:` and an address, `user:` or `trunk:` and an account's
    id, `number_ip:` both with @ between. Who is bad is refused until `expires_at`, unless it calls somebody here.
    """

    key = models.CharField(_("caller"), max_length=90, unique=True)
    good = models.PositiveSmallIntegerField(_("standing"), choices=Good.choices, default=Good.UNDECIDED)
    calls = models.PositiveIntegerField(_("calls"), default=0)
    asr = models.DecimalField(_("ASR, %"), max_digits=5, decimal_places=1, default=0)
    acd = models.DecimalField(_("ACD, s"), max_digits=9, decimal_places=1, default=0)
    by_hand = models.BooleanField(_("by hand"), default=False, help_text=_("Statistics leave it as it is."))
    expires_at = models.DateTimeField(_("until"))
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("caller standing")
        verbose_name_plural = _("caller standings")
        ordering = ["good", "key"]
        constraints = [
            models.CheckConstraint(condition=models.Q(good__in=Good.values), name="a_standing_that_there_is")
        ]
        indexes = [models.Index(fields=["good", "expires_at"], name="standing_good")]

    def __str__(self) -> str:
        return self.key


class Alert(models.Model):
    """That an account spends unlike itself: far more within an hour than in any hour of the last two weeks. One a day for each."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="alerts", verbose_name=_("account")
    )
    day = models.DateField(_("day"))
    calls = models.PositiveIntegerField(_("calls in the hour"))
    cost = AmountField(_("cost in the hour"))
    usual_cost = AmountField(_("most in an hour before"))
    currency = CurrencyField(_("currency"))
    raised_at = models.DateTimeField(_("raised"))
    seen_at = models.DateTimeField(_("seen"), null=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("seen by")
    )

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-raised_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="one_alert_a_day")]

    def __str__(self) -> str:
        return f"{self.account.username} {self.day}"
