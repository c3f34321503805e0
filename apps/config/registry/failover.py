"""Failover: when a trunk is passed over, for how long, and what a single call tries (guide 1772-1778, 3437-3520)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_LEAST, _MOST = 3, 86_400


def _connected(text: str) -> str:
    if text in {"auto", "no", "half", "yes"} or (text.isdecimal() and _LEAST <= int(text) <= _MOST):
        return ""
    return f"auto, no, half, yes or seconds from {_LEAST} to {_MOST} are expected."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "can_failover",
        bool,
        True,
        _("Whether trunks that do badly are passed over. Otherwise their calls are only counted."),
    ),
    Definition(
        "hasfailover",
        bool,
        True,
        _("Whether this carrier is passed over when it does badly."),
        account=True,
    ),
    Definition(
        "maxsubsfail",
        int,
        30,
        _(
            "Calls one after the other that a trunk did not answer, or that were short, before it is demoted; 0: not counted."
        ),
        minimum=0,
        maximum=100_000,
        account=True,
    ),
    Definition(
        "minasr",
        int,
        5,
        _("Answered calls in a hundred below which a trunk is demoted; 0: not judged."),
        minimum=0,
        maximum=100,
        account=True,
    ),
    Definition(
        "minacl",
        int,
        10,
        _("Average duration of answered calls, seconds, below which a trunk is demoted; 0: not judged."),
        minimum=0,
        maximum=3600,
        account=True,
    ),
    Definition(
        "maxpdd",
        int,
        0,
        _("Milliseconds until it rings, on the average, above which a trunk is demoted; 0: not judged."),
        minimum=0,
        maximum=60_000,
        account=True,
    ),
    Definition(
        "minmos",
        int,
        0,
        _(
            "Hundredths of the mean opinion score of what callers hear below which a trunk is demoted: 350 is 3.5; 0: not judged."
        ),
        minimum=0,
        maximum=450,
        account=True,
    ),
    Definition(
        "mincallcount",
        int,
        50,
        _("Calls of the window that it takes before ASR, ACD, PDD and MOS are judged."),
        minimum=1,
        maximum=1_000_000,
        account=True,
    ),
    Definition(
        "failover_short_seconds",
        int,
        20,
        _(
            "An answered call that lasts less counts as one that went wrong; 0: only calls without an answer do."
        ),
        minimum=0,
        maximum=300,
        account=True,
    ),
    Definition(
        "failover_window_minutes",
        int,
        60,
        _("Minutes of which ASR and ACD are taken."),
        minimum=5,
        maximum=1440,
        account=True,
    ),
    Definition(
        "failover_minutes",
        int,
        10,
        _("Minutes for which a trunk is demoted the first time; each further time twice as many."),
        minimum=1,
        maximum=1440,
        account=True,
    ),
    Definition(
        "failover_most",
        int,
        5,
        _("How often a demoted trunk is tried again, before it stays out until somebody resets it."),
        minimum=0,
        maximum=30,
        account=True,
    ),
    Definition(
        "failover_forget_hours",
        int,
        24,
        _("Hours without fault after which earlier demotions of a trunk are forgotten."),
        minimum=1,
        maximum=8760,
        account=True,
    ),
    Definition(
        "failover_probe_calls",
        int,
        3,
        _("Calls one after the other that decide, while a demoted trunk is tried again."),
        minimum=1,
        maximum=1000,
        account=True,
    ),
    Definition(
        "failover_probe_share",
        int,
        10,
        _("While a demoted trunk is tried again, it has its old place for one call of so many."),
        minimum=1,
        maximum=1000,
        account=True,
    ),
    Definition(
        "failover_priority_factor",
        int,
        2,
        _(
            "How many times worse a trunk must be, before it stands behind carriers whose priority is more than 100 away."
        ),
        minimum=1,
        maximum=10,
        account=True,
    ),
    Definition(
        "failover_repeat_seconds",
        int,
        25,
        _(
            "Who calls a number again after a call shorter than this is sent another way, as the sound may have been bad; 0: not."
        ),
        minimum=0,
        maximum=300,
        account=True,
    ),
    Definition(
        "failover_repeat_within",
        int,
        300,
        _("Seconds within which a call to the same number counts as such a second try."),
        minimum=1,
        maximum=3600,
        account=True,
    ),
    # The guide's -1, 0, 1, 2 and numbers from 3 on. It leaves open what "auto" and "half" are. A second call is charged like any
    # other, with a connect fee of its own, so nobody gets it who has not asked for it.
    Definition(
        "rerouteconnected",
        str,
        "auto",
        _(
            "Whether an answered call whose carrier breaks off goes on by the next one while its caller waits: by a second call, which is"
            " charged as such. no, and auto: never; half: only as long as nothing has been heard of the carrier's side; yes: always;"
            " or only until it has lasted so many seconds. What breaks a call say rerouteon and its lists."
        ),
        check=_connected,
        account=True,
    ),
    # The guide has SQL that looks into a table of bad callers for single trunks; here the trunk names a list of numbers.
    Definition(
        "refusedcallers",
        str,
        "",
        _(
            "The name of a list of caller numbers, or of their beginnings, whose calls this carrier does not get; other carriers"
            " take them, and without any they are refused."
        ),
        account=True,
    ),
    Definition(
        "trunk_statistics_days",
        int,
        400,
        _(
            "Days for which the calls of each trunk and destination stay counted by the day; by the hour a tenth as long."
        ),
        minimum=31,
        maximum=3650,
    ),
)
