"""Rules that rewrite the numbers of calls (guide 2821-2994, 11385-11447)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.numbers.engine.values import FIELDS

prefixes_rule = RegexValidator(
    r"^[0-9*#+]*(\s*,\s*[0-9*#+]+)*\Z", _("Beginnings of numbers, separated by commas.")
)
prefix_rule = RegexValidator(r"^[0-9*#+]*\Z", _("Digits, *, # and + only."))
one_line_rule = RegexValidator(r"^[^\x00-\x1f\x7f]*\Z", _("One line, without control characters."))


class Stage(models.TextChoices):
    """When a rule is asked (the guide's "run as", and its calledat 1 to 4)."""

    AUTO = "auto", _("whenever it fits")
    BEFORE_AUTHENTICATION = "before_auth", _("before it is known who calls")
    AFTER_AUTHENTICATION = "after_auth", _("when it is known who calls")
    BEFORE_ROUTING = "before_routing", _("when the number is normalised")
    AFTER_ROUTING = "after_routing", _("for each way of the call")


class Transport(models.TextChoices):
    """How the call came."""

    ANY = "", _("any")
    UDP = "udp", "UDP"
    TCP = "tcp", "TCP"
    TLS = "tls", "TLS"
    WS = "ws", "WebSocket"
    WSS = "wss", _("WebSocket over TLS")


class Check(models.TextChoices):
    """What the data must be like."""

    ANY = "any", _("anything")
    IS = "is", _("is")
    IS_NOT = "is_not", _("is not")
    BEGINS = "begins", _("begins with (one of)")
    BEGINS_NOT = "begins_not", _("does not begin with (any of)")
    ENDS = "ends", _("ends with")
    CONTAINS = "contains", _("contains")
    LIKE = "like", _("is like (%, _)")
    MATCHES = "matches", _("matches the expression (RE2)")
    AT_LEAST = "at_least", _("has at least so many characters")
    AT_MOST = "at_most", _("has at most so many characters")
    BETWEEN = "between", _("lies between (low-high)")
    NUMBER = "number", _("is a number")
    NOT_NUMBER = "not_number", _("is no number")
    LISTED = "listed", _("is in the list")
    NOT_LISTED = "not_listed", _("is not in the list")
    EMPTY = "empty", _("is empty")


class Action(models.TextChoices):
    """What is made of the data."""

    KEEP = "keep", _("leave it as it is")
    REPLACE = "replace", _("replace all with")
    BEGINNING = "beginning", _("replace its beginning")
    END = "end", _("replace its end")
    INSERT = "insert", _("put before it")
    APPEND = "append", _("put after it")
    CUT_FIRST = "cut_first", _("take off the first characters (how many)")
    CUT_LAST = "cut_last", _("take off the last characters (how many)")
    KEEP_FIRST = "keep_first", _("keep the first characters (how many)")
    KEEP_LAST = "keep_last", _("keep the last characters (how many)")
    SUBSTITUTE = "substitute", _("replace each match of the expression (RE2)")
    REMOVE = "remove", _("remove these characters")
    DIGITS = "digits", _("keep digits only")


class Target(models.TextChoices):
    """Where the result goes."""

    SAME = "same", _("where the data came from")
    CALLED = "called", _("called number")
    CALLER = "caller", _("caller number")
    CALLER_NAME = "caller_name", _("caller's name")
    SENT = "sent", _("number sent to the carrier")
    IDENTITY = "identity", _("number of the identity header")
    TECH_PREFIX = "tech_prefix", _("tech prefix")
    CALLED_ACCOUNT = "called_account", _("account that is called (user name)")
    CALLER_ACCOUNT = "caller_account", _("account that calls (user name)")
    REJECT = "reject", _("disconnect, after a recording if one is named")
    STOP = "stop", _("nothing: no further rule is asked")


DATA = [(name, name) for name in FIELDS]


class RewriteRule(models.Model):
    """One rule: on its conditions, load the data, check it, do the action, set the result. By priority, 1 first."""

    name = models.CharField(_("name"), max_length=64, unique=True, validators=[one_line_rule])
    priority = models.PositiveIntegerField(_("priority"), default=100)
    enabled = models.BooleanField(_("enabled"), default=True)
    stage = models.CharField(_("run"), max_length=16, choices=Stage.choices, default=Stage.AUTO)
    caller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account that calls"),
        help_text=_("It and everybody below it; empty: anyone."),
    )
    called = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account that is called"),
        help_text=_("A carrier, or one of ours and everybody below it; empty: anyone."),
    )
    source = models.CharField(
        _("from address"), max_length=64, blank=True, help_text=_("An IP address or a network; empty: any.")
    )
    transport = models.CharField(
        _("transport"), max_length=4, blank=True, choices=Transport.choices, default=Transport.ANY
    )
    called_prefixes = models.CharField(
        _("called number begins with"), max_length=500, blank=True, validators=[prefixes_rule]
    )
    caller_prefixes = models.CharField(
        _("caller number begins with"), max_length=500, blank=True, validators=[prefixes_rule]
    )
    when = models.CharField(
        _("and only if"),
        max_length=500,
        blank=True,
        validators=[one_line_rule],
        help_text=_("An expression, such as hour >= 8 and mobile(called)."),
    )
    data = models.CharField(_("data"), max_length=16, choices=DATA, default="called")
    check_kind = models.CharField(_("check"), max_length=12, choices=Check.choices, default=Check.ANY)
    against = models.CharField(_("compared with"), max_length=255, blank=True, validators=[one_line_rule])
    action = models.CharField(_("action"), max_length=12, choices=Action.choices, default=Action.KEEP)
    find = models.CharField(
        _("what is found"),
        max_length=255,
        blank=True,
        validators=[one_line_rule],
        help_text=_("The beginning, end, characters, expression, or how many."),
    )
    put = models.CharField(
        _("what is put there"),
        max_length=500,
        blank=True,
        validators=[one_line_rule],
        help_text=_(
            "A text with {expressions} and [fields]. With “disconnect”: the name of a recording, or nothing."
        ),
    )
    target = models.CharField(_("set"), max_length=16, choices=Target.choices, default=Target.SAME)
    last = models.BooleanField(
        _("last word"), default=False, help_text=_("No further rule is asked after it.")
    )

    class Meta:
        verbose_name = _("rewrite rule")
        verbose_name_plural = _("rewrite rules")
        ordering = ["priority", "id"]

    def __str__(self) -> str:
        return self.name


