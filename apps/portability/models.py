"""Numbers that have gone to another operator, and whose the others are (guide 3554-3636)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

digits_rule = RegexValidator(r"^[0-9]{1,16}\Z", _("At most 16 digits."))
prefix_rule = RegexValidator(r"^[0-9*#]{0,16}\Z", _("At most 16 digits, * or #."))
code_rule = RegexValidator(r"^[A-Za-z0-9._-]{0,32}\Z", _("Letters, digits and . _ - only."))
domain_rule = RegexValidator(
    r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z",
    _("A host name or an IPv4 address."),
)
DEFAULT_PORT = 5060


class Operator(models.Model):
    """A carrier as portability data names it: by a code (SPID, IDA, RN), and what goes before numbers that are sent there."""

    code = models.CharField(_("code"), max_length=32, unique=True, validators=[code_rule])
    name = models.CharField(_("name"), max_length=64, blank=True)
    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="operators",
        verbose_name=_("carrier"),
        help_text=_("Calls to its numbers go there first. Empty: as the route rules say."),
    )
    prefix = models.CharField(
        _("routing number"),
        max_length=16,
        blank=True,
        validators=[prefix_rule],
        help_text=_("Put before the called number."),
    )

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} ({self.name})" if self.name else self.code


class PortTarget(models.Model):
    """What becomes of calls to some ported numbers; millions of numbers share some hundred of these."""

    carrier = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("carrier"),
    )
    code = models.CharField(_("operator's code"), max_length=32, blank=True, validators=[code_rule])
    prefix = models.CharField(_("prefix"), max_length=16, blank=True, validators=[prefix_rule])
    domain = models.CharField(_("domain"), max_length=253, blank=True)
    port = models.PositiveIntegerField(_("port"), default=DEFAULT_PORT, validators=[MaxValueValidator(65535)])

    class Meta:
        verbose_name = _("target of ported numbers")
        verbose_name_plural = _("targets of ported numbers")
        constraints = [
            models.UniqueConstraint(
                fields=["carrier", "code", "prefix", "domain", "port"],
                name="port_target_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        place = f"{self.domain}:{self.port}" if self.domain else ""
        return " ".join(one for one in (str(self.carrier or ""), self.code, self.prefix, place) if one) or "–"


class PortedNumber(models.Model):
    """A number and where it has gone. Of several with one number the lowest `priority` counts, else the longest domain, the newest."""

    number = models.CharField(
        _("number"),
        max_length=16,
        validators=[digits_rule],
        db_collation="C",
        help_text=_("As calls have it once it is normalised: with the country code, without +."),
    )
    target = models.ForeignKey(
        PortTarget, models.PROTECT, null=True, blank=True, related_name="numbers", verbose_name=_("target")
    )
    new_number = models.CharField(
        _("new number"), max_length=16, blank=True, validators=[digits_rule], db_collation="C"
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=1, validators=[MaxValueValidator(32767)]
    )
    created_at = models.DateTimeField(_("entered"), default=timezone.now)

    class Meta:
        verbose_name = _("ported number")
        verbose_name_plural = _("ported numbers")
        ordering = ["id"]
        indexes = [models.Index(fields=["number", "priority"], name="ported_number")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(target=None) | ~models.Q(new_number=""), name="ported_somewhere"
            )
        ]

    def __str__(self) -> str:
        return f"+{self.number}"


class NumberBlock(models.Model):
    """Whose the numbers are that begin so and were not ported (Brazil's CADUP, Mexico's numbering plan)."""

    prefix = models.CharField(
        _("prefix"), max_length=16, unique=True, validators=[digits_rule], db_collation="C"
    )
    spid = models.CharField(_("operator's code"), max_length=32, validators=[code_rule])
    cnl = models.CharField(_("local area"), max_length=16, blank=True, validators=[code_rule])

    class Meta:
        verbose_name = _("block of numbers")
        verbose_name_plural = _("blocks of numbers")
        ordering = ["prefix"]

    def __str__(self) -> str:
        return self.prefix


class PortedChange(models.Model):
    """A number that has changed since the big file was built; a trigger writes it, so that one change needs no new file."""

    number = models.CharField(max_length=16, primary_key=True, db_collation="C")
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.number


class PortedState(models.Model):
    """One row: when many numbers changed at once, so that the big file has to be built anew. A trigger writes it."""

    stamp = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.stamp)
