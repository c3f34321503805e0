"""Phones and carriers in a simulation, and what tests of call features do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from switch.sip.message import Request, Response
from tests.support_sip import sdp
from tests.switch.sim import Sim, SimPeer, ids

OUTSIDE = "49301234567"


@dataclass
class Talk:
    """A call that is up: who called whom, the INVITEs of both sides and their answers."""

    caller: SimPeer
    callee: SimPeer
    invite: Request
    ok: Response
    asked: Request
    answer: Response


class Stage:
    """Everybody who may take part."""

    def __init__(self, sim: Sim) -> None:
        self.sim, self.ids = sim, ids(sim.office)
        self.a, self.b, self.c = (sim.peer(user) for user in ("1001", "1002", "1003"))
        self.one = sim.peer("one", 19_010)
        self.two = sim.peer("two", 19_020)

    def register(self, *phones: SimPeer) -> None:
        for phone in phones:
            assert phone.register(f"secret-{phone.user}", expires=3600).status == 200

    def forward(self, user: str, kind: str, number: str, seconds: int = 0) -> None:
        self.sim.office.rows["forwards"].append([self.ids[user], kind, number, seconds])
        self.sim.change()

    def own(self, user: str, key: str, value: Any) -> None:
        self.sim.office.rows["overrides"].append([self.ids[user], key, value])
        self.sim.change()

    def group(self, user: str, mode: str, *members: tuple[str, int, int], own: bool = True) -> None:
        self.sim.office.rows["ring_groups"].append([self.ids[user], mode, own, list(members)])
        self.sim.change()

    def talk(self, invite: Request, callee: SimPeer, seconds: float = 5.0) -> Request:
        """The callee answers, they talk, the caller hangs up; the INVITE that the callee got."""
        asked = callee.asked("INVITE")
        callee.answer(asked, 200, body=sdp(41000))
        ok = self.a.told(200, "INVITE")
        self.a.ack(invite, ok)
        callee.asked("ACK")
        self.sim.tick(seconds)
        self.a.within("BYE", invite, ok, cseq=3)
        callee.answer(callee.asked("BYE"), 200)
        self.a.told(200, "BYE")
        return asked

    def of(self, user: str) -> list[dict[str, Any]]:
        return [one for one in self.sim.records() if one.get("caller") == self.ids[user]]

    def up(self, caller: SimPeer, callee: SimPeer, number: str = "") -> Talk:
        """A call that is answered."""
        invite = caller.call(number or callee.user, body=sdp(caller.port + 1))
        asked = callee.asked("INVITE")
        answer = callee.answer(asked, 200, body=sdp(callee.port + 1), tag=f"a{len(callee.heard)}")
        ok = caller.told(200, "INVITE")
        caller.ack(invite, ok)
        callee.asked("ACK")
        self.sim.tick(0.1)
        return Talk(caller, callee, invite, ok, asked, answer)

    def reoffered(self, party: SimPeer, status: int = 200, *, body: bytes = b"") -> Request:
        """A party gets a new description and takes it."""
        request = party.asked("INVITE")
        party.answer(request, status, body=body or sdp(party.port + 1))
        if status < 300:
            party.asked("ACK")
        return request

    def bye(self, party: SimPeer) -> Request:
        """A party is hung up."""
        request = party.asked("BYE")
        party.answer(request, 200)
        return request

    def notified(self, party: SimPeer) -> str:
        """The next status line that a party hears of its transfer."""
        notify = party.asked("NOTIFY")
        party.answer(notify, 200)
        assert notify.get("Content-Type") == "message/sipfrag;version=2.0"
        return notify.body.decode().strip()


def hang_up(stage: Stage, talk: Talk, *others: SimPeer) -> None:
    talk.caller.within("BYE", talk.invite, talk.ok, cseq=9)
    for other in others:
        stage.bye(other)


def port_of(message: Request | Response) -> int:
    """Where a description wants the sound."""
    return int(message.body.partition(b"m=audio ")[2].split()[0])
