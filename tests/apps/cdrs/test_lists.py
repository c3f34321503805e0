"""The list of call records in the admin: by outcome, by time, by caller, by number (guide 1312-1338, 9855-9859)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.cdrs.models import Cdr
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Account:
    return make.subscriber(username="ada")


@pytest.fixture
def boss(client: Client) -> Iterator[Client]:
    client.force_login(make.admin())
    yield client


def call(payer: Account, *, ago: timedelta = timedelta(minutes=1), **fields: Any) -> Cdr:
    """A call of two minutes, answered, by the switch's relay, sold for more than it cost."""
    made = make.call(payer, at=datetime.now(UTC) - ago)
    good = {
        "media": "relay",
        "rtp_sent": 6000,
        "rtp_received": 6000,
        "retail_price": "0.10",
        "carrier_cost": "0.05",
    }
    Cdr.objects.filter(id=made.id).update(**(good | fields))
    return made


def listed(boss: Client, **query: str) -> set[Any]:
    page = boss.get(reverse("admin:cdrs_cdr_changelist"), query)
    assert page.status_code == 200
    return {cdr.id for cdr in page.context["cl"].result_list}


@pytest.mark.req("cdr-041", "cdr-042")
def test_calls_are_found_by_what_became_of_them(boss: Client, ada: Account) -> None:
    calls = {
        "fine": call(ada),
        "failed": call(ada, answered_at=None, duration=0),
        "loss": call(ada, retail_price="0.04"),
        "silent": call(ada, rtp_received=0),
        "poor": call(ada, called_mos="2.90"),
        "direct": call(ada, media="direct", rtp_sent=0, rtp_received=0),
    }
    names = {one.id: name for name, one in calls.items()}
    found = {
        outcome: {names[found] for found in listed(boss, outcome=outcome)}
        for outcome in ("answered", "failed", "loss", "silent", "poor")
    }
    assert found == {
        "answered": set(calls) - {"failed"},
        "failed": {"failed"},
        "loss": {"loss"},
        "silent": {"silent"},
        "poor": {"poor"},
    }
    assert listed(boss) == {one.id for one in calls.values()}


@pytest.mark.req("cdr-058")
def test_calls_are_found_by_time_caller_and_number(boss: Client, ada: Account) -> None:
    eve = make.subscriber(username="eve")
    now, days_ago = call(ada), call(ada, ago=timedelta(days=3))
    hers = call(eve, called_number="971501234567")
    assert listed(boss) == {now.id, hers.id}
    assert listed(boss, span="168") == {now.id, days_ago.id, hers.id}
    assert listed(boss, caller__id__exact=str(eve.id)) == {hers.id}
    assert listed(boss, q="97150") == {hers.id}
    assert listed(boss, q="50123") == set()
    day = (datetime.now(UTC) - timedelta(days=3)).date()
    between = {"started_at_from_0": str(day - timedelta(days=1)), "started_at_from_1": "00:00:00",
               "started_at_to_0": str(day + timedelta(days=1)), "started_at_to_1": "23:59:59"}  # fmt: skip
    assert listed(boss, **between) == {days_ago.id}
