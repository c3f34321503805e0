"""Calls that are recorded: whose, what the parties are told, where it is kept and for how long (guide 6367-6411, 4693-4774)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.announcements import recording
from apps.config.registry.definition import Definition, Words

_CODE = re.compile(r"[0-9*#]{2,8}")


def _keys(text: str) -> str:
    return "" if not text or _CODE.fullmatch(text) else "keys of a phone like *3* are expected, or nothing."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "record",
        str,
        "off",
        _(
            "Which calls are recorded: none (off), those that the account makes (outgoing), those that it gets (incoming), or all."
            " Where the law asks for it, tell the parties: see recordannouncement."
        ),
        choices=("off", "outgoing", "incoming", "all"),
        account=True,
    ),
    Definition(
        "recordnumbers",
        Words,
        (),
        _("Only calls to numbers that begin so are recorded; empty: calls to any number."),
        account=True,
    ),
    Definition(
        "recordondemand",
        bool,
        False,
        _("The account's phones may begin and end a recording during a call, by the keys of code_record."),
        account=True,
    ),
    Definition(
        "code_record",
        str,
        "*3*",
        _("What is pressed during a call to begin a recording, and to end it."),
        check=_keys,
        account=True,
    ),
    Definition(
        "recordannouncement",
        str,
        "",
        _(
            "Both parties hear this before a call is recorded, and only then hear each other: a WAV file of 8 kHz, 16 bit, mono in"
            " the folder voices. A call in which it cannot be played is not recorded. Empty: nobody is told."
        ),
        check=recording,
        account=True,
    ),
    # The guide's 0, 1.
    Definition(
        "disablep2prtrouting",
        bool,
        False,
        _(
            "Media of the account's calls always goes through the switch, whatever routertpcaller and routertpcalled say, so that"
            " an operator can record any of them."
        ),
        account=True,
    ),
    Definition(
        "recordlisten",
        str,
        "nobody",
        _(
            "Who of this account and those below it may listen to recordings in the portal and the API: subscribers to those that"
            " were made for them, resellers to those of accounts below them."
        ),
        choices=("nobody", "subscribers", "resellers", "all"),
        account=True,
    ),
    Definition(
        "serverftpvoice",
        str,
        "",
        _("The folder that recordings are kept in; empty: the folder recordings below MIZU_VAR."),
    ),
    Definition("serverftpdailydir", bool, True, _("Each day's recordings lie in a folder of their own.")),
    Definition(
        "keeprecorded",
        int,
        90,
        _("Days after which a recording is removed; 0: never."),
        minimum=0,
        maximum=36500,
    ),
    Definition(
        "voicebackupdir",
        str,
        "",
        _("The folder that each recording is copied to, best on another disk or machine; empty: none."),
    ),
    Definition(
        "keepbackuprecorded",
        int,
        365,
        _("Days after which the copy is removed; 0: never."),
        minimum=0,
        maximum=36500,
    ),
    # The guide gives neither their meaning nor their defaults beyond "stereo sync in msec".
    Definition(
        "maxrecdiff",
        int,
        200,
        _(
            "The two sides of a recording are kept in step: milliseconds that one may be off before it is moved at its next pause."
        ),
        minimum=20,
        maximum=5000,
    ),
    Definition(
        "maxrecdiff2",
        int,
        1000,
        _("Milliseconds that one side may be off before it is moved at once, even within a word."),
        minimum=50,
        maximum=10000,
    ),
    Definition(
        "recordingfreemb",
        int,
        500,
        _(
            "Megabytes that must be free on the switch's disk: below that nothing more is recorded, and calls go on."
        ),
        minimum=1,
        maximum=10_000_000,
    ),
)
