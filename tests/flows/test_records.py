"""What the record of a call says, field by field (guide 1241-1310)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.house import House, Record, cost
from tests.flows.sipp import Caller, serving

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"
RETAIL, SOLID = "0.22", "0.132"
"""A minute to the Emirates: what the trunk pays, and what the second cheapest carrier takes."""


@pytest.fixture(scope="module")
def window() -> list[datetime]:
    """When the call was made, at the earliest and at the latest."""
    return []


@pytest.fixture(scope="module")
def record(house: House, tmp_path_factory: pytest.TempPathFactory, window: list[datetime]) -> Record:
    """A trunk's call with its tech prefix, which the cheapest carrier refuses and the next one takes."""
    folder = tmp_path_factory.mktemp("records")
    with (
        serving(folder, "status", house.port("carrier-budget"), STATUS=503) as busy,
        serving(folder, "carrier", house.port("carrier-solid")) as carrier,
        Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=1.2) as caller,
    ):
        window.append(datetime.now(UTC))
        for process in (caller, busy, carrier):
            process.finish()
        window.append(datetime.now(UTC))
    return house.record(caller.call_id)


def moment(record: Record, name: str) -> datetime:
    return datetime.fromisoformat(record.cdr[name])


@pytest.mark.req("cdr-003", "cdr-004", "cdr-005", "cdr-006", "cdr-007", "cdr-008", "cdr-010")
def test_it_tells_when_the_call_began_was_answered_ended_and_was_recorded(
    record: Record, window: list[datetime]
) -> None:
    started, answered, ended, recorded = (
        moment(record, name) for name in ("started_at", "answered_at", "ended_at", "recorded_at")
    )
    assert window[0] <= started <= answered <= ended <= window[1]
    assert recorded >= ended
    assert abs((answered - started).total_seconds() * 1000 - record.setup_ms) <= 1
    assert abs((ended - answered).total_seconds() - record.duration) <= 0.5
    assert 0 <= record.pdd_ms <= record.setup_ms


@pytest.mark.req("cdr-013", "cdr-014", "cdr-016", "cdr-040")
def test_it_tells_the_parties_and_where_they_were(record: Record, house: House) -> None:
    assert (record.caller, record.caller_number) == ("demo-trunk", "442079460000")
    assert record.caller_address.startswith("127.0.0.1:")
    assert (record.carrier, record.called_account_id) == ("carrier-solid", None)
    assert record.called_address == f"127.0.0.1:{house.port('carrier-solid')}"
    assert record.destination == "United Arab Emirates"


@pytest.mark.req("cdr-017", "cdr-018", "cdr-019", "cdr-067")
def test_it_keeps_the_number_as_it_came_as_it_was_priced_and_as_it_was_sent(
    house: House, folder: Path
) -> None:
    """The carrier wants a tech prefix of its own."""
    path = f"carriers/{house.ids['carrier-solid']}/"
    house.change("PATCH", path, {"trunk": {"prefix": "99*"}})
    try:
        with (
            serving(folder, "status", house.port("carrier-budget"), STATUS=503),
            serving(folder, "carrier", house.port("carrier-solid")),
            Caller(folder, "caller", house.sip, f"777{EMIRATES}", talk=0.2) as caller,
        ):
            caller.finish()
    finally:
        house.change("PATCH", path, {"trunk": {"prefix": ""}})
    record = house.record(caller.call_id)
    numbers = record.original_called_number, record.called_number, record.dialled_number
    assert numbers == (f"777{EMIRATES}", EMIRATES, f"99*{EMIRATES}")


@pytest.mark.req("cdr-025", "cdr-026", "cdr-033")
def test_it_tells_what_the_caller_pays_and_what_the_carrier_takes(record: Record, house: House) -> None:
    assert record.retail_price == cost(record.duration, RETAIL)
    assert record.carrier_cost == cost(record.duration, SOLID)
    rows = house.instance.sql(
        "select p.kind, unit_price, billing_step, billed_seconds, t.name, p.currency from cdrs_cdrprice p"
        " join pricing_tariff t on t.id = p.tariff_id where call_id = %s",
        [record.id],
    )
    assert {kind: rest for kind, *rest in rows} == {
        "retail": [Decimal("0.22"), 1, record.duration, "Retail", "EUR"],
        "carrier": [Decimal("0.132"), 1, record.duration, "Costs of Solid Carrier", "EUR"],
    }


def test_it_tells_every_way_that_was_tried(record: Record, house: House) -> None:
    assert house.attempts(record) == [("carrier-budget", 503), ("carrier-solid", 200)]
    assert record.route_rule == "world"
