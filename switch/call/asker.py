"""What waits for the answer to a request of ours: the `context` of its transaction (`switch.sip.client`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.leg import Leg
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Response


class Asker:
    """Of a request that belongs to no call, or of one whose call it knows itself."""

    __slots__ = ()

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """An answer came, provisional ones too."""

    def on_timeout(self) -> None:
        """Nobody answers."""

    def on_transport_error(self) -> None:
        """It could not be sent: taken as no answer, unless somebody knows better."""
        self.on_timeout()


class PartyAsker(Asker):
    """Of a request of ours inside a party's dialog. As it is, no answer changes anything."""

    __slots__ = ("leg",)

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
