"""Numbers that we give to accounts: the stock, who holds which, contacts on shared numbers (guide 2275-2458, 4961-5004)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField

#: E.164 without "+", at most 15 digits.
number_rule = RegexValidator(r"^[1-9][0-9]{2,14}\Z", _("Digits with the country code, without + or 00."))
#: A telephone number, or a user name of ours.
contact_rule = RegexValidator(
    r"^\+?[A-Za-z0-9][A-Za-z0-9._@-]*\Z", _("A telephone number or a user name, without blanks.")
)
short_rule = RegexValidator(r"^[0-9]{2,8}\Z", _("Two to eight digits."))


class Use(models.TextChoices):
    """What a number is for (the guide's `ttype` 1, 2, 3 and others)."""

    VOICE = "did", _("calls")
    SMS = "sms", _("text messages")
    PLAIN = "plain", _("ordinary number")
    OTHER = "other", _("other")


class State(models.TextChoices):
    """Whether a number can be had (the guide's `free`: 1, 3, 0, 2; shared ones are its users with `ispublic` 4)."""

    FREE = "free", _("free")
    RESERVED = "reserved", _("reserved")
    ASSIGNED = "assigned", _("assigned")
    SHARED = "shared", _("shared")
    LOCKED = "locked", _("locked")


STATE_COLOURS = {
    State.FREE: "success",
    State.RESERVED: "warning",
    State.ASSIGNED: "info",
    State.SHARED: "primary",
    State.LOCKED: "danger",
}


class Did(models.Model):
    """A number that belongs to us: who may have it, for how much, and until when it is kept for somebody.

    A shared one has no holders: accounts give it to contacts of theirs.
    """

    number = models.CharField(_("number"), max_length=15, unique=True, validators=[number_rule])
    use = models.CharField(_("use"), max_length=8, choices=Use.choices, default=Use.VOICE)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.FREE, editable=False
    )
    area = models.CharField(
        _("area"), max_length=64, blank=True, help_text=_("A country or town, for whoever chooses one.")
    )
    company = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="did_stock",
        verbose_name=_("company"),
        help_text=_("Only this account and those below it may have the number. Empty: everybody."),
    )
    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("carrier"),
        help_text=_(
            "The carrier that brings its calls; calls that show the number go out by no other. Empty: any."
        ),
    )
    setup_fee = AmountField(_("set-up fee"), default=0, validators=[MinValueValidator(0)])
    monthly_fee = AmountField(_("monthly fee"), default=0, validators=[MinValueValidator(0)])
    currency = CurrencyField(_("currency"))
    reserved_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("reserved for"),
    )
    reservation = models.CharField(_("reservation"), max_length=43, blank=True, editable=False)
    reserved_until = models.DateTimeField(_("reserved until"), null=True, editable=False)
    last_account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("last held by"),
    )
    assigned_at = models.DateTimeField(_("assigned"), null=True, editable=False)
    created_at = models.DateTimeField(_("entered"), default=timezone.now, editable=False)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("number")
        verbose_name_plural = _("numbers")
        ordering = ["number"]
        indexes = [
            models.Index(fields=["state", "reserved_until"], name="did_state"),
            models.Index(fields=["company", "state", "number"], name="did_company"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(setup_fee__gte=0, monthly_fee__gte=0), name="did_fees_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"+{self.number}"


class Holding(models.Model):
    """That an account has a number, since when, and the fees it owes for it. Kept when it is over."""

    did = models.ForeignKey(Did, models.PROTECT, related_name="holdings", verbose_name=_("number"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="did_holdings", verbose_name=_("account")
    )
    place = models.PositiveSmallIntegerField(
        _("place"), default=1, help_text=_("The lowest of an account's numbers is the one it shows.")
    )
    since = models.DateTimeField(_("since"), default=timezone.now)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    monthly = models.ForeignKey(
        "invoices.Fee", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("monthly fee")
    )
    setup = models.ForeignKey(
        "invoices.Fee", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("set-up fee")
    )

    class Meta:
        verbose_name = _("held number")
        verbose_name_plural = _("held numbers")
        ordering = ["account_id", "place", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["did", "account"], condition=models.Q(until=None), name="did_held_once"
            )
        ]
        indexes = [models.Index(fields=["account", "until"], name="did_holder")]

    def __str__(self) -> str:
        return f"{self.did} → {self.account}"


class ShortNumber(models.Model):
    """By which an account is called by those who stand below the same account (the guide's `ShortTelnumber`)."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="short_number", verbose_name=_("account")
    )
    number = models.CharField(_("short number"), max_length=8, validators=[short_rule])

    class Meta:
        verbose_name = _("short number")
        verbose_name_plural = _("short numbers")
        ordering = ["number"]
        indexes = [models.Index(fields=["number"], name="short_number")]

    def __str__(self) -> str:
        return self.number


class Contact(models.Model):
    """Somebody in an account's phone book; with a shared number, each of the two reaches the other by it."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="contacts", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=64)
    username = models.CharField(
        _("user name"),
        max_length=64,
        blank=True,
        validators=[contact_rule],
        help_text=_("An account of ours."),
    )
    number = models.CharField(_("number"), max_length=32, blank=True, validators=[contact_rule])
    second_number = models.CharField(_("second number"), max_length=32, blank=True, validators=[contact_rule])
    did = models.ForeignKey(
        Did,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="contacts",
        verbose_name=_("shared number"),
        help_text=_("You reach the contact by it, and the contact you."),
    )

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["account_id", "name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(username="", number="", second_number=""), name="contact_can_be_reached"
            )
        ]

    def __str__(self) -> str:
        return self.name
