"""A carrier's price list on its way into a tariff: what it changes, kept until and after it is applied (guide 3836-3864)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField
from apps.pricing.models import Tariff


class State(models.TextChoices):
    """How far a list has come."""

    UPLOADED = "uploaded", _("columns to be confirmed")
    STAGING = "staging", _("being read")
    REFUSED = "refused", _("has errors")
    READY = "ready", _("ready to apply")
    WAITING = "waiting", _("waits for a second person")
    APPLYING = "applying", _("being applied")
    UNDOING = "undoing", _("being undone")
    APPLIED = "applied", _("applied")
    UNDONE = "undone", _("undone")
    DISCARDED = "discarded", _("discarded")


#: States in which Celery is at work, and what the list falls back to when that fails.
BUSY = {State.STAGING: State.REFUSED, State.APPLYING: State.READY, State.UNDOING: State.APPLIED}
#: States in which columns and dates can still be changed.
OPEN = (State.UPLOADED, State.REFUSED, State.READY)


class ChangeKind(models.TextChoices):
    """What a list does to a prefix."""

    NEW = "new", _("new")
    INCREASE = "increase", _("increase")
    DECREASE = "decrease", _("decrease")
    CHANGED = "changed", _("other terms")
    REMOVED = "removed", _("removed")
    WITHDRAWN = "withdrawn", _("announcement withdrawn")
    UNCHANGED = "unchanged", _("unchanged")


class ListLayout(models.Model):
    """How a tariff's lists look: remembered from the last one, offered for the next."""

    tariff = models.OneToOneField(
        Tariff, models.CASCADE, related_name="list_layout", verbose_name=_("tariff")
    )
    headings = models.JSONField(_("headings"), default=dict, help_text=_("Field to the column's heading."))
    places = models.JSONField(
        _("columns"), default=dict, help_text=_("Field to the column's number, for lists without headings.")
    )
    comma = models.BooleanField(_("decimal comma"), default=False)
    month_first = models.BooleanField(_("month before day"), default=False)
    rounds = models.BooleanField(_("round prices to six decimals"), default=False)
    complete = models.BooleanField(_("the list is complete"), default=False)

    class Meta:
        verbose_name = _("layout of price lists")
        verbose_name_plural = _("layouts of price lists")

    def __str__(self) -> str:
        return str(self.tariff)


class ChangeSet(models.Model):
    """One file, how it is read, what it would change, and what became of it. `summary` and `replay` are figures for its page."""

    tariff = models.ForeignKey(Tariff, models.CASCADE, related_name="change_sets", verbose_name=_("tariff"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.UPLOADED)
    file_name = models.CharField(_("file"), max_length=200)
    data = models.BinaryField(editable=False)
    sheet = models.CharField(_("sheet"), max_length=100, blank=True)
    encoding = models.CharField(_("encoding"), max_length=16, blank=True)
    separator = models.CharField(_("separator"), max_length=1, blank=True)
    columns = models.JSONField(_("columns"), default=dict, help_text=_("Field to column, from 0."))
    heading = models.PositiveIntegerField(_("row of headings"), default=0, help_text=_("0: none."))
    comma = models.BooleanField(_("decimal comma"), default=False)
    month_first = models.BooleanField(_("month before day"), default=False)
    rounds = models.BooleanField(_("round prices to six decimals"), default=False)
    complete = models.BooleanField(
        _("the list is complete"), default=False, help_text=_("What is not in it is removed from the tariff.")
    )
    begins = models.DateTimeField(
        _("valid from"), help_text=_("For lines without a day, and for those whose day is earlier.")
    )
    head = models.JSONField(
        default=dict, editable=False
    )  # the first rows, so that a page need not read the file
    tells_customers = models.BooleanField(_("customers are told"), default=False, editable=False)
    errors = models.JSONField(default=list, editable=False)
    error_count = models.PositiveIntegerField(default=0, editable=False)
    summary = models.JSONField(default=dict, editable=False)
    replay = models.JSONField(default=dict, editable=False)
    fingerprint = models.CharField(
        max_length=64, blank=True, editable=False
    )  # of the tariff's rates when the list was compared with them
    last_rate_id = models.BigIntegerField(null=True, editable=False)  # of all rates when it was applied
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("uploaded by"),
    )
    applied_at = models.DateTimeField(_("applied"), null=True, editable=False)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("applied by"),
    )
    undone_at = models.DateTimeField(_("undone"), null=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("undone by"),
    )

    class Meta:
        verbose_name = _("price list")
        verbose_name_plural = _("price lists")
        ordering = ["-id"]
        permissions = [("apply_changeset", "Can apply price lists and undo them")]

    def __str__(self) -> str:
        return f"{self.tariff}: {self.file_name}"


