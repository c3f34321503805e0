"""Lists of numbers that rewrite rules ask and draw from (guide 9793-9820)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

number_rule = RegexValidator(r"^[0-9*#]{1,32}\Z", _("Digits, * and # only, 32 at most."))
list_name_rule = RegexValidator(r"^[a-z][a-z0-9_]*\Z", _("Small letters, digits and _, a letter first."))


class Purpose(models.TextChoices):
    """What the numbers of a list may be used for."""

    LOOKUP = "lookup", _("looked up")
    CALLER = "caller", _("shown as caller numbers")


class NumberList(models.Model):
    """Numbers under a name. One of purpose `caller` is a pool: its account, and everybody below it, has the right to show them.

    Without an account the numbers are the house's own, and everybody may show them.
    """

    name = models.CharField(_("name"), max_length=40, unique=True, validators=[list_name_rule])
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices, default=Purpose.LOOKUP)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="number_lists",
        verbose_name=_("account"),
        help_text=_("It and everybody below it may use the list; empty: everybody."),
    )
    note = models.CharField(
        _("note"), max_length=200, blank=True, help_text=_("Where the right to these numbers comes from.")
    )

    class Meta:
        verbose_name = _("number list")
        verbose_name_plural = _("number lists")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ListedNumber(models.Model):
    """One number of a list, with country code, without +."""

    list = models.ForeignKey(NumberList, models.CASCADE, related_name="numbers", verbose_name=_("list"))
    number = models.CharField(_("number"), max_length=32, validators=[number_rule])

    class Meta:
        verbose_name = _("number of a list")
        verbose_name_plural = _("numbers of a list")
        ordering = ["list", "number"]
        constraints = [models.UniqueConstraint(fields=["list", "number"], name="a_list_names_a_number_once")]

    def __str__(self) -> str:
        return self.number
