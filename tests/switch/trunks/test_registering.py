"""Our registrations with carriers, on the clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from switch.sip.digest import MD5, SHA256
from switch.trunks.lead import Lead
from switch.trunks.states import Trunks
from tests.support_sip import sdp
from tests.switch.trunks.conftest import Carrier, Registrar, TrunkTown, login
from tests.switch.worlds import Office

Build = Callable[..., TrunkTown]
ONE = 2
"""The account of carrier `one` in the town's office."""


def with_account(**fields: object) -> Callable[[Office], None]:
    def change(office: Office) -> None:
        carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
        login(office, carrier, "mizu", **fields)

    return change


def state(town: TrunkTown) -> dict[str, object]:
    states = town.keeper.states()
    assert states is not None
    return next(iter(states["logins"].values()))


@pytest.mark.parametrize("algorithm", [MD5, SHA256])
def test_an_account_is_registered_with_its_proof_and_its_contact_names_the_shared_port(
    town: Build, algorithm: str
) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    asked = Registrar(carrier, algorithm=algorithm).admit()
    contact = asked.contact
    assert contact is not None
    assert (contact.uri.user, contact.uri.port) == ("mizu", 5060)
    assert contact.uri.params["line"]
    here.pass_time(0.1)
    assert state(here)["state"] == "registered"


@pytest.mark.req("registrar-028", "registrar-004")
def test_the_time_asked_for_is_the_accounts_own_else_registerival(town: Build) -> None:
    for fields, expected in (({"expires": 600}, "600"), ({}, "2400")):
        carrier = Carrier(town(with_account(**fields)), "one")
        assert carrier.asked("REGISTER").get("Expires") == expected


@pytest.mark.req("registrar-002", "registrar-028")
def test_it_is_renewed_before_the_time_that_the_server_granted_is_over_with_the_same_call_id(
    town: Build,
) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    registrar = Registrar(carrier, granted=100)
    first = registrar.admit()
    begun = here.now
    again = carrier.asked("REGISTER", 100)
    assert 75 <= here.now - begun <= 95
    assert again.call_id == first.call_id and again.cseq.number == first.cseq.number + 1
    assert registrar.right(again), "the nonce is used again, with the next count"


