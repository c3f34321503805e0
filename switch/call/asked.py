"""Requests of our own inside a dialog that want an answer: re-INVITE, INFO."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.call.proof import CHALLENGES, prove
from switch.sip.client import InviteClientTransaction

if TYPE_CHECKING:
    from switch.call.leg import Leg
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header, Response

Answered = Callable[["Response | None"], None]
"""The final answer; None: there was none."""


class Asked:
    """One request. `answered` is called once; a 2xx to an INVITE is acknowledged by then, a carrier's challenge answered."""

    __slots__ = ("_answered", "_proved", "body", "headers", "leg", "method")

    def __init__(
        self, leg: Leg, method: str, headers: tuple[Header, ...], body: bytes, answered: Answered
    ) -> None:
        self.leg, self.method, self.headers, self.body = leg, method, headers, body
        self._answered = answered
        self._proved = False

    def send(self) -> None:
        """Send it; an INVITE only while no other is under way (`free`)."""
        tx = self.leg.request(self.method, self.headers, self.body, self)
        if self.method == "INVITE":
            self.leg.asking = tx

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """The party's answer."""
        leg = self.leg
        if leg.dialog is not None:
            leg.dialog.on_response(response)
        if response.status < 200:
            return
        if response.status in CHALLENGES and self._prove(tx, response):
            return
        if self.method == "INVITE":
            leg.asking = None
            if response.status < 300 and isinstance(tx, InviteClientTransaction):
                leg.unacked = tx
                leg.acknowledge()
        self._answered(response)

    def _prove(self, tx: ClientTransaction, response: Response) -> bool:
        if self._proved or tx.request is None:
            return False
        proof = prove(self.leg.trunk, response, self.method, tx.request.uri)
        if proof is None:
            return False
        self._proved = True
        self.headers = (*self.headers, proof)
        self.send()
        return True

    def on_timeout(self) -> None:
        """No answer in time."""
        if self.method == "INVITE":
            self.leg.asking = None
        self._answered(None)

    def on_transport_error(self) -> None:
        """It could not be sent."""
        self.on_timeout()


def free(leg: Leg) -> bool:
    """Whether an INVITE of ours may go to the party now (RFC 3261 §14.1)."""
    return (
        leg.dialog is not None
        and bool(leg.keys)
        and leg.asking is None
        and leg.serving is None
        and leg.unacked is None
        and leg.awaiting_ack is None
    )
