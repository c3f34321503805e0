"""Call detail records and their prices (guide 1235-1340), partitioned by the month of the call; and what re-rating changed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField


class Disconnector(models.TextChoices):
    """Who ended the call (the guide's discparty)."""

    CALLER = "caller", _("caller")
    CALLED = "called", _("called")
    SWITCH = "switch", _("switch")


class Service(models.TextChoices):
    """What was sold (the guide's mark, where it names a service)."""

    VOICE = "voice", _("voice")
    SMS = "sms", _("message")
    INBOUND = "inbound", _("call at the charge of who is called")


class Cdr(models.Model):
    """One call, answered or not, as the switch recorded it. Never changed once written, its prices apart.

    `id` is the call's id (UUIDv7, made when its first INVITE arrived). Times are UTC; durations are seconds.
    The five prices are net, by default in the currency of who pays them: retail and reseller in the payer's, carrier,
    sales and company in the installation's own; in others, if the setting `currencyconversion` says so. `CdrPrice`
    holds the detail of each, and the amount that is charged. They are all that re-rating changes.
    """

    id = models.UUIDField(_("call"), primary_key=True, editable=False)
    started_at = models.DateTimeField(_("started"))
    answered_at = models.DateTimeField(_("answered"), null=True)
    ended_at = models.DateTimeField(_("ended"))
    setup_ms = models.PositiveIntegerField(
        _("set-up, ms"), default=0, help_text=_("From INVITE to answer or failure.")
    )
    pdd_ms = models.PositiveIntegerField(_("post-dial delay, ms"), null=True)
    duration = models.PositiveIntegerField(_("duration, s"), default=0)
    sip_status = models.PositiveSmallIntegerField(_("SIP status"), default=0)
    q850_cause = models.PositiveSmallIntegerField(_("Q.850 cause"), default=0)
    hangup_cause = models.CharField(_("hangup cause"), max_length=64, default="")
    disconnector = models.CharField(
        _("ended by"), max_length=8, choices=Disconnector.choices, default=Disconnector.SWITCH
    )
    service = models.CharField(_("service"), max_length=8, choices=Service.choices, default=Service.VOICE)

    caller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("caller"),
    )
    trunk = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("brought by"),
        help_text=_("The trunk that brought the call of somebody who is known by the caller number."),
    )
    tech_prefix = models.CharField(_("tech prefix"), max_length=64, default="")
    caller_address = models.CharField(_("caller's address"), max_length=64, default="")
    caller_number = models.CharField(_("caller number"), max_length=64, default="")
    original_called_number = models.CharField(_("number as dialled"), max_length=128, default="")
    called_number = models.CharField(_("called number"), max_length=64, default="")
    dialled_number = models.CharField(_("number sent to the carrier"), max_length=64, default="")
    destination = models.CharField(_("destination"), max_length=128, default="")
    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("carrier"),
    )
    called_account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("called account"),
    )
    called_address = models.CharField(_("called address"), max_length=64, default="")
    reseller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("top reseller"),
    )
    route_rule = models.CharField(_("route rule"), max_length=64, default="")
    attempts = models.JSONField(
        _("attempts"), default=list, help_text=_("Every target tried, in order, with its outcome.")
    )

    retail_price = AmountField(_("retail price"), default=0)
    carrier_cost = AmountField(_("carrier cost"), default=0)
    sales_commission = AmountField(_("sales commission"), default=0)
    company_price = AmountField(_("company price"), default=0)
    reseller_price = AmountField(_("reseller price"), default=0)
    currency = models.CharField(
        _("currency of the retail price"),
        max_length=3,
        default="",
        help_text=_("As the setting currencyconversion had it; empty: nobody pays a retail price."),
    )

    media = models.CharField(_("media"), max_length=12, default="")
    codec = models.CharField(_("codec"), max_length=32, default="")
    rtp_sent = models.BigIntegerField(_("RTP to the called"), default=0)
    rtp_received = models.BigIntegerField(_("RTP to the caller"), default=0)
    rtp_lost = models.BigIntegerField(_("RTP lost"), default=0)

    caller_mos = models.DecimalField(
        _("the caller heard, MOS"),
        max_digits=3,
        decimal_places=2,
        null=True,
        help_text=_("Estimated, 1 to 4.5."),
    )
    called_mos = models.DecimalField(
        _("the called heard, MOS"),
        max_digits=3,
        decimal_places=2,
        null=True,
        help_text=_("Estimated, 1 to 4.5."),
    )
    quality = models.JSONField(
        _("quality"),
        null=True,
        help_text=_(
            "Of each party: packets that came from it, lost on the way to us, jitter in ms; and what it reported by RTCP."
        ),
    )

    sip_call_id = models.CharField(_("Call-ID of the caller"), max_length=255, default="")
    worker = models.CharField(_("worker"), max_length=64, default="")
    world_version = models.CharField(_("snapshot"), max_length=64, default="")
    comment = models.TextField(_("comment"), default="")
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        verbose_name = _("call detail record")
        verbose_name_plural = _("call detail records")
        ordering = ["-started_at"]
        permissions = [("hang_up", "Can end a call that is up")]
        indexes = [
            models.Index(fields=["-started_at", "id"], name="cdr_time"),
            models.Index(fields=["caller", "-started_at"], name="cdr_caller"),
            models.Index(fields=["carrier", "-started_at"], name="cdr_carrier"),
            models.Index(
                fields=["called_account", "-started_at"],
                condition=models.Q(service="inbound"),
                name="cdr_paid_by_called",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.caller_number} → {self.called_number}"


class SipTrace(models.Model):
    """The SIP messages of one call, packed (`apps.cdrs.tracing`), without secrets. Kept for `siptrace_days`."""

    call_id = models.UUIDField(_("call"), primary_key=True)
    started_at = models.DateTimeField(_("started"), db_index=True)
    messages = models.BinaryField()

    class Meta:
        verbose_name = _("SIP trace")
        verbose_name_plural = _("SIP traces")

    def __str__(self) -> str:
        return str(self.call_id)


class CdrPrice(models.Model):
    """What one payer pays for one call, with everything needed to check it by hand."""

    id = models.BigAutoField(primary_key=True)
    call_id = models.UUIDField(_("call"))
    started_at = models.DateTimeField(_("started"))
    kind = models.CharField(_("kind"), max_length=8)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("account"),
    )
    tariff_id = models.BigIntegerField(_("tariff"), null=True)
    prefix = models.CharField(_("prefix"), max_length=20, default="")
    unit_price = AmountField(_("price per minute"), default=0)
    billing_step = models.PositiveIntegerField(_("billing step, s"), default=1)
    billed_seconds = models.PositiveIntegerField(_("billed, s"), default=0)
    currency = CurrencyField(_("currency"))
    net = AmountField(_("net"), default=0)
    vat = AmountField(_("VAT"), default=0)
    gross = AmountField(_("gross"), default=0)
    vat_rate = models.DecimalField(_("VAT %"), max_digits=5, decimal_places=2, default=0)
    seconds = models.PositiveIntegerField(
        _("priced, s"), null=True, help_text=_("What was talked, or authorised if that was less.")
    )
    terms = models.UUIDField(
        _("terms"), null=True, help_text=_("What the price was reckoned by: PriceTerms.")
    )
    recorded = AmountField(
        _("net as recorded"), null=True, help_text=_("In the record's currency; empty: the net itself.")
    )
    recorded_currency = models.CharField(_("recorded in"), max_length=3, default="")

    class Meta:
        verbose_name = _("price of a call")
        verbose_name_plural = _("prices of calls")
        indexes = [
            models.Index(fields=["account", "started_at"], name="cdr_price_account"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["call_id", "kind", "account", "started_at"], name="a_payer_is_priced_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.gross} {self.currency}"


class PriceTerms(models.Model):
    """By which terms prices of calls were reckoned, as `apps.pricing.engine.Terms` packs them.

    Calls to one destination share theirs: the key is a digest of what they say (`apps.invoices.services.priced`).
    """

    id = models.UUIDField(primary_key=True, editable=False)
    packed = models.JSONField()

    class Meta:
        verbose_name = _("terms of prices")
        verbose_name_plural = _("terms of prices")

    def __str__(self) -> str:
        return str(self.id)


class RerateState(models.TextChoices):
    """How far a re-rating is."""

    WAITING = "waiting", _("waiting")
    RECKONING = "reckoning", _("reckoning")
    READY = "ready", _("differences are ready")
    APPLYING = "applying", _("being applied")
    APPLIED = "applied", _("applied")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")


class Rerating(models.Model):
    """Prices of calls reckoned anew: which calls, why, by whom, and what came of it (guide 3953, 12190-12210).

    First the differences are reckoned and shown; nothing else changes until somebody applies them, all or none. While they
    are put in force, those of calls that began before `applied_until` are, and the others are not yet.
    """

    since = models.DateTimeField(_("calls from"))
    until = models.DateTimeField(_("calls until"), help_text=_("The first instant after them."))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("callers"),
        help_text=_("The account and all below it, also where it pays for calls to it; empty: everybody."),
    )
    caller_kind = models.CharField(_("kind of caller"), max_length=16, blank=True)
    tariff = models.ForeignKey(
        "pricing.Tariff",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("tariff"),
        help_text=_("Only calls of which a price is by this tariff."),
    )
    calls = models.JSONField(_("calls"), default=list, blank=True, help_text=_("Only these; empty: all."))
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(
        _("state"), max_length=10, choices=RerateState.choices, default=RerateState.WAITING
    )
    done_until = models.DateTimeField(_("reckoned until"), null=True)
    looked_at = models.PositiveBigIntegerField(_("calls looked at"), default=0)
    without_price = models.PositiveBigIntegerField(
        _("calls without a price now"), default=0, help_text=_("Their prices stay as they are.")
    )
    problems = models.JSONField(default=dict)  # why calls have no price now → how many
    error = models.TextField(_("error"), blank=True)
    moves_balances = models.BooleanField(_("balances corrected"), default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked for by")
    )
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("applied by")
    )
    applied_at = models.DateTimeField(_("applied"), null=True)
    applied_until = models.DateTimeField(
        _("in force for calls before"), null=True, help_text=_("Empty: no price has changed.")
    )
    overtaken = models.PositiveBigIntegerField(
        _("changed by hand meanwhile"),
        default=0,
        help_text=_("Prices that somebody else changed while this was applied; they stay as they are."),
    )

    class Meta:
        verbose_name = _("re-rating")
        verbose_name_plural = _("re-ratings")
        ordering = ["-id"]
        permissions = [("apply_rerating", "Can apply re-ratings and correct balances by them")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("since")),
                name="rerating_span_not_empty",
                violation_error_message=_("The time must begin before it ends."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.reason}"


