"""An account that spends unlike itself is told of, once a day, before it has spent everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.config.services import set_value
from apps.screening.alerts import letter, raise_alerts
from apps.screening.models import Alert
from apps.screening.tasks import tell_of_unusual_spending
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)


def spend(account: Account, amount: str, *, ago: timedelta = timedelta(minutes=10), calls: int = 1) -> None:
    for _ in range(calls):
        make.call(account, at=NOW - ago, net=amount)


def told() -> list[str]:
    return [alert.account.username for alert in raise_alerts(now=NOW)]


@pytest.mark.parametrize(
    ("before", "lately", "alert"),
    [
        ("4", "20", False),
        ("4", "20.01", True),
        ("1", "9.99", False),
        ("1", "10", True),
        ("", "9.99", False),
        ("", "10", True),
    ],
)
def test_an_alert_is_raised_for_far_more_than_in_any_hour_before(
    before: str, lately: str, alert: bool
) -> None:
    ada = make.subscriber()
    if before:
        spend(ada, before, ago=timedelta(days=13))
        spend(ada, before, ago=timedelta(days=2))
    spend(ada, "1000", ago=timedelta(days=15))  # too long ago to say anything
    spend(ada, lately)
    assert told() == ([ada.username] if alert else [])


def test_there_is_one_a_day_and_what_others_spend_does_not_matter() -> None:
    ada, bob = make.subscriber(), make.subscriber()
    spend(bob, "3", ago=timedelta(days=1))
    spend(bob, "3")
    spend(ada, "12", calls=2)
    assert told() == [ada.username] and told() == []
    one = Alert.objects.get()
    assert (one.calls, one.cost, one.usual_cost, one.currency) == (2, 24, 0, ada.currency)
    assert [alert.account for alert in raise_alerts(now=NOW + timedelta(minutes=20))] == []


def test_no_factor_no_alert() -> None:
    set_value(key="alert_factor", value=0)
    spend(make.subscriber(), "1000")
    assert told() == []


def test_administrators_are_told_by_mail_and_mark_it_as_seen(client: Client) -> None:
    boss, ada = make.admin(email="boss@example.com"), make.subscriber()
    make.admin(email="gone@example.com", is_active=False)
    make.call(ada, at=timezone.now() - timedelta(minutes=5), net="50")
    assert tell_of_unusual_spending() == 1 and tell_of_unusual_spending() == 0
    assert [one.to for one in mail.outbox] == [["boss@example.com"]] and ada.username in mail.outbox[0].body
    assert letter([]) is None
    alert = Alert.objects.get()
    client.force_login(boss)
    page = "/admin/screening/alert/"
    assert ada.username in client.get(page).content.decode()
    client.post(page, {"action": "seen", "_selected_action": [alert.pk]})
    alert.refresh_from_db()
    assert alert.seen_by == boss
