"""Calls that are up: cut when the money ends, ended by an operator."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.house import House, cost
from tests.flows.sipp import Caller, serving
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"


@pytest.mark.req("billing-002")
def test_a_prepaid_call_is_cut_in_the_second_that_the_balance_does_not_pay_for(
    house: House, folder: Path
) -> None:
    """0.015 pay for 4 seconds at 0.22 a minute (0.0147), not for 5 (0.0183)."""
    secret = house.subscriber("2002", money="0.015")
    with (
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", house.sip, EMIRATES, user="2002", password=secret, talk=20) as phone,
    ):
        phone.finish()
        carrier.finish()
    record = house.record(phone.call_id)
    assert (record.duration, record.hangup_cause, record.disconnector) == (4, "balance_used_up", "switch")
    assert record.charges == {"2002": -cost(4, "0.22")} == {"2002": Decimal("-0.0147")}
    assert house.balance("2002") == Decimal("0.0003")
    assert house.held("2002") == 0


def test_an_operator_ends_a_call_through_the_api(house: House, folder: Path) -> None:
    with (
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=20) as trunk,
    ):
        shown = wait_for(lambda: _up_of(house, "demo-trunk"), 5, "the live call")
        assert [(one["carrier"], one["called_number"]) for one in shown] == [("carrier-budget", EMIRATES)]
        assert house.held("demo-trunk") > 0
        house.api("POST", f"current-calls/{shown[0]['id']}/hang-up/")
        trunk.finish()
        carrier.finish()
    record = house.record(trunk.call_id)
    assert record.id == shown[0]["id"]
    assert (record.hangup_cause, record.disconnector) == ("operator_hangup", "switch")
    assert record.charges == ({"demo-trunk": -cost(record.duration, "0.22")} if record.duration else {})
    wait_for(lambda: not _calls(house), 3, "the call to leave the list")


def _up_of(house: House, caller: str) -> list[dict[str, object]]:
    """This caller's answered calls; what another test has ended may be shown for half a second yet."""
    return [one for one in _calls(house) if (one["state"], one["caller"]) == ("up", caller)]


def _calls(house: House) -> list[dict[str, object]]:
    answer = house.api("GET", "current-calls/")
    return answer["results"] if isinstance(answer, dict) else answer
