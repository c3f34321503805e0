"""What carriers may ask of us: proofs by digest for every request, other places, and patience."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from switch.sip.digest import MD5, SHA256, Authenticator, Credentials, Verdict, make_ha1
from switch.sip.message import Request
from tests.support_sip import Peer, sdp
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

NUMBER = "49301234567"
REALM, USER, SECRET = "carrier.example", "mizu-out", "between us"


def with_secret(office: Office) -> None:
    office.rows["trunks"][0][9:13] = [
        USER, "", make_ha1(USER, REALM, SECRET, MD5), make_ha1(USER, REALM, SECRET, SHA256),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=with_secret) as found:
        yield found


class Door:
    """The carrier's own check of who calls."""

    def __init__(self, peer: Peer, status: int, algorithm: str, secret: str = SECRET) -> None:
        self.peer, self.status, self.algorithm = peer, status, algorithm
        self.ha1 = make_ha1(USER, REALM, secret, algorithm)
        self.checks = Authenticator(REALM, b"the carrier's own")
        self.checks.algorithms = (algorithm,)
        self.given = "Authorization" if status == 401 else "Proxy-Authorization"

    def ask(self, request: Request) -> None:
        name = "WWW-Authenticate" if self.status == 401 else "Proxy-Authenticate"
        asking = [(name, value) for value in self.checks.challenges(time.time())]
        self.peer.answer(request, self.status, headers=asking)
        if request.method == "INVITE":
            self.peer.asked("ACK")

    def admits(self, request: Request) -> bool:
        given = Credentials.parse(request.get(self.given) or "")
        verdict = self.checks.check(
            given, method=request.method, uri=request.uri, ha1=self.ha1, now=time.time()
        )
        return given.username == USER and verdict is Verdict.GOOD

    def proved(self, method: str) -> Request:
        """The request, after it was challenged once."""
        first = self.peer.asked(method)
        assert first.get(self.given) is None
        self.ask(first)
        again = self.peer.asked(method)
        assert self.admits(again) and again.cseq.number == first.cseq.number + 1
        assert again.call_id == first.call_id and again.via.branch != first.via.branch
        return again


@pytest.mark.req("auth-004")
@pytest.mark.parametrize(("status", "algorithm"), [(401, MD5), (407, SHA256), (407, MD5)])
def test_a_carrier_may_ask_for_a_proof_of_every_request(
    house: House, rich: Peer, one: Peer, status: int, algorithm: str
) -> None:
    door = Door(one, status, algorithm)
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = door.proved("INVITE")
    one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200)
    rich.ack(invite, ok)
    assert one.asked("ACK").get(door.given) == out.get(door.given)
    again = rich.within("INVITE", invite, ok, cseq=2, body=sdp(40002))
    one.answer(door.proved("INVITE"), 200, body=sdp(41002))
    rich.ack(again, rich.told(200, "INVITE"))
    one.asked("ACK")
    rich.within("BYE", invite, ok, cseq=3)
    rich.told(200, "BYE")
    one.answer(door.proved("BYE"), 200)
    record = house.switch.record(invite)
    assert [attempt[1] for attempt in record["attempts"]] == [200]


def test_a_carrier_that_takes_no_proof_of_ours_is_passed_over(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    door = Door(one, 407, MD5, secret="another")
    invite = rich.invite(NUMBER)
    rich.send(invite)
    first = one.asked("INVITE")
    door.ask(first)
    again = one.asked("INVITE")
    assert not door.admits(again)
    door.ask(again)
    two.answer(two.asked("INVITE"), 486)
    rich.ack(invite, rich.told(486))
    assert [attempt[1] for attempt in house.switch.record(invite)["attempts"]] == [407, 486]
    one.silent()


def test_a_bye_that_is_challenged_again_is_not_repeated_for_ever(rich: Peer, one: Peer) -> None:
    door = Door(one, 407, MD5, secret="another")
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp())
    ok = rich.told(200)
    rich.ack(invite, ok)
    one.asked("ACK")
    rich.within("BYE", invite, ok)
    for _ in range(2):
        door.ask(one.asked("BYE"))
    one.silent()


def test_a_carrier_that_knows_another_place_is_not_followed_and_not_shown(
    house: House, rich: Peer, one: Peer, two: Peer
) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 302, headers=[("Contact", "<sip:1900@192.0.2.1>")])
    refused = rich.told(302)
    assert refused.all("Contact")[-1] == f"<sip:1900@127.0.0.1:{house.switch.port}>"
    rich.ack(invite, refused)
    assert house.switch.record(invite)["attempts"][0][1] == 302
    two.silent()


def test_a_record_of_a_refused_call_says_why_in_words(house: House, rich: Peer, one: Peer) -> None:
    invite = rich.invite(NUMBER)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 404)
    rich.ack(invite, rich.told(404))
    comment = house.switch.record(invite)["comment"]
    assert "all" in comment and "one" in comment and len(comment) <= 500, comment


def test_a_number_longer_than_any_gets_414(rich: Peer) -> None:
    invite = rich.invite("4" * 5000)
    rich.send(invite)
    rich.ack(invite, rich.told(414))


def test_more_headers_than_anybody_needs_get_an_answer_and_no_call(rich: Peer) -> None:
    invite = rich.invite(NUMBER, headers=tuple((f"X-{number}", "x") for number in range(300)))
    rich.send(invite)
    refused = rich._next(lambda message: message.status >= 400, "a refusal", 5)
    assert refused.status in {400, 413, 513}
    rich.ack(invite, refused)
