"""How SIP messages are changed on their way, and how the end of a call is told (guide 10639-10647, 13088-13110, 13841-13859)."""

from __future__ import annotations

import re2
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

header_name_rule = RegexValidator(
    r"^[A-Za-z0-9.!%_+`'~-]*\*?\Z", _("A header's name, or how it begins and an asterisk.")
)
one_line_rule = RegexValidator(r"^[^\x00-\x08\x0a-\x1f\x7f]*\Z", _("One line, without control characters."))
method_rule = RegexValidator(r"^[A-Z]*\Z", _("A method in capitals."))

UNTOUCHABLE = frozenset(
    ("via", "call-id", "cseq", "max-forwards", "content-length", "content-type", "route", "record-route", "contact", "rseq",
     "rack", "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate")
)  # fmt: skip
"""Without these as we write them nobody finds the way, the transaction or the dialog."""
ADDRESSES = frozenset(("from", "to", "request-uri"))
"""These can be rewritten, in the INVITE that begins a call, and nothing else."""


class Direction(models.TextChoices):
    """From whose side."""

    IN = "in", _("what it sends us")
    OUT = "out", _("what we send it")


class Kind(models.TextChoices):
    """Which messages."""

    ANY = "any", _("requests and responses")
    REQUEST = "request", _("requests")
    RESPONSE = "response", _("responses")


class Action(models.TextChoices):
    """What is done."""

    PASS = "pass", _("pass on to the other party")
    DROP = "drop", _("drop")
    ADD = "add", _("add")
    SET = "set", _("set")
    REWRITE = "rewrite", _("rewrite")
    RAW = "raw", _("replace text")


class HeaderRule(models.Model):
    """One change of SIP messages from or to an account (and those below it), or everybody. Applied by priority, 1 first.

    What no rule passes on stays behind: the network of one party is hidden from the other. `raw` is the guide's
    sipmsgrewrite: text in the message as it is on the wire, whoever it is from or for.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="header_rules",
        verbose_name=_("account"),
        help_text=_("It and everybody below it; empty: everybody."),
    )
    direction = models.CharField(
        _("direction"), max_length=3, choices=Direction.choices, default=Direction.OUT
    )
    kind = models.CharField(_("messages"), max_length=8, choices=Kind.choices, default=Kind.ANY)
    method = models.CharField(
        _("method"), max_length=16, blank=True, validators=[method_rule], help_text=_("Empty: any.")
    )
    action = models.CharField(_("action"), max_length=8, choices=Action.choices)
    header = models.CharField(
        _("header"),
        max_length=64,
        blank=True,
        validators=[header_name_rule],
        help_text=_(
            "Also Request-URI, From and To to rewrite them in the INVITE that begins a call; with * for those that begin so."
        ),
    )
    pattern = models.CharField(
        _("what is found"),
        max_length=255,
        blank=True,
        validators=[one_line_rule],
        help_text=_("A regular expression (RE2), or with “replace text” the text itself."),
    )
    value = models.CharField(
        _("value"),
        max_length=512,
        blank=True,
        validators=[one_line_rule],
        help_text=_(r"What stands there then; \1 for the first group of the expression."),
    )
    condition = models.CharField(
        _("only if"),
        max_length=255,
        blank=True,
        validators=[one_line_rule],
        help_text=_("The other side's IP address, or text that stands in the message; empty: always."),
    )
    priority = models.PositiveIntegerField(_("priority"), default=100)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("header rule")
        verbose_name_plural = _("header rules")
        ordering = ["priority", "id"]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.header or self.pattern}"

    def clean(self) -> None:
        """Each action with what it needs, and nothing that would break a dialog."""
        name = self.header.lower()
        if self.action == Action.RAW:
            self._clean_raw()
            return
        if not name:
            raise ValidationError({"header": _("Which header?")})
        if name.removesuffix("*") in UNTOUCHABLE or name == "*":
            raise ValidationError({"header": _("Calls would not work without this header as it is.")})
        if name in ADDRESSES and self.action != Action.REWRITE:
            raise ValidationError({"header": _("This one can only be rewritten.")})
        if name.endswith("*") and self.action not in {Action.PASS, Action.DROP}:
            raise ValidationError({"header": _("An asterisk goes with pass and drop only.")})
        if self.action in {Action.ADD, Action.SET} and not self.value:
            raise ValidationError({"value": _("Which value?")})
        if self.action == Action.REWRITE:
            compiled(self.pattern, self.value)

    def _clean_raw(self) -> None:
        if self.account_id is not None:
            raise ValidationError(
                {
                    "account": _(
                        "Text is replaced before it is known whose message it is: name an address as the condition."
                    )
                }
            )
        if not self.pattern:
            raise ValidationError({"pattern": _("Which text?")})


def compiled(pattern: str, value: str) -> None:
    """Raise ValidationError when the switch could not use this expression. RE2 takes linear time, whatever is asked of it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    if not pattern:
        raise ValidationError({"pattern": _("Which expression?")})
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        raise ValidationError(
            {"pattern": _("Not a regular expression: %(why)s") % {"why": _told(error)}}
        ) from error
    try:
        expression.sub(value, "a")
        re2.compile(f"{pattern}|", options).sub(value, "")
    except (re2.error, IndexError) as error:
        raise ValidationError({"value": _("It names a group that the expression does not have.")}) from error


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else error
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


class HangupCause(models.Model):
    """Why calls end (the guide's tb_reasoncodes): our name, and what the parties are told by SIP and by Q.850.

    The names are those of call records. `sip_486` and the like are what the far end answered. What stands here holds for
    calls that end from now on; a record keeps what it was written with.
    """

    name = models.SlugField(_("name"), max_length=64, unique=True)
    sip_status = models.PositiveSmallIntegerField(
        _("SIP status"), help_text=_("200 for what ends an answered call; else 400 to 699.")
    )
    q850 = models.PositiveSmallIntegerField(_("Q.850 cause"), help_text=_("1 to 127."))
    text = models.CharField(_("text"), max_length=128, validators=[one_line_rule])

    class Meta:
        verbose_name = _("hangup cause")
        verbose_name_plural = _("hangup causes")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sip_status=200) | models.Q(sip_status__range=(400, 699)),
                name="a_cause_has_a_final_status",
            ),
            models.CheckConstraint(condition=models.Q(q850__range=(1, 127)), name="a_cause_is_of_q850"),
        ]

    def __str__(self) -> str:
        return self.text

    def clean(self) -> None:
        """A quote would end the text of a Reason header."""
        if '"' in self.text or "\\" in self.text:
            raise ValidationError({"text": _("Without quotes and backslashes.")})
