"""Calls that succeed: who can call whom by which way, what is recorded, and who pays."""

from __future__ import annotations

import zlib
from decimal import Decimal
from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from mizu_site.demo.sound import share
from tests.flows.house import House, Record, cost
from tests.flows.sipp import Caller, serving

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"
RETAIL, WHOLESALE, BUDGET = "0.22", "0.187", "0.11"
"""Of the demo data, a minute to the Emirates."""
VAT = 20


def talk(house: House, phone: Phone, number: str, seconds: float) -> str:
    """Call, talk, hang up; the Call-ID."""
    phone.forget()
    phone.dial(f"sip:{number}@127.0.0.1:{house.sip}")
    answered = phone.wait("CALL_ESTABLISHED")
    assert answered, f"{phone.wait('CALL_CLOSED', 0)}: {phone.last_words()}"
    phone.wait("NOTHING", seconds)  # the deadline is what is waited for
    phone.hang_up()
    closed = phone.wait("CALL_CLOSED")
    assert closed
    return str(closed["id"])


def assert_normal(record: Record, *, caller: str, carrier: str | None) -> None:
    assert (record.caller, record.carrier) == (caller, carrier)
    assert (record.sip_status, record.hangup_cause, record.disconnector) == (200, "normal", "caller")


@pytest.mark.req("billing-001", "billing-045")
def test_a_registered_phone_calls_a_carrier_and_pays_by_the_second(
    house: House, ada: Phone, folder: Path
) -> None:
    before = house.balance("1001")
    with serving(folder, "carrier", house.port("carrier-budget")) as carrier:
        record = house.record(talk(house, ada, EMIRATES, 1.2))
        carrier.finish()
    assert_normal(record, caller="1001", carrier="carrier-budget")
    assert record.duration in (1, 2)
    assert (record.caller_number, record.called_number) == ("442079461001", EMIRATES)
    gross = cost(record.duration, RETAIL, VAT)
    assert record.prices == {
        "retail": ("1001", gross),
        "carrier": ("carrier-budget", cost(record.duration, BUDGET)),
    }
    assert record.charges == {"1001": -gross}
    assert house.balance("1001") == before - gross


@pytest.mark.req("routing-072", "routing-096", "billing-052")
def test_a_phone_calls_another_phone_for_nothing_and_both_hear_each_other(
    house: House, ada: Phone, ben: Phone
) -> None:
    before = house.balance("1001"), house.balance("1002")
    ben.forget()
    record = house.record(talk(house, ada, "1002", 1.8))
    assert ben.wait("CALL_CLOSED")
    assert_normal(record, caller="1001", carrier=None)
    assert record.called_account_id == house.ids["1002"]
    assert record.prices == {} and record.charges == {}
    assert (house.balance("1001"), house.balance("1002")) == before
    assert record.media == "relay" and min(record.rtp_sent, record.rtp_received) >= 40
    for listener, speaker in ((ada, ben), (ben, ada)):
        heard = listener.recording()
        assert heard and share(heard, speaker.tone) > 0.5, f"{speaker.tone} Hz was not heard"


@pytest.mark.req("reseller-019", "reseller-023")
def test_a_call_of_a_resellers_subscriber_is_paid_by_both(house: House, cleo: Phone, folder: Path) -> None:
    before = house.balance("1003"), house.balance("demo-reseller")
    with serving(folder, "carrier", house.port("carrier-budget")):
        record = house.record(talk(house, cleo, EMIRATES, 1.2))
    retail, wholesale = cost(record.duration, RETAIL, VAT), cost(record.duration, WHOLESALE, VAT)
    assert_normal(record, caller="1003", carrier="carrier-budget")
    assert record.reseller_id == house.ids["demo-reseller"]
    assert record.prices["retail"] == ("1003", retail)
    assert record.prices["reseller"] == ("demo-reseller", wholesale)
    assert record.charges == {"1003": -retail, "demo-reseller": -wholesale}
    assert (house.balance("1003"), house.balance("demo-reseller")) == (
        before[0] - retail,
        before[1] - wholesale,
    )


