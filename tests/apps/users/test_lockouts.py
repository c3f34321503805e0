"""Who gives wrong web passwords waits, ever longer; others do not, and an operator ends it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.config.services import set_value
from apps.users.models import Lockout
from apps.users.services import lockouts
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted_anew")]
GOOD, HERE, THERE = "correct-horse-42", "192.0.2.1", "192.0.2.2"
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.get_default_timezone())


def guess(times: int, name: str = "ada", address: str = HERE, now: datetime = NOW) -> None:
    for _ in range(times):
        lockouts.note_failure(username=name, address=address, now=now)


def waits(name: str = "ada", address: str = HERE, now: datetime = NOW) -> int:
    """Seconds."""
    until = lockouts.waits_until(username=name, address=address, now=now)
    return round((until - now).total_seconds()) if until else 0


@pytest.mark.req("security-034")
def test_the_wait_begins_at_the_limit_and_doubles_with_each_wrong_password() -> None:
    found = []
    for _ in range(12):
        guess(1)
        found.append(waits())
    assert found == [0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_the_settings_say_when_and_how_long() -> None:
    for key, value in (("loginfailures", 2), ("loginwait", 10), ("loginwaitmost", 15)):
        set_value(key=key, value=value)
    guess(2)
    assert waits() == 10
    guess(3)
    assert waits() == 15


def test_the_owner_at_another_address_does_not_wait_for_a_guesser() -> None:
    guess(8)
    assert waits(address=HERE) > 0
    assert waits(address=THERE) == 0
    assert waits(name="ben", address=HERE) == 0


@pytest.mark.req("security-034")
def test_an_address_that_tries_many_names_waits_with_all_of_them() -> None:
    for number in range(20):
        guess(1, name=f"user{number}")
    assert waits(name="somebody-else") == 60
    assert waits(name="somebody-else", address=THERE) == 0


def test_a_name_that_is_guessed_from_many_addresses_waits_everywhere() -> None:
    for number in range(50):
        guess(1, address=f"198.51.100.{number}")
    assert waits(address="203.0.113.7") == 60


def test_names_are_counted_however_they_are_written() -> None:
    guess(3, name="Ada")
    guess(2, name="aDA")
    assert waits(name="ADA") == 60
    guess(1, name="x" * 500 + "\0")
    assert Lockout.objects.filter(username="x" * 64).count() == 2


def test_what_is_a_day_old_counts_no_more_and_is_dropped() -> None:
    guess(7)
    later = NOW + timedelta(days=1, seconds=1)
    guess(1, now=later)
    assert waits(now=later) == 0
    assert lockouts.forget_old(now=later) == 0
    assert lockouts.forget_old(now=later + timedelta(days=2)) == 3 and not Lockout.objects.exists()


def log_in(client: Client, password: str, name: str = "ada") -> int:
    return client.post("/accounts/login/", {"login": name, "password": password}).status_code


@pytest.mark.req("security-034", "security-032")
def test_at_the_login_page_the_right_password_is_not_enough_while_one_has_to_wait(client: Client) -> None:
    account = make.subscriber(username="ada", password=GOOD)
    for _ in range(5):
        assert log_in(client, "not-it-at-all") == 200
    page = client.post("/accounts/login/", {"login": "ada", "password": GOOD})
    assert page.status_code == 200 and b"Too many wrong passwords" in page.content
    boss = Client()
    boss.force_login(make.admin(), backend="django.contrib.auth.backends.ModelBackend")
    path = f"/admin/users/account/{account.pk}/access/"
    assert b"192.0.2" not in boss.get(path).content and b"127.0.0.1" in boss.get(path).content
    assert boss.post(path, {"unlock": "1"}).status_code == 302
    assert log_in(client, GOOD) == 302
    assert not Lockout.objects.exclude(kind="address").exists()


def test_a_right_password_clears_what_went_before(client: Client) -> None:
    make.subscriber(username="ada", password=GOOD)
    for _ in range(3):
        for _ in range(4):
            log_in(client, "not-it-at-all")
        assert log_in(client, GOOD) == 302
        client.logout()


def test_the_operator_ends_waits_in_the_list_and_support_does_not() -> None:
    guess(5)
    boss, support = Client(), Client()
    boss.force_login(make.admin(), backend="django.contrib.auth.backends.ModelBackend")
    support.force_login(make.account("support"), backend="django.contrib.auth.backends.ModelBackend")
    values = {"action": "unlock", "_selected_action": list(Lockout.objects.values_list("pk", flat=True))}
    support.post("/admin/users/lockout/", values)
    assert waits() == 60
    assert boss.post("/admin/users/lockout/", values).status_code == 302
    assert waits() == 0


@pytest.mark.req("security-032")
def test_an_address_with_wrong_tokens_waits_at_the_api(client: Client) -> None:
    for _ in range(20):
        assert client.get("/api/v1/accounts/", HTTP_AUTHORIZATION="Token wrong").status_code == 401
    refused = client.get("/api/v1/accounts/", HTTP_AUTHORIZATION="Token wrong")
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 60
    other = client.get("/api/v1/accounts/", HTTP_AUTHORIZATION="Token wrong", REMOTE_ADDR=THERE)
    assert other.status_code == 401
