"""An operator makes a rule, asks where a call would go, and the call goes there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from tests.flows.house import House
from tests.flows.sipp import serving
from tests.flows.test_calls import EMIRATES, talk

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]
CARRIER = "carrier-solid"
"""The dearer one of the demo data."""


@pytest.mark.req("routing-076", "routing-083")
def test_a_new_rule_sends_a_call_where_the_switch_said_it_would(
    house: House, ada: Phone, folder: Path
) -> None:
    question = {"account": house.ids["1001"], "called": f"+{EMIRATES}"}
    before = house.api("POST", "routes/explain/", question)
    assert before["targets"][0]["account"] != CARRIER, "without the rule the cheaper one goes first"
    target = {"carrier": house.ids[CARRIER], "share": 10, "max_calls": 3, "minutes_per_day": 100}
    rule = {
        "name": "Emirates",
        "priority": 5,
        "called_prefixes": EMIRATES[:5],
        "final": True,
        "targets": [target],
    }
    made = house.change("POST", "routes/", rule)
    try:
        found = house.api("POST", "routes/explain/", question)
        assert [(one["account"], one["rule"]) for one in found["targets"]] == [(CARRIER, "Emirates")], found
        with serving(folder, "carrier", house.port(CARRIER)) as served:
            record = house.record(talk(house, ada, f"+{EMIRATES}", 1.0))
            served.finish()
        assert (record.carrier, record.route_rule) == (CARRIER, "Emirates")
        past = house.api("GET", f"cdrs/{record.id}/why/")
        assert past["targets"][0]["account"] == CARRIER
    finally:
        house.change("DELETE", f"routes/{made['id']}/", {})


@pytest.mark.req("routing-079", "routing-097", "groups-005")
def test_a_rule_leads_a_call_to_the_best_of_a_group_free_of_charge(
    house: House, ada: Phone, ben: Phone, folder: Path
) -> None:
    """1003 has no phone here, so that 1002 is the best; then 1002 alone, as a ring group."""
    before = house.balance("1001")
    group = house.api("POST", "account-groups/", {"name": "desk"})
    wanted = {"accounts": [house.ids["1003"], house.ids["1002"]]}
    house.api("POST", f"account-groups/{group['id']}/members/", wanted)
    rule = {"name": "desk", "priority": 4, "called_prefixes": EMIRATES, "targets": [{"group": group["id"]}]}
    made = house.change("POST", "routes/", rule)
    try:
        question = {"account": house.ids["1001"], "called": f"+{EMIRATES}"}
        found = house.api("POST", "routes/explain/", question)
        assert [(one["account"], one["rule"]) for one in found["targets"]] == [("1002", "desk")], found
        for together in (False, True):
            house.change("PATCH", f"routes/{made['id']}/", {"together": together})
            record = house.record(talk(house, ada, f"+{EMIRATES}", 1.0))
            assert (record.called_account_id, record.route_rule) == (house.ids["1002"], "desk")
            assert record.answered_at and (record.prices, record.charges, record.carrier) == ({}, {}, None)
        assert house.balance("1001") == before
    finally:
        house.change("DELETE", f"routes/{made['id']}/", {})
        house.api("DELETE", f"account-groups/{group['id']}/")