class WhichNumber(models.TextChoices):
    """The number that a prefix rule changes, and when."""

    CALLED_IN = "called_in", _("incoming called")
    CALLER_IN = "caller_in", _("incoming caller")
    CALLED_OUT = "called_out", _("outgoing called")
    CALLER_OUT = "caller_out", _("outgoing caller")


class PrefixRule(models.Model):
    """A beginning that is replaced by another (the guide's tb_pxrules). Without `rewrite_from`, `rewrite_to` comes before the number.

    Incoming: before it is known who calls, for calls from `source`, or when it is known, for those of `account` or of accounts in
    `country` (guide 1533).
    Outgoing: for each way of the call, by the carrier or subscriber that is called.
    """

    number = models.CharField(
        _("number to rewrite"), max_length=10, choices=WhichNumber.choices, default=WhichNumber.CALLED_IN
    )
    transport = models.CharField(
        _("protocol"), max_length=4, blank=True, choices=Transport.choices, default=Transport.ANY
    )
    source = models.CharField(
        _("from address"), max_length=64, blank=True, help_text=_("An IP address or a network; empty: any.")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account"),
        help_text=_("Who calls, or, for outgoing numbers, who is called; empty: anyone."),
    )
    country = models.CharField(
        _("country of who calls"),
        max_length=2,
        blank=True,
        help_text=_("Two letters (ISO 3166), as HU: only calls of accounts in this country; empty: all."),
    )
    rewrite_from = models.CharField(_("rewrite from"), max_length=32, blank=True, validators=[prefix_rule])
    rewrite_to = models.CharField(_("rewrite to"), max_length=32, blank=True, validators=[prefix_rule])
    priority = models.PositiveIntegerField(_("priority"), default=100)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("prefix rule")
        verbose_name_plural = _("prefix rules")
        ordering = ["priority", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(rewrite_from="", rewrite_to=""), name="a_prefix_rule_changes_something"
            )
        ]

    def __str__(self) -> str:
        change = f"{self.rewrite_from or '…'} → {self.rewrite_to or '…'}"
        return f"{change} ({self.country})" if self.country else change
