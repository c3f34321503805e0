"""Numbers in a whole system: a rule that was made by the API changes what the next call dials, pays by, and is recorded as."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from tests.flows.house import House, cost
from tests.flows.sipp import serving
from tests.flows.test_calls import BUDGET, EMIRATES, RETAIL, VAT, talk

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]


@pytest.mark.req("dialplan-001")
def test_a_call_is_priced_by_the_rewritten_number_and_sent_as_the_carrier_wants_it(
    house: House, ada: Phone, folder: Path
) -> None:
    dialled = EMIRATES.replace("971", "0991", 1)
    rules = [
        house.change(
            "POST", "rewrite-rules/",
            {"name": "flow", "check_kind": "begins", "against": "0991", "action": "beginning", "find": "0991", "put": "971"},
        ),
        house.change("POST", "rewrite-rules/", {"name": "flow out", "stage": "after_routing", "data": "sent", "action": "insert", "put": "00",
                                                "called": house.ids["carrier-budget"]}),
    ]  # fmt: skip
    try:
        with serving(folder, "carrier", house.port("carrier-budget")) as carrier:
            call_id = talk(house, ada, dialled, 1.2)
            carrier.finish()
    finally:
        for rule in rules:
            house.change("DELETE", f"rewrite-rules/{rule['id']}/", {})
    record = house.record(call_id)
    assert (record.original_called_number, record.called_number, record.dialled_number) == (
        dialled,
        EMIRATES,
        f"00{EMIRATES}",
    )
    assert record.prices["retail"] == ("1001", cost(record.duration, RETAIL, VAT))
    assert record.prices["carrier"] == ("carrier-budget", cost(record.duration, BUDGET))
