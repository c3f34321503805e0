"""Kamailio in front of the switch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.house import House
from tests.flows.sipp import Caller, serving
from tests.kamailio import DISPATCHER, Kamailio
from tests.support import free_port

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]
EMIRATES = "777971501234567"


def test_a_dispatcher_stays_in_the_way_of_the_whole_dialog(house: House, folder: Path) -> None:
    with (
        Kamailio(folder, DISPATCHER, switches=(house.sip,)) as proxy,
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", proxy.port, EMIRATES, talk=1.0) as caller,
    ):
        caller.finish()
        carrier.finish()
    record = house.record(caller.call_id)
    assert (record.caller, record.hangup_cause, record.disconnector) == ("demo-trunk", "normal", "caller")
    assert record.caller_address == f"127.0.0.1:{proxy.port}"


def test_a_dispatcher_passes_a_switch_over_that_does_not_answer(house: House, folder: Path) -> None:
    with (
        Kamailio(folder, DISPATCHER, switches=(free_port(), house.sip)) as proxy,
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", proxy.port, EMIRATES, talk=0.5) as caller,
    ):
        caller.finish(25)
        carrier.finish()
    assert house.record(caller.call_id).hangup_cause == "normal"
