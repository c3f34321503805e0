"""The directory (LDAP) whose passwords let staff in (guide 2273)."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition


def _url(text: str) -> str:
    parts = urlsplit(text)
    good = not text or (parts.scheme in {"ldap", "ldaps"} and parts.hostname and not parts.path.strip("/"))
    return "" if good else _now("expected is an address such as ldaps://directory.example.com.")


def _template(text: str) -> str:
    good = not text or (text.count("{}") == 1 and "=" in text)
    return (
        ""
        if good
        else _now("expected is a name with {} for the user, such as uid={},ou=people,dc=example,dc=com.")
    )


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "ldap_url",
        str,
        "",
        _("The directory whose passwords let staff in, such as ldaps://host; empty: none."),
        check=_url,
    ),
    Definition(
        "ldap_starttls",
        bool,
        True,
        _("Encrypt ldap:// by StartTLS, and send no password where the directory cannot."),
    ),
    Definition(
        "ldap_user_dn",
        str,
        "",
        _("The entry of a user, with {} for the user name: uid={},ou=people,dc=example,dc=com."),
        check=_template,
    ),
    Definition(
        "ldap_admins",
        str,
        "",
        _("The group whose members get an account of the kind admin at their first login."),
    ),
    Definition(
        "ldap_support",
        str,
        "",
        _("The group whose members get an account of the kind support at their first login."),
    ),
)
