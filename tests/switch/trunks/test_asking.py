"""OPTIONS to carriers: who counts as down, from when, and what that does to calls."""

from __future__ import annotations

from collections.abc import Callable

from switch.trunks.health import Health, heard
from tests.support_sip import Peer
from tests.switch.trunks.conftest import Carrier, Registrar, TrunkTown, login
from tests.switch.worlds import Office

Build = Callable[..., TrunkTown]
EVERY = 10


def asking(office: Office) -> None:
    office.settings |= {"trunk_ping_seconds": EVERY, "trunk_ping_failures": 3, "trunk_ping_successes": 2}


def carriers(town: TrunkTown) -> dict[str, bool]:
    states = town.keeper.states()
    if states is None:
        return {}
    names = {str(number): name for name, number in town.ids.items()}
    return {names[carrier]: one["up"] for carrier, one in states["carriers"].items()}


def answer(carrier: Carrier, times: int, status: int = 200) -> None:
    for _ in range(times):
        carrier.answer(carrier.asked("OPTIONS", 3 * EVERY), status)


def called(rich: Peer, *carriers: Carrier) -> list[str]:
    """The carriers that get the INVITE of one call, in order; each refuses."""
    invite = rich.invite("49301234567")
    rich.send(invite)
    found = []
    for _ in carriers:
        for carrier in carriers:
            if carrier.user in found:
                continue
            try:
                asked = carrier.asked("INVITE", 0.3)
            except AssertionError:
                continue
            found.append(carrier.user)
            carrier.answer(asked, 503)
    rich.ack(invite, rich.told(503))
    return found


def test_it_takes_several_failures_to_count_as_down_and_several_answers_to_count_as_up() -> None:
    health, shown = Health(), ""
    for second, answered in enumerate(
        [False, False, True, False, False, False, True, False, True, True, True]
    ):
        health = heard(health, answered=answered, detail="", now=float(second), failures=3, successes=2)
        shown += "+" if health.up else "-"
    assert shown == "+++++----++"
    assert health.since == 9.0


def test_a_carrier_that_is_silent_counts_as_down_and_is_no_more_called(town: Build) -> None:
    here = town(asking)
    one, two, rich = Carrier(here, "one"), Carrier(here, "two"), here.peer("rich")
    answer(two, 1)
    assert called(rich, one, two) == ["one", "two"], (
        "the cheaper one first, as long as nothing speaks against it"
    )
    while carriers(here)["one"]:
        answer(two, 1)
    assert here.now < 1_000 + 4 * (EVERY + 33)
    assert called(rich, one, two) == ["two"]


def test_a_carrier_that_refuses_options_is_there(town: Build) -> None:
    here = town(asking)
    one, two = Carrier(here, "one"), Carrier(here, "two")
    for _ in range(8):
        answer(one, 1, 405)
        answer(two, 1, 503)
    assert carriers(here) == {"one": True, "two": True}


def test_a_carrier_that_answers_again_is_called_again(town: Build) -> None:
    here = town(asking)
    one, two, rich = Carrier(here, "one"), Carrier(here, "two"), here.peer("rich")
    while carriers(here).get("one", True):
        answer(two, 1)
    one.box.clear()
    answer(one, 1)
    assert not carriers(here)["one"], "one answer is not enough"
    answer(one, 1)
    assert carriers(here)["one"]
    two.box.clear()
    assert called(rich, one, two)[0] == "one"


def test_a_server_that_comes_back_is_registered_with_again_for_it_may_have_forgotten_us(town: Build) -> None:
    def change(office: Office) -> None:
        asking(office)
        login(office, next(row[0] for row in office.rows["accounts"] if row[1] == "one"), "mizu")

    here = town(change)
    one = Carrier(here, "one")
    Registrar(one).admit()
    while carriers(here)["one"]:
        here.pass_time(1)
    one.box.clear()
    answer(one, 2)
    one.asked("REGISTER", 2)


def test_when_all_are_down_they_are_tried_all_the_same(town: Build) -> None:
    here = town(asking)
    one, two, rich = Carrier(here, "one"), Carrier(here, "two"), here.peer("rich")
    here.pass_time(4 * (EVERY + 33))
    assert carriers(here) == {"one": False, "two": False}
    one.box.clear(), two.box.clear()
    assert called(rich, one, two) == ["one", "two"]


def test_nobody_is_asked_unless_the_operator_wants_it(town: Build) -> None:
    here = town()
    one = Carrier(here, "one")
    one.silent(100)
    assert carriers(here) == {}


def test_a_carrier_may_have_an_interval_of_its_own(town: Build) -> None:
    def change(office: Office) -> None:
        asking(office)
        carrier = next(row[0] for row in office.rows["accounts"] if row[1] == "two")
        office.rows["overrides"].append([carrier, "trunk_ping_seconds", 0])

    here = town(change)
    Carrier(here, "one").asked("OPTIONS")
    Carrier(here, "two").silent(50)
    assert set(carriers(here)) == {"one"}
