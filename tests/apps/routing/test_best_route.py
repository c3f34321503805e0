"""The figures of the best route: from call records to what the switch weighs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from apps.cdrs import routes, tasks
from apps.cdrs.models import Cdr
from apps.cdrs.services import ensure_months, forget_months
from apps.routing import services, snapshot
from apps.routing.engine.brs import Measured
from apps.routing.models import BestRoute, BestRouteDay
from apps.users.models import Account
from switch.world.rows import figures_of
from tests import make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
YESTERDAY = NOON - timedelta(days=1)
HUNGARY = "36201234567"


def calls(
    count: int, *tried: tuple[Account, bool], at: datetime = YESTERDAY, seconds: int = 100, to: str = HUNGARY
) -> None:
    """Calls that tried these carriers in order; the last of them answered, or none."""
    forget_months()
    ensure_months(moments=[at.timestamp()])
    answered = bool(tried) and tried[-1][1]
    attempts: list[Any] = [
        [one.pk, 200 if well else 503, "answered" if well else "sip_503", 50] for one, well in tried
    ]
    Cdr.objects.bulk_create(
        Cdr(
            id=uuid4(), started_at=at, ended_at=at, answered_at=at if answered else None, called_number=to,
            duration=seconds if answered else 0, carrier=tried[-1][0], attempts=attempts, route_rule="world",
        )
        for _ in range(count)
    )  # fmt: skip


@pytest.mark.req("brs-003", "brs-005")
def test_the_figures_fill_themselves_from_the_calls_of_a_day_and_of_a_month():
    good, bad = make.carrier(), make.carrier()
    calls(30, (bad, False), (good, True), seconds=120)
    calls(10, (bad, True), seconds=20)
    assert routes.measure(NOON) == 2
    by_carrier = {one.carrier_id: one for one in BestRoute.objects.filter(prefix="3620")}
    assert [
        (one.asr_day, one.acd_day, one.asr_month, one.acd_month)
        for one in (by_carrier[good.pk], by_carrier[bad.pk])
    ] == [
        (100.0, 120.0, 100.0, 120.0),
        (25.0, 20.0, 25.0, 20.0),
    ]


def test_a_day_is_measured_once_and_a_month_is_the_days_of_it():
    carrier = make.carrier()
    calls(20, (carrier, True))
    assert (routes.measure(NOON), routes.measure(NOON + timedelta(hours=1))) == (1, 0)
    calls(60, (carrier, False), at=NOON)
    assert routes.measure(NOON + timedelta(days=1)) == 1
    figures = BestRoute.objects.get()
    assert (figures.asr_day, figures.asr_month) == (0.0, 25.0)
    routes.measure(NOON + timedelta(days=40))
    assert not BestRouteDay.objects.filter(day=YESTERDAY.date()).exists(), "older than a month"


def test_a_few_calls_say_nothing_of_a_way():
    calls(19, (make.carrier(), True))
    assert routes.measure(NOON) == 0
    assert not BestRoute.objects.exists()


def test_short_numbers_and_calls_to_subscribers_are_no_destinations():
    carrier, phone = make.carrier(), make.subscriber()
    calls(30, (carrier, True), to="112")
    calls(30, (phone, True))
    assert routes.tallies(YESTERDAY.date()) == []


def test_what_an_operator_has_set_stays_when_figures_are_measured():
    carrier = make.carrier()
    services.save_best_route(carrier=carrier, prefix="3620", quality_percent=80, max_price=Decimal("0.08"))
    calls(30, (carrier, True))
    routes.measure(NOON)
    [row] = snapshot.figures()
    _, prefix, figures = figures_of(json.loads(json.dumps(row)))
    assert (prefix, figures.quality_percent, figures.max_price) == ("3620", 80, 80_000_000)
    assert figures.day == Measured(100.0, 100.0)


@pytest.mark.req("brs-005", "brs-007")
def test_ways_that_are_not_the_best_are_tried_again_ever_later():
    best, other = make.carrier(), make.carrier()
    calls(30, (best, True))
    calls(25, (best, False), (other, True))
    routes.measure(NOON)
    first, way = BestRoute.objects.get(carrier=best), BestRoute.objects.get(carrier=other)
    assert (first.is_best, first.next_try, way.is_best) == (True, None, False)
    assert way.next_try == NOON + timedelta(hours=6)

    now = NOON + timedelta(hours=7)
    calls(9, (other, False), at=now - timedelta(minutes=1))
    calls(50, (best, True), at=now - timedelta(minutes=1))
    assert services.review(now=now, count=routes.calls_since_try) == 0
    [row] = [row for row in snapshot.figures() if row[0] == other.pk]
    assert figures_of(row)[2].try_calls == 1
    calls(1, (best, False), (other, True), at=now - timedelta(minutes=1))
    assert services.review(now=now, count=routes.calls_since_try) == 1
    way.refresh_from_db()
    assert (way.tried, way.next_try, way.try_count) == (1, now + timedelta(hours=12), 0)


@pytest.mark.req("brs-005")
def test_when_another_way_becomes_the_best_all_are_tried_from_the_beginning():
    one, two, third = make.carrier(), make.carrier(), make.carrier()
    for carrier in (one, two, third):
        calls(30 if carrier is one else 20, (carrier, True))
    routes.measure(NOON)
    BestRoute.objects.filter(carrier=third).update(tried=5)
    calls(90, (two, True), at=NOON)
    later = NOON + timedelta(days=1)
    routes.measure(later)
    assert BestRoute.objects.get(is_best=True).carrier == two
    again = BestRoute.objects.get(carrier=third)
    assert (again.tried, again.next_try) == (0, later + timedelta(hours=6))


def test_calls_of_a_way_are_counted_by_its_carrier_and_not_by_a_status_with_the_same_number():
    way = BestRoute.objects.create(
        carrier=make.carrier(), prefix="3620", next_try=YESTERDAY - timedelta(hours=1)
    )
    other = make.carrier()
    calls(1, (other, False))
    Cdr.objects.update(attempts=[[other.pk, way.carrier_id, "sip", way.carrier_id]])
    assert routes.calls_since_try(way) == 0


@pytest.mark.parametrize(
    "wrong", [{"min_asr": 70, "max_asr": 70}, {"min_acd": 300}, {"accuracy": 0}, {"quality_percent": 101}, {"prefix": "+36"},
              {"max_price": Decimal(-1)}]
)  # fmt: skip
def test_figures_that_make_no_sense_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        services.save_best_route(**{"carrier": make.carrier(), "prefix": "36"} | wrong)


def test_only_a_carrier_has_figures():
    with pytest.raises(ValidationError):
        services.save_best_route(carrier=make.subscriber(), prefix="36")


# minutes of targets


@pytest.mark.req("routing-009")
@pytest.mark.parametrize(
    ("limit", "begun", "closed_until"),
    [
        ({"minutes_per_day": 10}, [NOON], datetime(2026, 9, 22, tzinfo=UTC)),
        ({"minutes_per_day": 11}, [NOON], None),
        ({"minutes_per_day": 10}, [YESTERDAY], None),
        ({"minutes_per_month": 20}, [NOON, YESTERDAY], datetime(2026, 10, 1, tzinfo=UTC)),
        ({"minutes_per_month": 21}, [NOON, YESTERDAY], None),
        ({"minutes_per_month": 20}, [NOON, NOON - timedelta(days=25)], None),
    ],
)
def test_a_target_that_has_had_its_minutes_is_closed_until_the_next_day_or_month(
    limit: dict[str, int], begun: list[datetime], closed_until: datetime | None
):
    carrier, other = make.carrier(), make.carrier()
    rule = services.create_rule(name="world", targets=[{"carrier": carrier, **limit}, {"carrier": other}])
    for at in begun:
        calls(6, (carrier, True), at=at)
        calls(50, (other, True), at=at)
    services.count_minutes(now=NOON + timedelta(hours=1), used=routes.seconds_of)
    assert rule.targets.get(carrier=carrier).full_until == closed_until
    assert rule.targets.get(carrier=other).full_until is None


def test_a_target_opens_again_when_its_limit_is_raised_or_the_day_is_over():
    carrier = make.carrier()
    rule = services.create_rule(name="world", targets=[{"carrier": carrier, "minutes_per_day": 1}])
    calls(1, (carrier, True), at=NOON)
    soon = NOON + timedelta(hours=1)
    assert services.count_minutes(now=soon, used=routes.seconds_of) == 1
    services.change_target(target=rule.targets.get(), minutes_per_day=0)
    assert services.count_minutes(now=soon, used=routes.seconds_of) == 0
    assert rule.targets.get().full_until is None


def test_calls_of_another_rule_are_not_counted():
    carrier = make.carrier()
    rule = services.create_rule(name="other", targets=[{"carrier": carrier, "minutes_per_day": 1}])
    calls(9, (carrier, True), at=NOON)
    services.count_minutes(now=NOON + timedelta(hours=1), used=routes.seconds_of)
    assert rule.targets.get().full_until is None


def test_the_jobs_run_on_an_empty_office():
    assert (tasks.count_route_minutes(), tasks.measure_best_routes()) == (0, 0)
