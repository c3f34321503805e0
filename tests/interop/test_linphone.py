"""Linphone as a subscriber's phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mizu_site.demo.sound import share
from tests.flows.house import House
from tests.flows.sipp import serving
from tests.interop.linphone import Linphone
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]
Phones = Callable[..., Linphone]


def last_record(house: House, caller: str) -> str:
    """The Call-ID of the latest call of this subscriber, once it is recorded."""
    statement = "select sip_call_id from cdrs_cdr where caller_id = %s order by started_at desc limit 1"
    rows = wait_for(
        lambda: house.instance.sql(statement, [house.ids[caller]]), 8, f"a record of {caller}'s call"
    )
    return str(rows[0][0])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_linphones_talk_hold_and_press_keys(house: House, linphone: Phones, transport: str) -> None:
    ada, ben = linphone("1001", tone=440, transport=transport), linphone("1002", tone=600)
    before = len(house.instance.sql("select 1 from cdrs_cdr where caller_id = %s", [house.ids["1001"]]))
    ada.do(f"call sip:1002@127.0.0.1:{house.sip}")
    ben.expect("Receiving new incoming call")
    ben.do("answer")
    ada.expect("Media streams established")
    ada.do("5")
    ben.expect("Receiving tone 5")
    ada.do("pause")
    ada.expect("is now paused")
    ben.expect("has been paused by")
    ada.do("resume")
    ada.expect("Media streams established")
    wait_for(
        lambda: all(one.heard.stat().st_size > 200_000 for one in (ada, ben)),
        20,
        "two seconds of sound at 48 kHz",
    )
    ada.do("terminate")
    ada.expect("ended")
    wait_for(
        lambda: (
            len(house.instance.sql("select 1 from cdrs_cdr where caller_id = %s", [house.ids["1001"]]))
            > before
        ),
        8,
        "the record",
    )
    record = house.record(last_record(house, "1001"))
    assert (record.hangup_cause, record.called_account_id) == ("normal", house.ids["1002"])
    # A phone completes its file only a moment after it has said that the call is over.
    wait_for(
        lambda: share(ada.heard, 600) > 0.5 and share(ben.heard, 440) > 0.5,
        5,
        "the other's tone in both files",
    )


def test_a_linphone_calls_a_carrier_that_refuses_and_hears_so(house: House, linphone: Phones) -> None:
    ada = linphone("1001", tone=440)
    with serving(house.folder, "status", house.port("carrier-budget"), STATUS=486) as carrier:
        ada.do(f"call sip:971501234567@127.0.0.1:{house.sip}")
        ada.expect(r"Call 1 with .* (error|busy)")
        carrier.finish()
