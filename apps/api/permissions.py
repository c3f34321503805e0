"""Who may do what through the API. What somebody may see of a kind of object is the view's own query set."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission, DjangoModelPermissions
from rest_framework.request import Request

from apps.recordings.queries import may_listen
from apps.routing.simulation import may_simulate


class Office(DjangoModelPermissions):
    """Staff with the right of the model for this verb, reading included."""

    perms_map = DjangoModelPermissions.perms_map | {"GET": ["%(app_label)s.view_%(model_name)s"]}

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(
            request.user.is_authenticated and request.user.is_staff and super().has_permission(request, view)
        )


class OwnOrOffice(Office):
    """Everybody reads their own; writing is for the office."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated and not request.user.is_staff and request.method in SAFE_METHODS:
            return True
        return super().has_permission(request, view)


class LiveCalls(BasePermission):
    """Everybody sees their own calls in progress; staff need the right to read calls."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        return bool(user.is_authenticated and (not user.is_staff or user.has_perm("cdrs.view_cdr")))


class HangUp(BasePermission):
    """Ending calls is for staff with that right."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff and request.user.has_perm("cdrs.hang_up"))


class RecordCalls(BasePermission):
    """To begin and end recordings of calls is for staff with that right."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff and request.user.has_perm("recordings.record_call"))


class Listen(BasePermission):
    """To hear recordings: staff with that right, and customers whom the setting `recordlisten` lets."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and may_listen(request.user))


class SipTraces(BasePermission):
    """The SIP messages of calls are for staff with that right."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff and request.user.has_perm("cdrs.view_siptrace"))


class Simulate(BasePermission):
    """Where a call would go is shown to staff that may read rules and prices."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and may_simulate(request.user))
