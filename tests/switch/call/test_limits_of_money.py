"""Limits on money through a real worker and a real database: what the caller hears and what the record tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.invoices.models import Usage
from apps.invoices.services.settlement import settle
from tests.support_sip import Peer
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_b2bua_calls import up
from tests.switch.worlds import Office

UNIT_A_SECOND = "3612345678"


def limited(office: Office) -> None:
    """`rich` may spend 3 a day, `relayed` needs 2,000 to call at all; they are told 429."""
    named = {row[1]: row[0] for row in office.rows["accounts"]}
    office.rows["overrides"] += [
        [named["rich"], "maxdailycredit", "3"],
        [named["relayed"], "mincreditonroute", "2000"],
    ]
    office.settings["quotadiscreason"] = 429


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=limited, workers=2) as found:
        yield found


@pytest.mark.req("limits-002", "limits-059", "limits-067", "limits-068", "fraud-015")
def test_a_call_is_cut_when_the_day_is_used_up_and_the_next_is_refused_by_name(
    house: House, peers: Callable[[str], Peer], one: Peer, django_db_blocker: Any
) -> None:
    rich = peers("rich")
    invite, *_ = up(rich, one, UNIT_A_SECOND)
    bye = rich.asked("BYE", 6)
    rich.answer(bye, 200)
    one.answer(one.asked("BYE"), 200)
    assert "The limit of the day is used up" in (bye.get("Reason") or "")
    record = house.switch.record(invite)
    assert (record["cause"], record["status"], record["authorised"]) == ("day_used_up", 200, 3)
    with django_db_blocker.unblock():
        settle(records=[record])
        assert Usage.objects.get(account=house.ids["rich"]).spent == 3
    again = rich.invite(UNIT_A_SECOND)
    rich.send(again)
    refusal = rich.told(429)
    rich.ack(again, refusal)
    assert "The limit of the day is reached" in (refusal.get("Reason") or "")
    record = house.switch.record(again)
    assert (record["cause"], record["status"]) == ("limit_day", 429)
    assert record["comment"].startswith("rich: the limit of the day is reached")


@pytest.mark.req("limits-006")
def test_a_caller_with_too_little_to_spend_is_not_routed(
    house: House, peers: Callable[[str], Peer], one: Peer
) -> None:
    caller = peers("relayed")
    invite = caller.invite(UNIT_A_SECOND)
    caller.send(invite)
    caller.ack(invite, caller.told(402))
    assert house.switch.record(invite)["cause"] == "low_balance"
    one.silent()
