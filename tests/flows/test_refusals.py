"""Calls that do not come about: what the caller is told, what is recorded, and that nobody pays."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.house import House, Record
from tests.flows.sipp import Caller, serving
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"
CARRIERS = ("carrier-budget", "carrier-solid", "carrier-premium")


def refused(house: House, folder: Path, number: str, status: int, **how: str) -> Record:
    """Call a number, expect that refusal, and return the record, which costs nobody anything."""
    with Caller(folder, "refused", house.sip, number, status=status, **how) as caller:  # type: ignore[arg-type]
        caller.finish()
    record = house.record(caller.call_id)
    assert record.duration == 0 and record.charges == {}
    return record


@contextmanager
def silent(port: int) -> Iterator[None]:
    """Somebody who hears everything and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", port))
        yield


def test_nobody_carries_a_number_without_a_route(house: House, folder: Path) -> None:
    rule = {"name": "nowhere", "priority": 1, "called_prefixes": "5299", "final": True, "targets": []}
    house.change("POST", "routes/", rule)
    record = refused(house, folder, "777529912345", 404)
    assert (record.hangup_cause, record.q850_cause) == ("no_route", 3)
    assert record.attempts == []


def test_a_number_that_no_carrier_has_a_price_for_has_no_route(house: House, folder: Path) -> None:
    record = refused(house, folder, "777999123456", 404)
    assert record.hangup_cause == "no_route"


def test_a_number_without_a_price_is_refused(house: House, folder: Path) -> None:
    tariffs = house.api("GET", "tariffs/")["results"]
    costs = next(one["id"] for one in tariffs if one["name"] == "Costs of Budget Carrier")
    house.change(
        "POST", "rates/", {"tariff": costs, "prefix": "888", "destination": "Inmarsat", "price": "3"}
    )
    record = refused(house, folder, "777888123456", 403)
    assert record.hangup_cause == "no_price"


@pytest.mark.req("billing-002")
def test_without_money_a_prepaid_subscriber_does_not_call(house: House, folder: Path) -> None:
    secret = house.subscriber("2001", money="0")
    record = refused(house, folder, EMIRATES, 402, user="2001", password=secret)
    assert (record.caller, record.hangup_cause) == ("2001", "no_money")
    assert house.balance("2001") == 0


def test_a_wrong_password_gets_no_call_and_no_record(house: House, folder: Path) -> None:
    with Caller(folder, "wrong_password", house.sip, EMIRATES, user="1001", password="not-it") as caller:
        caller.finish()
    with Caller(folder, "refused", house.sip, "777999123456", status=404) as later:
        later.finish()
    house.record(later.call_id)
    assert house.records(caller.call_id) == []


@pytest.mark.req("auth-012", "auth-024")
def test_an_unknown_source_is_refused(house: House, folder: Path) -> None:
    with Caller(folder, "refused", house.sip, EMIRATES, user="stranger", status=403) as caller:
        caller.finish()
    assert house.records(caller.call_id) == []


@pytest.mark.req("failover-010", "failover-013", "routing-065")
def test_a_carrier_that_answers_503_is_passed_over(house: House, folder: Path) -> None:
    with (
        serving(folder, "status", house.port("carrier-budget"), STATUS=503) as first,
        serving(folder, "carrier", house.port("carrier-solid")) as second,
        Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=1.0) as caller,
    ):
        for one in (caller, first, second):
            one.finish()
    record = house.record(caller.call_id)
    assert house.attempts(record) == [("carrier-budget", 503), ("carrier-solid", 200)]
    assert record.carrier == "carrier-solid"
    assert set(record.charges) == {"demo-trunk"}


@pytest.mark.req("routing-065")
def test_a_carrier_that_says_nothing_is_passed_over_after_its_time(house: House, folder: Path) -> None:
    port, path = house.port("carrier-budget"), f"carriers/{house.ids['carrier-budget']}/"
    house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "response_seconds": 1}})
    try:
        with (
            silent(port),
            serving(folder, "carrier", house.port("carrier-solid")),
            Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=1.0) as caller,
        ):
            caller.finish()
    finally:
        house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "response_seconds": 5}})
    record = house.record(caller.call_id)
    assert house.attempts(record) == [("carrier-budget", 408), ("carrier-solid", 200)]
    assert record.pdd_ms >= 1000


def test_when_every_carrier_refuses_the_caller_hears_503(house: House, folder: Path) -> None:
    ports = [house.port(name) for name in CARRIERS]
    with (
        serving(folder, "status", ports[0], STATUS=503),
        serving(folder, "status", ports[1], STATUS=500),
        serving(folder, "status", ports[2], STATUS=503),
    ):
        record = refused(house, folder, f"777{EMIRATES}", 503)
    assert house.attempts(record) == list(zip(CARRIERS, (503, 500, 503), strict=True))
    assert record.hangup_cause == "carriers_failed"
    messages = wait_for(lambda: house.sip_messages(record), 30, "the SIP messages of the call that failed")
    sent = [one["text"].split("\r\n")[0].split(" ")[:2] for one in messages]
    assert [word for word, _ in sent].count("INVITE") == 4 and [word for word, _ in sent].count("ACK") == 4
    assert {status for word, status in sent if word == "SIP/2.0"} == {"100", "500", "503"}


@pytest.mark.req("failover-013")
def test_busy_is_the_called_partys_word_and_no_other_carrier_is_asked(house: House, folder: Path) -> None:
    with serving(folder, "status", house.port("carrier-budget"), STATUS=486):
        record = refused(house, folder, f"777{EMIRATES}", 486)
    assert house.attempts(record) == [("carrier-budget", 486)]
    assert (record.q850_cause, record.disconnector) == (17, "called")


def test_a_caller_who_hangs_up_while_it_rings_pays_nothing(house: House, folder: Path) -> None:
    with (
        serving(folder, "rings", house.port("carrier-budget")) as carrier,
        Caller(folder, "cancels", house.sip, f"777{EMIRATES}") as caller,
    ):
        caller.finish()
        carrier.finish()
    record = house.record(caller.call_id)
    assert (record.sip_status, record.hangup_cause, record.disconnector) == (487, "cancelled", "caller")
    assert record.duration == 0 and record.charges == {}


def test_who_does_not_answer_in_time_is_cancelled_and_the_next_carrier_asked(
    house: House, folder: Path
) -> None:
    port, path = house.port("carrier-budget"), f"carriers/{house.ids['carrier-budget']}/"
    house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "answer_seconds": 1}})
    try:
        with (
            serving(folder, "rings", port) as ringing,
            serving(folder, "status", house.port("carrier-solid"), STATUS=480),
        ):
            record = refused(house, folder, f"777{EMIRATES}", 480)
            ringing.finish()
    finally:
        house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "answer_seconds": 60}})
    assert house.attempts(record) == [("carrier-budget", 408), ("carrier-solid", 480)]
    assert record.setup_ms >= 1000
