"""Registrations of phones (guide 4893-4909, 8958, 11007-11009, 11526-11539)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_DAY = 86_400

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "upperexpire",
        int,
        3600,
        _("Seconds that a registration lasts when the phone asks for none, or for more than upperexpiremax."),
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
        "userofflinemin",
        int,
        60,
        _(
            "Minutes for which a phone counts as there when no time was agreed: it asked for none and was told none."
        ),
        minimum=1,
        maximum=1440,
    ),
    Definition(
        "maxregelivetime",
        int,
        _DAY,
        _(
            "Seconds after which the switch forgets a phone that has not registered again, whatever was agreed."
        ),
        minimum=60,
        maximum=_DAY,
    ),
    Definition(
        "sendbackregcontact",
        str,
        "expires",
        _(
            "What the answer to a registration says of phones: none, plain (addresses only), expires (with the seconds"
            " left), exact (as received)."
        ),
        choices=("none", "plain", "expires", "exact"),
        account=True,
    ),
    Definition(
        "cacheregistrations",
        str,
        "off",
        _(
            "Renew a registration without asking for the password again: off, connection (on the connection it was made"
            " by), address (by UDP from the same address and port too, which can be forged)."
        ),
        choices=("off", "connection", "address"),
        account=True,
    ),
    Definition(
        "max_contacts",
        int,
        5,
        _("Phones that may be registered for one account at once."),
        minimum=1,
        maximum=50,
        account=True,
    ),
    Definition(
        "statussaveival",
        int,
        5,
        _("Minutes between two times when the states of phones are stored for lists and reports."),
        minimum=1,
        maximum=60,
    ),
    Definition(
        "udpkeepalive",
        int,
        30,
        _("Seconds between the empty messages that keep the NAT in front of a phone open; 0: none."),
        minimum=0,
        maximum=60,
    ),
)
