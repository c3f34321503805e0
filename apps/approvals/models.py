"""Four eyes: what one person asked for and another has to agree to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import AmountField, CurrencyField


class State(models.TextChoices):
    """What became of a request."""

    WAITING = "waiting", _("waiting")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Approval(models.Model):
    """A request that waits for a second person. `payload` is what carrying it out needs; the kind says how (`registry`)."""

    kind = models.CharField(_("kind"), max_length=20, editable=False)
    title = models.CharField(_("what"), max_length=250, editable=False)
    amount = AmountField(_("amount"), editable=False)
    currency = CurrencyField(_("currency"), editable=False)
    payload = models.JSONField(default=dict, editable=False)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.WAITING, editable=False
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, verbose_name=_("asked by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("decided by"),
    )
    comment = models.CharField(_("comment"), max_length=250, blank=True, editable=False)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["-id"]
        permissions = [("decide_approval", "Can approve and reject what others asked for")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="approved") | ~models.Q(decided_by=models.F("asked_by")),
                name="nobody_approves_their_own",
            ),
        ]

    def __str__(self) -> str:
        return self.title
