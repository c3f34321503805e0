"""SRTP between the two sides of a call: who speaks it, who must, and what has to be converted (guide 10328-10360)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Srtp(StrEnum):
    """An account's policy; the guide's number behind each."""

    OFF = "off"
    """-2 and 0: its SRTP is refused, and it is offered plain RTP."""
    AUTO = "auto"
    """-1: passed on end to end, but decoded when the call goes to a phone number, that is to a carrier."""
    BYPASS = "bypass"
    """1: passed on as it is."""
    ACCEPT = "accept"
    """2: used with whoever offers it; to a carrier it is decoded."""
    OFFER = "offer"
    """3: offered to it, whatever the other side speaks."""
    REQUIRE = "require"
    """4: refused without, and offered to it."""
    END_TO_END = "end_to_end"
    """5: refused without, and passed on as it is."""


class Keys(StrEnum):
    """What is done with an offer."""

    REFUSE = "refuse"
    AS_IS = "as_is"
    BOTH = "both"
    """SRTP on both sides, spoken by rtpengine: it passes keys of the same kind on, and makes its own where the kinds differ."""
    DECODE = "decode"
    ENCRYPT = "encrypt"


ENGINE: Final = frozenset((Keys.BOTH, Keys.DECODE, Keys.ENCRYPT))
"""What only rtpengine can do."""


def keys_for(source: Srtp, target: Srtp, *, secure: bool, carrier: bool) -> Keys:
    """What becomes of an offer from one account to another. `secure`: it offers SRTP; `carrier`: the other is one."""
    if secure == (source is Srtp.OFF) and source in {Srtp.OFF, Srtp.REQUIRE, Srtp.END_TO_END}:
        return Keys.REFUSE
    if Srtp.END_TO_END in {source, target}:
        return Keys.AS_IS if secure and target is not Srtp.OFF else Keys.REFUSE
    if not secure:
        return Keys.ENCRYPT if target in {Srtp.OFFER, Srtp.REQUIRE} else Keys.AS_IS
    if target is Srtp.OFF or (carrier and target in {Srtp.AUTO, Srtp.ACCEPT}):
        return Keys.DECODE
    return Keys.AS_IS if target in {Srtp.AUTO, Srtp.BYPASS} else Keys.BOTH


def without_engine(keys: Keys, target: Srtp) -> Keys:
    """The same when nothing can convert: what must be is refused, what is only better is left."""
    if keys is Keys.ENCRYPT:
        return Keys.REFUSE if target is Srtp.REQUIRE else Keys.AS_IS
    if keys is Keys.DECODE:
        return Keys.REFUSE if target is Srtp.OFF else Keys.AS_IS
    return Keys.AS_IS if keys is Keys.BOTH else keys
