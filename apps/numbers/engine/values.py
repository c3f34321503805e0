"""What rules know of a call: its fields by name, and the guide's names for them (guide 6465-6520)."""

from __future__ import annotations

from typing import Final

Value = int | str
LARGEST: Final = 10**18
LONGEST_TEXT: Final = 128

FIELDS: Final[dict[str, str]] = {
    "called": "the called number, as far as it has been rewritten",
    "dialled": "the called number as it came",
    "sent": "the number that the carrier is asked for",
    "caller": "the caller number, as far as it has been rewritten",
    "from_user": "the caller number as From has it",
    "caller_name": "the caller's display name",
    "asserted": "the caller number as a trusted sender asserts it",
    "identity": "the caller number in the identity header",
    "tech_prefix": "the tech prefix that the call came with",
    "source": "the caller's IP address",
    "source_port": "its port",
    "transport": "udp, tcp, tls, ws or wss",
    "domain": "the host that the call is for",
    "caller_account": "user name of the account that calls",
    "caller_id": "its number in the office",
    "called_account": "user name of the account that is called: a carrier, or one of ours",
    "called_id": "its number in the office",
    "own_number": "the caller number of the account that calls",
    "caller_country": "its country, in two letters (ISO 3166), as HU",
    "year": "by the wall clock of the account that calls",
    "month": "1 to 12",
    "day": "1 to 31",
    "hour": "0 to 23",
    "minute": "0 to 59",
    "weekday": "Monday is 1, Sunday 7",
}
_GUIDES: Final = {
    "callednumber": "called",
    "called_norm": "called",
    "origcallednumber": "dialled",
    "calledname": "called_account",
    "callnumber": "caller",
    "callernumber": "caller",
    "callername": "caller_name",
    "origcallernumber": "from_user",
    "techprefix": "tech_prefix",
    "fromip": "source",
    "transportip": "source",
    "fromport": "source_port",
    "transportport": "source_port",
    "calleruserid": "caller_id",
    "callerid": "caller_id",
    "calleduserid": "called_id",
    "calledid": "called_id",
    "auth_username": "caller_account",
    "curryear": "year",
    "currmonth": "month",
    "currday": "day",
    "currhour": "hour",
    "currmin": "minute",
    "currweekday": "weekday",
}
NUMBERS: Final = frozenset(("called", "sent", "caller", "identity", "tech_prefix"))
"""Fields that become part of a SIP address."""
SHOWN: Final = frozenset(("caller", "identity"))
"""Fields that tell the called party who calls."""


class WrongExpression(ValueError):
    """The text is no expression, or has no value for this call; the message says why."""


class NoSuchField(KeyError):
    """Nobody knows a field of that name."""


def field_named(name: str) -> str:
    """Our name of a field, by ours or the guide's. Raises NoSuchField."""
    found = name.lower()
    found = _GUIDES.get(found, found)
    if found not in FIELDS:
        raise NoSuchField(name)
    return found
