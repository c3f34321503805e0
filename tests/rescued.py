"""A call through a whole installation whose first carrier breaks off, and which goes on by the second: caller and carriers on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from switch.sip.message import Request, Response
from tests.support_sip import Peer, sdp

BROKEN = 'Q.850;cause=41;text="Temporary failure"'


@dataclass(frozen=True, slots=True)
class Rescued:
    """Who talks now, and the caller's dialog."""

    caller: Peer
    carrier: Peer
    invite: Request
    ok: Response

    @property
    def worker(self) -> str:
        """The process that has the call, by the label in our tag."""
        return f"worker-{(self.ok.to.tag or '').partition('-')[0].removeprefix('w')}"

    def hang_up(self) -> None:
        self.caller.within("BYE", self.invite, self.ok, cseq=9)
        self.carrier.answer(self.carrier.asked("BYE"), 200)
        self.caller.told(200, "BYE")


@contextmanager
def rescued(
    switch: int, number: str, carriers: tuple[int, int], *, user: str, talk: float = 1.2
) -> Iterator[Rescued]:
    """The caller has talked for so long by the first of these ports, and talks by the second now."""
    with ExitStack() as open_:
        caller, one, two = Peer(switch, user), *(Peer(switch, port=port) for port in carriers)
        for peer in (caller, one, two):
            open_.callback(peer.close)
        invite = caller.invite(number)
        caller.send(invite)
        asked = one.asked("INVITE")
        answer = one.answer(asked, 200, body=sdp(41_000))
        ok = caller.told(200, "INVITE")
        caller.ack(invite, ok)
        one.asked("ACK")
        caller.silent(talk)
        one.back("BYE", asked, answer, headers=(("Reason", BROKEN),))
        one.told(200, "BYE")
        asked = two.asked("INVITE")
        two.answer(asked, 200, body=sdp(47_000))
        two.asked("ACK")
        again = caller.asked("INVITE")
        caller.answer(again, 200, body=sdp())
        caller.asked("ACK")
        yield Rescued(caller, two, invite, ok)
