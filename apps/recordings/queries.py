"""Which recordings somebody may know of, and hear."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from apps.recordings.models import Recording
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import setting_of, visible_to

_RESELLERS = (Kind.RESELLER, Kind.OWNER)


def visible_recordings(user: Account) -> QuerySet[Recording]:
    """Staff with the right to see the list: all. Others: those that they may hear."""
    if user.is_staff:
        return (
            Recording.objects.all()
            if user.has_perm("recordings.view_recording")
            else Recording.objects.none()
        )
    return _own(user) if may_listen(user) else Recording.objects.none()


def audible_recordings(user: Account) -> QuerySet[Recording]:
    """Those that the user may listen to."""
    return visible_recordings(user) if may_listen(user) else Recording.objects.none()


def may_listen(user: Account) -> bool:
    """Staff by their right, customers by the setting `recordlisten`."""
    if user.is_staff:
        return bool(user.has_perm("recordings.listen_recording"))
    return lets_listen(user, str(setting_of(user, "recordlisten")))


def lets_listen(customer: Account, value: str) -> bool:
    """The same from the value of the customer's setting `recordlisten`."""
    return value in {"all", "resellers" if customer.kind in _RESELLERS else "subscribers"}


def recordings_of(call_id: UUID, user: Account) -> QuerySet[Recording]:
    """Of one call, the first one first."""
    return visible_recordings(user).filter(call_id=call_id).order_by("number")


def _own(user: Account) -> QuerySet[Recording]:
    """Those that were made for the user, or for those below it whom it may see; not what only the backup has."""
    theirs = visible_to(user).values("id")
    return Recording.objects.filter(Q(for_caller__in=theirs) | Q(for_called__in=theirs), removed_at=None)
