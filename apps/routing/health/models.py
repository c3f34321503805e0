"""What is known of trunks: how calls by them go, which are passed over, and what was done about it (guide 3454-3488)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.routing.health.engine import DIRECTION_DIGITS


class Standing(models.TextChoices):
    """How a trunk stands (`engine.State`)."""

    GOOD = "good", _("good")
    DEMOTED = "demoted", _("demoted")
    PROBING = "probing", _("being tried")
    OUT = "out", _("out until reset")


class Happening(models.TextChoices):
    """What a history tells of (`engine.Kind`)."""

    DEMOTED = "demoted", _("demoted")
    WORSE = "worse", _("behind all others")
    PROBING = "probing", _("tried again")
    RESTORED = "restored", _("restored")
    OUT = "out", _("out until reset")
    RESET = "reset", _("reset by hand")


class TrunkHealth(models.Model):
    """How one trunk stands, or one destination by it, and what is asked of it. Made by the first call; changed when it changes.

    What changes with every call is in `TrunkTally`, so that the switch is told only what matters to it.
    """

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="trunk_health",
        verbose_name=_("carrier"),
        limit_choices_to={"kind": "carrier"},
    )
    destination = models.CharField(
        _("destination"),
        max_length=DIRECTION_DIGITS,
        blank=True,
        help_text=_("The first digits of called numbers; empty: the whole trunk."),
    )
    enabled = models.BooleanField(
        _("judged"), default=True, help_text=_("Otherwise its calls are counted, and nothing follows.")
    )
    max_failures = models.PositiveIntegerField(
        _("failures in a row"), null=True, blank=True, help_text=_("Empty: as the setting maxsubsfail says.")
    )
    min_asr = models.PositiveSmallIntegerField(
        _("lowest ASR, %"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text=_("Empty: as the setting minasr says."),
    )
    min_acd = models.PositiveIntegerField(
        _("lowest ACD, seconds"), null=True, blank=True, help_text=_("Empty: as the setting minacl says.")
    )
    min_calls = models.PositiveIntegerField(
        _("calls at least"),
        null=True,
        blank=True,
        help_text=_("Before ASR and ACD are judged. Empty: as the setting mincallcount says."),
    )
    state = models.CharField(
        _("state"), max_length=8, choices=Standing.choices, default=Standing.GOOD, editable=False
    )
    level = models.PositiveSmallIntegerField(_("how far back"), default=0, editable=False)
    since = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    until = models.DateTimeField(_("until"), null=True, editable=False)
    failure_demotions = models.PositiveIntegerField(_("demoted for failures"), default=0, editable=False)
    quality_demotions = models.PositiveIntegerField(_("demoted for quality"), default=0, editable=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = _("trunk's health")
        verbose_name_plural = _("health of trunks")
        ordering = ["carrier", "destination"]
        constraints = [
            models.UniqueConstraint(fields=["carrier", "destination"], name="trunk_health_once"),
            models.CheckConstraint(
                condition=models.Q(destination__regex=r"^[0-9*#]*$"), name="trunk_health_destination"
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "until"], name="trunk_health_not_good", condition=~models.Q(state="good")
            )
        ]
        permissions = [("reset_trunkhealth", _("Can set demoted trunks free"))]

    def __str__(self) -> str:
        return f"{self.carrier} {self.destination}".strip()


class TrunkTally(models.Model):
    """What came of the last calls (`engine.Record`): streaks, and the rolling window in parts."""

    health = models.OneToOneField(
        TrunkHealth, models.CASCADE, primary_key=True, related_name="tally", verbose_name=_("health")
    )
    failed = models.PositiveIntegerField(_("not answered, in a row"), default=0)
    short = models.PositiveIntegerField(_("short, in a row"), default=0)
    good = models.PositiveIntegerField(_("good calls since it is tried"), default=0)
    recent = models.JSONField(_("window"), default=list)
    last_call = models.DateTimeField(_("last call"), null=True)

    class Meta:
        verbose_name = _("trunk's tally")
        verbose_name_plural = _("tallies of trunks")

    def __str__(self) -> str:
        return f"{self.health_id}: {self.failed} / {self.short}"


class TrunkEvent(models.Model):
    """The history: what was done about a trunk, when and why. Nobody writes it but the office itself."""

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trunk_events", verbose_name=_("carrier")
    )
    destination = models.CharField(_("destination"), max_length=DIRECTION_DIGITS, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    kind = models.CharField(_("what"), max_length=8, choices=Happening.choices)
    reason = models.CharField(_("reason"), max_length=200)
    until = models.DateTimeField(_("until"), null=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("event of a trunk")
        verbose_name_plural = _("history of trunks")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["carrier", "-at"], name="trunk_event_of_carrier")]

    def __str__(self) -> str:
        return f"{self.carrier} {self.destination} {self.kind}"


class Counted(models.Model):
    """What came of calls in a stretch of time (`engine.Tally` without its streaks)."""

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("carrier")
    )
    destination = models.CharField(_("destination"), max_length=DIRECTION_DIGITS, blank=True)
    begins = models.DateTimeField(_("begins"))
    attempts = models.PositiveBigIntegerField(_("attempts"), default=0)
    answered = models.PositiveBigIntegerField(_("answered"), default=0)
    ended = models.PositiveBigIntegerField(_("ended"), default=0)
    seconds = models.PositiveBigIntegerField(_("seconds"), default=0)
    delays = models.PositiveBigIntegerField(default=0)
    delay_ms = models.PositiveBigIntegerField(default=0)
    heard = models.PositiveBigIntegerField(default=0)
    mos = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True


class TrunkHour(Counted):
    """One hour of one destination by one trunk."""

    class Meta:
        verbose_name = _("trunk's hour")
        verbose_name_plural = _("hours of trunks")
        constraints = [
            models.UniqueConstraint(fields=["carrier", "destination", "begins"], name="trunk_hour_once")
        ]
        indexes = [models.Index(fields=["begins"], name="trunk_hour_begins")]


class TrunkDay(Counted):
    """One day (UTC) of one destination by one trunk."""

    class Meta:
        verbose_name = _("trunk's day")
        verbose_name_plural = _("days of trunks")
        constraints = [
            models.UniqueConstraint(fields=["carrier", "destination", "begins"], name="trunk_day_once")
        ]
        indexes = [models.Index(fields=["begins"], name="trunk_day_begins")]
