"""Money while calls run, and what prices depend on."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition



def _hour(key: str, default: int, help: Any) -> Definition:
    return Definition(key, int, default, help, minimum=0, maximum=23)


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
    # Hours (guide 4604, 4671, 4733, 4738-4740, 4775, 12492-12495). The guide does not say when evening and night begin.
    _hour("peaktimebegin", 9, _("The hour at which the peak time begins.")),
    _hour("peaktimeend", 19, _("The hour at which the peak time ends.")),
    Definition("weekendispeak", bool, False, _("Saturday and Sunday have a peak time too.")),
    _hour("eveningbegin", 18, _("The hour at which the evening begins.")),
    _hour("nightbegin", 22, _("The hour at which the night begins; it lasts until the peak time.")),
    Definition(
        "autoholiday",
        bool,
        False,
        _("Holidays count as Sundays in time windows; otherwise only windows for holidays hold on them."),
    ),
)
