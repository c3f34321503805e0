"""The health of trunks in the office: what calls make of it, what an operator sets, and what the switch is told."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.config import services as config
from apps.core import workers
from apps.routing.health import collect, services
from apps.routing.health.engine import Standings, Tally
from apps.routing.health.queries import spans_of
from apps.routing.health.snapshot import standings
from apps.routing.models import TrunkDay, TrunkEvent, TrunkHealth, TrunkHour
from apps.routing.tasks import judge_trunks
from apps.users.models import Account
from apps.users.services import set_own
from switch.world.parts import parts_of
from tests import make

pytestmark = pytest.mark.django_db

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
FAILED = Tally(attempts=30, failed=30)


def observe(carrier: Account, tally: Tally, *destinations: str, now: float = NOW) -> list[str]:
    tallies = {(carrier.pk, destination): tally for destination in destinations or ("",)}
    return [event.kind for event in services.observe(tallies=tallies, now=now)]


def of(carrier: Account, destination: str = "") -> TrunkHealth:
    return TrunkHealth.objects.get(carrier=carrier, destination=destination)


@pytest.mark.req("failover-007")
def test_the_table_fills_itself_and_keeps_what_was_counted():
    carrier = make.carrier()
    tally = Tally(10, 6, failed=1, lasted=5, ended=4, seconds=300, delays=6, delay_ms=9000, heard=2, mos=820)
    assert observe(carrier, tally, "", "4930") == []
    health = of(carrier, "4930")
    assert (health.state, health.enabled, health.max_failures) == ("good", True, None)
    assert (health.tally.failed, health.tally.recent) == (
        1,
        [[1_790_000_000, 10, 6, 4, 300, 6, 9000, 2, 820]],
    )
    observe(carrier, tally, "4930", now=NOW + 60)
    hour = TrunkHour.objects.get(carrier=carrier, destination="4930")
    assert (hour.begins, hour.attempts, hour.answered, hour.seconds, hour.mos) == (
        datetime(2026, 9, 21, 14, tzinfo=UTC), 20, 12, 600, 1640,
    )  # fmt: skip
    day = TrunkDay.objects.get(carrier=carrier, destination="4930")
    assert (day.begins, day.attempts, day.delay_ms) == (datetime(2026, 9, 21, tzinfo=UTC), 20, 18000)


@pytest.mark.req("failover-002", "failover-007")
def test_failures_demote_and_the_history_the_log_and_the_switch_are_told_why(caplog):
    carrier = make.carrier(username="shaky")
    with caplog.at_level(logging.WARNING, "apps.routing.health.services"):
        assert observe(carrier, FAILED) == ["demoted"]
    health = of(carrier)
    assert (health.state, health.level, health.failure_demotions) == ("demoted", 1, 1)
    assert health.until == datetime.fromtimestamp(NOW + 600, UTC)
    why = "30 calls one after the other were not answered"
    [event] = TrunkEvent.objects.all()
    assert (event.carrier, event.kind, event.reason, event.until) == (carrier, "demoted", why, health.until)
    assert f"trunk shaky: demoted: {why}, until 2026-09-21 14:23:20 UTC" in caplog.text
    assert list(standings()) == [(carrier.pk, "", "demoted", 1, NOW + 600, why)]


@pytest.mark.req("failover-005", "failover-006")
def test_a_destination_that_fails_is_demoted_alone():
    carrier = make.carrier()
    tallies = {
        (carrier.pk, ""): Tally(attempts=60, answered=30, failed=3),
        (carrier.pk, "4930"): FAILED,
        (carrier.pk, "3620"): Tally(attempts=30, answered=30, lasted=30),
    }
    assert [one.destination for one in services.observe(tallies=tallies, now=NOW)] == ["4930"]
    assert [row[:3] for row in standings()] == [(carrier.pk, "4930", "demoted")]


def test_a_trunk_that_is_demoted_stands_for_its_destinations():
    carrier = make.carrier()
    assert observe(carrier, FAILED, "", "4930") == ["demoted"]
    assert of(carrier, "4930").state == "good"


@pytest.mark.req("failover-006")
def test_its_time_over_it_is_tried_without_a_call_and_restored_by_good_ones():
    carrier = make.carrier()
    observe(carrier, FAILED)
    assert services.let_try(now=NOW + 599) == []
    assert [one.kind for one in services.let_try(now=NOW + 600)] == ["probing"]
    assert services.let_try(now=NOW + 601) == []
    good = Tally(attempts=3, answered=3, lasted=3, ended=3, seconds=300)
    assert observe(carrier, good, now=NOW + 700) == ["restored"]
    assert list(standings()) == []
    assert [one.kind for one in TrunkEvent.objects.all()] == ["restored", "probing", "demoted"]


@pytest.mark.req("failover-026", "failover-006")
def test_an_operator_sets_a_trunk_free_with_all_its_destinations():
    carrier, other, admin = make.carrier(), make.carrier(), make.admin()
    observe(carrier, FAILED, "4930")
    observe(carrier, FAILED, "", now=NOW + 1)
    observe(other, FAILED)
    events = services.reset(health=of(carrier), by=admin, now=NOW + 60)
    assert sorted(one.destination for one in events) == ["", "4930"]
    for health in TrunkHealth.objects.filter(carrier=carrier):
        assert (health.state, health.until, health.failure_demotions, health.tally.failed) == (
            "good",
            None,
            0,
            0,
        )
    assert {(one.by, one.kind) for one in TrunkEvent.objects.filter(by=admin)} == {(admin, "reset")}
    assert [row[0] for row in standings()] == [other.pk]


@pytest.mark.req("failover-026")
def test_what_a_destination_counted_meanwhile_does_not_demote_it_after_its_trunk_was_set_free():
    carrier, admin = make.carrier(), make.admin()
    assert observe(carrier, FAILED, "", "4930") == ["demoted"]
    [event] = services.reset(health=of(carrier), by=admin, now=NOW + 60)
    assert event.destination == ""
    late = Tally(short=1)  # of a call that was answered before
    assert observe(carrier, late, "", "4930", now=NOW + 61) == []
    badly = Tally(
        attempts=20, answered=1, failed=19
    )  # fifty with those before, of which too few were answered
    assert observe(carrier, badly, "4930", now=NOW + 62) == []


def test_to_set_a_destination_free_leaves_the_trunk():
    carrier, admin = make.carrier(), make.admin()
    observe(carrier, FAILED, "4930")
    observe(carrier, FAILED, now=NOW + 1)
    services.reset(health=of(carrier, "4930"), by=admin, now=NOW + 60)
    assert [row[1] for row in standings()] == [""]


@pytest.mark.req("failover-005")
@pytest.mark.parametrize("key", ["can_failover", "hasfailover"])
def test_both_switches_are_on_by_default_and_either_turns_it_off(key):
    carrier = make.carrier()
    config.set_value(key=key, value=False)
    assert observe(carrier, FAILED) == []
    assert of(carrier).tally.failed == 30
    config.clear_value(key=key)
    assert observe(carrier, Tally(attempts=1, failed=1)) == ["demoted"]


@pytest.mark.req("failover-003", "failover-007")
def test_a_row_s_own_limits_win_over_the_account_s_and_those_over_everybody_s():
    carrier, other = make.carrier(), make.carrier()
    set_own(account=carrier, key="maxsubsfail", value="10")
    observe(carrier, Tally())
    services.set_limits(health=of(carrier), max_failures=5)
    five, ten = Tally(attempts=5, failed=5), Tally(attempts=10, failed=10)
    assert observe(carrier, five, "", "4930") == ["demoted"]
    assert [one.destination for one in TrunkEvent.objects.all()] == [""]
    services.reset(health=of(carrier), by=make.admin(), now=NOW)
    services.set_limits(health=of(carrier), enabled=False)
    assert observe(carrier, ten, "", "4930") == ["demoted"]
    assert TrunkEvent.objects.first().destination == "4930"
    assert observe(other, ten) == []


def test_limits_that_make_no_sense_are_refused_and_nothing_is_written():
    carrier = make.carrier()
    health = services.begin(carrier=carrier, destination="4930", min_asr=20)
    for fields in ({"min_asr": 101}, {"state": "good"}):
        with pytest.raises(ValidationError):
            services.set_limits(health=health, **fields)
    assert of(carrier, "4930").min_asr == 20
    with pytest.raises(ValidationError):
        services.begin(carrier=carrier, destination="49x0")
    with pytest.raises(ValidationError):
        services.begin(carrier=carrier, destination="4930")
    with pytest.raises(ValidationError):
        services.begin(carrier=make.subscriber())


def test_what_is_said_of_nobody_or_of_no_carrier_is_passed_over():
    subscriber = make.subscriber()
    tallies = {(10**6, ""): FAILED, (subscriber.pk, ""): FAILED}
    assert services.observe(tallies=tallies, now=NOW) == []
    assert not TrunkHealth.objects.exists() and not TrunkHour.objects.exists()


def test_what_stands_in_redis_is_taken_once_and_what_is_garbled_is_left_out(caplog):
    carrier, client = make.carrier(), workers.client()
    client.delete(collect.QUEUE)
    row = [carrier.pk, "", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0]
    garbled = [
        b"x",
        b"[1]",
        b'[[1,"49300",1]]',
        b'[[1,"4x",1]]',
        b'[[1,"",-1]]',
        b'[["1","",1]]',
        b"{}",
        b"7",
    ]
    client.rpush(collect.QUEUE, json.dumps([row]), *garbled, json.dumps([row]))
    assert judge_trunks() == 1
    assert caplog.text.count("cannot be read") == 7  # an empty object says nothing, and nothing wrong
    assert of(carrier).state == "demoted"
    assert of(carrier).tally.health_id and client.llen(collect.QUEUE) == 0
    assert judge_trunks() == 0


@pytest.mark.req("failover-008")
def test_the_quality_of_the_last_day_and_month_can_be_watched():
    carrier = make.carrier()
    old = Tally(attempts=100, answered=10, ended=10, seconds=100)
    new = Tally(100, 50, ended=40, seconds=4000, delays=50, delay_ms=100_000, heard=10, mos=4100)
    observe(carrier, old, "", "4930", now=NOW - 20 * 86_400)
    observe(carrier, new, "", "4930")
    found = [one.counted for one in spans_of(of(carrier, "4930"), NOW + 60)]
    assert [(one.attempts, one.asr, one.acd, one.pdd, one.mos) for one in found[1:]] == [
        (100, 50, 100, 2000, 410),
        (200, 30, 82, 2000, 410),
    ]


def test_a_trunk_by_which_it_rings_too_late_or_sounds_bad_is_demoted_if_that_is_asked():
    slow, bad = make.carrier(), make.carrier()
    late = Tally(attempts=50, answered=50, delays=50, delay_ms=50 * 8001)
    sound = Tally(attempts=50, answered=50, heard=50, mos=50 * 349)
    assert observe(slow, late) == observe(bad, sound) == []
    config.set_value(key="maxpdd", value=8000)
    config.set_value(key="minmos", value=350)
    assert (
        observe(slow, Tally(attempts=1, answered=1))
        == observe(bad, Tally(attempts=1, answered=1))
        == ["demoted"]
    )
    assert {one.reason for one in TrunkEvent.objects.all()} == {
        "PDD 8001 ms of 50 calls in 60 minutes", "MOS 3.49 of 50 calls in 60 minutes",
    }  # fmt: skip


def test_old_statistics_go_after_their_days():
    carrier = make.carrier()
    for days in (500, 100, 1):
        observe(carrier, FAILED, now=NOW - days * 86_400)
    services.forget_old(now=NOW)
    assert [one.begins.date().isoformat() for one in TrunkDay.objects.order_by("begins")] == [
        "2026-06-13",
        "2026-09-20",
    ]
    assert TrunkHour.objects.count() == 1
    assert not TrunkEvent.objects.filter(at__lt=datetime.fromtimestamp(NOW - 400 * 86_400, UTC)).exists()


def test_the_switch_is_told_of_what_matters_to_it_and_not_of_every_call():
    carrier = make.carrier()
    observe(carrier, Tally(attempts=1, answered=1))
    with CaptureQueriesContext(connection) as asked:
        observe(carrier, Tally(attempts=1, answered=1), now=NOW + 1)
    written = [one["sql"] for one in asked if one["sql"].startswith(("INSERT", "UPDATE"))]
    assert written and not any('"routing_trunkhealth"' in one.split("WHERE")[0] for one in written)
    assert parts_of(["health"]) == {"health"}


def test_a_row_of_the_snapshot_is_what_the_switch_asks():
    carrier = make.carrier()
    observe(carrier, FAILED, "4930")
    table = Standings()
    table.take("standings", json.loads(json.dumps(list(standings()))))
    standing = table.of(carrier.pk, "49301234")
    assert standing is not None and standing.behind(NOW, 7, 10) == 1
