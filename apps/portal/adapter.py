"""How allauth behaves here: it lets people in, but opens no accounts; who gives wrong passwords waits."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from apps.users.services import lockouts


class Doors(DefaultAccountAdapter):
    """Accounts are opened by the office (or by sign-up rules of its own), never by a stranger at the login page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse, before the password is looked at, whoever has to wait."""
        self._login_failed_rl_usage = None  # allauth's own counters, which Redis forgets, are not used here
        now = timezone.now()
        until = lockouts.waits_until(**self._who(request, credentials), now=now)
        if until is not None:
            minutes = max(1, -int(-(until - now).total_seconds() // 60))
            raise ValidationError(
                ngettext(
                    "Too many wrong passwords. Please try again in a minute.",
                    "Too many wrong passwords. Please try again in %(minutes)s minutes.",
                    minutes,
                )
                % {"minutes": minutes}
            )

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        user = super().authenticate(request, **credentials)
        if user is not None:
            lockouts.note_success(**self._who(request, credentials))
        return user

    def _rollback_login_failed_rl_usage(self) -> None:
        """Nothing was counted there."""

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        lockouts.note_failure(**self._who(request, credentials))

    def _who(self, request: HttpRequest, credentials: dict[str, Any]) -> dict[str, str]:
        name = credentials.get("username") or credentials.get("email") or ""
        return {"username": str(name), "address": self.get_client_ip(request)}