def test_a_stale_nonce_is_answered_anew(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    registrar = Registrar(carrier, granted=100)
    registrar.admit()
    registrar.challenge(carrier.asked("REGISTER", 100), stale=True)
    again = carrier.asked("REGISTER")
    assert registrar.right(again)
    registrar.grant(again)
    here.pass_time(0.1)
    assert state(here)["state"] == "registered"


def test_a_server_that_wants_longer_registrations_gets_them(town: Build) -> None:
    carrier = Carrier(town(with_account(expires=120)), "one")
    carrier.answer(carrier.asked("REGISTER"), 423, headers=[("Min-Expires", "900")])
    assert carrier.asked("REGISTER").get("Expires") == "900"


def test_a_wrong_password_is_not_tried_again_at_once(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    registrar = Registrar(carrier)
    for _ in range(2):
        registrar.challenge(carrier.asked("REGISTER"))
    carrier.silent(20)
    assert state(here)["state"] == "failed"
    assert "does not take" in str(state(here)["detail"])


def test_after_failures_it_waits_longer_and_longer_up_to_half_an_hour(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    times = []
    for _ in range(9):
        carrier.answer(carrier.asked("REGISTER", 2000), 500)
        times.append(here.now)
    waits = [round(b - a) for a, b in itertools.pairwise(times)]
    assert waits[:4] == pytest.approx([22, 45, 90, 180], abs=2)
    assert waits[-1] == pytest.approx(1350, abs=2), "1800 seconds, and a jitter of a half"


def test_retry_after_is_heeded(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    carrier.answer(carrier.asked("REGISTER"), 503, headers=[("Retry-After", "240")])
    begun = here.now
    carrier.asked("REGISTER", 400)
    assert here.now - begun == pytest.approx(240, abs=1)


def test_a_registration_that_stands_is_good_until_it_expires_though_renewing_fails(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    Registrar(carrier, granted=100).admit()
    carrier.answer(carrier.asked("REGISTER", 100), 500)
    here.pass_time(1)
    assert state(here)["state"] == "registered"
    here.pass_time(15)
    assert state(here)["state"] == "failed"


@pytest.mark.req("registrar-005")
def test_an_account_that_is_removed_is_unregistered(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    registrar = Registrar(carrier)
    registrar.admit()
    here.change(lambda office: office.rows["trunk_accounts"].clear())
    last = carrier.asked("REGISTER")
    assert last.get("Expires") == "0" and registrar.right(last)
    registrar.grant(last, 0)
    here.pass_time(1)
    carrier.silent(200)


def test_a_worker_that_stops_takes_its_registrations_back_and_another_leads(town: Build) -> None:
    here = town(with_account())
    carrier = Carrier(here, "one")
    Registrar(carrier).admit()
    other = Lead(here.folder / "trunks.lock")
    assert not other.take()
    here.board.draining = True
    here.keeper.leave()
    assert carrier.asked("REGISTER").get("Expires") == "0"
    assert not other.take(), "what the old leader takes back must not be what the new one has just made"
    here.keeper.end()
    assert other.take()
    other.leave()


def test_only_one_worker_of_a_node_registers(town: Build) -> None:
    here = town(with_account())
    first = Lead(here.folder / "trunks.lock")
    assert first.take()
    carrier = Carrier(here, "one")
    carrier.silent(10)
    first.leave()
    carrier.asked("REGISTER")


def test_a_call_of_the_server_to_our_contact_is_the_carriers_and_goes_to_the_number_in_to(
    town: Build,
) -> None:
    here = town(with_account())
    here.change(lambda office: office.rows["accounts"][3].__setitem__(9, "+4420111"))
    carrier, phone = Carrier(here, "elsewhere"), here.peer("1001")
    registrar = Carrier(here, "one")
    contact = Registrar(registrar).admit().contact
    assert contact is not None
    assert phone.register("secret-1001", algorithm=MD5).status == 200
    invite = carrier.request("INVITE", contact.uri_text, to="<sip:+4420111@example.com>", body=sdp())
    carrier.send(invite)
    ringing = phone.asked("INVITE")
    phone.answer(ringing, 486)
    carrier.ack(invite, carrier.told(486))


def test_a_made_up_line_opens_no_door(town: Build) -> None:
    here = town(with_account())
    contact = Registrar(Carrier(here, "one")).admit().contact
    assert contact is not None
    stranger = Carrier(here, "stranger")
    uri = contact.uri_text[:-1] + ("0" if contact.uri_text[-1] != "0" else "1")
    stranger.send(stranger.request("INVITE", uri, to="<sip:1001@example.com>", body=sdp()))
    stranger.told(407)


@pytest.mark.req("registrar-013")
@pytest.mark.parametrize(("reuse", "status"), [(False, 407), (True, 480)])
def test_the_servers_address_alone_is_trusted_only_if_reuseupperreg_says_so(
    town: Build, reuse: bool, status: int
) -> None:
    def change(office: Office) -> None:
        with_account()(office)
        office.settings["reuseupperreg"] = reuse
        office.rows["addresses"].clear()

    here = town(change)
    carrier = Carrier(here, "one")
    Registrar(carrier).admit()
    here.pass_time(0.1)
    carrier.send(carrier.invite("1001"))
    carrier.told(status)


@pytest.mark.req("auth-004", "auth-005", "auth-006")
def test_calls_are_proved_by_the_accounts_in_turn_the_best_priority_first(town: Build) -> None:
    def change(office: Office) -> None:
        carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
        login(office, carrier, "a", registers=False, caller_number="+4411")
        login(office, carrier, "b", registers=False)
        login(office, carrier, "later", registers=False, priority=2)

    here = town(change)
    rich, carrier = here.peer("rich"), Carrier(here, "one")
    seen = []
    for _ in range(3):
        invite = rich.invite("49301234567")
        rich.send(invite)
        asked = carrier.asked("INVITE")
        carrier.answer(
            asked,
            407,
            headers=[("Proxy-Authenticate", f'Digest realm="carrier.example", nonce="n{len(seen)}"')],
        )
        again = carrier.asked("INVITE")
        proof = again.get("Proxy-Authorization") or ""
        seen.append((proof.partition('username="')[2].partition('"')[0], again.from_.uri.user))
        carrier.answer(again, 486)
        rich.ack(invite, rich.told(486))
    assert [name for name, _ in seen] == ["a", "b", "a"]
    assert seen[0][1] == "4411" != seen[1][1]


@pytest.mark.req("auth-005")
def test_an_account_whose_registration_failed_is_passed_over_for_the_next(town: Build) -> None:
    def change(office: Office) -> None:
        carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
        login(office, carrier, "first")
        login(office, carrier, "second", priority=2)

    here = town(change)
    rich, carrier = here.peer("rich"), Carrier(here, "one")
    registrar = Registrar(carrier)
    for _ in range(3):
        asked = carrier.asked("REGISTER")
        if asked.from_.uri.user == "first":
            carrier.answer(asked, 403)
        elif asked.get("Authorization"):
            registrar.grant(asked)
        else:
            registrar.challenge(asked)
    here.pass_time(0.2)
    invite = rich.invite("49301234567")
    rich.send(invite)
    asked = carrier.asked("INVITE")
    carrier.answer(asked, 407, headers=[("Proxy-Authenticate", 'Digest realm="carrier.example", nonce="n"')])
    assert 'username="second"' in (carrier.asked("INVITE").get("Proxy-Authorization") or "")


@pytest.mark.req("auth-005", "failover-004")
def test_an_account_whose_calls_are_refused_again_and_again_rests_and_the_next_is_used(town: Build) -> None:
    def change(office: Office) -> None:
        carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "one")
        login(office, carrier, "first", registers=False)
        login(office, carrier, "second", registers=False, priority=2)
        assert office.settings["trunk_account_failures"] == 30
        office.settings |= {"trunk_account_failures": 3}

    here = town(change)
    here.board.trunks = Trunks(b"town", here.clock)
    rich, carrier, other = here.peer("rich"), Carrier(here, "one"), Carrier(here, "two")

    def used() -> str:
        invite = rich.invite("49301234567")
        rich.send(invite)
        carrier.answer(
            carrier.asked("INVITE"),
            407,
            headers=[("Proxy-Authenticate", 'Digest realm="carrier.example", nonce="n"')],
        )
        again = carrier.asked("INVITE")
        carrier.answer(again, 503)
        other.answer(other.asked("INVITE"), 486)
        rich.ack(invite, rich.told(486))
        return (again.get("Proxy-Authorization") or "").partition('username="')[2].partition('"')[0]

    assert [used() for _ in range(4)] == ["first"] * 3 + ["second"]
    here.pass_time(601)
    assert used() == "first"


# --- the way that the server wants ---------------------------------------------------------------------------------------


def granted_with(carrier: Carrier, *routes: str) -> None:
    """A server that takes any proof and answers with these Service-Routes."""
    carrier.grant(carrier.asked("REGISTER"), [("Service-Route", one) for one in routes])


def test_calls_go_by_the_proxies_that_the_server_named_when_we_registered(town: Build) -> None:
    here = town(with_account())
    carrier, caller, proxy = Carrier(here, "one"), here.peer("rich"), here.peer("proxy")
    first, second = f"<sip:127.0.0.1:{proxy.port};lr>", "<sip:inside.carrier.example;lr>"
    granted_with(carrier, first, second)
    here.pass_time(0.1)
    invite = caller.invite("49301234567")
    caller.send(invite)
    out = proxy.asked("INVITE")
    assert out.all("Route") == [first, second]
    assert out.uri.startswith(f"sip:49301234567@127.0.0.1:{carrier.port}")
    proxy.answer(out, 486)
    caller.ack(invite, caller.told(486))
    assert not [one for one in carrier.box if one.startswith(b"INVITE")]


@pytest.mark.parametrize("routes", [[], ["<tel:+1>"], ["<sip:a@b"], [f"<sip:{'p' * 600}.example;lr>"]])
def test_a_service_route_that_is_no_route_changes_nothing(town: Build, routes: list[str]) -> None:
    here = town(with_account())
    carrier, caller = Carrier(here, "one"), here.peer("rich")
    granted_with(carrier, *routes)
    here.pass_time(0.1)
    assert state(here)["state"] == "registered" and state(here)["routes"] == []
    invite = caller.invite("49301234567")
    caller.send(invite)
    out = carrier.asked("INVITE")
    assert out.get("Route") is None
    carrier.answer(out, 486)
    caller.ack(invite, caller.told(486))


# --- anew ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("registrar-003")
@pytest.mark.parametrize(("after", "anew"), [(0, False), (60, True), (3600, False)])
def test_a_registration_is_begun_anew_after_as_long_as_the_setting_says(
    town: Build, after: int, anew: bool
) -> None:
    def change(office: Office) -> None:
        with_account()(office)
        office.settings["rebuildregclients"] = after

    carrier = Carrier(town(change), "one")
    registrar = Registrar(carrier, granted=100)
    first, again = registrar.admit(), registrar.admit(100)
    assert (again.call_id != first.call_id) is anew
    assert again.cseq.number > first.cseq.number


@pytest.mark.req("registrar-018")
def test_an_operator_has_it_renewed_at_once_and_other_carriers_are_left_alone(town: Build) -> None:
    here = town(with_account(expires=3600))
    carrier = Carrier(here, "one")
    registrar = Registrar(carrier)
    registrar.admit()
    here.keeper.again(here.ids["two"])
    here.pass_time(10)
    assert not carrier.box
    here.keeper.again(here.ids["one"])
    assert registrar.admit(1).get("Expires") == "3600"
