"""Every setting there is: its type, default, limits and meaning. What is not declared here does not exist.

Keys keep the guide's spelling where the guide has the setting (guide 4480-4920). "live" takes effect in the
switch within a second, "restart" at the next start of the process that reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from babel.numbers import is_currency
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Value = str | int | tuple[int, ...]


class BadValue(ValueError):
    """The text is not a value of this setting; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A setting. `type` is str, int or tuple (a list of whole numbers, written with commas)."""

    key: str
    type: type
    default: Value
    help: str | Promise
    applies: Literal["live", "restart"] = "live"
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[str], str] | None = None  # answers what is wrong with a text, or ""

    def parse(self, text: str) -> Value:
        """The typed value of what an operator wrote. Raises BadValue."""
        text = text.strip()
        if self.type is int:
            return self._number(text)
        if self.type is tuple:
            return tuple(sorted({self._number(part) for part in text.replace(" ", ",").split(",") if part}))
        return self._text(text)

    def write(self, value: Value) -> str:
        """The text that `parse` reads back."""
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 12):
            raise BadValue(f"{self.key}: {text[:40]!r} is not a whole number.")
        number = int(text)
        if (self.minimum is not None and number < self.minimum) or (
            self.maximum is not None and number > self.maximum
        ):
            raise BadValue(f"{self.key}: {number} is not between {self.minimum} and {self.maximum}.")
        return number

    def _text(self, text: str) -> str:
        if self.choices and text not in self.choices:
            raise BadValue(f"{self.key}: {text[:40]!r} is none of {', '.join(self.choices)}.")
        if len(text) > 200 or not text.isprintable():
            raise BadValue(f"{self.key}: at most 200 printable characters are expected.")
        if self.check and (wrong := self.check(text)):
            raise BadValue(f"{self.key}: {wrong}")
        return text


def _currency(text: str) -> str:
    return "" if is_currency(text) else f"{text[:10]!r} is not an ISO 4217 currency code."


def _realm(text: str) -> str:
    return "" if text and not set(text) & set('"\\') else "a name without quotes or backslashes is expected."


def _number_format(text: str) -> str:
    """A format that must name type, year and sequence, or two documents could get the same number."""
    try:
        first = text.format(type="INV", year=2026, sequence=1)
        others = {
            text.format(type="CN", year=2026, sequence=1),
            text.format(type="INV", year=2027, sequence=1),
            text.format(type="INV", year=2026, sequence=2),
        }
    except (KeyError, IndexError, ValueError, AttributeError):
        return "expected is a text with {type}, {year} and {sequence}, such as {type}-{year}-{sequence:06d}."
    if first in others or len(others) < 3 or len(first) > 32 or "/" in first:
        return "{type}, {year} and {sequence} must all be there, without a slash, in at most 32 characters."
    return ""


_DAY = 86_400
_ALL: tuple[Definition, ...] = (
    Definition(
        "sip_realm",
        str,
        "mizu",
        _("The realm of SIP passwords; changing it makes all of them void."),
        "restart",
        check=_realm,
    ),
    Definition(
        "currency",
        str,
        "EUR",
        _("The installation's own currency: carrier costs and reports are in it."),
        check=_currency,
    ),
    Definition("company_account", str, "company", _("User name of the owner account that issues invoices.")),
    # Phones (guide 4907, 11528-11529)
    Definition(
        "nonce_seconds", int, 300, _("How long a digest challenge is good for."), minimum=10, maximum=3600
    ),
    # MD5 alone by default: many phones in use (all of libre before 2.0, so Debian's baresip) take no challenge at all
    # when one of those offered is SHA-256, although RFC 8760 §2.4 wants them to skip what they do not know.
    Definition(
        "useshadigestauh",
        str,
        "md5",
        _(
            "How phones prove their password. SHA-256 is the better one, but older phones fail when it is offered."
        ),
        choices=("md5", "sha256", "both"),
    ),
    Definition(
        "upperexpire",
        int,
        3600,
        _("Seconds that a registration lasts when the phone asks for none that suits."),
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
        "max_contacts",
        int,
        5,
        _("Phones that may be registered for one account at once."),
        minimum=1,
        maximum=50,
    ),
    # Calls (guide 3502-3514, 4892, 8253)
    Definition(
        "maxcallduration",
        int,
        10_800,
        _("The longest call, seconds; 0: no limit."),
        minimum=0,
        maximum=7 * _DAY,
    ),
    Definition(
        "ringtimeout", int, 60, _("How long a subscriber's phones ring, seconds."), minimum=5, maximum=600
    ),
    Definition(
        "maxreroute",
        int,
        5,
        _("How many further carriers are tried when one fails; 0: none."),
        minimum=0,
        maximum=20,
    ),
    # The guide's rerouteon names classes (busy, no answer, timeout, error) and its reroutedisccodes refine them.
    # Both are one list of SIP statuses here. Its "timeout" is 408 (also when a carrier does not answer at all), its
    # "server error" 5xx; 402, 403 and 488 say that this carrier will not have the call. Not tried again is what
    # speaks for the called party: busy (486, 600), declined (603), unknown number (404), unavailable (480).
    Definition(
        "reroutedisccodes",
        tuple,
        (402, 403, 408, 488, 500, 501, 502, 503, 504),
        _(
            "SIP statuses after which the next carrier is tried, with commas; a carrier that does not answer counts as 408."
        ),
        minimum=400,
        maximum=699,
    ),
    Definition(
        "max_calls_per_worker",
        int,
        2000,
        _("Calls that one switch process takes at once; more are answered 503."),
        minimum=1,
        maximum=100_000,
    ),
    Definition(
        "rtp_start_timeout_seconds",
        int,
        30,
        _("A relayed call that has had no sound at all since its answer is ended; 0: never."),
        minimum=0,
        maximum=3600,
    ),
    Definition(
        "rtp_timeout_seconds",
        int,
        60,
        _("A relayed call from which all sound has stopped is ended; 0: never."),
        minimum=0,
        maximum=3600,
    ),
    Definition(
        "minresendival",
        int,
        500,
        _("T1, the first interval after which SIP over UDP is sent again, milliseconds."),
        minimum=50,
        maximum=2000,
    ),
    # Attacks (guide 8816-8826). Addresses of trunks and carriers are never counted.
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
    # Money
    Definition(
        "hold_seconds",
        int,
        60,
        _("For how many seconds of a call money is set aside at a time."),
        minimum=5,
        maximum=3600,
    ),
    Definition(
        "hold_extend_before",
        int,
        15,
        _("Seconds before a hold is used up when the next is asked for."),
        minimum=1,
        maximum=600,
    ),
    Definition(
        "prepaid_when_database_away",
        str,
        "refuse",
        _("New prepaid calls while the database is away."),
        choices=("refuse", "allow"),
    ),
    Definition(
        "database_away_allowance_seconds",
        int,
        120,
        _("How long such a call may last, if allowed."),
        minimum=1,
        maximum=3600,
    ),
    # Invoices
    Definition("invoice_due_days", int, 15, _("Days from issue to due date."), minimum=0, maximum=365),
    Definition(
        "invoice_number_format",
        str,
        "{type}-{year}-{sequence:06d}",
        _("How a number is written; {type} is INV or CN."),
        check=_number_format,
    ),
)

SETTINGS: dict[str, Definition] = {definition.key: definition for definition in _ALL}


def definition(key: str) -> Definition:
    """Raises KeyError with a sentence when there is no such setting."""
    try:
        return SETTINGS[key]
    except KeyError:
        raise KeyError(f"There is no setting {key!r}.") from None


def defaults() -> dict[str, Any]:
    """Every setting's default, by key."""
    return {key: definition.default for key, definition in SETTINGS.items()}
