"""Call detail records and their prices (guide 1235-1340). Both tables are partitioned by the month of the call."""

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


class Cdr(models.Model):
    """One call, answered or not, as the switch recorded it. Never changed once written.

    `id` is the call's id (UUIDv7, made when its first INVITE arrived). Times are UTC; durations are seconds.
    The five prices are net, in the currency of who pays them: retail and reseller in the payer's, carrier,
    sales and company in the installation's own; `CdrPrice` holds the detail of each.
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
