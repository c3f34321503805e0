"""The second factor of the web login: whose it has to be, and how its secrets are kept (setting `secondfactor`)."""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.core.sealed import seal, unseal
from apps.users.choices import STAFF, Kind
from apps.users.models import Account

PURPOSE = "second factor"
RESELLERS = (*STAFF, Kind.OWNER, Kind.RESELLER)
#: Where somebody goes who has to set one up, or would rather leave.
OPEN = ("/accounts/", "/static/")


class SealedFactors(DefaultMFAAdapter):
    """allauth's adapter; secrets are sealed, and an app shows whose code it is by the user name."""

    def encrypt(self, text: str) -> str:
        return seal(settings.SECRET_KEY, PURPOSE, text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(settings.SECRET_KEY, PURPOSE, encrypted_text)

    def get_totp_label(self, user: Account) -> str:
        return str(user.username)


class SecondFactorWanted:
    """Whoever has to have a second factor, and has none, is led to the page where it is set up, and nowhere else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.path_info.startswith(OPEN)
            or not request.user.is_authenticated
            or not _is_missing(request)
        ):
            return self.get_response(request)
        if request.path_info.startswith("/api/"):
            return JsonResponse(
                {
                    "type": "about:blank",
                    "title": "Forbidden",
                    "status": 403,
                    "detail": "Set up a second factor first.",
                },
                status=403,
                content_type="application/problem+json",
            )
        messages.warning(request, _("Your account needs a second factor. Please set one up."))
        return redirect("mfa_index")


def _is_missing(request: HttpRequest) -> bool:
    if any(one.get("method") == "mfa" for one in get_authentication_records(request, request.user)):
        return False
    return is_wanted(request.user) and not Authenticator.objects.filter(user=request.user).exists()


def is_wanted(account: Account) -> bool:
    """Whether the account may only log in with a second factor."""
    match config.get("secondfactor"):
        case "staff":
            return account.kind in STAFF
        case "resellers":
            return account.kind in RESELLERS
        case "everybody":
            return True
    return False
