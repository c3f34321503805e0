"""Calls: how long, how many, and what happens when a way fails (guide 3502-3514, 4892, 8253)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Numbers

_DAY = 86_400

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "maxcallduration",
        int,
        10_800,
        _("The longest call, seconds; 0: no limit."),
        minimum=0,
        maximum=7 * _DAY,
    ),
    Definition(
        "ringtimeout",
        int,
        60,
        _("How long a subscriber's phones ring, seconds."),
        minimum=5,
        maximum=600,
        account=True,
    ),
    Definition(
        "maxreroute",
        int,
        5,
        _("How many further carriers are tried when one fails; 0: none."),
        minimum=0,
        maximum=20,
        account=True,
    ),
    # The guide writes -1, 0, 1, 2 and, of the next one, 0 to 4. A carrier's own value counts beside the caller's: "no" of
    # either is no.
    Definition(
        "allowreroute",
        str,
        "auto",
        _(
            "Whether a call that a carrier fails is tried by the next. auto: if there is one; no; yes; must: after every failure,"
            " whatever rerouteon says."
        ),
        choices=("auto", "no", "yes", "must"),
        account=True,
    ),
    Definition(
        "rerouteon",
        str,
        "listed",
        _(
            "After which failures the next carrier is tried. off: none; listed: the statuses of reroutedisccodes; timeout: silence"
            " of the carrier (408, 504) as well; error: every 5xx as well; all: every refusal but 6xx."
        ),
        choices=("off", "listed", "timeout", "error", "all"),
        account=True,
    ),
    Definition(
        "noreroutedisccodes",
        Numbers,
        (),
        _("SIP statuses after which no other carrier is tried, with commas; they win over all others."),
        minimum=400,
        maximum=699,
        account=True,
    ),
    # What is listed by default is the guide's "timeout" (408, also when a carrier does not answer at all) and its "server
    # error" (5xx); 402, 403 and 488 say that this carrier will not have the call. Not tried again is what speaks for the
    # called party: busy (486, 600), declined (603), unknown number (404), unavailable (480).
    Definition(
        "reroutedisccodes",
        Numbers,
        (402, 403, 408, 488, 500, 501, 502, 503, 504),
        _(
            "SIP statuses after which the next carrier is tried, with commas; a carrier that does not answer counts as 408."
        ),
        minimum=400,
        maximum=699,
        account=True,
    ),
    Definition(
        "max_calls_per_worker",
        int,
        2000,
        _("Calls that one switch process takes at once; more are answered 503."),
        minimum=1,
        maximum=100_000,
    ),
    Definition(
        "usergroup",
        int,
        0,
        _(
            "Subscribers, extensions and agents reach each other only within the same number; given to a reseller it holds "
            "for all its customers. Calls to and from outside are not concerned."
        ),
        minimum=0,
        maximum=2_000_000_000,
        account=True,
    ),
)
