"""A number that a subscriber has, in a whole system: a carrier's call to it rings the phone, and nobody pays for it twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from tests.flows.house import House
from tests.flows.sipp import Caller, serving
from tests.flows.test_calls import EMIRATES, talk

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]

NUMBER, SHARED = "36217770001", "36217770002"
SECRET = "brings-calls-to-us-7"


@pytest.fixture(scope="module")
def provider(house: House) -> str:
    """A carrier that proves a password and brings calls."""
    carrier = {"username": "did-provider", "parent": house.ids["company"], "sip_password": SECRET,
               "trunk": {"registers": True}}  # fmt: skip
    house.ids["did-provider"] = house.change("POST", "carriers/", carrier)["id"]
    return "did-provider"


@pytest.fixture(scope="module")
def number(house: House) -> Iterator[int]:
    made = house.api("POST", "dids/", {"number": f"+{NUMBER}", "monthly_fee": "3", "setup_fee": "1"})
    yield made["id"]


@pytest.mark.req("did-001", "did-005", "did-006", "did-020", "did-028")
def test_a_call_to_a_number_reaches_the_phone_of_who_has_it_and_costs_its_fees_only(
    house: House, provider: str, number: int, ben: Phone, folder: Path
) -> None:
    before = house.balance("1002")
    with Caller(
        folder, "refused", house.sip, f"+{NUMBER}", user=provider, password=SECRET, status=404
    ) as caller:
        caller.finish()
    house.change("POST", f"dids/{number}/assign/", {"account": house.ids["1002"]})
    fees = before - house.balance("1002")
    assert (
        fees
        == 4
        + 4 * house.instance.sql("select vat_rate from users_account where username = '1002'")[0][0] / 100
    )
    ben.forget()
    with Caller(
        folder, "caller", house.sip, f"+{NUMBER}", user=provider, password=SECRET, talk=1.2
    ) as caller:
        assert ben.wait("CALL_ESTABLISHED"), ben.last_words()
        caller.finish()
    record = house.record(caller.call_id)
    assert (record.caller, record.called_account_id) == (provider, house.ids["1002"])
    assert (record.called_number, record.carrier, record.sip_status) == (NUMBER, None, 200)
    assert (record.prices, record.charges) == ({}, {})
    assert house.balance("1002") == before - fees, "the call itself costs nothing"
    house.change("POST", f"dids/{number}/release/", {"account": house.ids["1002"]})
    with Caller(
        folder, "refused", house.sip, f"+{NUMBER}", user=provider, password=SECRET, status=404
    ) as caller:
        caller.finish()


@pytest.mark.req("did-011", "did-025")
def test_a_call_to_a_contact_shows_its_shared_number_to_the_carrier(
    house: House, provider: str, ada: Phone, folder: Path
) -> None:
    house.api("POST", "dids/", {"number": SHARED, "shared": True})
    contact = {"account": house.ids["1001"], "name": "Dubai", "number": EMIRATES, "did": _id(house)}
    made = house.change("POST", "contacts/", contact)["id"]
    try:
        with serving(folder, "carrier", house.port("carrier-budget")) as carrier:
            record = house.record(talk(house, ada, EMIRATES, 0.5))
            carrier.finish()
    finally:
        house.change("DELETE", f"contacts/{made}/", {})
    assert record.caller_number == SHARED


def _id(house: House) -> int:
    return int(house.api("GET", f"dids/?number={SHARED}")["results"][0]["id"])
