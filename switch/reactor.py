"""The worker's reactor: Twisted's epoll reactor with a shorter way from the socket to us."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor


class SwitchReactor(EPollReactor):
    """Twisted wraps every event into a log context of its own, which costs about 3 µs; ours name themselves when they log.

    What a socket's handler raises is still caught and logged by `_doReadOrWrite`.
    """

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, at most `timeout` seconds (None: for ever), and handle them."""
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, len(self._selectables))
        except InterruptedError:
            return
        selectables = self._selectables
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is not None:  # one before it in this turn may have closed it
                self._doReadOrWrite(selectable, fd, event)  # type: ignore[no-untyped-call]

    doIteration = doPoll


def install() -> None:
    """Make it the reactor of this process, unless there is one already."""
    if "twisted.internet.reactor" not in sys.modules:
        installReactor(SwitchReactor())  # type: ignore[no-untyped-call]


def by_and_by(reactor: Any, steps: Iterator[object], every: float) -> None:
    """Take one step each `every` seconds, for work that must hold up neither a start nor calls."""
    try:
        next(steps)
    except StopIteration:
        return
    reactor.callLater(every, by_and_by, reactor, steps, every)
