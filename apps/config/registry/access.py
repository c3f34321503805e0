"""How callers prove who they are (guide 1567-1589, 2126-2143)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

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
        _("Refuse calls that nothing but an open relay (needauth open) would let in."),
    ),
)
