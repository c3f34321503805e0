"""Free seconds and packet credit through a real worker and a real database, to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from apps.invoices.models import Allowance, AllowanceState, LedgerEntry
from apps.invoices.services import allowances
from apps.invoices.services.settlement import settle
from apps.users.models import Account
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_b2bua_calls import up
from tests.switch.worlds import NOW, Office

MICRO = 1_000_000
PAID, FREE, PACKET = "49301234567", "3612345678", "4412345678"


def promoted(office: Office) -> None:
    """`rich` has 6 free seconds to 36, and 2 of packet credit to 44 at 1 a second; both cost 1 a second otherwise."""
    rich = next(row[0] for row in office.rows["accounts"] if row[1] == "rich")
    owner = Account.objects.get(pk=rich)
    seconds = allowances.give(account=owner, name="Welcome", included=Decimal(6), directions="36")
    money = allowances.give(account=owner, name="To 44", kind="money", included=Decimal(2))
    for one in (seconds, money):
        office.rows["allowances"].append([one.pk, rich, one.kind, one.prefixes, 0, None])
    office.tariff("packet", {"44": 60 * MICRO}, to=rich)


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=promoted) as found:
        yield found


def talk(house: House, caller: Peer, one: Peer, number: str, seconds: float) -> dict[str, Any]:
    """A call of so many seconds; its record."""
    invite, ok, _, _ = up(caller, one, number)
    caller.silent(seconds)
    caller.within("BYE", invite, ok)
    caller.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    return house.switch.record(invite)


def left(kind: str) -> Decimal:
    return AllowanceState.objects.get(allowance=Allowance.objects.get(kind=kind)).left


@pytest.mark.req("promotions-005")
def test_a_call_uses_its_free_seconds_first_and_pays_for_what_follows(
    house: House, peers: Callable[[str], Peer], one: Peer, django_db_blocker: Any
) -> None:
    """Five seconds are asked for at first and the sixth before they are over; then money pays."""
    rich = peers("rich")
    with django_db_blocker.unblock():
        packet = left("money")
    record = talk(house, rich, one, FREE, 7.6)
    assert sum(seconds for _, seconds in record["free"]) == 6
    assert record["authorised"] > 8
    with django_db_blocker.unblock():
        assert settle(records=[record]).rejected == []
        assert LedgerEntry.objects.get(call_id=record["id"]).amount == -2
        assert (left("seconds"), left("money")) == (0, packet)
    record = talk(house, rich, one, PAID, 0)
    assert "free" not in record and "packet" not in record


@pytest.mark.req("promotions-002", "promotions-003")
def test_a_packet_pays_in_place_of_the_balance_and_ends_the_call_when_it_is_used_up(
    house: House, peers: Callable[[str], Peer], one: Peer, django_db_blocker: Any
) -> None:
    rich = peers("rich")
    invite, *_ = up(rich, one, PACKET)
    bye = rich.asked("BYE", 5)
    rich.answer(bye, 200)
    one.answer(one.asked("BYE"), 200)
    record = house.switch.record(invite)
    assert (record["cause"], record["authorised"]) == ("packet_used_up", 2)
    with django_db_blocker.unblock():
        assert settle(records=[record]).rejected == []
        assert left("money") == 0
        assert not LedgerEntry.objects.filter(call_id=record["id"]).exists()
    record = talk(house, rich, one, PACKET, 0)
    assert [kind for kind, *_ in record["payers"]] == ["retail"], "with nothing left the balance pays"


def test_times_of_allowances_are_heeded_by_the_switch() -> None:
    from switch.world.allowances import Allowance as Known

    one = Known(1, "seconds", ("36",), NOW, NOW + 10)
    assert [one.fits("361", at) for at in (NOW - 1, NOW, NOW + 9, NOW + 10)] == [False, True, True, False]
    assert not one.fits("49", NOW)
