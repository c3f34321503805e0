"""Phones behind the four kinds of NAT call each other, with a real worker and real sound (guide 10856-10870)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from switch.sip.sdp import Sdp
from tests.audio import Talker, talk
from tests.nat import KINDS, Inside, Kind, Nat
from tests.support_sip import Peer, credential, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

BOXES = {"2101": ("127.0.0.21", "10.21.0.5"), "2102": ("127.0.0.22", "10.22.0.5")}
"""Phone → address of its NAT outside, and its own inside."""
HELLO: bytes = b"\x80\x00\x00\x01" + bytes(8) + b"x" * 160


def furnish(office: Office) -> None:
    """Private addresses in an SDP are not believed: on this machine the world outside has "private" addresses too."""
    for user in BOXES:
        account = office.account(user)
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))
        office.rows["overrides"].append([account, "nathandling", "public"])
        office.rows["overrides"].append([account, "natdetected", "yes"])


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=furnish) as found:
        yield found


class Phone(Peer):
    """A phone behind a NAT: all that it says of itself is its address inside."""

    def __init__(self, switch: int, user: str, kind: Kind) -> None:
        outside, self.inside = BOXES[user]
        super().__init__(switch, user)
        self.sock.close()
        self.nat = Nat(kind, outside)
        self.sock = Inside(self.nat, self.inside, 5060)  # type: ignore[assignment]
        self.host, self.port = self.inside, 5060
        self.contact = f"<sip:{user}@{self.inside}:5060>"
        self.voice = Talker()
        self.voice.sock.close()
        self.voice.sock, self.voice.port = Inside(self.nat, self.inside, 4000), 4000  # type: ignore[assignment]

    def close(self) -> None:
        self.nat.close()

    @property
    def sdp(self) -> bytes:
        return sdp(4000).replace(b"127.0.0.1", self.inside.encode())


@pytest.fixture
def phones(house: House, request: pytest.FixtureRequest) -> Iterator[tuple[Phone, Phone]]:
    a, b = (Phone(house.switch.port, user, kind) for user, kind in zip(BOXES, request.param, strict=True))
    for phone in (a, b):
        assert phone.register(f"secret-{phone.user}").status == 200
    yield a, b
    for phone in (a, b):
        phone.register(f"secret-{phone.user}", expires=0)
        phone.close()


ROWS = {
    "full cone": "nat-013",
    "restricted cone": "nat-014",
    "port restricted cone": "nat-015",
    "symmetric": "nat-016",
}
PAIRS = [
    *(pytest.param((kind, kind), marks=pytest.mark.req(ROWS[kind], "nat-010"), id=kind) for kind in KINDS),
    pytest.param(("symmetric", "port restricted cone"), id="the two that cannot do without us"),
]


@pytest.mark.parametrize("phones", PAIRS, indirect=True)
@pytest.mark.parametrize("ends", ["caller", "called"])
def test_a_call_between_two_nats_has_sound_both_ways_and_ends_on_both_sides(
    house: House, phones: tuple[Phone, Phone], ends: str
) -> None:
    a, b = phones
    invite = a.invite("2102", body=a.sdp)
    a.send(invite)
    challenge = a.told(407)
    a.ack(invite, challenge)
    invite.set("Via", a.via())
    invite.set("CSeq", "2 INVITE")
    invite.headers.append(("Proxy-Authorization", a.proof(challenge, "INVITE", invite.uri, "secret-2101")))
    a.send(invite)
    out = b.asked("INVITE")
    answer = b.answer(out, 200, body=b.sdp)
    ok = a.told(200)
    a.ack(invite, ok)
    b.asked("ACK")
    to_a, to_b = ((one.address, one.port) for one in (Sdp.parse(m.body).media[0] for m in (ok, out)))
    assert b"10." not in out.body and b"10." not in ok.body
    for phone, place in ((a, to_a), (b, to_b)):  # the first packet opens the hole
        phone.voice.sock.sendto(HELLO, place)
    talk(a.voice, to_a, b.voice, to_b)
    if ends == "caller":
        a.within("BYE", invite, ok, cseq=3)
        b.answer(b.asked("BYE"), 200)
        a.told(200, "BYE")
    else:
        b.back("BYE", out, answer)
        a.answer(a.asked("BYE"), 200)
        b.told(200, "BYE")
    assert house.switch.record(invite)["media"] == "relay"


@pytest.mark.parametrize(
    ("kind", "same", "neighbour", "stranger", "ports"),
    [
        ("full cone", True, True, True, 1),
        ("restricted cone", True, True, False, 1),
        ("port restricted cone", True, False, False, 1),
        ("symmetric", True, False, False, 2),
    ],
)
def test_the_nats_of_these_tests_are_what_they_are_called(
    kind: Kind, same: bool, neighbour: bool, stranger: bool, ports: int
) -> None:
    nat, world = Nat(kind, "127.0.0.21"), [Talker(), Talker(), Talker("127.0.0.9")]
    inside = ("10.21.0.5", 4000)
    nat.send(inside, b"hello", ("127.0.0.1", world[0].port))
    place = nat.places(inside)[0]
    came = []
    for one in world:
        one.sock.sendto(b"hi", place)
        try:
            came.append(nat.receive(inside, 0.05)[0] == b"hi")
        except TimeoutError:
            came.append(False)
    assert came == [same, neighbour, stranger]
    nat.send(inside, b"hello", ("127.0.0.1", world[1].port))
    assert len(nat.places(inside)) == ports
    for one in (nat, *world):
        one.close()
