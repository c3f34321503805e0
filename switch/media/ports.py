"""The pairs of ports that one worker gives to media: RTP on the even one, RTCP on the odd one above (RFC 3550 §11)."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable


class PortsExhausted(RuntimeError):
    """No pair is free: a call that needs the relay must be refused (503)."""


class PortRange:
    """A worker's share of MIZU_RTP_PORTS.

    Pairs are given in turn, and one that comes back rests for `quarantine` seconds, so that late packets of the old
    call do not reach the next one.
    """

    def __init__(
        self,
        first: int,
        last: int,
        *,
        worker: int = 1,
        workers: int = 1,
        quarantine: float = 10.0,
        clock: Callable[[], float],
    ) -> None:
        """The share of `worker` (1 to `workers`) of the ports `first` to `last`, both included.

        Raises ValueError when the share holds not one pair.
        """
        start = first + first % 2
        pairs = max(0, last - start + 1) // 2
        share = pairs // workers
        if not 1 <= worker <= workers or share < 1 or last > 65535 or first < 1:
            raise ValueError(
                f"MIZU_RTP_PORTS {first}-{last} has no pair of ports for worker {worker} of {workers}"
            )
        begin = start + 2 * share * (worker - 1)
        self._clock = clock
        self._quarantine = quarantine
        self._free = OrderedDict.fromkeys(range(begin, begin + 2 * share, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self._taken: set[int] = set()
        self.size = share

    @classmethod
    def parse(
        cls, text: str, *, worker: int, workers: int, clock: Callable[[], float], quarantine: float = 10.0
    ) -> PortRange:
        """From '20000-20999'; raises ValueError with a sentence."""
        first, dash, last = text.partition("-")
        if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
            raise ValueError(f"MIZU_RTP_PORTS is {text!r}; it must be like 20000-20999")
        return cls(int(first), int(last), worker=worker, workers=workers, quarantine=quarantine, clock=clock)

    @property
    def taken(self) -> int:
        """Pairs in use."""
        return len(self._taken)

    @property
    def free(self) -> int:
        """Pairs that could be taken now."""
        self._wake()
        return len(self._free)

    def take(self, wanted: int = 0) -> int:
        """The even port of a pair, this one if it is free; raises PortsExhausted."""
        if wanted or not self._free:
            self._wake()
        if not self._free:
            raise PortsExhausted(
                f"all {self.size} pairs of RTP ports of this worker are in use or resting; widen MIZU_RTP_PORTS"
            )
        if wanted in self._free:
            port = wanted
            del self._free[wanted]
        else:
            port, _ = self._free.popitem(last=False)
        self._taken.add(port)
        return port

    def release(self, port: int) -> None:
        """Give a pair back; raises ValueError for one that was not taken."""
        if port not in self._taken:
            raise ValueError(f"port {port} was not taken")
        self._taken.remove(port)
        self._resting.append((self._clock() + self._quarantine, port))

    def _wake(self) -> None:
        now = self._clock()
        while self._resting and self._resting[0][0] <= now:
            self._free[self._resting.popleft()[1]] = None
