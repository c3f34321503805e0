"""What was measured of a call's media, for its record and the live view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from switch.media.quality import Reported, Side, heard

if TYPE_CHECKING:
    from switch.media import Endpoint, NgSession, Session
    from switch.media.rtpengine.client import Reply

CALLER, CALLED = "caller", "called"


@dataclass(frozen=True, slots=True)
class Measured:
    """`rtp`: packets to the called, to the caller, and lost of both, of all streams; `sides`: of the first stream, by party."""

    rtp: tuple[int, int, int] = (0, 0, 0)
    caller: Side | None = None
    called: Side | None = None

    def __add__(self, later: Measured) -> Measured:
        """Of both parts of a call that went on with other parties: all packets, and the quality of the longer part."""
        longer = max(self, later, key=lambda one: sum(one.rtp[:2]))
        rtp = (self.rtp[0] + later.rtp[0], self.rtp[1] + later.rtp[1], self.rtp[2] + later.rtp[2])
        return Measured(rtp, longer.caller, longer.called)

    @property
    def quality(self) -> dict[str, Any] | None:
        """As the record has it; None when no media was seen."""
        if self.caller is None or self.called is None:
            return None
        if not any(one.packets or one.strays for one in (self.caller, self.called)):
            return None
        return {CALLER: self.caller.as_json(), CALLED: self.called.as_json()}


def of_relay(session: Session, codec: str) -> Measured:
    """Of our own relay, now."""
    pairs = [(caller.report(), called.report()) for caller, called in session.streams]
    reports = session.reports or (None, None)
    sides = [
        Side(
            one.packets, one.lost, round(1000 * one.jitter, 2), told.as_value() if told else None,
            address=_address(end), port=end.local[1], strays=one.strays,
        )
        for one, told, end in zip(pairs[0], reports, session.streams[0], strict=True)
    ]  # fmt: skip
    rtp = (
        sum(caller.packets for caller, _ in pairs),
        sum(called.packets for _, called in pairs),
        sum(caller.lost + called.lost for caller, called in pairs),
    )
    return _judged(rtp, sides[0], sides[1], codec)


def _address(end: Endpoint) -> str:
    """Where the party's sound comes from; "" when none came."""
    if end.remote is None:
        return ""
    host, port = end.remote
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def of_rtpengine(reply: Reply, session: NgSession, codec: str) -> Measured:
    """Of the answer to our `delete`; nothing when there was none. rtpengine knows of losses and jitter what RTCP tells."""
    try:
        found = [_of_tag(reply, session.tag(caller)) for caller in (True, False)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return Measured()
    lost = [_reports(reply, ssrc) for _packets, ssrc in found]
    # RTCP about a party's stream is what the other party says of it.
    sides = [Side(found[me][0], 0, 0.0, lost[1 - me]) for me in (0, 1)]
    total = sum(one.lost for one in lost if one is not None)
    return _judged((found[0][0], found[1][0], total), sides[0], sides[1], codec)


def packets_from(reply: Reply, session: NgSession, *, caller: bool) -> int:
    """RTP packets that rtpengine has had from a party; 0 when it does not say."""
    try:
        return _of_tag(reply, session.tag(caller))[0]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return 0


def _judged(rtp: tuple[int, int, int], caller: Side, called: Side, codec: str) -> Measured:
    return Measured(
        rtp,
        replace(caller, mos=heard(caller, called, codec)),
        replace(called, mos=heard(called, caller, codec)),
    )


def _of_tag(reply: Reply, tag: str) -> tuple[int, int]:
    """RTP packets of a party, and the SSRC of its first stream."""
    medias = reply["tags"][tag]["medias"]
    streams = [one for media in medias for one in media["streams"] if b"RTP" in one["flags"]]
    packets = sum(int(one["stats"]["packets"]) for one in streams)
    return packets, int(streams[0].get("SSRC", -1)) if streams else -1


def _reports(reply: Reply, ssrc: int) -> Reported | None:
    """What was reported of a stream."""
    told = reply.get("SSRC", {}).get(str(ssrc))
    if not isinstance(told, dict) or "average MOS" not in told:
        return None
    average = told["average MOS"]
    trip = average.get("round-trip time")
    return Reported(
        int(told.get("cumulative loss", 0)),
        float(average.get("jitter", 0)),
        None if trip is None else round(int(trip) / 1000, 1),
    )
