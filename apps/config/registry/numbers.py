"""What is made of numbers that are dialled and sent (guide 2464-2678, 4624-4637). Names stand for the guide's numbers, in its order."""

from __future__ import annotations

from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

_PREFIX = frozenset("0123456789*#+")


def _is_prefix(text: str) -> str:
    return (
        "" if len(text) <= 32 and _PREFIX.issuperset(text) else "at most 32 of 0-9, *, # and + are expected."
    )


def _is_pattern(text: str) -> str:
    return (
        ""
        if len(text) <= 32 and (_PREFIX | set("Xx.")).issuperset(text)
        else "digits, X and full stops are expected."
    )


def _is_country(text: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # large, and not for everybody who reads settings

    return (
        ""
        if not text or text.upper() in SUPPORTED_REGIONS
        else f"{text[:10]!r} is no country's two letters, such as HU."
    )


def _digits(text: str) -> str:
    return "" if text.isascii() and (not text or text.isdigit()) else "digits are expected."


def _prefixes(key: str, help: Any, default: tuple[str, ...] = ()) -> Definition:
    return Definition(key, Words, default, help, check=_is_prefix, account=True)


def _prefix(key: str, help: Any, default: str = "", check: Any = _is_prefix) -> Definition:
    return Definition(key, str, default, help, check=check, account=True)


def _length(key: str, default: int, help: Any, least: int = 0, most: int = 64) -> Definition:
    return Definition(key, int, default, help, minimum=least, maximum=most, account=True)


def _family(name: str, when: Any) -> tuple[Definition, ...]:
    """The settings `incomingprefix…` or `outgoingprefix…`."""
    return (
        _prefixes(
            f"{name}remove",
            format_lazy(_("Prefixes that go from called numbers {when}, with commas."), when=when),
        ),
        _length(
            f"{name}remove_maxlength",
            0,
            format_lazy(_("{name}remove only for numbers of at least so many digits."), name=name),
        ),
        _length(
            f"{name}remove_minlength",
            0,
            format_lazy(
                _("{name}remove only for numbers of fewer digits than that; 0: of any length."), name=name
            ),
        ),
        _prefix(
            f"{name}remove2",
            format_lazy(
                _("One prefix that goes {when}, on the conditions of {name}add."), when=when, name=name
            ),
        ),
        _prefix(f"{name}add", format_lazy(_("What comes before called numbers {when}."), when=when)),
        _length(
            f"{name}add_minlength",
            0,
            format_lazy(
                _("{name}add and {name}remove2 only for numbers of at least so many digits."), name=name
            ),
        ),
        _length(
            f"{name}add_maxlength",
            0,
            format_lazy(
                _(
                    "{name}add and {name}remove2 only for numbers of fewer digits than that; 0: of any length."
                ),
                name=name,
            ),
        ),
        _prefix(
            f"{name}add_ifbegin",
            format_lazy(_("{name}add and {name}remove2 only for numbers that begin so."), name=name),
        ),
        _prefix(
            f"{name}add_ifnotbegin",
            format_lazy(_("{name}add and {name}remove2 only for numbers that do not begin so."), name=name),
        ),
    )


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "normalizedef",
        str,
        "default",
        _(
            "How far numbers are changed before prices and routes are looked up: untouched, minimal and basic (cleaned), default"
            " and normal (international escape codes go), strict (country codes are added), extra (local numbers are completed"
            " too). It sets validateinput, normalizenumbers and normalizecallednumbersnec, unless they are set by themselves."
        ),
        choices=("default", "untouched", "minimal", "basic", "normal", "strict", "extra"),
        account=True,
    ),
    Definition(
        "validateinput",
        str,
        "auto",
        _(
            "How numbers are cleaned: no; trimmed (blanks go); basic (what looks like an attack is refused); normal (what people"
            " put between digits goes); more (all but digits, +, * and # goes); extreme (anything else is refused)."
        ),
        choices=("auto", "no", "trimmed", "basic", "normal", "more", "extreme"),
        account=True,
    ),
    Definition(
        "normalizenumbers",
        str,
        "auto",
        _(
            "How numbers are normalised: no; basic (by incomingprefix… and prefixrewritestr alone); normal (international escape"
            " codes go); more and extra (and country codes are added further, see normalizecallednumbersnec)."
        ),
        choices=("auto", "no", "basic", "normal", "more", "extra"),
        account=True,
    ),
    Definition(
        "normalizecallednumbersnec",
        str,
        "auto",
        _(
            "Numbers of the account's own country get its code: no; yes (dialled with the national escape code); extra (without"
            " it too); all (local numbers too, by prefix1 to prefix3); depends (on normalizenumbers). Needs country or"
            " countryprefix."
        ),
        choices=("auto", "depends", "no", "yes", "extra", "all"),
        account=True,
    ),
    Definition(
        "cfg_minnormalizelength",
        int,
        -1,
        _("Shorter numbers get no country code; -1: shorter than 5 digits."),
        minimum=-1,
        maximum=32,
        account=True,
    ),
    _prefix(
        "country",
        _("The country that numbers without a country code are of: two letters, such as HU."),
        check=_is_country,
    ),
    _prefix("countryprefix", _("The same by its country code, where country is empty."), check=_digits),
    _prefix("iec1", _("International escape code that callers dial; + is one always."), "00"),
    _prefix("iec2", _("A second one.")),
    _prefix("iec3", _("A third one.")),
    _prefix("prefix1", _("Area code of local numbers, for normalizecallednumbersnec."), check=_digits),
    _prefix("prefix2", _("A second one, tried after it."), check=_digits),
    _prefix("prefix3", _("A third one."), check=_digits),
    Definition(
        "cfg_mobileprefixes",
        Words,
        (),
        _(
            "Beginnings of mobile numbers, with country code and with commas, for mobile(…) in rules; others are known by their"
            " country's numbering plan."
        ),
        check=_digits,
        account=True,
    ),
    Definition(
        "checksss",
        bool,
        True,
        _("Emergency and service numbers of the country stay as they are dialled."),
        account=True,
    ),
    Definition(
        "checknumnumbers",
        str,
        "auto",
        _(
            "Whose calls must be to telephone numbers, not to codes with * or #: nobody's (any), those of trunks, all; auto: of"
            " trunks from normalizenumbers normal on."
        ),
        choices=("auto", "any", "trunks", "all"),
        account=True,
    ),
    Definition("checknumlen", bool, True, _("Whether checkminnumlen and checkmaxnumlen hold."), account=True),
    _length("checkminnumlen", 1, _("Called numbers with fewer digits are refused."), 1, 32),
    _length("checkmaxnumlen", 32, _("Called numbers with more digits are refused."), 1, 32),
    *_family("incomingprefix", _("when a call arrives")),
    *_family("outgoingprefix", _("when a call goes to a carrier")),
    _prefix(
        "prefixrewritestr",
        _(
            "Called numbers that begin so are rewritten by prefixrewritefrom and prefixrewriteto; X and . stand for any digit."
        ),
        check=_is_pattern,
    ),
    _length("prefixrewritefrom", 1, _("The first digit that stays, counted from 1."), 1, 33),
    _prefix("prefixrewriteto", _("What comes before the digits that stay.")),
    Definition(
        "addtechprefix",
        str,
        "",
        _("The tech prefix of calls that come without one: routes and rules see it."),
        check=_digits,
        account=True,
    ),
    Definition(
        "techprefixhandling",
        str,
        "strip",
        _(
            "The tech prefix that a call came with: goes no further (strip; the record has it in the number as dialled), or goes"
            " to the carrier before the number (forward)."
        ),
        choices=("strip", "forward"),
        account=True,
    ),
    Definition(
        "rewriteinternalcalled",
        str,
        "keep",
        _(
            "What a phone of ours is called by: its own address in both (keep); in To the number as it was dialled (received),"
            " its user name, its number, or the better of these (best); with all_, in the Request-URI too, for exchanges that"
            " have several numbers behind one registration."
        ),
        choices=(
            "keep",
            "received",
            "username",
            "number",
            "best",
            "all_received",
            "all_username",
            "all_number",
            "all_best",
        ),
        account=True,
    ),
    # The guide asks prefix rules of H.323 alone by default, and a dial plan at no stage; here are none until somebody makes them.
    Definition("checkprefixroules", bool, True, _("Prefix rules are asked.")),
    Definition("checkdialplan1", bool, True, _("Rewrite rules are asked before it is known who calls.")),
    Definition("checkdialplan2", bool, True, _("Rewrite rules are asked when it is known who calls.")),
    Definition("checkdialplan3", bool, True, _("Rewrite rules are asked when the number is normalised.")),
    Definition("checkdialplan4", bool, True, _("Rewrite rules are asked for each way of a call.")),
)
