"""How callers prove who they are (guide 1567-1589, 2126-2143)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

#: `needauth`: our name → the guide's number; `auto` is ours.
NEEDAUTH = {
    "auto": None,
    "open": 0,
    "address": 1,
    "prefix": 2,
    "address_prefix": 3,
    "password": 4,
    "user": 5,
    "address_port": 6,
    "address_user": 7,
    "address_password": 8,
    "network": 9,
    "network_password": 10,
}
#: Anybody can imitate these, so they are given to single accounts and never to everybody.
ACCOUNTS_ONLY = ("open", "prefix", "user")

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "needauth",
        str,
        "auto",
        _(
            "How calls are known to be the account's. auto: by its addresses and tech prefix, else by its password."
            " address: single addresses only; network: ranges too; user: the user name or caller number in From."
            " Anybody can imitate open, prefix and user: give them to single accounts only."
        ),
        choices=tuple(NEEDAUTH),
        account=True,
    ),
    Definition(
        "enforcestrongauth",
        bool,
        True,
        _(
            "Refuse calls that nothing but an open relay (needauth open) or anonymous access would let in, and replace SIP passwords"
            " that are found to be weak."
        ),
    ),
    # Guide 8972-8979. Its 4 (everywhere, the administration too) would leave the office without a password.
    Definition(
        "allowtrustedip",
        str,
        "all",
        _(
            "From which addresses a call may be known by its address alone: none, own (this machine), private (of private networks),"
            " all. Whoever can forge addresses of others can call in their name."
        ),
        choices=("none", "own", "private", "all"),
    ),
    Definition("canacceptlocalip", bool, True, _("Hear requests that come from this machine (127.0.0.1).")),
    Definition(
        "hasinternalaccess",
        bool,
        True,
        _("Hear requests that come from private networks, such as 10.0.0.0/8 or 192.168.0.0/16."),
    ),
    Definition(
        "allowcallunregistered",
        bool,
        True,
        _("A phone may call while it is not registered."),
        account=True,
    ),
    Definition(
        "alloweua",
        Words,
        (),
        _(
            "User-Agents that may call without a password (known by address, tech prefix or name), with commas as in allowua;"
            " empty: all."
        ),
    ),
    Definition("blockeua", Words, (), _("User-Agents that may not call without a password, as in alloweua.")),
    # Who calls by a trunk (guide 2151-2190): a subscriber that is known by its caller number.
    Definition(
        "anumberhandling",
        str,
        "both",
        _(
            "Subscribers are known by their caller number in calls of trunks with enablenumberlookup. off; add: subscribers may note"
            " their numbers, but are not known by them; accept: known, but none may be noted; both; only: as accept, and calls with a"
            " number that is not known are refused."
        ),
        choices=("off", "add", "accept", "both", "only"),
    ),
    Definition(
        "enablenumberlookup",
        bool,
        False,
        _(
            "Take the calls of this trunk as those of the subscribers whose caller numbers they bear. Only for trunks whose numbers"
            " can be relied on."
        ),
        account=True,
    ),
    Definition(
        "anumberhandlingforrouting",
        bool,
        True,
        _(
            "Calls that a trunk brings for somebody who is known by number or PIN go by that account's route rules; off: by the"
            " trunk's. The account pays either way."
        ),
    ),
    # Strangers (guide 11543-11553), heard only while enforcestrongauth is off, as the account sysanonymous.
    Definition(
        "allowanonymoususers",
        bool,
        False,
        _(
            "Take calls of nobody known as those of the account sysanonymous, if there is one and enforcestrongauth is off."
        ),
    ),
    Definition(
        "freeaccessuserid",
        Words,
        (),
        _(
            "User names of accounts that strangers may call, with commas, as the account sysanonymous; not while enforcestrongauth is"
            " on."
        ),
    ),
)
