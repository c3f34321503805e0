"""PINs in the office: drawn, told once, kept as digests, printed with a batch."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from apps.config.services import set_value
from apps.desk.services import generate, print_sheet
from apps.users import pins, services, snapshot
from apps.users.models import Pin
from tests import make

pytestmark = pytest.mark.django_db


def logged_in(account: Any) -> Client:
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.req("callingcard-001", "callingcard-012")
def test_a_pin_is_told_once_and_only_its_digest_is_kept_and_goes_to_the_switch() -> None:
    account = make.subscriber()
    set_value(key="pinlength", value=9)
    pin = services.new_pin(account=account)
    assert len(pin) == 9 and pin.isdigit()
    [row] = Pin.objects.values()
    assert pin not in str(row)
    assert list(snapshot.pins()) == [(pins.digest(pin, settings.SECRET_KEY), account.pk)]


def test_a_new_pin_takes_the_place_of_the_old_one_and_none_is_given_twice(monkeypatch: Any) -> None:
    drawn = iter(("111111", "111111", "222222", "333333"))
    monkeypatch.setattr(pins, "drawn", lambda digits: next(drawn))
    one, two = make.subscriber(), make.account("calling_card")
    assert [services.new_pin(account=account) for account in (one, two, one)] == [
        "111111",
        "222222",
        "333333",
    ]
    assert Pin.objects.count() == 2
    services.remove_pin(account=one)
    assert [pin.account for pin in Pin.objects.all()] == [two]


@pytest.mark.parametrize("kind", ["reseller", "customer_trunk", "carrier", "admin"])
def test_who_places_no_calls_of_its_own_has_none(kind: str) -> None:
    with pytest.raises(ValidationError, match="no PIN"):
        services.new_pin(account=make.account(kind))


@pytest.mark.req(
    "callingcard-002", "callingcard-010", "callingcard-014", "callingcard-022", "callingcard-023", "users-005"
)
def test_cards_are_made_many_at_once_with_pins_on_their_sheet() -> None:
    boss = make.admin()
    made, slips = generate(
        by=boss, kind="calling_card", count=3, prefix="7", first=1, digits=4, web=False, pins=True
    )
    known = dict(snapshot.pins())
    accounts = {
        member.account.username: member.account_id for member in made.members.select_related("account")
    }
    assert [known[pins.digest(slip.pin, settings.SECRET_KEY)] for slip in slips] == [
        accounts[s.username] for s in slips
    ]
    again = print_sheet(batch=made, by=boss)
    assert not {slip.pin for slip in slips} & {slip.pin for slip in again} and Pin.objects.count() == 3
    assert all(slip.web == slip.sip == "" for slip in slips)


def test_staff_gives_one_on_the_accounts_page_and_sees_it_once() -> None:
    account, client = make.subscriber(), logged_in(make.admin())
    path = f"/admin/desk/pin/{account.pk}/"
    assert "It has none yet" in client.get(path).content.decode()
    page = client.post(path, {})
    pin = page.context["pin"]
    assert f'<code id="pin">{pin}</code>' in page.content.decode() and "no-store" in page["Cache-Control"]
    assert pin not in client.get(path).content.decode()
    assert client.post(path, {"remove": "on"}).status_code == 302 and not Pin.objects.exists()
    assert "no PIN" in client.post(f"/admin/desk/pin/{make.reseller().pk}/", {}).content.decode()


def test_programs_of_the_office_give_one_and_nobody_elses() -> None:
    account, client = make.subscriber(), APIClient()
    path = f"/api/v1/accounts/{account.pk}/pin/"
    for who, status in ((account, 403), (make.reseller(), 403), (make.account("support"), 403)):
        client.force_authenticate(who)
        assert client.post(path, {}, format="json").status_code == status
    client.force_authenticate(make.admin())
    made = client.post(path, {}, format="json")
    assert Pin.objects.get().digest == pins.digest(made.json()["pin"], settings.SECRET_KEY)
    assert (
        client.post(path, {"remove": True}, format="json").json() == {"pin": ""} and not Pin.objects.exists()
    )
