"""Registrations of phones (guide 4907)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_DAY = 86_400

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "upperexpire",
        int,
        3600,
        _("Seconds that a registration lasts when the phone asks for none that suits."),
        minimum=60,
        maximum=_DAY,
    ),
    Definition(
        "upperexpiremin", int, 60, _("The shortest registration accepted, seconds."), minimum=30, maximum=_DAY
    ),
    Definition(
        "upperexpiremax",
        int,
        7200,
        _("The longest registration accepted, seconds."),
        minimum=60,
        maximum=_DAY,
    ),
    Definition(
        "max_contacts",
        int,
        5,
        _("Phones that may be registered for one account at once."),
        minimum=1,
        maximum=50,
    ),
)
