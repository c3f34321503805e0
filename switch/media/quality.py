"""How a call sounded, as an estimate: the E-model (ITU-T G.107) reduced to delay, loss and codec, and its MOS (annex B).

R = 93.2 - Id - Ie,eff. Id is the simplified delay impairment of one way; Ie,eff adds random packet loss to the codec's
own impairment (G.107 §3.5, BurstR = 1), with the codecs' values of G.113 appendix I. Noise, echo and loudness are taken as perfect.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

BEST: Final = 93.2
_CODECS: Final = {
    "PCMU": (0.0, 25.1), "PCMA": (0.0, 25.1), "G722": (0.0, 25.1), "OPUS": (0.0, 25.1), "G729": (11.0, 19.0),
    "G723": (15.0, 16.1), "GSM": (20.0, 43.0), "ILBC": (11.0, 32.0), "G728": (7.0, 17.0), "SPEEX": (11.0, 19.0),
    "AMR": (5.0, 10.0), "G726": (7.0, 17.0),
}  # fmt: skip
"""Impairment of the codec, and its robustness to loss (with concealment)."""
_UNKNOWN: Final = (11.0, 19.0)
_IF_KNOWN: Final = frozenset(("reported", "address", "port", "strays"))
_FRAMES: Final = 0.04
"""Seconds that packets, codec and the smallest jitter buffer take."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a party says by RTCP (RFC 3550 §6.4.1) of the stream that it hears. Jitter and the round trip to the switch in ms."""

    lost: int
    jitter: float
    round_trip: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """One party of a call: the stream that came from it to the switch, and what it reported of the one it heard.

    `mos`: what the party heard, from 1 (bad) to 4.4; None when it heard nothing. Jitter in ms. `address`: where its sound came from,
    `port`: ours for it, `strays`: packets that came there from elsewhere and were dropped (of our own relay only).
    """

    packets: int
    lost: int
    jitter: float
    reported: Reported | None = None
    mos: float | None = None
    address: str = ""
    port: int = 0
    strays: int = 0

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        return {key: value for key, value in values.items() if value or key not in _IF_KNOWN}


def heard(me: Side, other: Side, codec: str) -> float | None:
    """The MOS of what a party heard: of the other's stream, with its losses before the switch and, if reported, behind it."""
    if not other.packets:
        return None
    report = me.reported
    lost = max(other.lost, report.lost) if report else other.lost
    jitter = max(other.jitter, report.jitter) if report else other.jitter
    trips = [
        one.reported.round_trip for one in (me, other) if one.reported and one.reported.round_trip is not None
    ]
    return mos(rating(codec, lost / (other.packets + other.lost), jitter / 1000, sum(trips) / 2000))


def rating(codec: str, loss: float, jitter: float, delay: float) -> float:
    """R, from 0 to 93.2. `loss` is a fraction, `jitter` and `delay` (of the network, one way) are seconds."""
    milliseconds = 1000 * (delay + 2 * jitter + _FRAMES)
    delayed = 0.024 * milliseconds + 0.11 * max(0.0, milliseconds - 177.3)
    impairment, robustness = _CODECS.get(codec.upper(), _UNKNOWN)
    percent = 100 * min(1.0, max(0.0, loss))
    equipment = impairment + (95 - impairment) * percent / (percent + robustness)
    return max(0.0, BEST - delayed - equipment)


def mos(rating: float) -> float:
    """The mean opinion that goes with R (G.107 annex B), to two digits."""
    return (
        round(1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6, 2) if rating > 0 else 1.0
    )
