"""Accounts of every kind, their tree, and how they are known to the switch (guide 1378-1600)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField, percent, zone_name
from apps.users.choices import Billing, Contract, Kind, LockoutKind, PhoneState, Transport

username_rule = RegexValidator(
    r"^[A-Za-z0-9]([A-Za-z0-9._@+*#$-]*[A-Za-z0-9._@+*$-])?\Z",
    _("Letters, digits and . _ @ + - * # $ only, with a letter or digit first, and # not last."),
)
"""Who begins like a code of a phone, or ends as one sends a number off, could not be called (guide 14101-14108)."""
telephone_rule = RegexValidator(r"^\+?[0-9 ()/.-]{3,31}\Z", _("A telephone number."))
tech_prefix_rule = RegexValidator(r"^[0-9*#]*\Z", _("Digits, * and # only."))
tech_prefixes_rule = RegexValidator(
    r"^([0-9*#]{1,16}( *, *[0-9*#]{1,16})*)?\Z", _("Digits, * and # only; several with commas.")
)


class AccountManager(BaseUserManager["Account"]):
    """What Django's own commands need; everything else is opened by `services.open_account`."""

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> Account:
        from apps.users.services import open_account

        fields.pop("kind", None)
        return open_account(
            username=username, kind=Kind.ADMIN, password=password, is_superuser=True, **fields
        )


