"""RADIUS servers as an operator enters them; and that the end of every call that is accounted for is told to one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.aaa import services, snapshot
from apps.aaa.models import AccountingStop, RadiusServer
from apps.aaa.tasks import TURN, tell_stops
from apps.core.sealed import CannotUnseal
from apps.users.services import set_own
from tests import make
from tests.freeradius import SECRET, FreeRadius

pytestmark = pytest.mark.django_db


def server(**fields: Any) -> RadiusServer:
    return services.set_server(
        **{"name": "one", "address": "127.0.0.1", "secret": SECRET, "accounts": True} | fields
    )


@pytest.fixture
def radius(tmp_path: Any) -> Iterator[FreeRadius]:
    cache.delete(TURN)
    with FreeRadius(tmp_path, "DEFAULT Auth-Type := Reject\n") as running:
        yield running


def ended(caller: int, **fields: Any) -> dict[str, Any]:
    """A record as the journal has it."""
    now = timezone.now().timestamp()
    return {"id": str(uuid.uuid4()), "caller": caller, "answered": now - 75, "ended": now, "cause": "normal",
            "caller_number": "3611", "called_number": "4930"} | fields  # fmt: skip


@pytest.mark.req("radius-002")
def test_a_server_is_entered_in_the_admin_and_its_secret_is_never_shown_nor_stored_in_clear() -> None:
    client = Client()
    client.force_login(make.admin(), backend="django.contrib.auth.backends.ModelBackend")
    values = {"name": "one", "address": "192.0.2.1", "auth_port": 1812, "acct_port": 1813, "dialect": "rfc5090", "signed": "on",
              "authorises": "on", "priority": 1, "enabled": "on", "secret": SECRET}  # fmt: skip
    assert client.post("/admin/aaa/radiusserver/add/", values).status_code == 302
    made = RadiusServer.objects.get()
    assert services.secret_of(made) == SECRET.encode() and SECRET not in made.sealed_secret
    assert SECRET not in str(list(snapshot.servers()))
    page = client.get(f"/admin/aaa/radiusserver/{made.pk}/change/").content.decode()
    assert SECRET not in page and made.sealed_secret not in page
    assert (
        client.post(
            f"/admin/aaa/radiusserver/{made.pk}/change/", values | {"secret": "", "priority": 3}
        ).status_code
        == 302
    )
    assert services.secret_of(RadiusServer.objects.get(priority=3)) == SECRET.encode()


@pytest.mark.parametrize("wrong", ["short", "x" * 129, "with\x00zero-byte", "naïve-secret"])
def test_a_secret_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        server(secret=wrong)
    with pytest.raises(ValidationError):
        services.set_server(name="two", address="192.0.2.1")


def test_a_secret_of_another_installation_cannot_be_read(settings: Any) -> None:
    made = server()
    settings.SECRET_KEY = "another"
    with pytest.raises(CannotUnseal):
        services.secret_of(made)


def test_only_answered_calls_of_accounts_that_are_accounted_for_are_noted_and_each_once() -> None:
    told, other = make.subscriber(), make.subscriber()
    set_own(account=told, key="radiusaccounting", value=True)
    records = [ended(told.pk), ended(told.pk, answered=None), ended(other.pk), ended(told.pk)]
    assert services.note_stops(records=records) == 0  # no server is told of anything
    server()
    services.note_stops(records=records)
    services.note_stops(records=records)
    assert {str(one.call_id) for one in AccountingStop.objects.all()} == {records[0]["id"], records[3]["id"]}
    assert {one.seconds for one in AccountingStop.objects.all()} == {75}


@pytest.mark.req("radius-002")
def test_the_end_of_a_call_is_told_and_forgotten_once_a_server_has_confirmed_it(radius: FreeRadius) -> None:
    account = make.subscriber(username="ada")
    set_own(account=account, key="radiusaccounting", value=True)
    server(name="away", acct_port=radius.acct + 2000, priority=1)
    server(name="here", acct_port=radius.acct, priority=2)
    record = ended(account.pk, cause="balance_used_up")
    services.note_stops(records=[record])
    assert tell_stops() == 1
    assert not AccountingStop.objects.exists()
    (told,) = radius.told()
    assert (told["Acct-Status-Type"], told["User-Name"], told["Acct-Session-Id"]) == (
        "Stop",
        "ada",
        record["id"],
    )
    assert (told["Acct-Session-Time"], told["Called-Station-Id"], told["Calling-Station-Id"]) == (
        "75",
        "4930",
        "3611",
    )
    assert told["Acct-Terminate-Cause"] == "Session-Timeout"


def test_while_no_server_confirms_it_is_kept_and_tried_ever_less_often(radius: FreeRadius) -> None:
    account = make.subscriber()
    set_own(account=account, key="radiusaccounting", value=True)
    server(acct_port=radius.acct, secret="another-secret-than-its")
    services.note_stops(records=[ended(account.pk)])
    waits = []
    for _ in range(3):
        before = timezone.now()
        assert tell_stops() == 0
        stop = AccountingStop.objects.get()
        waits.append((stop.next_at - before).total_seconds())
        AccountingStop.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert 30 <= waits[0] < 60 <= waits[1] < 120 <= waits[2]
    assert radius.told() == []
