"""Rules of the firewall and bans in the office: kept, changed, told to the switch, lifted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client

from apps.core import workers
from apps.screening import live, services
from apps.screening.models import Ban, FirewallRule
from apps.screening.snapshot import firewall
from tests import make
from tests.apps.test_admin import form_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf() -> Iterator[redis.Redis]:
    """Redis, without bans before and after."""
    client = workers.client()
    client.delete(live.BANS, live.TOLD)
    yield client
    client.delete(live.BANS, live.TOLD)


def told(client: redis.Redis, source: str, *, since: float = 0.0) -> None:
    since = since or time.time()
    row = {"source": source, "since": since, "until": since + 600, "reason": "guessed", "worker": "n-1-2"}
    client.rpush(live.TOLD, json.dumps(row))
    client.hset(live.BANS, source, json.dumps(row))


def everybody() -> FirewallRule:
    return FirewallRule.objects.get_or_create(source="*", defaults={"allowed": True})[0]


@pytest.mark.req("security-008")
@pytest.mark.parametrize(
    ("written", "kept"),
    [("192.0.2.7", "192.0.2.7"), ("192.0.2.9/24", "192.0.2.0/24"), ("2001:DB8::1", "2001:db8::1"), ("u:hacker", "U:hacker"),
     (" U: +361 ", "U:+361"), ("192.0.2.7/32", "192.0.2.7"), ("c: hu", "C:HU"), ("C:ZZ", "C:ZZ"), ("C::1", "c::1"),
     ("192.0.2.7:5060", "192.0.2.7:5060"), ("[2001:DB8::1]:5060", "[2001:db8::1]:5060")],
)  # fmt: skip
def test_a_rule_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert services.create_rule(source=written).source == kept
    with pytest.raises(ValidationError):
        services.create_rule(source=written)


@pytest.mark.parametrize(
    "fields",
    [{"source": ""}, {"source": "somewhere"}, {"source": "0.0.0.0/0"}, {"source": "::/0"}, {"source": "U:"}, {"source": "U:a b"},
     {"source": "U:a@b"}, {"source": "U:friend", "allowed": True}, {"source": "*"}, {"source": "C:"}, {"source": "C:QQ"},
     {"source": "C:HUN"}, {"source": "192.0.2.7:0"}, {"source": "192.0.2.7:70000"}, {"source": "192.0.2.0/24:5060"},
     {"source": "192.0.2.7:5060", "allowed": True}],
)  # fmt: skip
def test_what_is_no_rule_is_refused(fields: dict[str, Any]) -> None:
    everybody()
    with pytest.raises(ValidationError):
        services.create_rule(**fields)


@pytest.mark.req("security-009")
def test_the_rule_for_everybody_is_shipped_and_can_be_turned_round_but_not_lost() -> None:
    rule = everybody()
    services.create_rule(source="192.0.2.7", enabled=False)
    services.create_rule(source="192.0.2.8")
    assert list(firewall()) == [("*", True), ("192.0.2.8", False)]
    for lost in ({"source": "192.0.2.9"}, {"enabled": False}):
        with pytest.raises(ValidationError):
            services.change_rule(rule=rule, **lost)
    with pytest.raises(ValidationError):
        services.remove_rule(rule=rule)
    services.change_rule(rule=rule, allowed=False)
    assert ("*", False) in list(firewall())


def test_bans_that_workers_told_of_are_kept_once(shelf: redis.Redis) -> None:
    told(shelf, "203.0.113.7", since=1_790_000_000.0)
    told(shelf, "203.0.113.7", since=1_790_000_000.0)
    shelf.rpush(
        live.TOLD, "rubbish", json.dumps({"source": "x"}), json.dumps({"source": "x", "since": 1e300})
    )
    services.store_bans()
    ban = Ban.objects.get()
    assert (ban.source, ban.reason, ban.worker, ban.until.timestamp()) == (
        "203.0.113.7",
        "guessed",
        "n-1-2",
        1_790_000_600,
    )
    assert services.store_bans() == 0


@pytest.mark.req("security-005")
def test_a_ban_is_lifted_on_its_page_by_who_may(shelf: redis.Redis, client: Client) -> None:
    told(shelf, "203.0.113.7")
    told(shelf, "203.0.113.8")
    boss = make.admin()
    client.force_login(boss)
    page = "/admin/screening/ban/"
    body = client.get(page).content.decode()
    assert "203.0.113.7" in body and "203.0.113.8" in body
    ban = Ban.objects.get(source="203.0.113.7")
    with shelf.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(live.BANS)
        channel.get_message(timeout=2)
        client.post(page, {"action": "lift", "_selected_action": [ban.pk]})
        message = channel.get_message(timeout=5)
    assert message is not None and json.loads(message["data"]) | {
        "source": "203.0.113.7",
        "until": 0,
    } == json.loads(message["data"])
    ban.refresh_from_db()
    assert ban.lifted_by == boss and ban.lifted_at is not None
    assert list(shelf.hkeys(live.BANS)) == [b"203.0.113.8"]
    helper = make.account("support")
    client.force_login(helper)
    other = Ban.objects.get(source="203.0.113.8")
    client.post(page, {"action": "lift", "_selected_action": [other.pk]})
    other.refresh_from_db()
    assert other.lifted_at is None and client.delete(f"/api/v1/bans/{other.pk}/").status_code == 403
    client.force_login(boss)
    assert client.delete(f"/api/v1/bans/{other.pk}/").status_code == 204
    other.refresh_from_db()
    assert other.lifted_by == boss


def test_nothing_is_lifted_while_redis_is_away(
    shelf: redis.Redis, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(shelf, "203.0.113.7")
    services.store_bans()
    workers.client.cache_clear()
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    client.force_login(make.admin())
    ban = Ban.objects.get()
    client.post("/admin/screening/ban/", {"action": "lift", "_selected_action": [ban.pk]})
    ban.refresh_from_db()
    workers.client.cache_clear()
    assert ban.lifted_at is None


def test_rules_are_made_and_changed_on_their_page_and_by_the_api(client: Client) -> None:
    client.force_login(make.admin())
    everybody()
    page = "/admin/screening/firewallrule/add/"
    assert client.post(page, form_of(client.get(page)) | {"source": "203.0.113.9/24"}).status_code == 302
    rule = FirewallRule.objects.get(source="203.0.113.0/24")
    assert not rule.allowed and rule.enabled
    response = client.post(page, form_of(client.get(page)) | {"source": "nowhere"})
    assert response.status_code == 200 and "source" in response.context["adminform"].form.errors
    where = f"/api/v1/firewall-rules/{rule.pk}/"
    changed = client.patch(where, {"allowed": True}, content_type="application/json")
    assert changed.json()["allowed"] is True
    assert client.delete(where).status_code == 204
    star = FirewallRule.objects.get(source="*")
    assert client.delete(f"/api/v1/firewall-rules/{star.pk}/").status_code == 400
    made = client.post("/api/v1/firewall-rules/", {"source": "U:hacker"}, content_type="application/json")
    assert made.status_code == 201
