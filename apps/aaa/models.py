"""Servers that decide and count besides us, and what they have not been told yet (guide 3374-3376)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Dialect(models.TextChoices):
    """How a RADIUS server wants digests."""

    DRAFT = "draft", _("Digest-Attributes (FreeRADIUS, Radiator, Kamailio's dictionary)")
    RFC5090 = "rfc5090", _("RFC 5090")


_port = [MinValueValidator(1), MaxValueValidator(65535)]


class RadiusServer(models.Model):
    """A RADIUS server: where it is, its shared secret, and what it is asked. Those of the lowest priority are asked first."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    address = models.GenericIPAddressField(_("address"))
    auth_port = models.PositiveIntegerField(_("port for authorisation"), default=1812, validators=_port)
    acct_port = models.PositiveIntegerField(_("port for accounting"), default=1813, validators=_port)
    sealed_secret = models.TextField(editable=False)
    dialect = models.CharField(_("digests"), max_length=8, choices=Dialect.choices, default=Dialect.DRAFT)
    signed = models.BooleanField(
        _("answers are signed"),
        default=True,
        help_text=_(
            "Believe no answer to a login or call without a Message-Authenticator. Off only for old servers."
        ),
    )
    authorises = models.BooleanField(
        _("authorises"), default=True, help_text=_("It is asked about logins and calls.")
    )
    accounts = models.BooleanField(_("accounts"), default=False, help_text=_("It is told of calls."))
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=1, help_text=_("The lowest is asked first.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("RADIUS server")
        verbose_name_plural = _("RADIUS servers")
        ordering = ["priority", "name"]

    def __str__(self) -> str:
        return self.name


class AccountingStop(models.Model):
    """The end of a call that a RADIUS server has still to be told of; gone as soon as one has confirmed it.

    It is written in the transaction that settles the call, so that none is forgotten.
    """

    call_id = models.UUIDField(_("call"), unique=True)
    username = models.CharField(_("account"), max_length=64)
    caller_number = models.CharField(_("caller"), max_length=64, blank=True)
    called_number = models.CharField(_("called"), max_length=64, blank=True)
    seconds = models.PositiveIntegerField(_("duration"))
    cause = models.CharField(_("hangup cause"), max_length=64, blank=True)
    ended_at = models.DateTimeField(_("ended"))
    tries = models.PositiveIntegerField(_("tries"), default=0)
    next_at = models.DateTimeField(_("next try"))

    class Meta:
        verbose_name = _("accounting that waits")
        verbose_name_plural = _("accounting that waits")
        ordering = ["next_at", "id"]
        indexes = [models.Index(fields=["next_at"], name="accounting_next")]

    def __str__(self) -> str:
        return str(self.call_id)
