"""Recordings that callers hear before a call (guide 13720-13762). They lie in the folder `voices` below MIZU_VAR."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99})?")


def recording(text: str) -> str:
    """What is wrong with the name of a recording; "" for none, or a good one."""
    return (
        ""
        if _NAME.fullmatch(text)
        else "a file name without a folder is expected, of letters, digits, dots and dashes."
    )


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "defadvfile",
        str,
        "",
        _("The recording that is played to callers: a WAV file of 8 kHz, 16 bit, mono in the folder voices."),
        check=recording,
        account=True,
    ),
    # The guide tells its own vendor's phones from others (1, 2), which nobody can here: phones are its 3.
    Definition(
        "playadvfor",
        str,
        "nobody",
        _(
            "Who hears defadvfile: nobody, callers with a phone of ours, also those who call one of our numbers, or all."
        ),
        choices=("nobody", "phones", "numbers", "all"),
    ),
    Definition(
        "playadv",
        bool,
        False,
        _(
            "Whether the account's calls begin with its recording (connectvoice, else defadvfile), whatever playadvfor says."
        ),
        account=True,
    ),
    Definition(
        "connectvoice",
        str,
        "",
        _("The account's own recording, in the place of defadvfile."),
        check=recording,
        account=True,
    ),
    Definition(
        "discadvonconnect",
        str,
        "stop",
        _(
            "Dial at once, and end the recording when somebody answers (stop) or let it end before the parties hear each other "
            "(continue); or dial only when it is over (before)."
        ),
        choices=("stop", "continue", "before"),
        account=True,
    ),
    # The guide's 0, 1 and 2.
    Definition(
        "allowdiscmessage",
        str,
        "off",
        _(
            "What the account's callers hear when a call is refused: nothing (off), the recording disc.wav (common), or disc_XXX.wav for"
            " the status XXX where there is one (codes)."
        ),
        choices=("off", "common", "codes"),
        account=True,
    ),
    Definition(
        "connectondisccode",
        bool,
        False,
        _(
            "Answer the caller for that recording, as some networks pass no sound before; we bill nothing for it, but who is between"
            " may."
        ),
        account=True,
    ),
    Definition(
        "playadvifnortprouting",
        bool,
        True,
        _(
            "Whether media is led over the relay for a recording; if not, only calls that are relayed anyway have one."
        ),
        account=True,
    ),
)