class Account(AbstractBaseUser, PermissionsMixin):
    """Somebody or something the business deals with: subscriber, trunk, carrier, reseller, member of staff.

    `path` holds the ids from the top of the tree down to this account ("/1/7/"), so that everything below an
    account is one prefix comparison; `services` keep it. Money stands in `invoices.Balance`.
    """

    username = models.CharField(_("user name"), max_length=64, unique=True, validators=[username_rule])
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.SUBSCRIBER)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
        help_text=_("The reseller, owner or subscriber above."),
    )
    path = models.CharField(max_length=255, editable=False, default="")
    payer = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="pays_for",
        verbose_name=_("paid by"),
        help_text=_(
            "A subscriber or trunk that pays for its calls and numbers, for instance the company of an employee."
        ),
    )
    display_name = models.CharField(_("name"), max_length=128, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    address = models.TextField(_("address"), blank=True, help_text=_("As it stands on an invoice."))
    billing_address = models.TextField(
        _("billing address"), blank=True, help_text=_("Where invoices go, if not to the address.")
    )
    contact_name = models.CharField(_("contact person"), max_length=128, blank=True)
    phone = models.CharField(
        _("telephone"),
        max_length=32,
        blank=True,
        validators=[telephone_rule],
        help_text=_("Where the customer is reached; not a number of ours."),
    )
    is_company = models.BooleanField(_("is a company"), default=False)
    vat_number = models.CharField(_("VAT number"), max_length=32, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166 code."))
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[zone_name])

    is_active = models.BooleanField(_("enabled"), default=True)
    billing = models.CharField(_("billing"), max_length=8, choices=Billing.choices, default=Billing.PREPAID)
    credit_limit = AmountField(
        _("credit limit"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("How far below zero a postpaid account may go."),
    )
    currency = CurrencyField(_("currency"))
    vat_rate = models.DecimalField(
        _("VAT %"), max_digits=5, decimal_places=2, default=0, validators=[percent]
    )

    caller_number = models.CharField(
        _("caller number"), max_length=32, blank=True, help_text=_("E.164, shown to who is called.")
    )
    max_calls = models.PositiveIntegerField(_("calls at once"), default=0, help_text=_("0: no limit."))
    max_calls_offpeak = models.PositiveIntegerField(
        _("calls at once off peak"),
        null=True,
        blank=True,
        help_text=_(
            "Outside the peak time (settings peaktimebegin, peaktimeend). 0: no limit; empty: as ever."
        ),
    )
    calls_per_second = models.PositiveIntegerField(
        _("calls per second"), default=0, help_text=_("0: no limit.")
    )
    max_call_seconds = models.PositiveIntegerField(
        _("longest call, seconds"), default=0, help_text=_("0: the setting maxcallduration.")
    )
    tech_prefix = models.CharField(
        _("tech prefix"),
        max_length=255,
        blank=True,
        validators=[tech_prefixes_rule],
        help_text=_(
            "A customer trunk is known by its address and this prefix, which is then taken off. Several with commas: by any of"
            " them, the longest that fits."
        ),
    )

    is_staff = models.BooleanField(_("may open the admin"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    added_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("added by"),
    )
    contract_number = models.CharField(_("contract number"), max_length=64, blank=True)
    contract_state = models.CharField(
        _("contract"), max_length=16, choices=Contract.choices, default=Contract.UNKNOWN
    )
    contract_comment = models.TextField(_("comment of sales"), blank=True)
    description = models.CharField(
        _("important note"), max_length=200, blank=True, help_text=_("Stands above the account's page.")
    )
    comment = models.TextField(_("comment"), blank=True)

    objects = AccountManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["username"]
        indexes = [
            models.Index(fields=["kind", "username"], name="account_kind"),
            models.Index(fields=["path"], name="account_tree", opclasses=["text_pattern_ops"]),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(credit_limit__gte=0), name="credit_limit_not_negative"),
            models.CheckConstraint(
                condition=models.Q(vat_rate__range=(0, 100)), name="vat_rate_is_a_percentage"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.display_name})" if self.display_name else self.username

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def get_short_name(self) -> str:
        return self.username


class SipCredential(models.Model):
    """What a phone proves its account with: digest secrets only, never the password (RFC 8760, RFC 2617)."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="sip", verbose_name=_("account"))
    username = models.CharField(_("SIP user name"), max_length=64, unique=True, validators=[username_rule])
    realm = models.CharField(_("realm"), max_length=64)
    ha1_md5 = models.CharField(max_length=32, editable=False)
    ha1_sha256 = models.CharField(max_length=64, editable=False)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("SIP credential")
        verbose_name_plural = _("SIP credentials")

    def __str__(self) -> str:
        return self.username


class SourceAddress(models.Model):
    """An address, network or host that an account's calls may come from without a password."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="addresses", verbose_name=_("account"))
    network = models.CharField(
        _("address, network or host name"),
        max_length=255,
        help_text="192.0.2.7, 192.0.2.0/28, 2001:db8::/64, pbx.example.com",
    )
    port = models.PositiveIntegerField(
        _("port"), default=0, validators=[MaxValueValidator(65535)], help_text=_("0: any.")
    )

    class Meta:
        verbose_name = _("source address")
        verbose_name_plural = _("source addresses")
        constraints = [
            models.UniqueConstraint(fields=["account", "network", "port"], name="source_address_once")
        ]

    def __str__(self) -> str:
        return f"{self.network}:{self.port}" if self.port else self.network


class KnownNumber(models.Model):
    """A number outside that an account calls from, and is known by (guide 2151-2190, 2303, 2407: the other numbers of type 1).

    By it a trunk's call is the account's (`enablenumberlookup`), a call to a shared number is led, and `needauth` user is
    fulfilled. An account's own caller number counts besides for the first and the last, without standing here.
    """

    account = models.ForeignKey(
        Account, models.CASCADE, related_name="known_numbers", verbose_name=_("account")
    )
    number = models.CharField(
        _("number"),
        max_length=20,
        unique=True,
        validators=[RegexValidator(r"^[0-9]{4,20}\Z", _("4 to 20 digits, with the country code."))],
    )
    created_at = models.DateTimeField(_("noted"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("known caller number")
        verbose_name_plural = _("known caller numbers")
        ordering = ["number"]

    def __str__(self) -> str:
        return self.number


class Pin(models.Model):
    """By which an account is known where it calls from: dialled before the number, or when an access number asks for it.

    Only its digest is kept (`apps.users.pins`).
    """

    account = models.OneToOneField(Account, models.CASCADE, related_name="pin", verbose_name=_("account"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("PIN")
        verbose_name_plural = _("PINs")

    def __str__(self) -> str:
        return f"{self.account}"


class Trunk(models.Model):
    """How the switch reaches a carrier: where, by which transport, with which number format and limits."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="trunk", verbose_name=_("carrier"))
    registers = models.BooleanField(
        _("registers with us"),
        default=False,
        help_text=_("Calls go to where it is registered with its SIP password; host and port are not used."),
    )
    host = models.CharField(_("host"), max_length=255, blank=True, help_text=_("Address or name."))
    port = models.PositiveIntegerField(
        _("port"),
        default=5060,
        validators=[MaxValueValidator(65535)],
        help_text=_("0: as DNS says (SRV), else 5060, or 5061 for TLS."),
    )
    transport = models.CharField(
        _("transport"), max_length=4, choices=Transport.choices, default=Transport.UDP
    )
    backup_host = models.CharField(
        _("second host"),
        max_length=255,
        blank=True,
        help_text=_("Where it is called when the first does not answer."),
    )
    backup_port = models.PositiveIntegerField(
        _("second port"),
        default=0,
        validators=[MaxValueValidator(65535)],
        help_text=_("0: the same as the first."),
    )
    strip_digits = models.PositiveSmallIntegerField(_("digits to strip"), default=0)
    prefix = models.CharField(_("prefix to add"), max_length=16, blank=True, validators=[tech_prefix_rule])
    max_calls = models.PositiveIntegerField(_("lines"), default=0, help_text=_("0: no limit."))
    answer_seconds = models.PositiveIntegerField(
        _("ringing, seconds"),
        default=60,
        help_text=_("How long it may ring before the next carrier is tried."),
    )
    response_seconds = models.PositiveIntegerField(
        _("first answer, seconds"), default=5, help_text=_("How long to wait for any provisional answer.")
    )
    username = models.CharField(
        _("user name"), max_length=64, blank=True, help_text=_("If the carrier asks for a digest.")
    )
    realm = models.CharField(_("realm"), max_length=64, blank=True)
    ha1_md5 = models.CharField(max_length=32, blank=True, editable=False)
    ha1_sha256 = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("carrier's trunk")
        verbose_name_plural = _("carriers' trunks")

    def __str__(self) -> str:
        if not self.host:
            return str(_("registers with us"))
        return f"{self.host}:{self.port}" if self.port else self.host


class PhoneStatus(models.Model):
    """What was last known of an account's phones; the switch itself goes by what it knows now (guide 1714-1716, 11526-11539)."""

    account = models.OneToOneField(
        Account, models.CASCADE, primary_key=True, related_name="phone_status", verbose_name=_("account")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=PhoneState.choices, default=PhoneState.OFFLINE
    )
    state_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last seen"))
    expires_at = models.DateTimeField(_("registered until"))
    agreed_seconds = models.PositiveIntegerField(
        _("agreed, seconds"), help_text=_("For which the last registration was made.")
    )
    contact = models.CharField(_("contact"), max_length=1024)
    address = models.CharField(_("address"), max_length=64)
    agent = models.CharField(_("user agent"), max_length=128, blank=True)

    class Meta:
        verbose_name = _("phone's state")
        verbose_name_plural = _("phones' states")
        indexes = [models.Index(fields=["state", "expires_at"], name="phone_state")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.state}"

    @property
    def state_now(self) -> PhoneState:
        """What was stored, unless its time is over."""
        return PhoneState(self.state) if self.expires_at > timezone.now() else PhoneState.OFFLINE


class TrunkAccount(models.Model):
    """An account that a carrier has given us: what our calls to it, and our registration with it, are proved with."""

    carrier = models.ForeignKey(
        Account, models.CASCADE, related_name="trunk_accounts", verbose_name=_("carrier")
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=1, help_text=_("The lowest is used first; equal ones take turns.")
    )
    username = models.CharField(_("user name"), max_length=64, validators=[username_rule])
    realm = models.CharField(_("realm"), max_length=64, help_text=_("As the carrier's challenges name it."))
    ha1_md5 = models.CharField(max_length=32, editable=False)
    ha1_sha256 = models.CharField(max_length=64, editable=False)
    caller_number = models.CharField(
        _("caller number"), max_length=32, blank=True, help_text=_("Shown instead of the caller's own.")
    )
    registers = models.BooleanField(
        _("register"),
        default=True,
        help_text=_("Without a registration that stands, it is not used for calls."),
    )
    expires = models.PositiveIntegerField(
        _("registration, seconds"), default=0, help_text=_("0: the setting registerival.")
    )
    credit = AmountField(
        _("money put on it"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("In all. Once calls have used it up, the next account is used. Empty: not counted."),
    )
    is_empty = models.BooleanField(_("used up"), default=False, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("entered"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("account with a carrier")
        verbose_name_plural = _("accounts with carriers")
        ordering = ["carrier", "priority", "id"]
        constraints = [
            models.UniqueConstraint(fields=["carrier", "username", "realm"], name="trunk_account_once")
        ]

    def __str__(self) -> str:
        return f"{self.username}@{self.realm}"


class TrunkAccountUse(models.Model):
    """What calls have cost on an account with a carrier; a table of its own, because each batch of records changes it."""

    account = models.OneToOneField(
        TrunkAccount, models.CASCADE, primary_key=True, related_name="use", verbose_name=_("account")
    )
    spent = AmountField(_("spent"), default=0)
    calls = models.PositiveBigIntegerField(_("calls"), default=0)
    last_used = models.DateTimeField(_("last used"))

    class Meta:
        verbose_name = _("use of an account with a carrier")
        verbose_name_plural = _("uses of accounts with carriers")

    def __str__(self) -> str:
        return f"{self.account_id}: {self.spent}"


class Lockout(models.Model):
    """Wrong web passwords in a row: of a user name at an address, of an address, of a user name from anywhere.

    The name is what was typed, whether or not there is such an account: who guesses is not told.
    """

    kind = models.CharField(_("counted"), max_length=8, choices=LockoutKind.choices)
    username = models.CharField(_("user name"), max_length=64, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    failures = models.PositiveIntegerField(_("wrong passwords"), default=0)
    last_at = models.DateTimeField(_("last"))
    until = models.DateTimeField(_("waits until"), null=True, blank=True)

    class Meta:
        verbose_name = _("wrong passwords")
        verbose_name_plural = _("wrong passwords")
        ordering = ["-last_at"]
        constraints = [models.UniqueConstraint(fields=["kind", "username", "address"], name="lockout_once")]
        indexes = [
            models.Index(fields=["-last_at"], name="lockout_last"),
            models.Index(fields=["username"], name="lockout_name"),
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, (self.username, self.address)))


class AccountSetting(models.Model):
    """A setting's value for one account and everybody below it; which settings allow that, the registry says."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="settings", verbose_name=_("account"))
    key = models.CharField(_("key"), max_length=64)
    value = models.TextField(_("value"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("setting of an account")
        verbose_name_plural = _("settings of accounts")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="account_setting_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.account_id}"
