"""What happens inside a dialog, between real user agents and a whole installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.house import House
from tests.flows.sipp import Caller, serving

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"


@pytest.mark.req("sip-007", "sip-087")
def test_reliable_answers_a_session_timer_a_header_rule_and_a_reason_work_together(
    house: House, folder: Path
) -> None:
    """Caller and carrier check what they hear: PRACK on both sides, UPDATE answered here, the header that the rule adds."""
    carrier_id = house.ids["carrier-budget"]
    setting = f"accounts/{carrier_id}/settings/sessiontimer/"
    house.change("PUT", setting, {"value": "supported"})
    rule = house.change(
        "POST",
        "header-rules/",
        {"account": carrier_id, "direction": "out", "action": "add", "header": "X-Route", "value": "flow"},
    )
    try:
        with (
            serving(folder, "reliable_carrier", house.port("carrier-budget")) as carrier,
            Caller(folder, "reliable_caller", house.sip, f"777{EMIRATES}", talk=1.2) as trunk,
        ):
            trunk.finish()
            carrier.finish()
    finally:
        house.change("PUT", setting, {"value": None})
        house.change("DELETE", f"header-rules/{rule['id']}/", {})
    record = house.record(trunk.call_id)
    assert (record.caller, record.carrier, record.sip_status) == ("demo-trunk", "carrier-budget", 200)
    assert (record.hangup_cause, record.disconnector, record.q850_cause) == ("normal", "caller", 31)
    assert record.duration in (1, 2)
