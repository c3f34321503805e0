"""Trunks with real peers: Kamailio as the registrar that we register with, killed and started again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from mizu_site.demo.phone import Phone
from switch.sip.message import Response
from tests.flows.house import House
from tests.kamailio import PASSWORD, REALM, REGISTRAR, USER, Kamailio
from tests.support import wait_for
from tests.support_sip import Peer, sdp

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """A carrier behind a Kamailio that gives us an account, and that is asked every second whether it is there."""
    with Kamailio(tmp_path_factory.mktemp("carrier"), REGISTRAR, granted=90) as running:
        carrier = {
            "username": "kamailio",
            "parent": house.ids["company"],
            "trunk": {"host": "127.0.0.1", "port": running.port},
        }
        house.ids["kamailio"] = house.change("POST", "carriers/", carrier)["id"]
        for key, value in (
            ("trunk_ping_seconds", 1),
            ("trunk_ping_failures", 2),
            ("trunk_ping_successes", 2),
        ):
            house.change("PUT", f"accounts/{house.ids['kamailio']}/settings/{key}/", {"value": str(value)})
        account = {"carrier": house.ids["kamailio"], "username": USER, "realm": REALM, "password": PASSWORD}
        made = house.change("POST", "trunk-accounts/", account)["id"]
        yield running
        # Who is gone is neither asked nor registered with any more: other tests count transactions.
        house.api("DELETE", f"trunk-accounts/{made}/")
        house.change("PUT", f"accounts/{house.ids['kamailio']}/settings/trunk_ping_seconds/", {"value": "0"})


def state(house: House) -> dict[str, Any]:
    found: list[dict[str, Any]] = house.api("GET", f"carriers/{house.ids['kamailio']}/state/")
    return found[0] if found else {"up": None, "uppers": []}


def registered(house: House) -> bool:
    return [one["state"] for one in state(house)["uppers"]] == ["registered"]


def leader(house: House) -> str:
    """The worker that registers for the node."""
    sentence = "this worker registers with servers"
    logs = {name: house.instance.log(name) for name in ("worker-1", "worker-2")}
    return max(
        logs,
        key=lambda name: max((line[:23] for line in logs[name].splitlines() if sentence in line), default=""),
    )


def call_in(server: Kamailio, called: str) -> bool:
    """Whether a call to our account at Kamailio, which passes it to the contact that we registered, is answered."""
    peer = Peer(server.port, "stranger")
    uri = f"sip:{USER}@127.0.0.1:{server.port}"
    invite = peer.request("INVITE", uri, to=f"<sip:{called}@carrier.example>", body=sdp())
    peer.send(invite)
    try:
        while (answer := peer.receive()).status < 200:  # type: ignore[union-attr]  # nobody asks a stranger
            pass
        assert isinstance(answer, Response)
        peer.ack(invite, answer)
        return answer.status == 200
    finally:
        peer.close()


@pytest.mark.req("registrar-028", "registrar-002")
def test_kamailio_takes_our_registration_and_its_calls_reach_a_phone(
    house: House, server: Kamailio, ben: Phone
) -> None:
    wait_for(lambda: registered(house), 15, "the registration")
    ben.forget()
    wait_for(lambda: call_in(server, "+442079461002"), 20, "a call through Kamailio to be answered")
    assert ben.wait("CALL_ESTABLISHED")
    ben.hang_up()
    assert ben.wait("CALL_CLOSED")


def test_a_carrier_that_is_killed_counts_as_down_and_up_again_when_it_is_back(
    house: House, server: Kamailio
) -> None:
    wait_for(lambda: state(house)["up"], 10, "Kamailio to count as up")
    server.stop()
    down = wait_for(lambda: (found := state(house))["up"] is False and found, 20, "Kamailio to count as down")
    assert down["since"]
    server.start()
    wait_for(lambda: state(house)["up"], 20, "Kamailio to count as up again")


def test_another_worker_takes_over_when_the_one_that_registers_dies(house: House, server: Kamailio) -> None:
    wait_for(lambda: registered(house), 15, "the registration")
    before = leader(house)
    house.instance.kill(before, signal.SIGKILL)
    wait_for(lambda: leader(house) != before, 10, "another worker to lead")
    wait_for(lambda: registered(house), 15, "the registration to stand again")
    house.instance.wait_ready()
