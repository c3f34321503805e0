"""What a password must be, as the settings say (guide 9152, 9169)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.config import queries as config

FEWEST_DIFFERENT, FEWEST_KINDS = 6, 3


def kinds_of(password: str) -> int:
    """How many kinds of characters it has: capitals, small letters, digits, others."""
    tests = (str.isupper, str.islower, str.isdigit, lambda one: not one.isalnum())
    return sum(any(map(test, password)) for test in tests)


class AsTheSettingsSay:
    """Django's validator for `minpwlength` and `validatepassword`."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError with everything that is missing."""
        wrong = []
        if len(password) < config.get("minpwlength"):
            wrong.append(self.get_help_text())
        if len(set(password)) < FEWEST_DIFFERENT:
            wrong.append(_("A password needs at least 6 different characters."))
        if config.get("validatepassword") > 1 and kinds_of(password) < FEWEST_KINDS:
            wrong.append(_("A password needs three of: capitals, small letters, digits, other characters."))
        if wrong:
            raise ValidationError(wrong)

    def get_help_text(self) -> str:
        return _("A password has at least %(least)s characters.") % {"least": config.get("minpwlength")}