class Change(models.Model):
    """What a list does to one prefix from a moment on, with all terms resolved; amounts per minute in the tariff's currency."""

    id = models.BigAutoField(primary_key=True)
    change_set = models.ForeignKey(ChangeSet, models.CASCADE, related_name="changes")
    line = models.PositiveIntegerField(_("line"), default=0)
    kind = models.CharField(_("kind"), max_length=9, choices=ChangeKind.choices)
    prefix = models.CharField(_("prefix"), max_length=20, blank=True)
    destination = models.CharField(_("destination"), max_length=128, blank=True)
    min_digits = models.PositiveSmallIntegerField(default=0)
    max_digits = models.PositiveSmallIntegerField(default=0)
    old_rate_id = models.BigIntegerField(null=True)
    old_price = AmountField(_("price until now"), null=True)
    old_peak_price = AmountField(_("peak price until now"), null=True)
    price = AmountField(_("price"), null=True, validators=[MinValueValidator(0)])
    peak_price = AmountField(_("peak price"), null=True)
    connect_fee = AmountField(_("connect fee"), null=True)
    first_increment = models.PositiveIntegerField(null=True)
    next_increment = models.PositiveIntegerField(null=True)
    minimum_seconds = models.PositiveIntegerField(null=True)
    valid_from = models.DateTimeField(_("valid from"))
    percent = models.DecimalField(_("change, %"), max_digits=12, decimal_places=2, null=True)
    attention = models.BooleanField(_("attention"), default=False)

    class Meta:
        verbose_name = _("change of a price")
        verbose_name_plural = _("changes of prices")
        ordering = ["prefix", "valid_from"]
        indexes = [models.Index(fields=["change_set", "prefix"], name="change_prefix")]

    def __str__(self) -> str:
        return f"{self.prefix or '*'}: {self.kind}"


class Touched(models.Model):
    """A rate that applying a list added, ended, reopened or removed: what undoing it needs.

    `row` is a removed rate as it was; `valid_until` what an ended or reopened one had; `fingerprint` what the rate is
    since, so that undoing can tell whether somebody has changed it.
    """

    class What(models.TextChoices):
        ADDED = "added", _("added")
        ENDED = "ended", _("ended")
        REMOVED = "removed", _("removed")

    id = models.BigAutoField(primary_key=True)
    change_set = models.ForeignKey(ChangeSet, models.CASCADE, related_name="touched")
    rate_id = models.BigIntegerField()
    what = models.CharField(max_length=7, choices=What.choices)
    valid_until = models.DateTimeField(null=True)
    fingerprint = models.BigIntegerField(null=True)
    row = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["change_set", "what"], name="touched_what")]

    def __str__(self) -> str:
        return f"{self.rate_id} {self.what}"


class Notice(models.Model):
    """That a customer is told by e-mail what a list changes: once, whatever is tried again."""

    change_set = models.ForeignKey(
        ChangeSet, models.CASCADE, related_name="notices", verbose_name=_("price list")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("account")
    )
    email = models.EmailField(_("e-mail"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True)

    class Meta:
        verbose_name = _("notice of prices")
        verbose_name_plural = _("notices of prices")
        constraints = [
            models.UniqueConstraint(fields=["change_set", "account"], name="a_customer_is_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.change_set}"


class Stage(models.TextChoices):
    """How far a replay of routes is."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    STOPPED = "stopped", _("stopped")


class RouteReplay(models.Model):
    """What if: calls of a span of time, sent by other route rules, without some carriers, at other prices. `outcome` is figures for its page.

    `rules`: ids of the rules that would hold, enabled ones or not. `swaps`: pairs of tariffs, the second in place of the first.
    `lists`: ids of price lists that are ready and would be applied.
    """

    title = models.CharField(_("title"), max_length=100)
    rules = models.JSONField(_("route rules"), default=list)
    without = models.JSONField(_("carriers that are left out"), default=list)
    swaps = models.JSONField(_("other tariffs"), default=list)
    lists = models.JSONField(_("price lists"), default=list)
    prefix = models.CharField(_("numbers that begin with"), max_length=20, blank=True)
    since = models.DateTimeField(_("calls since"))
    until = models.DateTimeField(_("calls until"))
    prices_at = models.DateTimeField(
        _("prices of the week from"), help_text=_("Calls are decided at their hour of that week.")
    )
    stage = models.CharField(_("state"), max_length=8, choices=Stage.choices, default=Stage.WAITING)
    done = models.PositiveIntegerField(_("calls decided"), default=0)
    total = models.PositiveIntegerField(_("calls"), default=0)
    outcome = models.JSONField(default=dict, editable=False)
    error = models.CharField(_("error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("replay of routes")
        verbose_name_plural = _("replays of routes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(since__lt=models.F("until")), name="replayed_calls_have_a_span"
            )
        ]

    def __str__(self) -> str:
        return self.title
