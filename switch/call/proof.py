"""Answers to a carrier's challenges: to our INVITE, and to what we send inside the dialog (RFC 3261 §22.2-22.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call.asker import PartyAsker
from switch.sip.digest import MD5, authorize, choose

if TYPE_CHECKING:
    from switch.call.leg import Leg
    from switch.call.model import TrunkAddress
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header, Request, Response

CHALLENGES = frozenset((401, 407))
PROOFS = frozenset(("Authorization", "Proxy-Authorization"))


def prove(trunk: TrunkAddress | None, response: Response, method: str, uri: str) -> Header | None:
    """The header that answers the challenge with the trunk's secret; None when there is none that fits."""
    if trunk is None or not trunk.username or response.status not in CHALLENGES:
        return None
    challenge = choose(response.all("WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"))
    if challenge is None or (trunk.realm and challenge.realm != trunk.realm):
        return None
    ha1 = trunk.ha1_md5 if challenge.algorithm == MD5 else trunk.ha1_sha256
    if not ha1:
        return None
    proof = authorize(challenge, method=method, uri=uri, username=trunk.username, ha1=ha1)
    return ("Authorization" if response.status == 401 else "Proxy-Authorization", proof)


def proofs_of(request: Request | None) -> tuple[Header, ...]:
    """What an ACK repeats of its INVITE (RFC 3261 §22.1)."""
    return tuple([header for header in request.headers if header[0] in PROOFS]) if request is not None else ()


class Errand(PartyAsker):
    """A request of ours whose answer changes nothing (BYE, PRACK), until it comes: a carrier that asks for a proof gets it, once."""

    __slots__ = ("headers", "method")

    def __init__(self, leg: Leg, method: str, headers: tuple[Header, ...]) -> None:
        super().__init__(leg)
        self.method = method
        self.headers = headers

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """The party's answer. What else it may be, nobody waits for it."""
        request = tx.request
        proof = None if request is None else prove(self.leg.trunk, response, self.method, request.uri)
        if proof is not None:
            self.leg.request(self.method, (*self.headers, proof))
