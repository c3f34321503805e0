"""Named groups of accounts, so that a condition or a list names many at once (guide 2092-2102, 11330-11371)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AccountGroup(models.Model):
    """A set of accounts of any kinds. Who stands below a member in the tree belongs to the group too."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    comment = models.TextField(_("comment"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("group of accounts")
        verbose_name_plural = _("groups of accounts")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    """That an account was put into a group. Its kind stands in the account, not here."""

    group = models.ForeignKey(AccountGroup, models.CASCADE, related_name="members", verbose_name=_("group"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("account")
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["group_id", "account__username"]
        constraints = [models.UniqueConstraint(fields=["group", "account"], name="account_once_per_group")]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.group_id}"
