"""Calls that are refused for what was called before: ranges of numbers, wrong numbers, too much in a minute, too much from one address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from apps.core import workers
from apps.pricing.engine import Rate
from switch.addresses import KEY, Addresses
from switch.sip.message import Request
from tests.support_sip import sdp
from tests.switch.call.scenes import records, settle
from tests.switch.call.town import Citizen, Town, founded
from tests.switch.worlds import NOW, Office


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made


def dialled(town: Town, number: str, status: int = 486) -> str:
    """The trunk calls; the carrier, if it is asked, answers so. What the record says."""
    rich, one = town.peer("rich"), town.peer("one")
    invite = rich.invite(number, body=sdp())
    rich.send(invite)
    message = one_of(town, rich, one)
    if message is not None:
        one.answer(message, status)
    refusal = rich._next(lambda found: getattr(found, "status", 0) >= 300, "a final answer", 8)
    rich.ack(invite, refusal)
    town.pass_time(0.5)
    return str(records(town)[-1]["cause"])


def one_of(town: Town, rich: Citizen, one: Citizen) -> Request | None:
    town.pass_time(0.2)
    return one.asked("INVITE") if one.box else None


@pytest.mark.req("fraud-002", "security-067")
@pytest.mark.parametrize(
    ("threshold", "mode", "refused_from"),
    [(3, "strict", 4), (3, "general", 2), (0, "general", None), (6, "general", 3), (5, "strict", None)],
)
def test_a_range_of_numbers_is_refused_after_so_many(
    town: Town, tmp_path: Path, threshold: int, mode: str, refused_from: int | None
) -> None:
    settle(town, tmp_path, blockscanning_treshold=threshold, blockscanning_mode=mode)
    found = [dialled(town, str(49301234500 + step)) for step in range(6)]
    blocked = [step for step, cause in enumerate(found) if cause == "scanning"]
    assert blocked == (list(range(refused_from, 6)) if refused_from is not None else [])
    assert dialled(town, "36701112233") != "scanning"  # another number ends the run
    assert dialled(town, "49301234599") != "scanning"


@pytest.mark.req("fraud-002")
def test_the_guides_default_is_45_also_for_automatic(town: Town, tmp_path: Path) -> None:
    for value in (None, -1):
        if value is not None:
            settle(town, tmp_path, blockscanning_treshold=value)
        habits = town.board.usage.habits
        for step in range(16):
            habits.decided(town.ids["rich"], str(49301234500 + step), "general")  # 15 times 3
        assert dialled(town, str(49301234515 + 31)) == "sip_486"
        for step in range(16):
            habits.decided(town.ids["rich"], str(49301234500 + step), "general")
        assert dialled(town, "49301234516") == "scanning"


@pytest.mark.req("limits-029", "limits-030")
def test_wrong_numbers_like_those_before_are_refused(town: Town, tmp_path: Path) -> None:
    settle(
        town, tmp_path, usewrongnumfilter=True, wrongnumdropcount=2, wrongnumcache=3, blockscanning_treshold=0
    )
    assert [dialled(town, f"493012345{last}", 404) for last in ("11", "37")] == ["sip_404"] * 2
    assert dialled(town, "49301234599") == "wrong_numbers"
    assert dialled(town, "49301299999", 486) == "sip_486"
    for number in ("3611111111", "3622222222"):
        dialled(town, number, 404)
    assert dialled(town, "49301234599", 486) == "sip_486"  # forgotten: only three are remembered


def test_busy_is_not_wrong_and_without_the_filter_nothing_is_refused(town: Town, tmp_path: Path) -> None:
    settle(town, tmp_path, wrongnumdropcount=1, blockscanning_treshold=0)
    assert [dialled(town, "49301234511", 404) for _ in range(3)] == ["sip_404"] * 3
    settle(town, tmp_path, usewrongnumfilter=True)
    assert [dialled(town, "49301234511", 486) for _ in range(3)] == ["sip_486"] * 3


@pytest.mark.req("limits-026")
def test_more_calls_in_a_minute_than_the_worker_may_decide_about_are_refused(
    town: Town, tmp_path: Path
) -> None:
    settle(town, tmp_path, maxrouterreqpermin=2)
    assert [dialled(town, "49301234511") for _ in range(3)] == ["sip_486", "sip_486", "overload"]
    town.pass_time(61)
    assert dialled(town, "49301234511") == "sip_486"


# --- by address -----------------------------------------------------------------------------------------------------------------


def limit(town: Town, folder: Path, account: str = "", **settings: Any) -> None:
    settle(town, folder, account, **settings)
    town.board.usage.addresses.follow(town.world.days_by_address)


def talked(town: Town, seconds: float, number: str) -> None:
    rich, one = town.peer("rich"), town.peer("one")
    invite = rich.invite(number)
    rich.send(invite)
    one.answer(one.asked("INVITE"), 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    town.pass_time(seconds)
    rich.within("BYE", invite, ok, cseq=9)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)
    town.pass_time(1)


@pytest.mark.req("limits-046", "promotions-007")
def test_so_many_calls_come_from_one_address_in_a_period(town: Town, tmp_path: Path) -> None:
    limit(town, tmp_path, maxcallperip=2)
    assert [dialled(town, "49301234567") for _ in range(3)] == ["sip_486", "sip_486", "limit_address"]


@pytest.mark.req("limits-047", "promotions-007")
def test_calls_from_one_address_last_so_long_in_a_period(town: Town, tmp_path: Path) -> None:
    limit(town, tmp_path, maxdurationperip=10)
    talked(town, 6, "49301234567")
    assert dialled(town, "36701112233") == "sip_486"
    talked(town, 6, "4420794611")
    assert dialled(town, "36701112233") == "limit_address"


@pytest.mark.req("limits-048", "promotions-007")
def test_calls_from_one_address_cost_so_much_in_a_period(tmp_path: Path) -> None:
    def dear(office: Office) -> None:
        rich = next(row[0] for row in office.rows["accounts"] if row[1] == "rich")
        office.rows["assignments"] = [row for row in office.rows["assignments"] if row[0] != rich]
        office.tariff("retail", [Rate(office.id(), "", 60_000_000)], to=rich)
        office.settings["creditcheckforts"] = False

    with founded(tmp_path, dear) as town:
        town.board.bank = Rich()
        limit(town, tmp_path, maxcostperip="9")
        talked(town, 6, "49301234567")
        assert dialled(town, "36701112233") == "sip_486"
        talked(town, 6, "4420794611")
        assert dialled(town, "36701112233") == "limit_address"


class Rich:
    """A bank that grants whatever is asked for."""

    away = full = False

    def hold(self, call_id: str, shares: Any, done: Any, caps: Any = None) -> None:
        done({account: wanted for account, wanted, *_ in shares})

    def hold_free(self, call_id: str, shares: Any, done: Any) -> None:
        done({allowance: 0 for allowance, *_ in shares})

    def release(self, call_id: str) -> None: ...


@pytest.mark.req("limits-050", "promotions-007")
def test_a_limit_by_address_can_be_one_accounts_alone(town: Town, tmp_path: Path) -> None:
    limit(town, tmp_path, "1001", maxcallperip=1)
    assert [dialled(town, "49301234567") for _ in range(3)] == ["sip_486"] * 3
    limit(town, tmp_path, "rich", maxcallperip=1)
    assert dialled(town, "49301234567") == "limit_address"


@pytest.mark.req("limits-049", "promotions-007")
@pytest.mark.parametrize(("days", "hours"), [(1.0, 24), (0.5, 12), (2.0, 48)])
def test_the_period_is_of_so_many_days(days: float, hours: int) -> None:
    now = [hours * 3600.0 * 1000]
    addresses = Addresses(lambda: now[0])
    addresses.began("192.0.2.1")
    assert addresses.used("192.0.2.1", "calls") == 0  # nobody is limited
    addresses.follow(days)
    addresses.began("192.0.2.1")
    now[0] += hours * 3600 - 1
    assert addresses.used("192.0.2.1", "calls") == 1
    now[0] += 1
    assert addresses.used("192.0.2.1", "calls") == 0


@pytest.fixture
def shelf() -> Iterator[redis.Redis]:
    client = workers.client()

    def clear() -> None:
        for key in client.scan_iter(KEY + "*"):
            client.delete(key)

    clear()
    yield client
    clear()


def test_workers_add_up_what_an_address_has_called(shelf: redis.Redis) -> None:
    one, two = Addresses(lambda: NOW), Addresses(lambda: NOW)
    for each in (one, two):
        each.follow(1.0)
    one.began("192.0.2.1")
    one.ended("192.0.2.1", 60, 5_000)
    one.gather()(shelf)
    two.began("192.0.2.1")
    two.ended("192.0.2.1", 30, 1_000)
    two.gather()(shelf)
    assert [two.used("192.0.2.1", kind) for kind in ("calls", "seconds", "micros")] == [2, 90, 6_000]
    assert one.used("192.0.2.1", "calls") == 1
    one.began("192.0.2.1")
    one.gather()(shelf)
    assert one.used("192.0.2.1", "calls") == 3
    key = next(shelf.scan_iter(KEY + "*"))
    assert 0 < shelf.ttl(key) <= 2 * 86_400  # type: ignore[operator]
