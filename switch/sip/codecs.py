"""Which codecs of an offer go on to the other party (guide 1812, 1936-1938, 4612, 8064, 10836).

Formats that are no codecs of speech (telephone-event, comfort noise, redundancy) stay with whatever is left; what has no
name that we know is passed on unless a rule names what alone may stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from switch.sip.sdp import BadSdp, Media, Sdp

STATIC: Final = {
    0: "PCMU", 3: "GSM", 4: "G723", 5: "DVI4", 6: "DVI4", 7: "LPC", 8: "PCMA", 9: "G722", 10: "L16", 11: "L16",
    12: "QCELP", 13: "CN", 15: "G728", 18: "G729", 26: "JPEG", 31: "H261", 32: "MPV", 34: "H263",
}  # fmt: skip
"""Payload types that need no a=rtpmap (RFC 3551 §6)."""
_USUAL: Final = {105: "OPUS"}
"""Numbers that the guide uses for a codec without saying so in an SDP (10846)."""
BESIDE: Final = frozenset(("TELEPHONE-EVENT", "CN", "RED", "RTX", "ULPFEC"))
G711: Final = frozenset(("PCMU", "PCMA"))
BETTER: Final = frozenset(("G723", "G729"))
"""What the guide's `cutg711` calls better than G.711."""
_SAME: Final = {
    "G7231": "G723",
    "G723.1": "G723",
    "G729A": "G729",
    "G729B": "G729",
    "G711A": "PCMA",
    "G711U": "PCMU",
}


@dataclass(frozen=True, slots=True)
class CodecRules:
    """What one account wants of the codecs in offers from it and to it; names as in a=rtpmap, upper case.

    choose: the first of these that is offered is left alone; order: these go first, in this order; only: nothing else goes;
    block_g711, cut_g711: G.711 does not go, or not when G.723 or G.729 is offered as well.
    """

    choose: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()
    block_g711: bool = False
    cut_g711: bool = False

    def __bool__(self) -> bool:
        return bool(self.choose or self.order or self.only or self.block_g711 or self.cut_g711)

    def apply(self, sdp: Sdp) -> None:
        """Filter and order the audio streams of an offer. BadSdp when no codec of a stream is left."""
        for media in sdp.media:
            if media.kind == "audio" and media.port:
                media.set_formats(self._kept(media))

    def _kept(self, media: Media) -> list[str]:
        names = names_of(media)
        speech = [pt for pt in media.formats if names[pt] not in BESIDE]
        if self.only:
            speech = [pt for pt in speech if names[pt] in self.only]
        if self.block_g711 or (self.cut_g711 and any(names[pt] in BETTER for pt in speech)):
            speech = [pt for pt in speech if names[pt] not in G711]
        chosen = next((pt for name in self.choose for pt in speech if names[pt] == name), None)
        if chosen is not None:
            speech = [chosen]
        if not speech:
            raise BadSdp("no codec of the offer may be used")
        rank = {name: place for place, name in enumerate(self.order)}
        speech.sort(key=lambda pt: rank.get(names[pt], len(rank)))
        return [*speech, *[pt for pt in media.formats if names[pt] in BESIDE]]


def names_of(media: Media) -> dict[str, str]:
    """The name of each format of an RTP stream; a number without a name keeps its number."""
    maps = media.rtpmaps
    found = {}
    for text in media.formats:
        number = int(text) if text.isdecimal() else -1
        mapped = maps.get(number)
        found[text] = plain(mapped.encoding if mapped else STATIC.get(number, text))
    return found


def plain(name: str) -> str:
    """One spelling for each codec."""
    upper = name.strip().upper()
    return _SAME.get(upper, upper)


def named(words: Iterable[str]) -> tuple[str, ...]:
    """Codecs as an operator lists them, by name or (as the guide does) by payload number."""
    return tuple(plain(_name(word)) for word in words)


def _name(word: str) -> str:
    number = int(word) if word.isascii() and word.isdecimal() else -1
    return STATIC.get(number) or _USUAL.get(number) or word


def telephone_event(media: Media) -> int | None:
    """The payload type of telephone events at 8 kHz (RFC 4733), or of any clock when there is no such one."""
    found = [one for one in media.rtpmaps.values() if one.encoding.lower() == "telephone-event"]
    offered = [one for one in found if str(one.payload) in media.formats]
    offered.sort(key=lambda one: one.rate != 8000)
    return offered[0].payload if offered else None
