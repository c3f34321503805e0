"""Accounts that were made many at once (guide 1394, 10216-10221)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.users.choices import Kind


class Batch(models.Model):
    """Accounts with generated names. Their passwords were printed on a sheet, and are kept nowhere but as digests."""

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    first = models.CharField(_("first user name"), max_length=64)
    count = models.PositiveIntegerField(_("accounts"))
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("made by")
    )
    sheets = models.PositiveIntegerField(
        _("sheets"), default=0, help_text=_("Each further sheet has new passwords.")
    )
    web = models.BooleanField(_("with web passwords"), default=True)
    pins = models.BooleanField(_("with PINs"), default=False)

    class Meta:
        verbose_name = _("batch of accounts")
        verbose_name_plural = _("batches of accounts")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.first} + {self.count - 1}" if self.count > 1 else self.first


class BatchAccount(models.Model):
    """An account that was made in a batch."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="members", verbose_name=_("batch"))
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="batch", verbose_name=_("account")
    )

    class Meta:
        verbose_name = _("account of a batch")
        verbose_name_plural = _("accounts of batches")
        ordering = ["account_id"]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.batch_id}"
