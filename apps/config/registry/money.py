"""Money while calls run."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "hold_seconds",
        int,
        60,
        _("For how many seconds of a call money is set aside at a time."),
        minimum=5,
        maximum=3600,
    ),
    Definition(
        "hold_extend_before",
        int,
        15,
        _("Seconds before a hold is used up when the next is asked for."),
        minimum=1,
        maximum=600,
    ),
    Definition(
        "prepaid_when_database_away",
        str,
        "refuse",
        _("New prepaid calls while the database is away."),
        choices=("refuse", "allow"),
    ),
    Definition(
        "database_away_allowance_seconds",
        int,
        120,
        _("How long such a call may last, if allowed."),
        minimum=1,
        maximum=3600,
    ),
)
