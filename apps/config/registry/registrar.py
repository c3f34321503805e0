"""Registrations of phones (guide 4893-4909, 8958, 11007-11009, 11526-11539)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import host_name
from apps.config.registry.definition import Definition

_DAY = 86_400


def _server(text: str) -> str:
    return "" if not text else host_name(text)


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
        "maxepcounttreshold",
        int,
        0,
        _("Phones that may be registered in all; above that no new one is taken (503). 0: no limit."),
        minimum=0,
        maximum=10_000_000,
    ),
    Definition(
        "allowforkforsignaling",
        bool,
        True,
        _(
            "Call all phones of an account at once; else only the preferred one, of equals the one that registered last."
        ),
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
    # A switch in front of another one (guide 8566-8585, 8640-8655): the guide's 0, 1, 2.
    Definition(
        "fwdregistrations",
        str,
        "no",
        _(
            "Pass registrations of our accounts' phones on to another server, which checks the password, and call the phones ourselves:"
            " no; only of those that come to a secondarybind address (alternate); always."
        ),
        choices=("no", "alternate", "always"),
    ),
    Definition(
        "fwdregistrations_domain",
        str,
        "",
        _("The SIP domain that they name there; empty: as the phone wrote it."),
        check=_server,
    ),
    Definition(
        "fwdregistrations_ip",
        str,
        "",
        _("The address or name of that server; empty: fwdregistrations_domain, as DNS says."),
        check=_server,
    ),
    Definition(
        "fwdregistrations_port",
        int,
        0,
        _("Its port; 0: the standard one, or as DNS says."),
        minimum=0,
        maximum=65_535,
    ),
    # The guide's 0 and 1. Its 2 opens accounts for whoever asks, with whatever password.
    Definition(
        "autocreatereguser",
        str,
        "no",
        _(
            "Open an account for a phone that nobody here knows, once that server has granted its registration (proved), or never"
            " (no). It is a prepaid subscriber without money, and calls by the way that it registered by."
        ),
        choices=("no", "proved"),
    ),
    Definition(
        "autocreatereguser_parent",
        str,
        "",
        _("User name of the reseller or owner below whom such accounts are opened; empty: nobody."),
    ),
    Definition(
        "maxlinefornewunknownusers",
        int,
        3,
        _("How many calls at once such an account may have; 0: no limit."),
        minimum=0,
        maximum=10_000,
    ),
    # The guide's 0 and 2. Its 1 lets a stranger have requests sent to any host that it names.
    Definition(
        "allowupperselection",
        str,
        "no",
        _(
            "Let a phone choose that server by the domain that it registers with: no, or where it is the host of one of our carriers"
            " (known)."
        ),
        choices=("no", "known"),
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
