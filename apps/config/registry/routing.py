"""By which way calls leave, and who may use which way (guide 1623-1645, 1787-1806, 3183-3336, 4602-4771).

What a carrier is good for is said of the carrier's account; what a customer may call, of the customer's. Both hold for everybody below.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

_PREFIX = re.compile(r"(\*|[0-9*#]{1,20})\Z")
_WHO = re.compile(r"(\*|[A-Za-z0-9._@+-]{1,64})\Z")
MOST = 1_000_000


def _prefix(text: str) -> str:
    return "" if _PREFIX.match(text) else _now("expected are prefixes of digits, or * for all.")


def _who(text: str) -> str:
    return "" if not text or _WHO.match(text) else _now("expected are user names or account ids.")


def _prefixes(key: str, help: Any, default: tuple[str, ...] = ()) -> Definition:
    return Definition(key, Words, default, help, check=_prefix, account=True)


def _people(key: str, help: Any, default: tuple[str, ...] = ()) -> Definition:
    return Definition(key, Words, default, help, check=_who, account=True)


def _carrier(key: str, help: Any) -> Definition:
    return Definition(key, str, "", help, check=_who, account=True)


def _yes(key: str, default: bool, help: Any) -> Definition:
    return Definition(key, bool, default, help, account=True)


def _number(key: str, default: int, help: Any, *, least: int = 0, most: int = MOST) -> Definition:
    return Definition(key, int, default, help, minimum=least, maximum=most, account=True)


SETTINGS: tuple[Definition, ...] = (
    # Order
    _number(
        "brs_lcr",
        4,
        _(
            "How carriers of equal priority are ordered where a route rule leaves it open. 0: calls are spread evenly; 1, 2: least"
            " cost; 3, 4: best route, by price and quality; 5: best route, then least cost."
        ),
        most=5,
    ),
    Definition(
        "pricecalcsec",
        int,
        135,
        _("Best route: the seconds of an average call, for which prices are compared."),
        minimum=1,
        maximum=3600,
    ),
    _number(
        "qualification",
        0,
        _(
            "How important the account is, 0 to 10: by so many tenths its calls go by quality rather than by price, where the best"
            " route is chosen."
        ),
        most=10,
    ),
    # Ways beside the rules
    Definition(
        "emergencynumbers",
        Words,
        ("112", "911"),
        _("Emergency numbers, as they are called. They go by the carrier of emergencydir first of all."),
        check=_prefix,
        account=True,
    ),
    _carrier("emergencydir", _("The carrier that emergency calls go to first, by user name or id.")),
    _carrier("onlyroutealias", _("The one carrier that all calls go to, whatever the route rules say.")),
    _carrier("fakegwalias", _("The carrier that calls go to when no other can take them.")),
    _yes("allownumbersendback", False, _("A call may go back to the carrier or trunk that it came from.")),
    _yes(
        "removetrailinghash",
        False,
        _("A # at the end of a called number, which only ends the dialling, is taken off."),
    ),
    # Subscribers of ours
    Definition(
        "allowusercalls",
        str,
        "yes",
        _(
            "Calls to our own subscribers: yes, they stay inside; no, all calls take the route rules; drop, they are refused."
        ),
        choices=("no", "yes", "drop"),
        account=True,
    ),
    Definition(
        "configallowusertopstn",
        str,
        "no",
        _(
            "Calls to a subscriber without a registered phone: no, they fail; number, carriers are tried where its telephone number was called; always, where its user name is a number, too."
        ),
        choices=("no", "number", "always"),
        account=True,
    ),
    _yes(
        "checklocalnumbers", True, _("Whether a called number is looked up among those of our subscribers.")
    ),
    _prefixes(
        "checklocalnumberpx",
        _(
            "Numbers with these prefixes are ours: they are never sent to a carrier, even if nobody has them. Empty: none."
        ),
    ),
    _yes("onlylocalaccess", False, _("The account may call our subscribers only.")),
    _people(
        "allowedusers",
        _(
            "Who may call the account: user names, ids, or g and the id of a group of accounts; * or nobody named: everybody."
        ),
    ),
    _yes("temporarydisabled", False, _("For the time being the account neither makes nor takes calls.")),
    # Which numbers
    Definition(
        "checkrouterrights",
        bool,
        True,
        _("Whether enabledprefixes, blockprefixes, enabledtechprefixes and allowedpartners are heeded."),
    ),
    _prefixes(
        "enabledprefixes",
        _("Called prefixes that the customer may call, or the carrier takes; empty or *: all."),
    ),
    _prefixes(
        "blockprefixes", _("Called prefixes that the customer may not call, or the carrier does not take.")
    ),
    # Carriers: which calls
    _prefixes(
        "enabledtechprefixes", _("The carrier takes calls with these tech prefixes only; empty or *: all.")
    ),
    _people(
        "allowedpartners",
        _(
            "The customers that a carrier takes calls of, or the carriers that a customer's calls may go to; those above count"
            " too. *: all."
        ),
        ("*",),
    ),
    _prefixes(
        "testprefix",
        _("The carrier takes calls with this tech prefix only; it may be used for others too elsewhere."),
    ),
    _yes(
        "onlytestcalls",
        False,
        _("The carrier takes test calls only: those with the tech prefix of testcallprefix."),
    ),
    Definition(
        "testcallprefix", str, "999", _("The tech prefix of test calls; empty: there are none."), check=_who
    ),
    # Carriers: before others
    _number(
        "globalabsolutepriority",
        0,
        _("The carrier with the highest goes first in each rule, before everything else."),
    ),
    _number(
        "absolutepriority",
        0,
        _(
            "The carrier with the highest gets all calls of a rule until it is full. Priorities in the route rules are easier to"
            " follow."
        ),
    ),
    _number(
        "carrierpriority",
        0,
        _("Of equal targets the carrier with the highest goes first, before price and quality."),
    ),
    _prefixes(
        "calledpriority", _("Calls with these tech prefixes, or called prefixes, go to this carrier first.")
    ),
    _prefixes("callerpriority", _("Of equal targets this carrier goes first for these caller prefixes.")),
    _people("prioritypartner", _("Of equal targets this carrier goes first for these customers.")),
    _number(
        "minsubsecventcallbegin",
        0,
        _(
            "Of equal targets this carrier waits, if another can take the call, so many seconds after its last call; 0: not."
        ),
        most=3600,
    ),
)
