"""What waits for the answer to a request of ours that belongs to no call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Response


class Asker:
    """The `context` of such a request's transaction (`switch.sip.client`)."""

    __slots__ = ()

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """An answer came, provisional ones too."""

    def on_timeout(self) -> None:
        """Nobody answers."""

    def on_transport_error(self) -> None:
        """It could not be sent."""
