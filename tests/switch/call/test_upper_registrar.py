"""Registrations that go on to another server: who checks, what holds here, and how calls come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.call.names import Way
from switch.net import Flow
from switch.sip.message import Request, Response, response_to
from tests.switch.call.scenes import settle
from tests.switch.call.town import HOST, PLACES, Citizen, Town, founded
from tests.switch.worlds import Office

CHALLENGE = ("WWW-Authenticate", 'Digest realm="upper.example", nonce="n1", algorithm=MD5')
PROOF = (
    "Authorization",
    'Digest username="1001", realm="upper.example", nonce="n1", uri="sip:x", response="r"',
)
UPPER = 25_060


class Upper(Citizen):
    """The server above: it grants whatever it is asked, for as long as it wants."""

    def grant(self, request: Request, expires: int) -> None:
        response = response_to(request, 200, None, "up")
        assert request.contact is not None
        response.headers.append(("Contact", f"<{request.contact.uri_text}>;expires={expires}"))
        self.send(response)

    def refuse(self, request: Request, status: int, *headers: tuple[str, str]) -> None:
        response = response_to(request, status, None, "up")
        response.headers += headers
        self.send(response)


def forwarding(office: Office) -> None:
    office.settings |= {
        "fwdregistrations": "always",
        "fwdregistrations_domain": "upper.example",
        "fwdregistrations_ip": HOST,
        "fwdregistrations_port": UPPER,
    }
    one = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
    office.address(one, HOST, PLACES["one"])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path, forwarding) as made:
        yield made
        made.nothing_left()


@pytest.fixture
def upper(town: Town) -> Upper:
    made = Upper(town, "upper")
    town.wires.boxes[HOST, UPPER] = made.box
    return made


def register(
    phone: Citizen,
    *headers: tuple[str, str],
    expires: int = 600,
    cseq: int = 1,
    user: str = "",
    **fields: Any,
) -> Request:
    to = f"<sip:{user or phone.user}@{HOST}>"
    given = (("Expires", str(expires)), *headers)
    made = phone.request(
        "REGISTER",
        f"sip:{HOST}",
        to=to,
        from_=f"{to};tag=r1",
        cseq=cseq,
        headers=given,
        call_id="r@phone",
        **fields,
    )
    phone.send(made)
    return made


@pytest.mark.req("registrar-008", "registrar-009", "registrar-010", "registrar-011")
def test_the_server_above_checks_the_password_and_its_calls_reach_the_phone(town: Town, upper: Upper) -> None:
    phone, carrier = town.peer("1001"), town.peer("one")
    asked = register(phone)
    passed = upper.asked("REGISTER")
    assert (
        passed.uri == "sip:upper.example" and passed.to.uri.host == passed.from_.uri.host == "upper.example"
    )
    assert (passed.call_id, str(passed.cseq), passed.from_.tag) == ("r@phone", "1 REGISTER", "r1")
    assert passed.contact is not None and passed.contact.uri_text == f"sip:1001@{HOST}:5060"
    assert "mizu" not in str(asked.get("Authorization"))
    upper.refuse(passed, 401, CHALLENGE)
    assert phone.told(401).get("WWW-Authenticate") == CHALLENGE[1]
    register(phone, PROOF, cseq=2)
    passed = upper.asked("REGISTER")
    assert passed.get("Authorization") == PROOF[1]
    upper.grant(passed, 120)
    granted = phone.told(200)
    assert granted.contact is not None and granted.contact.uri_text == phone.contact.strip("<>")
    assert granted.contact.params["expires"] == "120"
    invite = carrier.invite("1001")
    carrier.send(invite)
    phone.answer(phone.asked("INVITE"), 486)
    carrier.ack(invite, carrier.told(486))
    town.pass_time(121)
    invite = carrier.invite("1001")
    carrier.send(invite)
    carrier.ack(invite, carrier.told(480))


@pytest.mark.req("registrar-008")
@pytest.mark.parametrize("status", [403, 423, 500])
def test_what_the_server_refuses_is_refused_and_nobody_is_registered(
    town: Town, upper: Upper, status: int
) -> None:
    phone = town.peer("1001")
    register(phone)
    upper.refuse(upper.asked("REGISTER"), status, ("Min-Expires", "900"))
    assert phone.told(status).get("Min-Expires") == "900"
    assert len(town.board.registrar) == 0


def test_a_phone_that_takes_its_registration_back_is_gone_at_both(town: Town, upper: Upper) -> None:
    phone = town.peer("1001")
    register(phone)
    upper.grant(upper.asked("REGISTER"), 600)
    phone.told(200)
    register(phone, cseq=2, expires=0)
    taken_back = upper.asked("REGISTER")
    assert taken_back.contact is not None and taken_back.contact.params["expires"] == "0"
    upper.refuse(taken_back, 200)
    phone.told(200)
    assert not town.board.registrar.reachable(town.ids["1001"], town.board.wall())


@pytest.mark.parametrize("answer", ["silence", "redirect"])
def test_a_server_that_is_not_there_or_leads_elsewhere_is_a_504(
    town: Town, upper: Upper, answer: str
) -> None:
    phone = town.peer("1001")
    register(phone)
    if answer == "redirect":
        upper.refuse(upper.asked("REGISTER"), 302, ("Contact", "<sip:elsewhere.example>"))
    assert phone.told(504, "REGISTER", 40)


def test_nobody_elses_phones_are_passed_on(town: Town, upper: Upper) -> None:
    phone = town.peer("stranger")
    register(phone)
    phone.told(404)
    assert not upper.box


def orders(town: Town) -> list[dict[str, Any]]:
    """What the office is asked to do."""
    texts = [path.read_text() for path in sorted(town.spool.folder.glob("*.log"))]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    return [line for line in lines if line["k"] == "do"]


@pytest.mark.req("users-048", "limits-043")
def test_a_phone_that_the_server_above_knows_gets_an_account_here_and_calls_by_its_way(
    town: Town, tmp_path: Path, upper: Upper
) -> None:
    settle(town, tmp_path, autocreatereguser="proved")
    phone, carrier = town.peer("stranger"), town.peer("one")
    register(phone)
    upper.refuse(upper.asked("REGISTER"), 401, CHALLENGE)
    phone.told(401)
    register(phone, PROOF, cseq=2)
    assert orders(town) == []
    upper.grant(upper.asked("REGISTER"), 120)
    phone.silent(1.0)
    [order] = orders(town)
    assert (order["what"], order["username"], order["account"]) == ("open", "stranger", 0)
    made = town.office.phone("stranger")
    town.office.tariff("retail", {"": 0}, to=made)
    town.office.rows["overrides"].append([made, "reuseep", True])
    settle(town, tmp_path)
    granted = phone.told(200)
    assert granted.contact is not None and granted.contact.params["expires"] == "120"
    invite = phone.invite("49301234567")
    phone.send(invite)
    carrier.answer(carrier.asked("INVITE"), 486)
    carrier.asked("ACK")
    phone.ack(invite, phone.told(486))


def test_a_phone_whose_account_does_not_come_is_asked_to_try_again(
    town: Town, tmp_path: Path, upper: Upper
) -> None:
    settle(town, tmp_path, autocreatereguser="proved")
    phone = town.peer("stranger")
    register(phone)
    upper.grant(upper.asked("REGISTER"), 120)
    assert phone.told(503, "REGISTER", 12).get("Retry-After") == "5"


@pytest.mark.parametrize("user", ["x", "a%20b", "-1", "1" * 65])
def test_no_account_is_opened_for_what_is_no_name(
    town: Town, tmp_path: Path, upper: Upper, user: str
) -> None:
    settle(town, tmp_path, autocreatereguser="proved")
    phone = town.peer("stranger")
    register(phone, user=user)
    phone.told(404)
    assert not upper.box


def test_who_only_takes_a_registration_back_gets_no_account(town: Town, tmp_path: Path, upper: Upper) -> None:
    settle(town, tmp_path, autocreatereguser="proved")
    phone = town.peer("stranger")
    register(phone, expires=0)
    upper.grant(upper.asked("REGISTER"), 0)
    phone.told(404)
    assert orders(town) == []


@pytest.mark.req("registrar-008")
@pytest.mark.parametrize(
    ("how", "local", "goes"), [("alternate", 1, True), ("alternate", 0, False), ("no", 1, False)]
)
def test_only_what_comes_to_an_alternate_address_may_be_passed_on(
    town: Town, tmp_path: Path, upper: Upper, how: str, local: int, goes: bool
) -> None:
    settle(town, tmp_path, fwdregistrations=how)
    phone = town.peer("1001")
    to = f"<sip:1001@{HOST}>"
    asked = phone.request("REGISTER", f"sip:{HOST}", to=to, from_=f"{to};tag=r")
    town.b2bua.on_message(asked.encode(), Flow("udp", HOST, phone.port, False, 0, 1, local))
    if goes:
        upper.refuse(upper.asked("REGISTER"), 403)
        phone.told(403)
    else:
        assert 'realm="mizu"' in (phone.told(401).get("WWW-Authenticate") or "")


@pytest.mark.req("registrar-017")
def test_the_next_registration_goes_to_the_server_that_the_settings_name_now(
    town: Town, tmp_path: Path, upper: Upper
) -> None:
    phone, other = town.peer("1001"), Upper(town, "other")
    register(phone)
    upper.grant(upper.asked("REGISTER"), 600)
    phone.told(200)
    settle(town, tmp_path, fwdregistrations_port=other.port)
    register(phone, cseq=2)
    other.grant(other.asked("REGISTER"), 60)
    renewed = phone.told(200)
    assert renewed.contact is not None and renewed.contact.params["expires"] == "60"
    assert not upper.box


Ask = Callable[[str], Response]


@pytest.mark.req("sip-062")
@pytest.mark.parametrize(
    ("allowed", "named", "goes"),
    [("known", "trunk.example", True), ("known", "elsewhere.example", False), ("no", "trunk.example", False)],
)
def test_a_phone_may_choose_a_carrier_of_ours_and_nobody_else(
    town: Town, tmp_path: Path, upper: Upper, allowed: str, named: str, goes: bool
) -> None:
    settle(town, tmp_path, fwdregistrations="no", allowupperselection=allowed)
    town.office.rows["trunks"][0][1:3] = ["trunk.example", UPPER]
    settle(town, tmp_path)
    found = town.board.names
    found.find = lambda place, then: then([Way("udp", HOST, place.port, "")])  # type: ignore[method-assign]
    phone = town.peer("1001")
    to = f"<sip:1001@{named}>"
    phone.send(phone.request("REGISTER", f"sip:{named}", to=to, from_=f"{to};tag=r"))
    if goes:
        passed = upper.asked("REGISTER")
        assert passed.uri == f"sip:{named}" and passed.to.uri.host == named
        upper.refuse(passed, 403)
        phone.told(403)
    else:
        phone.told(401)
        assert not upper.box
