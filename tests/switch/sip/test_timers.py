"""The wheel of timers: on time, in order, and nothing kept of what was disarmed."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from switch.sip.timers import HORIZON, Wheel

START = 5_000.0
TICK = 0.02


class Item:
    """Something that can be armed."""

    def __init__(self) -> None:
        self.due = inf
        self.slot = 0


def run(wheel: Wheel, begin: float, seconds: float, step: float = TICK) -> dict[Item, float]:
    """Tick for so long; what fired first when."""
    fired: dict[Item, float] = {}
    for number in range(1, round(seconds / step) + 1):
        now = begin + number * step
        for item in wheel.due(now):
            fired.setdefault(item, now)
    return fired


def entries(wheel: Wheel) -> int:
    return sum(len(items) for items in wheel._slots.values())


def started() -> Wheel:
    wheel: Wheel = Wheel()
    wheel.due(START)
    return wheel


def test_a_timer_hours_ahead_fires_on_time():
    wheel, item = started(), Item()
    wheel.arm(item, START + 7_200.0)
    assert run(wheel, START, 7_199.9, step=0.1) == {}
    fired = run(wheel, START + 7_199.9, 0.3)
    assert fired[item] - START - 7_200.0 < 2 * TICK


def test_timers_hours_ahead_that_were_disarmed_leave_within_a_minute():
    """One entry of each call that had ended was once kept for as long as the call might have lasted."""
    wheel = started()
    for number in range(10_000):
        item = Item()
        wheel.arm(item, START + 7_200.0 + number)
        wheel.arm(item, inf)
    assert run(wheel, START, HORIZON + 1) == {}
    assert entries(wheel) == 0 and not wheel._slots


def test_an_item_has_one_entry_however_often_it_is_armed_later():
    wheel, item = started(), Item()
    for number in range(1_000):
        wheel.arm(item, START + 1 + number)
    assert entries(wheel) == 1
    assert run(wheel, START, 999) == {}


@given(
    st.lists(st.tuples(st.floats(0, 400), st.one_of(st.none(), st.floats(0, 400), st.just(inf))), max_size=30)
)
def test_each_timer_fires_once_at_its_last_time_and_never_before(times):
    wheel = started()
    due = {}
    for first, second in times:
        item = Item()
        wheel.arm(item, START + first)
        if second is not None:
            wheel.arm(item, START + second)
        due[item] = first if second is None else second
    fired = run(wheel, START, 401)
    assert set(fired) == {item for item, when in due.items() if when < inf}
    for item, when in fired.items():
        assert -1e-6 <= when - START - due[item] <= 2 * TICK
