"""Asterisk as a carrier that we call, and as a customer's trunk that calls us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from mizu_site.demo.sound import share
from tests.flows.conftest import registered
from tests.flows.house import House
from tests.flows.sipp import serving
from tests.interop.asterisk import MILLIWATT, Asterisk
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def ada(house: House) -> Iterator[Phone]:
    yield from registered(house, "1001", tone=440)


def test_a_phone_hears_the_asterisk_that_is_our_cheapest_carrier(
    house: House, ada: Phone, asterisk: Asterisk
) -> None:
    ada.forget()
    ada.dial(f"sip:971501234567@127.0.0.1:{house.sip}")
    assert ada.wait("CALL_ESTABLISHED"), asterisk.log()
    ada.wait("NOTHING", 2.5)  # the deadline is what is waited for
    ada.hang_up()
    closed = ada.wait("CALL_CLOSED")
    assert closed
    record = house.record(str(closed["id"]))
    assert (record.carrier, record.hangup_cause) == ("carrier-budget", "normal")
    heard = ada.recording()
    assert heard and share(heard, MILLIWATT) > 0.5
    wait_for(lambda: "0 active channels" in asterisk.do("core show channels"), 5, "Asterisk to have hung up")


def test_an_asterisk_calls_through_us_as_a_customers_trunk(
    house: House, asterisk: Asterisk, folder: Path
) -> None:
    count = "select sip_call_id from cdrs_cdr where caller_id = %s and called_number = '971509999999'"
    with serving(folder, "carrier", house.port("carrier-solid")) as carrier:
        rule = {"name": "asterisk", "priority": 1, "called_prefixes": "971509999999",
                "targets": [{"carrier": house.ids["carrier-solid"]}]}  # fmt: skip
        house.change("POST", "routes/", rule)
        asterisk.call("777971509999999")
        wait_for(
            lambda: any(
                one["state"] == "up" and one["seconds"] >= 1 for one in house.api("GET", "current-calls/")
            ),
            20,
            f"the call to be up for a second\n{asterisk.log()}",
        )
        asterisk.do("channel request hangup all")
        carrier.finish()
    (row,) = wait_for(lambda: house.instance.sql(count, [house.ids["demo-trunk"]]), 8, "the record")
    record = house.record(row[0])
    assert (record.carrier, record.hangup_cause) == ("carrier-solid", "normal")
    assert set(record.charges) == {"demo-trunk"}
