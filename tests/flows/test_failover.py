"""Trunks that refuse, or answer falsely, through the whole system: calls → Redis → office → snapshot → other trunks, and back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.house import House, Record, Row
from tests.flows.sipp import Caller, serving
from tests.rescued import rescued
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]

EMIRATES = "971501234567"
BUDGET, SOLID = "carrier-budget", "carrier-solid"


@pytest.fixture
def strict(house: House, folder: Path) -> Iterator[None]:
    """The cheapest carrier is demoted after three calls that went wrong; two seconds are short, and it is forgiven at the end.

    First of all it has a good call: it may have failed in other tests, of which the office may not even have heard yet.
    """
    path = f"accounts/{house.ids[BUDGET]}/settings"
    own = {"maxsubsfail": "3", "failover_short_seconds": "2", "failover_repeat_seconds": "0"}
    customer = f"accounts/{house.ids['demo-trunk']}/settings/failover_repeat_seconds/"
    for key, value in own.items():
        house.api("PUT", f"{path}/{key}/", {"value": value})
    house.api("PUT", customer, {"value": "0"})
    forgive(house)
    house.instance.catch_up()
    with serving(folder, "carrier", house.port(BUDGET), calls=1):  # for longer than is short now
        assert house.attempts(call(house, folder, talk=2.5)) == [(BUDGET, 200)]
    house.change("PUT", f"{path}/hasfailover/", {"value": "yes"})
    yield
    for key in (*own, "hasfailover"):
        house.api("PUT", f"{path}/{key}/", {"value": None})
    house.api("PUT", customer, {"value": None})
    forgive(house)
    house.instance.catch_up()


def forgive(house: House) -> None:
    for row in house.api("GET", f"trunk-health/?carrier={house.ids[BUDGET]}")["results"]:
        house.api("POST", f"trunk-health/{row['id']}/reset/", {})


def call(house: House, folder: Path, *, number: str = EMIRATES, talk: float = 1.0) -> Record:
    with Caller(folder, "caller", house.sip, f"777{number}", talk=talk) as caller:
        caller.finish()
    return house.record(caller.call_id)


def state(house: House, destination: str = "") -> Row:
    path = f"trunk-health/?carrier={house.ids[BUDGET]}&destination={destination}"
    rows = [one for one in house.api("GET", path)["results"] if destination or not one["destination"]]
    return rows[0] if rows else {"state": "unknown"}


def demoted(house: House) -> Row:
    """The cheapest carrier, once the office has seen enough."""

    def seen() -> Row | None:
        row = state(house)
        return row if row["state"] == "demoted" else None

    found = wait_for(seen, 60, "its demotion")
    house.instance.catch_up()
    return found


@contextmanager
def silent(port: int) -> Iterator[None]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", port))
        yield


@pytest.mark.req("failover-001", "failover-005", "failover-006", "failover-026", "routing-030")
def test_a_trunk_that_refuses_is_passed_over_until_somebody_sets_it_free(
    house: House, folder: Path, strict: None
) -> None:
    with (
        serving(folder, "status", house.port(BUDGET), calls=4, STATUS=503),
        serving(folder, "carrier", house.port(SOLID), calls=9),
    ):
        for _ in range(3):
            record = call(house, folder)
            assert house.attempts(record) == [(BUDGET, 503), (SOLID, 200)]
        row = demoted(house)
        assert row["reason"] == "3 calls one after the other were not answered"
        record = call(house, folder)
        assert house.attempts(record) == [(SOLID, 200)]
        house.change("POST", f"trunk-health/{row['id']}/reset/", {})
        record = call(house, folder)
        assert house.attempts(record) == [(BUDGET, 503), (SOLID, 200)]
    events = house.api("GET", f"trunk-events/?carrier={house.ids[BUDGET]}")["results"]
    assert [one["kind"] for one in events[:2]] == ["reset", "demoted"]


@pytest.mark.req("failover-002")
def test_a_trunk_that_answers_falsely_is_passed_over_although_every_call_is_answered(
    house: House, folder: Path, strict: None
) -> None:
    with (
        serving(folder, "carrier", house.port(BUDGET), calls=3),
        serving(folder, "carrier", house.port(SOLID), calls=1),
    ):
        for _ in range(3):
            assert house.attempts(call(house, folder, talk=0.3)) == [(BUDGET, 200)]
        row = demoted(house)
        assert row["reason"] == "3 answered calls one after the other were short"
        assert house.attempts(call(house, folder)) == [(SOLID, 200)]


@pytest.mark.req("failover-006")
def test_it_comes_back_by_a_trickle_when_its_time_is_over(house: House, folder: Path, strict: None) -> None:
    carrier = house.ids[BUDGET]
    own = {"failover_probe_calls": "2", "failover_probe_share": "1", "failover_short_seconds": "0"}
    for key, value in own.items():
        house.api("PUT", f"accounts/{carrier}/settings/{key}/", {"value": value})
    house.instance.catch_up()
    try:
        with silent(house.port(BUDGET)), serving(folder, "carrier", house.port(SOLID), calls=3):
            for _ in range(3):
                assert house.attempts(call(house, folder)) == [(BUDGET, 408), (SOLID, 200)]
            row = demoted(house)
        over = "update routing_trunkhealth set until = now() where id = %s"
        house.instance.sql(over, [row["id"]])  # ten minutes later
        wait_for(lambda: state(house)["state"] == "probing", 30, "it to be tried again")
        house.instance.catch_up()
        with serving(folder, "carrier", house.port(BUDGET), calls=2):
            for _ in range(2):
                assert house.attempts(call(house, folder)) == [(BUDGET, 200)]
        wait_for(lambda: state(house)["state"] == "good", 30, "it to be restored")
    finally:
        for key in own:
            house.api("PUT", f"accounts/{carrier}/settings/{key}/", {"value": None})


@pytest.mark.req("failover-014")
def test_an_answered_call_goes_on_by_the_next_trunk_and_each_part_is_charged_once(house: House) -> None:
    forgive(house)
    setting = f"accounts/{house.ids['demo-trunk']}/settings/rerouteconnected/"
    house.change("PUT", setting, {"value": "yes"})
    before = house.balance("demo-trunk")
    try:
        ports = (house.port(BUDGET), house.port(SOLID))
        with rescued(house.sip, f"777{EMIRATES}", ports, user="442079460000") as talk:
            talk.caller.silent(1.2)
            talk.hang_up()
            found = lambda: len(house.records(talk.invite.call_id)) == 2  # noqa: E731
            wait_for(found, 8, "both records")
    finally:
        house.change("PUT", setting, {"value": None})
        forgive(house)
    first, second = house.records(talk.invite.call_id)
    assert [(one.carrier, one.hangup_cause) for one in (first, second)] == [
        (BUDGET, "rerouted"),
        (SOLID, "normal"),
    ]
    assert second.id in first.comment and first.id in second.comment
    assert all(one.duration in (1, 2) and one.charges["demo-trunk"] < 0 for one in (first, second))
    assert house.balance("demo-trunk") - before == sum(one.charges["demo-trunk"] for one in (first, second))
