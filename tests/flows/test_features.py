"""Forwards, codes and transfers in a whole system: real phones that hear each other, and money to the cent."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from mizu_site.demo.sound import share
from tests.flows.house import House, Record, cost
from tests.flows.sipp import serving
from tests.flows.test_calls import BUDGET, EMIRATES, RETAIL, VAT, talk
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]


def both(house: House, call_id: str) -> tuple[Record, Record]:
    """The two records of a call that was forwarded or transferred: the caller's part first."""
    found = wait_for(
        lambda: len(records := house.records(call_id)) == 2 and records, 8, f"both records of {call_id}"
    )
    return tuple(sorted(found, key=lambda one: one.caller_id == house.ids["1002"]))  # type: ignore[return-value]


@pytest.mark.req("pbx-024")
def test_a_forward_set_by_the_api_is_paid_by_who_forwards(house: House, ada: Phone, folder: Path) -> None:
    before = house.balance("1001"), house.balance("1002")
    body = {"account": house.ids["1002"], "kind": "always", "number": EMIRATES}
    made = house.change("POST", "forwards/", body)
    try:
        with serving(folder, "carrier", house.port("carrier-budget")) as carrier:
            call_id = talk(house, ada, "1002", 1.2)
            carrier.finish()
    finally:
        house.change("DELETE", f"forwards/{made['id']}/", {})
    first, second = both(house, call_id)
    gross = cost(second.duration, RETAIL, VAT)
    assert second.duration in (1, 2) and second.called_number == EMIRATES
    assert (first.prices, first.charges) == ({}, {})
    assert second.prices["retail"] == ("1002", gross)
    assert second.prices["carrier"] == ("carrier-budget", cost(second.duration, BUDGET))
    assert second.charges == {"1002": -gross}
    assert (house.balance("1001"), house.balance("1002")) == (before[0], before[1] - gross)
    assert house.held("1002") == 0


def test_a_code_that_a_phone_dials_sets_a_forward_and_ends_it(house: House, ada: Phone) -> None:
    def number() -> str:
        found = house.instance.sql(
            "select number from pbx_forward where account_id = %s and kind = 'busy'", [house.ids["1001"]]
        )
        return str(found[0][0]) if found else ""

    for dialled, expected in (("*901003", "1003"), ("*91", "")):
        ada.forget()
        ada.dial(f"sip:{dialled}@127.0.0.1:{house.sip}")
        assert ada.wait("CALL_CLOSED"), ada.last_words()
        wait_for(lambda wanted=expected: number() == wanted, 5, f"{dialled} to be carried out")


@pytest.mark.req("pbx-008")
def test_a_real_phone_transfers_its_call_and_the_others_hear_each_other(
    house: House, ada: Phone, ben: Phone
) -> None:
    with house.phone("1003", tone=640, answer="auto") as cleo:
        assert cleo.wait("REGISTER_OK"), cleo.last_words()
        ben.forget()
        ada.forget()
        ada.dial(f"sip:1002@127.0.0.1:{house.sip}")
        assert ada.wait("CALL_ESTABLISHED"), ada.last_words()
        ada._send("transfer", f"sip:1003@127.0.0.1:{house.sip}")
        assert cleo.wait("CALL_ESTABLISHED"), ada.last_words()
        closed = ada.wait("CALL_CLOSED")
        assert closed, ada.events
        cleo.wait("NOTHING", 2.0)
        ben.hang_up()
        assert cleo.wait("CALL_CLOSED")
        heard = cleo.recording()
        assert heard and share(heard, ben.tone) > 0.5, "the target does not hear who was transferred"
        assert ben.wait("CALL_CLOSED")
        found = wait_for(
            lambda: len(records := house.records(str(closed["id"]))) == 2 and records, 8, "both records"
        )
    assert {one.caller for one in found} == {"1001"}
    assert {one.called_account_id for one in found} == {house.ids["1002"], house.ids["1003"]}
    assert all(one.answered_at and one.charges == {} for one in found)
