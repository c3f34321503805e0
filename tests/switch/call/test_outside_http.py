"""Logins and calls that a service of the operator's own decides about, asked by HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from switch.sip.digest import MD5, SHA256, make_ha1
from switch.sip.message import Request
from tests.support import free_port, wait_for
from tests.support_sip import REALM, Peer, sdp
from tests.switch.call.conftest import House, fund, opened
from tests.switch.worlds import Office

pytestmark = pytest.mark.timeout(180)
PORT = free_port()
TOKEN = "a token of ours"


class Service:
    """The operator's service. `answer` makes of a question what is sent back: an object, or a status and bytes."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.answer: Callable[[dict[str, Any]], Any] = lambda question: {"allow": True}
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append(question)
                service.tokens.append(self.headers["Authorization"])
                said = service.answer(question)
                status, body = said if isinstance(said, tuple) else (200, json.dumps(said).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """The switch waits no longer than it said it would."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ask"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, service: Service) -> Iterator[House]:
    def change(office: Office) -> None:
        ids = {row[1]: row[0] for row in office.rows["accounts"]}
        office._last = fund("caller", "1000") - 1
        caller = office.account("caller", "customer_trunk", media="direct")
        office.address(caller, "127.0.0.1", PORT)
        office.tariff("retail", {"": 1_000_000}, to=caller)
        office.rows["overrides"] += [[ids["1001"], "externalauth", "http"], [caller, "externalcalls", "http"]]
        office.settings |= {
            "externalauth_url": service.url,
            "externalauth_token": TOKEN,
            "externalauth_timeout": 1500,
        }

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.fixture
def phone(house: House) -> Iterator[Peer]:
    peer = Peer(house.switch.port, "1001")
    yield peer
    peer.close()


@pytest.fixture
def caller(house: House) -> Iterator[Peer]:
    peer = Peer(house.switch.port, "caller", port=PORT)
    yield peer
    peer.close()


def place(caller: Peer, number: str = "49301234567") -> Request:
    invite = caller.invite(number)
    caller.send(invite)
    return invite


@pytest.mark.req("auth-022")
@pytest.mark.parametrize("algorithm", [MD5, SHA256])
def test_the_service_hands_out_the_ha1_and_we_check_the_digest(
    house: House, service: Service, phone: Peer, algorithm: str
) -> None:
    service.answer = lambda question: {"ha1": make_ha1("1001", REALM, "theirs", question["algorithm"])}
    assert phone.register("theirs", algorithm=algorithm).status == 200
    phone.refused("not-theirs", algorithm=algorithm)
    question = service.asked[-1]
    assert (question["ask"], question["username"], question["method"]) == ("login", "1001", "REGISTER")
    assert service.tokens[-1] == f"Bearer {TOKEN}"


@pytest.mark.req("auth-022")
def test_the_service_checks_the_digest_itself(service: Service, phone: Peer) -> None:
    service.answer = lambda question: {"allow": True}
    assert phone.register("whatever").status == 200
    service.answer = lambda question: {"allow": "true"}  # a word is no permission
    phone.refused("whatever")


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (200, b"not JSON"), (200, b"[1]"), (200, b" " * 20_000), (302, b"{}")]
)
def test_an_answer_that_is_none_lets_nobody_in(
    service: Service, phone: Peer, answer: tuple[int, bytes]
) -> None:
    service.answer = lambda question: answer
    assert phone.register("secret-1001").status == 503


def test_a_service_that_is_silent_lets_nobody_in_and_holds_up_nobody_else(
    house: House, service: Service, phone: Peer
) -> None:
    release = threading.Event()
    service.answer = lambda question: release.wait(10) and {"allow": True}
    try:
        other = Peer(house.switch.port, "1002")
        refused: list[int] = []
        waiting = threading.Thread(target=lambda: refused.append(phone.register("x").status))
        waiting.start()
        asked = len(service.asked)
        wait_for(lambda: len(service.asked) > asked or refused, 10, "the question")
        assert other.register("secret-1002").status == 200
        waiting.join(20)
        assert refused == [503]
        other.close()
    finally:
        release.set()


@pytest.mark.req("auth-022")
def test_a_call_is_refused_for_the_reason_that_the_service_gives(
    house: House, service: Service, caller: Peer, one: Peer
) -> None:
    service.answer = lambda question: {"allow": False, "reason": "unpaid"}
    invite = place(caller)
    caller.ack(invite, caller.told(403))
    assert "unpaid" in house.switch.record(invite)["comment"]
    question = service.asked[-1]
    assert (question["ask"], question["account"], question["called_number"]) == (
        "call",
        "caller",
        "49301234567",
    )
    one.silent(0.2)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 403), (-5, 403), ("600", 403), (True, 403), (600, 486), (None, 486)]
)
def test_a_limit_that_is_none_is_no_permission(
    service: Service, caller: Peer, one: Peer, seconds: object, status: int
) -> None:
    service.answer = lambda question: {"allow": True, "seconds": seconds}
    invite = place(caller)
    if status == 486:
        one.answer(one.asked("INVITE"), 486)
    caller.ack(invite, caller.told(status))


def test_a_call_ends_when_the_service_said(house: House, service: Service, caller: Peer, one: Peer) -> None:
    service.answer = lambda question: {"allow": True, "seconds": 1}
    invite = place(caller)
    one.answer(one.asked("INVITE"), 200, body=sdp(41000))
    caller.ack(invite, caller.told(200))
    one.asked("ACK")
    one.answer(one.asked("BYE", 6), 200)
    caller.answer(caller.asked("BYE"), 200)
    assert house.switch.record(invite)["cause"] == "too_long"
