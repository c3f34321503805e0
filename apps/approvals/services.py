"""Asking for a second person's consent, giving it, refusing it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.approvals.models import Approval, State
from apps.approvals.registry import KINDS, Kind
from apps.users.models import Account


def ask(
    *, kind: str, title: str, amount: Decimal, currency: str, payload: dict[str, Any], by: Account
) -> Approval:
    """Note what somebody wants to be done once another person agrees."""
    approval = Approval(
        kind=kind, title=title[:250], amount=amount, currency=currency, payload=payload, asked_by=by
    )
    approval.full_clean()
    approval.save(force_insert=True)
    return approval


@transaction.atomic
def approve(*, approval: Approval, by: Account, comment: str = "") -> Approval:
    """Agree, and so have it done. Raises ValidationError for the one who asked, without the right, or when it cannot be done."""
    stored, kind = _waiting(approval, by)
    if by.pk == stored.asked_by_id:
        raise ValidationError(_("You asked for it yourself: another person has to agree."))
    _decide(stored, State.APPROVED, by, comment)
    import_string(kind.carry_out)(stored)
    return stored


@transaction.atomic
def reject(*, approval: Approval, by: Account, comment: str = "") -> Approval:
    """Refuse; who asked may take it back so. Raises ValidationError without the right."""
    stored, kind = _waiting(approval, by)
    _decide(stored, State.REJECTED, by, comment)
    if kind.put_back:
        import_string(kind.put_back)(stored)
    return stored


def _waiting(approval: Approval, by: Account) -> tuple[Approval, Kind]:
    stored = Approval.objects.select_for_update().get(pk=approval.pk)
    if stored.state != State.WAITING:
        raise ValidationError(_("This has been %(state)s already.") % {"state": State(stored.state).label})
    kind = KINDS[stored.kind]
    if not (by.has_perm("approvals.decide_approval") and by.has_perm(kind.right)):
        raise ValidationError(_("You have no right to decide this."))
    return stored, kind


def _decide(stored: Approval, state: State, by: Account, comment: str) -> None:
    stored.state, stored.decided_by, stored.decided_at, stored.comment = (
        state,
        by,
        timezone.now(),
        comment[:250],
    )
    stored.save()
