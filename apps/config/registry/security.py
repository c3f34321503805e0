"""Attacks (guide 8816-8826). Addresses of trunks and carriers are never counted."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words
from apps.core.values.countries import is_code

_DAY = 86_400

SCANNERS = (
    "friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan", "sundayddr", "sivus", "siparmyknife",
    "vaxsipuseragent", "pplsip",
)  # fmt: skip
"""What well-known tools for scanning and guessing call themselves. sipsak is none: operators ask by it whether a switch is there."""


def _is_country(text: str) -> str:
    return "" if is_code(text) else f"{text[:10]!r} is no country's two letters, such as HU."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "enablefirewall",
        bool,
        True,
        _("Rules of the firewall, rates and bans; no: everybody is heard, however much comes."),
    ),
    Definition(
        "maxwrongmsgallowed",
        int,
        4000,
        _("Messages without a meaning after which an address is not heard for a while; 0: never."),
        minimum=0,
        maximum=1_000_000,
    ),
    Definition(
        "maxwrongmsgperiod",
        int,
        3600,
        _("Within how many seconds they are counted."),
        minimum=1,
        maximum=_DAY,
    ),
    Definition(
        "maxsubsipauthrequest",
        int,
        -1,
        _(
            "Requests in a row that ask for a password and prove nothing, after which an address is not heard for a while;"
            " -1: 1000, 0: never. Counted within maxsubfailauthperiod."
        ),
        minimum=-1,
        maximum=1_000_000,
    ),
    Definition(
        "allowua",
        Words,
        (),
        _(
            "User-Agents that may use the switch, with commas; empty: all. Fewer than five characters: the whole name, else a part."
        ),
    ),
    Definition(
        "blockua",
        Words,
        SCANNERS,
        _("User-Agents that are refused, with commas, as in allowua; by default scanners that are known."),
    ),
    Definition(
        "flood_messages_per_second",
        int,
        200,
        _(
            "SIP messages per second that are heard from one unknown address; what is above is dropped unread."
        ),
        minimum=10,
        maximum=100_000,
    ),
    Definition(
        "flood_burst",
        int,
        1000,
        _("Messages that an unknown address may send at once before that rate counts."),
        minimum=10,
        maximum=1_000_000,
    ),
    Definition(
        "maxsubmsgcount",
        int,
        0,
        _(
            "Messages above that rate after which an address is not heard at all for reenabledosblocked seconds; 0: never, as"
            " somebody may send in another's name."
        ),
        minimum=0,
        maximum=10_000_000,
    ),
    Definition(
        "maxsubmsgperiod",
        int,
        180,
        _("Within how many seconds they are counted."),
        minimum=1,
        maximum=_DAY,
    ),
    Definition(
        "maxwrongauthfromip",
        int,
        50,
        _("Wrong SIP passwords after which an address is not heard for a while; 0: never."),
        minimum=0,
        maximum=100_000,
    ),
    Definition(
        "maxfailedauthenabledipport",
        int,
        20,
        _(
            "Wrong SIP passwords from one port of an address after which that port is not heard for a while, and the other phones"
            " behind the address are; 0: never."
        ),
        minimum=0,
        maximum=100_000,
    ),
    Definition(
        "maxsubfailauthperiod",
        int,
        300,
        _("Within how many seconds wrong SIP passwords are counted."),
        minimum=1,
        maximum=_DAY,
    ),
    Definition(
        "geoipfile",
        str,
        "",
        _(
            "A file in MaxMind's format (GeoLite2-Country.mmdb, for example) that tells the countries of addresses; relative to the state"
            " directory, on each node. It is read anew when it changes. Empty: countries are not looked at."
        ),
    ),
    Definition(
        "allowcountries",
        Words,
        (),
        _(
            "From which countries an account may register and call: two letters each, such as HU, ZZ where it is not known, with commas."
            " Empty: all. Private addresses, and those that were entered for the account, are not asked."
        ),
        check=_is_country,
        account=True,
    ),
    Definition(
        "blockcountries",
        Words,
        (),
        _("From which countries it may not, written the same way."),
        check=_is_country,
        account=True,
    ),
    Definition(
        "reenabledosblocked",
        int,
        600,
        _("Seconds after which such an address is heard again."),
        minimum=1,
        maximum=_DAY,
    ),
)
