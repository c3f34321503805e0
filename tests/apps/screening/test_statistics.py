"""Numbers that call records put on the blacklist: those that fail, and those that somebody tries again and again."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.cdrs.models import Cdr
from apps.cdrs.services import ensure_months, forget_months
from apps.config.services import set_value
from apps.screening import services, statistics
from apps.screening.models import ScreenedNumber
from apps.screening.tasks import block_failing_numbers, block_repeated_numbers
from apps.users.models import Account
from apps.users.services import set_own
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
NUMBER = "36301234567"


@pytest.fixture(autouse=True)
def _months() -> None:
    forget_months()
    ensure_months(moments=[(NOW - timedelta(days=days)).timestamp() for days in (0, 30)])


@pytest.fixture
def carrier() -> Account:
    return make.carrier()


@pytest.fixture
def ada() -> Account:
    return make.subscriber()


def calls(
    count: int, caller: Account, carrier: Account | None, *, number: str = NUMBER, ago: timedelta = timedelta(minutes=5),
    seconds: int | None = None,
) -> None:  # fmt: skip
    """So many calls, answered for so long, or not."""
    for place in range(count):
        at = NOW - ago - timedelta(seconds=place)
        Cdr.objects.create(
            id=uuid.uuid4(), started_at=at, answered_at=None if seconds is None else at, ended_at=at,
            duration=seconds or 0, caller=caller, carrier=carrier, called_number=number,
        )  # fmt: skip


def window(name: str) -> statistics.Window:
    return next(one for one in statistics.WINDOWS if one.name == name)


def failing(name: str = "daily") -> dict[str, tuple[int, str]]:
    statistics.block_failing(window=window(name), now=NOW)
    return {row.number: (row.level, row.found_by) for row in ScreenedNumber.objects.filter(book="automatic")}


@pytest.mark.req("limits-016", "security-078")
@pytest.mark.parametrize(
    ("name", "least", "level"), [("hourly", 5, 1), ("daily", 10, 1), ("weekly", 20, 2), ("monthly", 50, 2)]
)
def test_a_number_is_blocked_by_so_many_failed_calls_of_each_window(
    name: str, least: int, level: int, ada: Account, carrier: Account
) -> None:
    set_value(key="builddynamicblacklist", value=10)
    calls(least - 1, ada, carrier)
    calls(least, ada, carrier, ago=window(name).back + timedelta(hours=2))
    assert failing(name) == {}
    calls(1, ada, carrier)
    assert failing(name) == {NUMBER: (level, name)}
    row = ScreenedNumber.objects.get()
    assert row.reason.startswith(f"autdisabled {name}") and row.expires_at == NOW + window(name).lasting


@pytest.mark.req("limits-016")
@pytest.mark.parametrize(
    ("said", "filtering", "least"),
    [(-1, "auto", 40), (-1, "yes", 40), (-1, "no", 0), (0, "yes", 0), (7, "no", 7)],
)
def test_automatic_means_forty_while_blacklists_are_heeded(said: int, filtering: str, least: int) -> None:
    set_value(key="builddynamicblacklist", value=said)
    set_value(key="numfiltering", value=filtering)
    assert statistics.least_failed() == least


@pytest.mark.req("limits-017")
@pytest.mark.parametrize(
    ("answered", "seconds", "blocked"),
    [(0, 0, True), (1, 60, False), (1, 9, True), (1, 10, False), (5, 60, False)],
)
def test_numbers_that_are_answered_well_enough_are_not_blocked(
    answered: int, seconds: int, blocked: bool, ada: Account, carrier: Account
) -> None:
    set_value(key="builddynamicblacklist", value=10)
    calls(19, ada, carrier)
    calls(answered, ada, carrier, seconds=seconds)
    assert bool(failing()) is blocked


@pytest.mark.req("limits-017")
def test_only_so_many_are_blocked_at_once_the_worst_first(ada: Account, carrier: Account) -> None:
    set_value(key="builddynamicblacklist", value=2)
    set_value(key="blacklist_maxbcount", value=2)
    for place, count in enumerate((2, 5, 3)):
        calls(count, ada, carrier, number=f"3630000000{place}")
    assert set(failing()) == {"36300000001", "36300000002"}


@pytest.mark.req("limits-027")
def test_numbers_with_few_calls_are_not_looked_at(ada: Account, carrier: Account) -> None:
    set_value(key="builddynamicblacklist", value=2)
    set_value(key="minblockcallcount", value=5)
    calls(4, ada, carrier)
    assert failing() == {}
    calls(1, ada, carrier)
    assert set(failing()) == {NUMBER}


def test_calls_that_we_refused_ourselves_say_nothing_about_a_number(ada: Account) -> None:
    set_value(key="builddynamicblacklist", value=2)
    calls(50, ada, None)
    assert failing() == {}


def test_what_an_operator_switched_off_stays_off(ada: Account, carrier: Account) -> None:
    set_value(key="builddynamicblacklist", value=2)
    calls(5, ada, carrier)
    failing()
    services.change_number(listed=ScreenedNumber.objects.get(), enabled=False)
    failing("weekly")
    assert not ScreenedNumber.objects.get().enabled


def test_the_tasks_look_at_the_records_of_now(ada: Account, carrier: Account) -> None:
    assert [block_failing_numbers(one.name) for one in statistics.WINDOWS] == [0, 0, 0, 0]
    assert block_repeated_numbers() == 0


# --- smart ----------------------------------------------------------------------------------------------------------------------


def smart(**values: Any) -> set[tuple[str, int | None]]:
    """Who may not call which number."""
    for key, value in ({"enable": "always"} | values).items():
        set_value(key=f"smartblacklist_{key}", value=value)
    statistics.block_repeated(now=NOW, load=0.0)
    rows = ScreenedNumber.objects.filter(book="automatic", level=6, expires_at__gt=NOW)
    return set(rows.values_list("number", "account_id"))


@pytest.mark.req("fraud-004", "fraud-008")
def test_twenty_attempts_in_a_day_block_a_number_until_they_fall_out_of_the_day(
    ada: Account, carrier: Account
) -> None:
    calls(19, ada, carrier)
    calls(5, ada, carrier, ago=timedelta(days=1, minutes=1))
    assert smart() == set()
    calls(1, ada, carrier, ago=timedelta(hours=23))
    assert smart() == {(NUMBER, ada.pk)}
    assert ScreenedNumber.objects.get().expires_at == NOW + timedelta(hours=1)


@pytest.mark.req("fraud-008")
def test_with_a_block_period_it_is_blocked_for_that(ada: Account, carrier: Account) -> None:
    calls(3, ada, carrier, ago=timedelta(hours=11))
    calls(3, ada, carrier, ago=timedelta(hours=13), number="4930123456")
    assert smart(blockafter=3, checkperiod="0.5", blockperiod="2") == {(NUMBER, ada.pk)}
    assert ScreenedNumber.objects.get().expires_at == NOW + timedelta(days=2)


@pytest.mark.req("fraud-005")
@pytest.mark.parametrize(
    ("mode", "load", "blocked"),
    [("no", 0.0, 0), ("normal_load", 0.0, 1), ("normal_load", 1e6, 0), ("always", 1e6, 1)],
)
def test_it_is_off_by_default_and_may_heed_the_load(
    mode: str, load: float, blocked: int, ada: Account, carrier: Account
) -> None:
    calls(20, ada, carrier)
    assert statistics.block_repeated(now=NOW, load=0.0) == 0
    set_value(key="smartblacklist_enable", value=mode)
    assert statistics.block_repeated(now=NOW, load=load) == blocked


@pytest.mark.req("fraud-006")
def test_calls_are_counted_together_or_for_each_caller_apart(ada: Account, carrier: Account) -> None:
    bob, trunk = make.subscriber(), make.customer_trunk()
    for caller in (ada, bob, trunk):
        calls(2, caller, carrier)
    calls(2, trunk, carrier, ago=timedelta(hours=1))
    assert smart(blockafter=4) == set()
    assert smart(peruser="callers") == {(NUMBER, trunk.pk)}
    ScreenedNumber.objects.all().delete()
    assert smart(peruser="everybody_together", blockafter=8) == {(NUMBER, None)}
    ScreenedNumber.objects.all().delete()
    set_own(account=bob, key="smartbl", value="yes")
    assert smart(peruser="marked", blockafter=2) == {(NUMBER, bob.pk)}


@pytest.mark.req("fraud-007")
@pytest.mark.parametrize(
    ("longest", "shortest", "counted"),
    [(5, 0, {None, 1, 4}), (0, 0, {None, 1, 4, 5, 60}), (-1, 0, {1, 4, 5, 60}), (4, 1, {1}), (60, 4, {4, 5})],
)
def test_the_duration_says_which_calls_count(
    longest: int, shortest: int, counted: set[int | None], ada: Account, carrier: Account
) -> None:
    for place, seconds in enumerate((None, 1, 4, 5, 60)):
        calls(1, ada, carrier, number=f"363000000{place}", seconds=seconds)
    found = smart(blockafter=1, callduration=longest, callduration_min=shortest)
    assert {number for number, _ in found} == {
        f"363000000{place}" for place, seconds in enumerate((None, 1, 4, 5, 60)) if seconds in counted
    }
