"""Holding and moving calls: what who waits hears, and what phones ask for by digits in a call (guide 6118-6171, 6205-6213, 14039-14050)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.announcements import recording
from apps.config.registry.definition import Definition

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,63})?")
_ACCESS = re.compile(r"(?:[0-9*#]{2,12})?")


def _header(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "the name of a header like X-Barge-In is expected, or nothing."


def _access(text: str) -> str:
    return "" if _ACCESS.fullmatch(text) else "two to twelve digits are expected, or nothing."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "musiconhold",
        str,
        "",
        _(
            "The recording that who is put on hold by the account hears, while its media passes us and the account sends none: a"
            " file as for defadvfile, or the built-in music."
        ),
        check=recording,
        account=True,
    ),
    # The guide's 0, 1, 2.
    Definition(
        "playtransfertone",
        str,
        "music",
        _(
            "What is heard while a transfer of the account is under way: nothing, ringing, or music (musiconhold, else the built-in)."
        ),
        choices=("nothing", "ring", "music"),
        account=True,
    ),
    Definition(
        "dtmffeatures",
        bool,
        False,
        _(
            "Whether phones of the account transfer by digits in a call: *9*number# at once, *8*number# after talking; meanwhile 1 and 3"
            " choose whom to talk with, 2 gives it up. Its media is led over the worker's relay for that, unless ivrdtmfmethod is info."
        ),
        account=True,
    ),
    Definition(
        "dtmfdigittimeout",
        int,
        6,
        _("After how many seconds without a digit what was entered in a call is forgotten."),
        minimum=1,
        maximum=60,
        account=True,
    ),
    Definition(
        "bargein",
        str,
        "none",
        _(
            "Whether the account may join calls of the accounts that are below the same one as it: only listen, also whisper to the"
            " party that it names, also be heard by both. In the call 4, 5 and 6 change to these."
        ),
        choices=("none", "listen", "whisper", "barge"),
        account=True,
    ),
    Definition(
        "code_barge_in",
        str,
        "5009",
        _(
            "What phones of accounts with bargein dial before a number to join its call, alone for the call that has lasted longest."
        ),
        check=_access,
        account=True,
    ),
    Definition(
        "bargeinheader",
        str,
        "",
        _(
            "A header of INVITEs by which accounts with bargein join a call: its number or Call-ID, and perhaps ;mode=whisper or barge."
        ),
        check=_header,
        account=True,
    ),
)
