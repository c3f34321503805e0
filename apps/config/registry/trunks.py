"""Trunks: our registrations with other servers, and whether carriers are alive (guide 4885-4887, 9187, 11535)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "registerival",
        int,
        2400,
        _(
            "Seconds for which a trunk's account asks to be registered, unless it has its own; the server may grant others."
        ),
        minimum=60,
        maximum=86_400,
        account=True,
    ),
    Definition(
        "rebuildregclients",
        int,
        0,
        _(
            "Seconds after which our registrations with servers are begun anew, by another Call-ID, rather than renewed; 0: never."
        ),
        minimum=0,
        maximum=7 * 86_400,
    ),
    Definition(
        "reuseupperreg",
        bool,
        False,
        _(
            "Take calls from the address of a server that we are registered with for its own, whatever number they name."
            " Otherwise only those that name the address we registered."
        ),
        account=True,
    ),
    Definition(
        "trunk_account_failures",
        int,
        30,
        _(
            "Calls one after the other that a carrier refuses to one of our accounts with it, before the next account is"
            " used for ten minutes."
        ),
        minimum=1,
        maximum=10_000,
        account=True,
    ),
    Definition(
        "trunk_ping_seconds",
        int,
        0,
        _(
            "Ask a carrier with OPTIONS whether it is there, every so many seconds; 0: never. Any answer will do."
        ),
        minimum=0,
        maximum=3600,
        account=True,
    ),
    Definition(
        "trunk_ping_failures",
        int,
        3,
        _("Unanswered OPTIONS one after the other that make a carrier count as down."),
        minimum=1,
        maximum=20,
        account=True,
    ),
    Definition(
        "trunk_ping_successes",
        int,
        2,
        _("Answered OPTIONS one after the other that make a carrier that is down count as up again."),
        minimum=1,
        maximum=20,
        account=True,
    ),
)
