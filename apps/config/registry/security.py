"""Attacks (guide 8816-8826). Addresses of trunks and carriers are never counted."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

_DAY = 86_400

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "allowua",
        Words,
        (),
        _(
            "User-Agents that may use the switch, with commas; empty: all. Fewer than five characters: the whole name, else a part."
        ),
    ),
    Definition("blockua", Words, (), _("User-Agents that are refused, with commas, as in allowua.")),
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
        "maxwrongauthfromip",
        int,
        50,
        _("Wrong SIP passwords after which an address is not heard for a while; 0: never."),
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
        "reenabledosblocked",
        int,
        600,
        _("Seconds after which such an address is heard again."),
        minimum=1,
        maximum=_DAY,
    ),
)
