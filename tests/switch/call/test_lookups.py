"""Calls that wait for an answer from outside: ENUM from a real name server, portability from a real web server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from switch.call.lookups import porting_of
from switch.call.model import Ask, Direct, Unanswered
from tests.name_server import NameServer
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_ported import NUMBER, names, ported
from tests.switch.call.test_ported import house as in_memory
from tests.switch.worlds import Office, Usage

__all__ = ["in_memory"]
KNOWN, SLOW, PORTED, LOST = "36301112222", "36303334444", "36305556666", "36307778888"


class Portability(BaseHTTPRequestHandler):
    """Knows one number, is slow about another, and counts."""

    asked: list[str]

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        type(self).asked.append(number)
        if number == SLOW:
            time.sleep(3)
        body = json.dumps({"code": "telco"}).encode() if number == PORTED else b""
        self.send_response(200 if number == PORTED else 500 if number == LOST else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not into the test's output."""


@pytest.fixture(scope="module")
def web() -> Iterator[ThreadingHTTPServer]:
    Portability.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portability)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    server = NameServer("e164.example")
    yield server
    server.close()


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: Any, web: ThreadingHTTPServer, dns: NameServer
) -> Iterator[House]:
    def change(office: Office) -> None:
        office.settings.update(
            dnsservers=(dns.address,), enumsuffixes=("private.e164.example", "public.e164.example"), enumtimeout=1000,
            directcarrier="direct", numporturl=f"http://127.0.0.1:{web.server_port}/ported/{{number}}", numporttimeout=500,
            checknumport="carrier",
        )  # fmt: skip
        office.carrier("direct", {"": 0}, media="direct")
        by_name = {row[1]: row[0] for row in office.rows["accounts"]}
        office.rows["operators"].append(["telco", by_name["two"], ""])

    with opened(django_db_blocker, change=change) as found:
        yield found


def dial(rich: Peer, number: str, *others: Peer) -> tuple[Peer, float]:
    """Who is asked, and after how many seconds; then the call is given up."""
    invite = rich.invite(number)
    begun = time.monotonic()
    rich.send(invite)
    while True:
        for other in others:
            try:
                asked = other.asked("INVITE", seconds=0.1)
            except (TimeoutError, AssertionError):
                continue
            took = time.monotonic() - begun
            other.answer(asked, 486)
            other.asked("ACK")
            refusal = rich.told(486)
            rich.ack(invite, refusal)
            return other, took
        assert time.monotonic() - begun < 8, "nobody was asked"


@pytest.mark.req("enum-001")
def test_a_number_that_enum_knows_is_called_where_it_says_past_all_carriers(
    house: House, dns: NameServer, rich: Peer, one: Peer, two: Peer, peers: Callable[[str], Peer]
) -> None:
    owner = Peer(house.switch.port, "owner")
    name = ".".join(reversed(KNOWN))
    dns.enum(f"{name}.public.e164.example", f"!^.*$!sip:owner@127.0.0.1:{owner.port}!")
    try:
        assert dial(rich, KNOWN, owner, one, two)[0] is owner
        dns.enum(f"{name}.private.e164.example", f"!^.*$!sip:inside@127.0.0.1:{owner.port}!")
        assert dns.asked[f"NAPTR {name}.private.e164.example"] == 1, "the private tree first"
    finally:
        owner.close()


@pytest.mark.req("enum-001")
def test_a_silent_name_server_keeps_a_call_no_longer_than_is_said(
    house: House, dns: NameServer, rich: Peer, one: Peer, two: Peer
) -> None:
    dns.silent = True
    try:
        who, took = dial(rich, "36309990001", one, two)
    finally:
        dns.silent = False
    assert who is one
    assert took < 5


@pytest.mark.req("lnp-008")
def test_a_number_is_asked_for_by_http_once_and_its_carrier_comes_first(
    house: House, web: ThreadingHTTPServer, rich: Peer, one: Peer, two: Peer
) -> None:
    assert dial(rich, PORTED, one, two)[0] is two
    assert dial(rich, PORTED, one, two)[0] is two
    assert Portability.asked.count(PORTED) == 1
    assert dial(rich, "36309990002", one, two)[0] is one


@pytest.mark.req("lnp-008")
@pytest.mark.parametrize("number", [SLOW, LOST])
def test_a_call_goes_on_when_the_service_is_slow_or_fails(
    house: House, rich: Peer, one: Peer, two: Peer, number: str
) -> None:
    assert dial(rich, number, one, two)[0] is one


# the decision alone


def test_a_decision_that_lacks_an_answer_is_a_question(in_memory: Any, tmp_path: Any) -> None:
    in_memory.carrier("direct", {"": 0})
    in_memory.settings.update(enumsuffixes=["e164.arpa"], directcarrier="direct")
    found = in_memory.decide(tmp_path, NUMBER, usage=Usage(asks=True))
    assert isinstance(found, Unanswered) and found.question == Ask("enum", NUMBER)
    place = Direct("192.0.2.1", 5080, "udp", "bob")
    decision = in_memory.decide(tmp_path, NUMBER, usage=Usage(answers={Ask("enum", NUMBER): (place,)}))
    assert names(decision) == ["direct", "cheap", "dear"]
    assert (decision.targets[0].number, decision.targets[0].trunk.host) == ("bob", "192.0.2.1")
    in_memory.settings["directcarrier"] = ""
    assert names(in_memory.decide(tmp_path, NUMBER, usage=Usage(asks=True))) == ["cheap", "dear"]


def test_what_the_table_knows_is_not_asked_for(in_memory: Any, tmp_path: Any) -> None:
    in_memory.settings["numporturl"] = "http://127.0.0.1/{number}"
    assert isinstance(in_memory.decide(tmp_path, NUMBER, usage=Usage(asks=True)), Unanswered)
    ported(in_memory, carrier=in_memory.dear)
    assert names(in_memory.decide(tmp_path, NUMBER, usage=Usage(asks=True))) == ["dear", "cheap"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"telco\n", ("telco", "", "")),
        (b'{"code": "telco", "new_number": "+361", "prefix": "36"}', ("telco", "361", "36")),
        (b"", None), (b"{}", None), (b"{", None), (b"[1]", None), (b"<html>", None), (b"\xff", None),
        (b'{"prefix": "x"}', None), (b'{"domain": "a b"}', None), (b'{"port": "x"}', None), (b'{"prefix": "1234567890123456789"}', None),
    ],
)  # fmt: skip
def test_what_a_service_may_answer(body: bytes, expected: tuple[str, str, str] | None) -> None:
    found = porting_of(body)
    assert (found and (found.code, found.number, found.prefix)) == expected
