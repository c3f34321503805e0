"""Empty datagrams that keep the NAT in front of phones on UDP open (guide 4905, 11011; RFC 5626 §4.4.1 has them for streams).

Each phone gets one per interval; all are spread over it, so that 50,000 phones are a steady trickle and no burst.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from switch.sip.grammar import BadValue
from switch.sip.stream import PING
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.net import Flow
    from switch.registrar import Binding


class KeepAlive:
    """Sends them. `bindings` gives all phones, `send` a datagram on a flow; `mine`: which flows this worker is to care for."""

    def __init__(
        self,
        bindings: Callable[[], Mapping[int, list[Binding]]],
        send: Callable[[Flow, bytes], None],
        mine: Callable[[Flow], bool],
    ) -> None:
        self._bindings = bindings
        self._send = send
        self._mine = mine
        self._round: deque[Binding] = deque()
        self._due = 0.0
        self._per_second = 0.0
        self.sent = 0

    def tick(self, now: float, seconds: float, interval: int) -> None:
        """`seconds` have passed: send what is due in them. `now`: epoch seconds; `interval` 0: nothing is sent."""
        if not interval:
            self._round.clear()
            return
        if not self._round:
            self._round.extend(one for own in self._bindings().values() for one in own)
            self._per_second = len(self._round) / interval
            self._due = 0.0
        self._due += self._per_second * seconds
        while self._round and self._due >= 1:
            self._due -= 1
            one = self._round.popleft()
            if self._needs(one, now):
                self._send(one.flow, PING)
                self.sent += 1

    def _needs(self, one: Binding, now: float) -> bool:
        """On UDP, and its address is another than it says: somebody translates."""
        return (
            one.flow.transport == "udp" and one.expires_at > now and self._mine(one.flow) and translated(one)
        )


def translated(one: Binding) -> bool:
    """Whether the phone came from another address or port than its Contact names."""
    try:
        uri = Uri.parse(one.uri)
    except BadValue:
        return True
    return (uri.address, uri.port or 5060) != (one.flow.host, one.flow.port)
