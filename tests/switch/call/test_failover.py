"""Carriers that refuse, are silent or answer falsely: what a call does about it, and what is counted of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.routing.health.engine import Tally
from switch.sip.message import Request
from tests.support_sip import sdp
from tests.switch.call.scenes import NUMBER, hang_up, records, settle
from tests.switch.call.town import PLACES, Citizen, Town, founded
from tests.switch.worlds import NOW

NUMBER_HERE = NUMBER[:4]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as found:
        yield found


@pytest.fixture
def peers(town: Town) -> tuple[Citizen, Citizen, Citizen]:
    return town.peer("rich"), town.peer("one"), town.peer("two")


def stand(town: Town, folder: Path, *rows: tuple[Any, ...]) -> None:
    """The office says how trunks stand: (name, destination, state, level, until)."""
    town.office.rows["standings"] = [
        [town.ids[name], destination, state, level, until, "30 calls one after the other were not answered"]
        for name, destination, state, level, until in rows
    ]
    town.world = town.office.world(folder / "world")


def dialled(rich: Citizen, number: str = NUMBER) -> Request:
    invite = rich.invite(number)
    rich.send(invite)
    return invite


def refused_by(rich: Citizen, *carriers: tuple[Citizen, int], told: int, number: str = NUMBER) -> None:
    """A call that these carriers refuse, one after the other, and what the caller hears in the end."""
    invite = dialled(rich, number)
    for carrier, status in carriers:
        carrier.answer(carrier.asked("INVITE"), status)
        carrier.asked("ACK")
    rich.ack(invite, rich.told(told))


def talked(town: Town, rich: Citizen, carrier: Citizen, seconds: float) -> None:
    """A call that the carrier answers, and that lasts so long."""
    invite = dialled(rich)
    carrier.answer(carrier.asked("INVITE"), 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    carrier.asked("ACK")
    town.pass_time(seconds)
    hang_up(rich, carrier, invite, ok)


def told(town: Town, *, after: float = 0.0) -> dict[tuple[str, str], Tally]:
    """What the worker tells the office, by name of the carrier and destination."""
    town.pass_time(after)
    names = {account: name for name, account in town.ids.items()}
    return {(names[row[0]], str(row[1])): Tally(*row[2:]) for row in town.board.outcomes.take()}  # type: ignore[arg-type,index]


# --- what is counted ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-002", "failover-006")
def test_refusals_are_counted_for_the_trunk_and_for_the_destination(
    town: Town, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    refused_by(rich, (one, 503), (two, 486), told=486)
    found = told(town)
    assert found["one", ""] == found["one", NUMBER_HERE] == Tally(attempts=1, failed=1)
    assert found["two", ""] == Tally(attempts=1, failed=1)
    assert told(town) == {}


def test_a_silent_carrier_is_counted_as_failing(town: Town, peers: tuple[Citizen, Citizen, Citizen]) -> None:
    rich, one, two = peers
    invite = dialled(rich)
    one.asked("INVITE")
    two.answer(two.asked("INVITE", seconds=10), 200, body=sdp(41000))
    rich.ack(invite, rich.told(200))
    found = told(town)
    assert found["one", ""] == Tally(attempts=1, failed=1)
    assert (found["two", ""].attempts, found["two", ""].answered) == (1, 1)


def test_a_caller_who_gives_up_says_nothing_about_the_carrier(
    town: Town, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, _ = peers
    invite = dialled(rich)
    asked = one.asked("INVITE")
    one.answer(asked, 180)
    rich.told(180)
    rich.cancel(invite)
    rich.told(487, "INVITE")
    assert told(town)["one", ""] == Tally(attempts=1)


@pytest.mark.req("failover-002")
def test_an_answered_call_is_short_below_twenty_seconds(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, _ = peers
    settle(town, tmp_path, failover_repeat_seconds=0)
    talked(town, rich, one, 19.0)
    early = told(town)["one", ""]
    assert (early.answered, early.ended, early.seconds, early.short, early.lasted) == (1, 1, 19, 0, 0)
    assert told(town, after=2.0)["one", ""] == Tally(short=1)
    talked(town, rich, one, 21.0)
    late = told(town)["one", ""]
    assert (late.answered, late.ended, late.seconds, late.short, late.lasted) == (1, 1, 21, 0, 1)
    assert told(town, after=60.0) == {}


def test_answers_are_judged_in_their_order_so_that_new_traffic_looks_no_worse_than_it_is(
    town: Town, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, _ = peers
    first = dialled(rich)
    one.answer(one.asked("INVITE"), 200, body=sdp(41000))
    rich.ack(first, rich.told(200, "INVITE"))
    one.asked("ACK")
    town.pass_time(1)
    talked(town, rich, one, 2.0)
    assert told(town)["one", ""].short == 0
    assert told(town, after=25.0)["one", ""] == Tally(lasted=1, short=1)


def test_the_time_until_it_rings_is_counted(town: Town, peers: tuple[Citizen, Citizen, Citizen]) -> None:
    rich, one, _ = peers
    invite = dialled(rich)
    asked = one.asked("INVITE")
    one.answer(asked, 100)
    town.pass_time(1.5)
    one.answer(asked, 180)
    town.pass_time(3)
    one.answer(asked, 200, body=sdp(41000))
    rich.ack(invite, rich.told(200, "INVITE"))
    found = told(town)["one", ""]
    assert found.delays == 1 and 1480 <= found.delay_ms <= 1560


# --- who is passed over ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-005", "failover-001")
def test_a_demoted_carrier_is_tried_after_the_others_and_only_then(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    stand(town, tmp_path, ("one", "", "demoted", 1, NOW + 10**6))
    refused_by(rich, (two, 503), (one, 486), told=486)
    [record] = records(town)
    assert [attempt[0] for attempt in record["attempts"]] == [town.ids["two"], town.ids["one"]]
    assert (
        "one: rule all (priority 100), target priority 1, least cost 0 for one minute; "
        "demoted: 30 calls one after the other were not answered" in record["comment"]
    )


@pytest.mark.req("failover-001", "failover-005")
def test_a_demoted_destination_is_passed_over_and_others_by_the_same_trunk_are_not(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    stand(town, tmp_path, ("one", NUMBER_HERE, "out", 1, None))
    refused_by(rich, (two, 486), told=486)
    refused_by(rich, (one, 486), told=486, number="36201234567")


@pytest.mark.req("failover-006")
def test_while_it_is_tried_a_tenth_of_the_calls_find_it_in_its_old_place(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    stand(town, tmp_path, ("one", "", "probing", 1, None))
    first: list[str] = []
    for _ in range(100):
        invite = dialled(rich)
        town.pass_time(0.1)
        name, carrier = ("one", one) if one.box else ("two", two)
        carrier.answer(carrier.asked("INVITE"), 486)
        carrier.asked("ACK")
        rich.ack(invite, rich.told(486))
        first.append(name)
    assert 2 <= first.count("one") <= 25


def test_the_worker_tries_it_when_its_time_is_over_although_the_office_has_not_said_so(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    settle(town, tmp_path, failover_probe_share=1)
    stand(town, tmp_path, ("one", "", "demoted", 1, NOW + town.now + 30))
    refused_by(rich, (two, 486), told=486)
    town.pass_time(31)
    refused_by(rich, (one, 486), told=486)


@pytest.mark.req("failover-005")
@pytest.mark.parametrize(
    ("key", "account"), [("can_failover", ""), ("hasfailover", ""), ("hasfailover", "one")]
)
def test_switched_off_nobody_is_passed_over(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen], key: str, account: str
) -> None:
    rich, one, _ = peers
    stand(town, tmp_path, ("one", "", "out", 2, None))
    settle(town, tmp_path, account, **{key: False})
    refused_by(rich, (one, 486), told=486)


@pytest.mark.req("failover-015")
@pytest.mark.parametrize(
    ("level", "distance", "first"), [(1, 99, "two"), (1, 101, "one"), (2, 101, "two"), (2, 500, "two")]
)
def test_priorities_that_are_more_than_a_hundred_apart_need_a_carrier_that_is_far_worse(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen], level: int, distance: int, first: str
) -> None:
    rich, one, two = peers
    town.office.rows["rules"][-1][3] = [[town.ids["one"], 0, 1], [town.ids["two"], distance, 1]]
    stand(town, tmp_path, ("one", "", "demoted", level, NOW + 10**6))
    refused_by(rich, ({"one": one, "two": two}[first], 486), told=486)


# --- the same number again ------------------------------------------------------------------------------------------------------


@pytest.mark.req("failover-009")
def test_who_calls_a_number_again_after_a_short_call_is_sent_another_way(
    town: Town, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    talked(town, rich, one, 24.0)
    refused_by(rich, (one, 486), told=486, number="36201234567")
    refused_by(rich, (two, 486), told=486)
    talked(town, rich, two, 30.0)
    refused_by(rich, (one, 486), told=486)


@pytest.mark.req("failover-009")
def test_a_call_of_twenty_five_seconds_was_well_and_after_a_while_it_is_forgotten(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    talked(town, rich, one, 25.1)
    refused_by(rich, (one, 486), told=486)
    talked(town, rich, one, 5.0)
    town.pass_time(299)
    refused_by(rich, (two, 486), told=486)
    town.pass_time(10)
    refused_by(rich, (one, 486), told=486)
    talked(town, rich, one, 5.0)
    settle(town, tmp_path, failover_repeat_seconds=0)
    refused_by(rich, (one, 486), told=486)


# --- one call, several carriers ----------------------------------------------------------------------------------------------------


Named = Callable[[str], Any]
ALLOWED = [
    # allowreroute, rerouteon, status, goes on
    ("auto", "listed", 503, True),
    ("auto", "listed", 486, False),
    ("auto", "off", 503, False),
    ("no", "all", 503, False),
    ("yes", "all", 486, True),
    ("yes", "all", 404, True),
    ("yes", "all", 603, False),
    ("yes", "error", 505, True),
    ("yes", "timeout", 505, False),
    ("yes", "timeout", 504, True),
    ("must", "off", 486, True),
]


@pytest.mark.req("failover-010", "failover-011", "failover-012")
@pytest.mark.parametrize(("allowed", "on", "status", "goes_on"), ALLOWED)
def test_when_the_next_carrier_is_tried(
    town: Town,
    tmp_path: Path,
    peers: tuple[Citizen, Citizen, Citizen],
    allowed: str,
    on: str,
    status: int,
    goes_on: bool,
) -> None:
    rich, one, two = peers
    settle(town, tmp_path, "rich", allowreroute=allowed, rerouteon=on)
    others = [(two, 480)] if goes_on else []
    refused_by(rich, (one, status), *others, told=480 if goes_on else status)


@pytest.mark.req("failover-011")
def test_without_any_setting_a_failed_call_goes_on_to_the_next_carrier(
    peers: tuple[Citizen, Citizen, Citizen],
) -> None:
    rich, one, two = peers
    refused_by(rich, (one, 500), (two, 480), told=480)


@pytest.mark.req("failover-013")
def test_listed_statuses_win_and_those_of_the_other_list_win_over_them(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    settle(town, tmp_path, rerouteon="error", reroutedisccodes=(486,), noreroutedisccodes=(502, 404))
    refused_by(rich, (one, 486), (two, 480), told=480)
    refused_by(rich, (one, 500), (two, 480), told=480)
    refused_by(rich, (one, 502), told=502)
    settle(town, tmp_path, allowreroute="must")
    refused_by(rich, (one, 404), told=404)


@pytest.mark.req("failover-021")
def test_a_carrier_whose_calls_may_not_be_retried_has_the_last_word(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    settle(town, tmp_path, "one", allowreroute="no")
    refused_by(rich, (one, 503), told=503)
    settle(town, tmp_path, "one", allowreroute="must")
    refused_by(rich, (one, 486), (two, 480), told=480)


@pytest.mark.req("failover-010")
def test_no_more_carriers_are_tried_than_maxreroute_says(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, _ = peers
    settle(town, tmp_path, maxreroute=0)
    refused_by(rich, (one, 503), told=503)


# --- a second server, and limits of trunks -----------------------------------------------------------------------------------------


def second_server(town: Town, folder: Path, name: str, host: str, port: int) -> None:
    row = next(row for row in town.office.rows["trunks"] if row[0] == town.ids[name])
    row[13:] = [False, host, port]
    town.world = town.office.world(folder / "world")


@pytest.mark.req("failover-023")
def test_a_carrier_that_does_not_answer_is_tried_at_its_second_server_before_the_next_carrier(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    spare = town.peer("spare")
    second_server(town, tmp_path, "one", "127.0.0.1", spare.port)
    refused_by(rich, (one, 503), (spare, 503), (two, 480), told=480)
    assert told(town)["one", ""] == Tally(attempts=1, failed=1)
    one.close()
    refused_by(rich, (spare, 486), told=486)
    [_, second] = records(town)
    assert [attempt[1] for attempt in second["attempts"]] == [408, 486]


@pytest.mark.req("failover-023")
def test_a_carrier_that_is_known_to_be_away_is_called_at_its_second_server_at_once(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    spare = town.peer("spare")
    away = {"up": False, "since_text": "03:00:00"}
    town.board.trunks.told({"carriers": {str(town.ids["one"]): away}})
    refused_by(rich, (two, 486), told=486)
    second_server(town, tmp_path, "one", "127.0.0.1", spare.port)
    refused_by(rich, (spare, 486), told=486)
    assert not one.box


@pytest.mark.req("failover-001")
def test_a_carrier_that_takes_so_many_calls_per_second_is_passed_over_for_the_rest_of_it(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    row = next(row for row in town.office.rows["accounts"] if row[0] == town.ids["one"])
    row[12] = 2
    town.world = town.office.world(tmp_path / "world")
    refused_by(rich, (one, 486), told=486)
    refused_by(rich, (one, 486), told=486)
    refused_by(rich, (two, 486), told=486)
    town.pass_time(1.1)
    refused_by(rich, (one, 486), told=486)
    town.board.usage.sent_told({town.ids["one"]: 2})  # by other workers
    town.pass_time(1.1)
    refused_by(rich, (two, 486), told=486)
    assert PLACES["one"] == one.port


@pytest.mark.req("failover-028")
def test_a_bad_caller_is_sent_another_way_and_without_one_is_refused(
    town: Town, tmp_path: Path, peers: tuple[Citizen, Citizen, Citizen]
) -> None:
    rich, one, two = peers
    town.office.rows["lists"].append([1, "bad_callers", "lookup", None])
    town.office.rows["listed_numbers"] += [[1, "3611112222"], [1, "44"]]
    settle(town, tmp_path, "one", refusedcallers="bad_callers")

    def called_by(number: str, *carriers: tuple[Citizen, int], told: int) -> None:
        invite = rich.invite(NUMBER)
        invite.set("From", f"<sip:{number}@{rich.host}>;tag=a{len(rich.heard)}")
        rich.send(invite)
        for carrier, status in carriers:
            carrier.answer(carrier.asked("INVITE"), status)
            carrier.asked("ACK")
        rich.ack(invite, rich.told(told))

    called_by("3611112223", (one, 486), told=486)
    called_by("3611112222", (two, 486), told=486)
    called_by("447000000000", (two, 486), told=486)
    settle(town, tmp_path, "two", refusedcallers="bad_callers")
    called_by("3611112222", told=404)
    assert "its list bad_callers keeps this caller away" in records(town)[-1]["comment"]
    settle(town, tmp_path, refusedcallers="no such list")
    called_by("361", (one, 486), told=486)
