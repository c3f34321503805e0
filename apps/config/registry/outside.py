"""Servers of others that decide who may log in and call, and are told of calls (guide 2273, 3374-3376)."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_WAYS = ("no", "radius", "http")


def _url(text: str) -> str:
    parts = urlsplit(text)
    good = not text or (parts.scheme in {"http", "https"} and parts.hostname and not parts.fragment)
    return "" if good else _now("expected is an address such as https://office.example.com/authorise.")


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "externalauth",
        str,
        "no",
        _(
            "Who checks the account's SIP password: no (we), radius (the RADIUS servers), http (the service at externalauth_url)."
        ),
        choices=_WAYS,
        account=True,
    ),
    Definition(
        "externalcalls",
        str,
        "no",
        _("Who is asked, besides us, whether and how long the account may call: no (nobody), radius, http."),
        choices=_WAYS,
        account=True,
    ),
    Definition(
        "externalauth_away",
        str,
        "refuse",
        _(
            "When nobody answers: refuse, or local (as if they were not asked: the password that we know, our own limits)."
        ),
        choices=("refuse", "local"),
    ),
    Definition(
        "externalauth_timeout",
        int,
        3000,
        _(
            "Milliseconds for an answer in all; each RADIUS server is asked up to three times in its share of them."
        ),
        minimum=200,
        maximum=10_000,
    ),
    Definition("externalauth_url", str, "", _("Where to POST questions as JSON."), check=_url),
    Definition("externalauth_token", str, "", _("Sent there as a bearer token.")),
    Definition(
        "radiusaccounting",
        bool,
        False,
        _(
            "Tell the RADIUS servers of the account's calls: of their beginning, now and then, and of their end."
        ),
        account=True,
    ),
    Definition(
        "radiusinterim",
        int,
        300,
        _("Seconds between two interim updates of a call; 0: none."),
        minimum=0,
        maximum=86_400,
    ),
    Definition("radiusnasid", str, "mizu", _("NAS-Identifier: how the switch calls itself there.")),
)