class RerateSlice(models.Model):
    """A span of a re-rating's time, reckoned in one transaction by whichever process takes it; gone once all are done."""

    id = models.BigAutoField(primary_key=True)
    rerating = models.ForeignKey(Rerating, models.CASCADE, related_name="slices")
    since = models.DateTimeField()
    until = models.DateTimeField()
    done = models.BooleanField(default=False)
    looked_at = models.PositiveIntegerField(default=0)
    without_price = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=dict)  # why calls have no price now → how many

    class Meta:
        default_permissions = ()  # nobody sees them

    def __str__(self) -> str:
        return f"{self.rerating_id}: {self.since}"


class PriceChange(models.Model):
    """One price of a call that a re-rating changes or has changed, as it was (`old_…`) and as it is by it.

    Without an old net there was no such price before; without a net there is none any more. Of calls that stood on an
    invoice when it was applied, the difference is put on the document `corrected_on`. No key is checked by the database:
    runs and documents are never deleted by hand, and row by row that would take as long as storing millions of changes.
    """

    id = models.BigAutoField(primary_key=True)
    rerating = models.ForeignKey(
        Rerating, models.CASCADE, db_constraint=False, db_index=False, related_name="changes"
    )
    call_id = models.UUIDField(_("call"))
    started_at = models.DateTimeField(_("started"))
    destination = models.CharField(_("destination"), max_length=128, default="")
    kind = models.CharField(_("kind"), max_length=8)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("account"),
    )
    old_tariff_id = models.BigIntegerField(null=True)
    old_prefix = models.CharField(max_length=20, null=True)
    old_unit_price = AmountField(null=True)
    old_billing_step = models.PositiveIntegerField(null=True)
    old_billed_seconds = models.PositiveIntegerField(null=True)
    old_currency = models.CharField(max_length=3, null=True)
    old_net = AmountField(null=True)
    old_vat = AmountField(null=True)
    old_gross = AmountField(null=True)
    old_vat_rate = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    old_seconds = models.PositiveIntegerField(null=True)
    old_terms = models.UUIDField(null=True)
    old_recorded = AmountField(null=True)
    old_recorded_currency = models.CharField(max_length=3, null=True)
    tariff_id = models.BigIntegerField(null=True)
    prefix = models.CharField(max_length=20, null=True)
    unit_price = AmountField(null=True)
    billing_step = models.PositiveIntegerField(null=True)
    billed_seconds = models.PositiveIntegerField(null=True)
    currency = models.CharField(max_length=3, null=True)
    net = AmountField(null=True)
    vat = AmountField(null=True)
    gross = AmountField(null=True)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    seconds = models.PositiveIntegerField(null=True)
    terms = models.UUIDField(null=True)
    recorded = AmountField(null=True)
    recorded_currency = models.CharField(max_length=3, null=True)
    invoiced_on = models.ForeignKey(
        "invoices.Invoice",
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="repriced_calls",
    )
    corrected_on = models.ForeignKey(
        "invoices.Invoice",
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="call_corrections",
    )

    class Meta:
        verbose_name = _("changed price")
        verbose_name_plural = _("changed prices")
        indexes = [
            models.Index(fields=["rerating", "started_at"], name="price_change_run"),
            models.Index(fields=["call_id"], name="price_change_call"),
            models.Index(
                fields=["account"],
                condition=models.Q(invoiced_on__isnull=False),
                name="price_change_invoiced",
            ),
            models.Index(
                fields=["corrected_on"],
                condition=models.Q(corrected_on__isnull=False),
                name="price_change_corrected",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.old_net} → {self.net}"
