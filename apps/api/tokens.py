"""Programs log in by tokens; an address from which wrong ones come waits, as at the login page."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.utils import timezone
from rest_framework.authentication import TokenAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.users.services import lockouts


class CountedTokens(TokenAuthentication):
    """Token authentication; wrong tokens count for the address."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if not get_authorization_header(request):
            return None
        address, now = get_adapter().get_client_ip(request), timezone.now()
        until = lockouts.waits_until(username="", address=address, now=now)
        if until is not None:
            raise Throttled((until - now).total_seconds())
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            lockouts.note_failure(username="", address=address)
            raise
