"""The registrar on the clock: how long phones are there, what they are told, and by which of their flows they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from switch.net import Flow
from switch.registrar import Binding
from switch.sip.digest import MD5
from switch.sip.message import Response
from tests.support_sip import sdp
from tests.switch.call.town import Citizen, Town
from tests.switch.stage import port_of
from tests.switch.worlds import NOW, Office

Build = Callable[..., Town]
INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Build]:
    made: list[Town] = []

    def build(**settings: object) -> Town:
        def change(office: Office) -> None:
            office.settings |= settings

        made.append(Town(tmp_path / str(len(made)), change))
        return made[-1]

    yield build
    for one in made:
        assert one.failures == 0
        one.spool.close()


def register(phone: Citizen, expires: int = 300, **fields: object) -> Response:
    return phone.register(f"secret-{phone.user}", expires=expires, algorithm=MD5, **fields)  # type: ignore[arg-type]


def left(answer: Response) -> int:
    assert answer.contact is not None
    return int(answer.contact.params["expires"] or 0)


@pytest.mark.req("registrar-023", "registrar-024", "registrar-006")
@pytest.mark.parametrize(("asked", "granted"), [(61, 61), (7200, 7200), (7201, 3600), (999_999, 3600)])
def test_a_time_within_the_limits_is_accepted_and_upperexpire_offered_for_a_longer_one(
    town: Build, asked: int, granted: int
) -> None:
    assert left(register(town().peer("1001"), asked)) == granted


@pytest.mark.req("registrar-022", "registrar-029")
def test_no_phone_is_kept_longer_than_maxregelivetime(town: Build) -> None:
    assert left(register(town(maxregelivetime=90).peer("1001"), 3000)) == 90


@pytest.mark.req("registrar-026", "registrar-007", "registrar-016")
def test_a_phone_with_which_nothing_was_agreed_is_there_for_userofflinemin(town: Build) -> None:
    here = town(sendbackregcontact="plain", userofflinemin=2)
    phone, caller = here.peer("1001"), here.peer("rich")
    uri, to = "sip:127.0.0.1", "<sip:1001@127.0.0.1>"
    first = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=r")
    phone.send(first)
    again = phone.request("REGISTER", uri, to=to, from_=f"{to};tag=r", cseq=2, call_id=first.call_id)
    again.headers.append(("Authorization", phone.proof(phone.told(401), "REGISTER", uri, "secret-1001", MD5)))
    phone.send(again)
    phone.told(200)
    here.pass_time(115)
    caller.send(caller.invite("1001"))
    phone.answer(phone.asked("INVITE"), 486)
    here.pass_time(10)
    caller.send(caller.invite("1001"))
    caller.told(480)


@pytest.mark.req("registrar-027")
@pytest.mark.parametrize("manner", ["none", "plain", "expires", "exact"])
def test_the_answer_says_of_phones_what_sendbackregcontact_wants(town: Build, manner: str) -> None:
    phone = town(sendbackregcontact=manner).peer("1001")
    phone.contact += ";x-make=7"
    shown = {
        "none": None, "plain": phone.contact.partition(";")[0],
        "expires": f"{phone.contact.partition(';')[0]};q=1;expires=300", "exact": phone.contact,
    }  # fmt: skip
    assert register(phone).get("Contact") == shown[manner]


@pytest.mark.req("registrar-020", "auth-010", "auth-033", "auth-048")
@pytest.mark.parametrize(("mode", "status"), [("off", 401), ("connection", 401), ("address", 200)])
def test_renewing_by_udp_is_asked_for_the_password_unless_the_address_is_cached(
    town: Build, mode: str, status: int
) -> None:
    here = town(cacheregistrations=mode)
    phone = here.peer("1001")
    register(phone, call_id="same@phone")
    to = "<sip:1001@127.0.0.1>"
    again = phone.request(
        "REGISTER", "sip:127.0.0.1", to=to, from_=f"{to};tag=r", cseq=9, call_id="same@phone"
    )
    phone.send(again)
    phone.told(status)


@pytest.mark.req("registrar-012")
def test_a_renewal_from_another_port_or_for_another_contact_is_always_asked_for_the_password(
    town: Build,
) -> None:
    here = town(cacheregistrations="address")
    phone = here.peer("1001")
    register(phone, call_id="same@phone")
    to = "<sip:1001@127.0.0.1>"
    fields = {"to": to, "from_": f"{to};tag=r", "cseq": 9, "call_id": "same@phone"}
    other = here.peer("1001")
    other.contact = phone.contact
    other.send(other.request("REGISTER", "sip:127.0.0.1", **fields))  # type: ignore[arg-type]
    other.told(401)
    phone.contact = "<sip:1001@10.0.0.9>"
    phone.send(phone.request("REGISTER", "sip:127.0.0.1", **fields))  # type: ignore[arg-type]
    phone.told(401)


# RFC 3327, RFC 5626


def test_a_call_follows_the_path_that_the_register_came_by(town: Build) -> None:
    here = town()
    phone, caller = here.peer("1001"), here.peer("rich")
    answer = register(phone, headers=(("Path", "<sip:edge.example;lr>"), ("Supported", "path")))
    assert answer.get("Path") == "<sip:edge.example;lr>"
    caller.send(caller.invite("1001"))
    assert phone.asked("INVITE").get("Route") == "<sip:edge.example;lr>"


def flow_of(town: Town, user: str, reg_id: int) -> Citizen:
    """One of the flows of a phone with outbound."""
    phone = town.peer(user)
    phone.contact += f";+sip.instance={INSTANCE};reg-id={reg_id}"
    answer = register(phone, headers=(("Supported", "path, outbound"),))
    assert answer.get("Require") == "outbound" and int(answer.get("Flow-Timer") or 0) > 0
    return phone


def test_two_flows_of_one_phone_are_one_phone_which_is_called_by_the_newer(town: Build) -> None:
    here = town()
    first = flow_of(here, "1001", 1)
    here.pass_time(1)
    second, caller = flow_of(here, "1001", 2), here.peer("rich")
    caller.send(caller.invite("1001"))
    second.answer(second.asked("INVITE"), 486)
    caller.told(486)
    first.silent(1)


def test_a_flow_that_fails_is_replaced_by_the_other_within_the_same_call(town: Build) -> None:
    here = town()
    first = flow_of(here, "1001", 1)
    here.pass_time(1)
    second, caller = flow_of(here, "1001", 2), here.peer("rich")
    invite = caller.invite("1001")
    caller.send(invite)
    second.answer(second.asked("INVITE"), 430)
    ringing = first.asked("INVITE")
    first.answer(ringing, 200, body=sdp())
    caller.ack(invite, caller.told(200))
    assert [one.reg_id for one in here.board.registrar.reachable(here.ids["1001"], NOW + here.now)] == [1]


def test_a_new_register_of_the_same_flow_replaces_its_address(town: Build) -> None:
    here = town()
    flow_of(here, "1001", 1)
    moved = flow_of(here, "1001", 1)
    (one,) = here.board.registrar.reachable(here.ids["1001"], NOW + here.now)
    assert one.flow.port == moved.port


@pytest.mark.parametrize(
    ("path", "lacking"),
    [((), True), (("<sip:edge.example;lr>",), True), (("<sip:edge.example;lr;ob>",), False)],
)
def test_a_proxy_between_us_that_does_not_do_outbound_is_told_of(
    town: Build, path: tuple[str, ...], lacking: bool
) -> None:
    phone = town(cacheregistrations="address").peer("1001")
    register(phone, call_id="same@phone")
    phone.contact += f";+sip.instance={INSTANCE};reg-id=1"
    to = "<sip:1001@127.0.0.1>"
    again = phone.request(
        "REGISTER", "sip:127.0.0.1", to=to, from_=f"{to};tag=r", cseq=9, call_id="same@phone"
    )
    again.headers.insert(1, ("Via", "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKfar"))
    again.headers += [("Supported", "outbound"), *(("Path", one) for one in path)]
    phone.send(again)
    phone.told(439 if lacking else 200)


# what happens to phones


def test_staff_unregisters_a_phone(town: Build) -> None:
    here = town()
    phone, caller = here.peer("1001"), here.peer("rich")
    register(phone)
    here.board.registrar.forget(here.ids["1001"], phone.contact.strip("<>"), "boss")
    caller.send(caller.invite("1001"))
    caller.told(480)


def test_ended_phones_are_forgotten_after_a_while(town: Build) -> None:
    here = town()
    for user in ("1001", "1002"):
        register(here.peer(user), 60)
    assert len(here.board.registrar) == 2
    here.pass_time(180)
    here.board.registrar.sweep(NOW + here.now)
    assert len(here.board.registrar) == 0


def test_what_another_worker_tells_later_wins_and_what_is_older_does_not(town: Build) -> None:
    registrar, flow = town().board.registrar, Flow("udp", "192.0.2.1", 5060, False, 0, 2)

    def told(cseq: int, expires: float) -> list[Binding]:
        registrar.told(7, [Binding("sip:a@b", flow, expires, 1.0, "c", cseq)])
        return registrar.reachable(7, 1000.0)

    assert len(told(5, 2000.0)) == 1
    assert len(told(4, 500.0)) == 1
    assert len(told(6, 500.0)) == 0


@pytest.mark.req("nat-007", "nat-017")
@pytest.mark.parametrize(("every", "pings"), [(30, 2), (10, 6), (0, 0)])
def test_a_phone_behind_a_nat_gets_an_empty_line_again_and_again(town: Build, every: int, pings: int) -> None:
    here = town(udpkeepalive=every)
    hidden, plain = here.peer("1001"), here.peer("1002")
    hidden.contact = "<sip:1001@10.0.0.5:5062>"
    register(hidden), register(plain)
    for _ in range(60):
        here.board.registrar.alive.second()
    assert list(hidden.box) == [b"\r\n\r\n"] * pings
    assert not plain.box


@pytest.mark.req("sip-081")
@pytest.mark.parametrize("fork", [True, False])
def test_all_phones_of_an_account_ring_or_only_the_one_that_registered_last(town: Build, fork: bool) -> None:
    here = town(allowforkforsignaling=fork)
    first, last, caller = here.peer("1001"), here.peer("1001"), here.peer("rich")
    register(first)
    here.pass_time(1)
    register(last)
    invite = caller.invite("1001")
    caller.send(invite)
    last.answer(last.asked("INVITE"), 486)
    if fork:
        first.answer(first.asked("INVITE"), 486)
    caller.ack(invite, caller.told(486))
    assert not first.box or fork


@pytest.mark.req("media-067")
@pytest.mark.parametrize("same", [True, False])
def test_an_account_hears_sound_by_the_port_of_its_last_call_if_that_is_wanted(
    town: Build, same: bool
) -> None:
    here = town(uniqueportperuser=same)
    caller, carrier = here.peer("rich"), here.peer("one")
    here.office.rows["overrides"] = [[here.ids["rich"], "routertpcaller", "always"]]
    here.world = here.office.world(here.spool.folder.parent / "relayed")
    ports = []
    for _ in range(2):
        invite = caller.invite("49301234567")
        caller.send(invite)
        out = carrier.asked("INVITE")
        ports.append(port_of(out))
        carrier.answer(out, 486)
        caller.ack(invite, caller.told(486))
        here.pass_time(15)
    assert (ports[0] == ports[1]) is same


@pytest.mark.req("limits-031")
def test_when_as_many_phones_are_registered_as_may_be_in_all_no_new_one_is_taken(town: Build) -> None:
    here = town(maxepcounttreshold=2)
    phones = [here.peer(user) for user in ("1001", "1002", "1002")]
    assert [register(phone).status for phone in phones] == [200, 200, 503]
    assert register(phones[0]).status == 200
    assert register(phones[1], expires=0).status == 200
    here.pass_time(1.5)
    assert register(phones[2]).status == 200