@pytest.mark.req("auth-013", "billing-008")
def test_a_customer_trunk_is_known_by_its_address_and_tech_prefix(house: House, folder: Path) -> None:
    before = house.balance("demo-trunk")
    with (
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=1.2) as trunk,
    ):
        trunk.finish()
        carrier.finish()
    record = house.record(trunk.call_id)
    assert_normal(record, caller="demo-trunk", carrier="carrier-budget")
    assert (record.original_called_number, record.called_number) == (f"777{EMIRATES}", EMIRATES)
    assert record.dialled_number == EMIRATES
    assert record.caller_number == "442079460000"
    gross = cost(record.duration, RETAIL)
    assert record.charges == {"demo-trunk": -gross}
    assert house.balance("demo-trunk") == before - gross


def test_a_call_comes_by_tcp_and_leaves_by_tcp(house: House, folder: Path) -> None:
    port, path = house.port("carrier-budget"), f"carriers/{house.ids['carrier-budget']}/"
    house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "transport": "tcp"}})
    try:
        with (
            serving(folder, "carrier", port, transport="t1") as carrier,
            Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=1.2, transport="t1") as trunk,
        ):
            trunk.finish()
            carrier.finish()
    finally:
        house.change("PATCH", path, {"trunk": {"host": "127.0.0.1", "port": port, "transport": "udp"}})
    record = house.record(trunk.call_id)
    assert_normal(record, caller="demo-trunk", carrier="carrier-budget")
    assert record.charges == {"demo-trunk": -cost(record.duration, RETAIL)}


def test_a_phone_registered_over_tcp_calls(house: House, folder: Path) -> None:
    with house.phone("1001", transport="tcp") as phone:
        assert phone.wait("REGISTER_OK"), phone.last_words()
        with serving(folder, "carrier", house.port("carrier-budget")):
            record = house.record(talk(house, phone, f"{EMIRATES};transport=tcp", 1.2))
    assert_normal(record, caller="1001", carrier="carrier-budget")
    assert record.charges == {"1001": -cost(record.duration, RETAIL, VAT)}


def test_a_phone_registered_at_one_worker_is_called_through_the_other(
    house: House, ben: Phone, folder: Path
) -> None:
    taken = int(house.registered_at("1002").removeprefix("worker-"))
    other = 3 - taken
    call_id = next(
        name
        for name in map("other-worker-{}".format, range(100))
        if zlib.crc32(name.encode()) % 2 + 1 == other
    )
    ben.forget()
    with Caller(folder, "caller", house.sip, "7771002", talk=1.0, call_id=call_id) as trunk:
        trunk.finish()
    assert ben.wait("CALL_CLOSED")
    record = house.record(call_id)
    assert record.called_account_id == house.ids["1002"]
    assert f"-{other}-" in record.worker, f"{record.worker} carried it, registered at worker {taken}"
    assert record.sip_status == 200 and record.charges == {}


def test_a_new_price_holds_for_calls_that_begin_a_second_later(house: House, folder: Path) -> None:
    tariff = house.api("GET", "tariffs/")["results"]
    retail = next(one["id"] for one in tariff if one["name"] == "Retail")
    moment = house.instance.sql("select extract(epoch from now())")[0][0]
    house.api(
        "POST",
        "rates/",
        {"tariff": retail, "prefix": "97155", "destination": "Emirates mobile", "price": "0.90"},
    )
    with (
        serving(folder, "carrier", house.port("carrier-budget"), calls=10),
        Caller(folder, "caller", house.sip, "77797155123456", talk=1.0, calls=10, rate=5) as trunk,
    ):
        trunk.finish()
    records = house.records(trunk.call_id)
    later = [one for one in records if _began(house, one) >= moment + 1]
    assert later, "no call began a second after the change"
    assert {one.unit_prices["retail"] for one in later} == {Decimal("0.9")}
    assert all(one.charges == {"demo-trunk": -cost(one.duration, "0.90")} for one in later)


def _began(house: House, record: Record) -> Decimal:
    found = house.instance.sql("select extract(epoch from %s::timestamptz)", [record.started_at])
    return Decimal(found[0][0])
