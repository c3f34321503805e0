"""Passwords, user names, and what follows wrong ones (guide 4880, 8958, 9152-9171)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_DAY = 86_400

SETTINGS: tuple[Definition, ...] = (
    # The guide's own default is 4 and its checklist says to raise it.
    Definition(
        "minpwlength",
        int,
        10,
        _("The fewest characters of a new password, of web and phone."),
        minimum=8,
        maximum=16,
    ),
    Definition(
        "validatepassword",
        int,
        1,
        _(
            "What else a new password must be. 1: neither like the account's names nor one that is used everywhere, and of at least 6"
            " different characters; 2: of three kinds (capitals, small letters, digits, others), too."
        ),
        minimum=1,
        maximum=2,
    ),
    Definition(
        "minusernamelen",
        int,
        2,
        _("The fewest characters of a new user name."),
        minimum=1,
        maximum=16,
    ),
    Definition(
        "loginfailures",
        int,
        5,
        _(
            "Wrong passwords after which a user name waits at an address before it may try again; from one address for any names four"
            " times, for one name from any addresses ten times as many."
        ),
        minimum=2,
        maximum=100,
    ),
    Definition(
        "loginwait",
        int,
        60,
        _("Seconds of the first wait; each further wrong password doubles it."),
        minimum=1,
        maximum=_DAY,
    ),
    Definition("loginwaitmost", int, 3600, _("The longest wait, seconds."), minimum=1, maximum=30 * _DAY),
    Definition(
        "secondfactor",
        str,
        "optional",
        _(
            "Who has to log in with a second factor (a code of an app, a security key): optional (whoever wants), staff, resellers"
            " (staff, owners and resellers), everybody."
        ),
        choices=("optional", "staff", "resellers", "everybody"),
    ),
)
