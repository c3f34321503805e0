"""Portability and ENUM: where numbers have gone, and who can be called without the telephone network (guide 3554-3640)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\Z")
_DIGITS = re.compile(r"[0-9]{1,16}\Z")


def _prefixes(text: str) -> str:
    return "" if _DIGITS.match(text) else "beginnings of numbers with commas are expected."


def _address(text: str) -> str:
    if not text or (text.startswith(("http://", "https://")) and "{number}" in text and " " not in text):
        return ""
    return "an address with http:// or https:// and {number} in it is expected."


def _suffix(text: str) -> str:
    return "" if _DOMAIN.match(text) else "a domain is expected, as in e164.arpa."


SETTINGS: tuple[Definition, ...] = (
    # The guide's fwdtootherdomains is about calls that come in for other domains; that a ported number may lead to another
    # domain is said here alone.
    Definition(
        "checknumport",
        str,
        "auto",
        _(
            "What of a ported number's entry is heeded: auto (carrier, once there are entries), no, prefix (replaces the number's"
            " beginning), number (it is another one), domain, carrier (goes there first), insert (the prefix goes before the number"
            " that carriers are sent), all (prefix or number, domain, carrier)."
        ),
        choices=("auto", "no", "prefix", "number", "domain", "carrier", "insert", "all"),
    ),
    Definition(
        "checknumportpx",
        Words,
        (),
        _("Only numbers that begin so are looked up, with commas; empty: all."),
        check=_prefixes,
    ),
    Definition(
        "numporttype",
        str,
        "default",
        _(
            "The country whose rules hold: brazil and mexico look numbers up in both of their spellings, find the operator of others"
            " by blocks of numbers, and put its routing number before what carriers are sent."
        ),
        choices=("default", "brazil", "mexico"),
    ),
    Definition(
        "directcarrier",
        str,
        "",
        _(
            "User name of the carrier in whose name calls go to the domains of ported numbers and of ENUM: its price and settings"
            " hold. Empty: there are no such calls."
        ),
    ),
    Definition(
        "numporturl",
        str,
        "",
        _(
            "Address that is asked for numbers of which there is no entry, with {number} in it. It answers a JSON object with"
            " entries code, prefix, new_number, domain, port, or an operator's code alone; 404 or nothing: not ported."
        ),
        check=_address,
    ),
    Definition(
        "numporttimeout",
        int,
        500,
        _("How long a call waits for that, milliseconds; then it goes on as if the number were not ported."),
        minimum=50,
        maximum=5000,
    ),
    Definition(
        "numportcache",
        int,
        3600,
        _("For how many seconds such an answer is good."),
        minimum=1,
        maximum=86_400,
    ),
    Definition(
        "enumsuffixes",
        Words,
        (),
        _(
            "Where ENUM is asked, private trees first, as in e164.example, e164.arpa; the first that knows the number counts."
            " Calls go there in the name of directcarrier, before all carriers. Empty: nowhere."
        ),
        check=_suffix,
    ),
    Definition(
        "enumtimeout",
        int,
        1000,
        _("How long a call waits for ENUM, milliseconds; then it goes on by carriers."),
        minimum=50,
        maximum=5000,
    ),
)
