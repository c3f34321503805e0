"""Whom an account may call, and whose reseller stands in the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.call import causes
from tests.switch.call.test_pipeline import House, decided, refused


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.req("limits-021")
def test_an_account_that_may_not_dial_is_called_but_does_not_call(house: House, tmp_path: Path) -> None:
    house.rows["overrides"].append([house.subscriber, "candial", False])
    assert refused(house.decide(tmp_path / "a", "36201")) is causes.NOT_AUTHORISED
    assert refused(house.decide(tmp_path / "b", "1002")) is causes.NOT_AUTHORISED
    assert refused(house.decide(tmp_path / "c", "1002", by=house.extension)) is causes.NOT_AUTHORISED
    assert decided(house.decide(tmp_path / "d", "1001", by=house.other)).targets[0].kind == "local"


@pytest.mark.req("reseller-042")
def test_the_record_names_the_top_reseller_whose_payment_is_the_reseller_price(
    house: House, tmp_path: Path
) -> None:
    low = house.account("low", "reseller", above=house.reseller)
    house.tariff("reseller", {"36": 70_000}, to=low)
    customer = house.phone("3001", above=low)
    decision = decided(house.decide(tmp_path, "36201", by=customer))
    assert decision.reseller_id == house.reseller
    prices = {
        one.account_id: one.terms.bands[0].tiers[0].price for one in decision.payers if one.kind == "reseller"
    }
    assert set(prices) == {low, house.reseller}
