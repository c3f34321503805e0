"""Which source a media socket believes: learned from packets, guarded by what signalling said."""

from __future__ import annotations

from enum import IntEnum

Address = tuple[str, int]


class Rank(IntEnum):
    """How well a source fits what signalling said; a higher one may take the place of a lower one for a moment."""

    NONE = 0
    """Not plausible: never learned."""
    PREVIOUS = 1
    """The source from before the SDP changed: perhaps only late packets."""
    ANYWHERE = 2
    """Another address; only with `symmetric`."""
    SIGNALLING = 3
    """The address that the SIP messages come from, any port: a phone behind NAT."""
    HOST = 4
    """The SDP's address, another port: a NAT that changed the port."""
    EXACT = 5
    """The SDP's address and port."""


class Latch:
    """Learns the source of one socket.

    1. Until something is learned, packets go out to the signalled address.
    2. The first plausible packet (see `Rank`) sets the source. Only an RTP packet does; anything else (UDPTL of T.38)
       only from the exact signalled address.
    3. For `settle` seconds a source of a higher rank may replace it: who guesses a port cannot keep the real one out.
       Then the source is locked.
    4. Only a changed SDP opens the latch again; the same SDP in a re-INVITE (a session refresh) does not.
    """

    __slots__ = (
        "_learned_at",
        "_patient",
        "_previous",
        "_settle",
        "_signalled",
        "_signalling",
        "_symmetric",
        "_wanted",
        "rank",
        "source",
        "target",
    )

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._signalled: Address | None = None
        self._signalling: str | None = None
        self._symmetric = False
        self._patient = False
        self._wanted = False
        self._previous: Address | None = None
        self._learned_at = 0.0
        self.rank = Rank.NONE
        self.source: Address | None = None
        """The learned source."""
        self.target: Address | None = None
        """Where to send: the learned source, else the signalled address, else nowhere."""

    def expect(
        self, signalled: Address | None, signalling: str | None, symmetric: bool, patient: bool = False
    ) -> bool:
        """What signalling says now; True when the latch was opened again by it. None: no media wanted (hold).

        `patient`: nothing is sent before a source is learned.
        """
        self._signalling = signalling
        self._symmetric = symmetric
        self._patient = patient
        self._wanted = signalled is not None
        if signalled is None:
            # A hold without an address: stop sending, and keep what was learned for the time after it.
            self.target = None
            return False
        if signalled == self._signalled:
            self.target = self.source or (None if patient else signalled)
            return False
        self._signalled = signalled
        self._previous = self.source or self._previous
        self.source = None
        self.rank = Rank.NONE
        self.target = None if patient else signalled
        return True

    def rank_of(self, source: Address) -> Rank:
        """How well a source fits."""
        if source == self._signalled:
            return Rank.EXACT
        if self._signalled is None:
            return Rank.NONE
        host = source[0]
        if source == self._previous and (self._symmetric or host in (self._signalled[0], self._signalling)):
            return Rank.PREVIOUS
        if host == self._signalled[0]:
            return Rank.HOST
        if host == self._signalling:
            return Rank.SIGNALLING
        return Rank.ANYWHERE if self._symmetric else Rank.NONE

    def consider(self, source: Address, now: float, *, is_media: bool) -> bool:
        """A packet of a source that is not the learned one: learn it, or False for a stray."""
        if self.source is not None and now - self._learned_at > self._settle:
            return False
        rank = self.rank_of(source)
        if rank <= self.rank or not (is_media or rank is Rank.EXACT):
            return False
        if self.source is None:
            self._learned_at = now
        self.source = source
        self.rank = rank
        if self._wanted:
            self.target = source
        return True
