"""How allauth behaves here: it lets people in, but opens no accounts."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """Accounts are opened by the office (or by sign-up rules of its own), never by a stranger at the login page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
