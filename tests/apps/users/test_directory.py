"""Staff logs in by the passwords of a real OpenLDAP; customers do not, and nobody by none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.test import Client

from apps.config.services import set_value
from apps.users import services
from apps.users.models import Account, Lockout
from tests import make
from tests.slapd import USER_DN, Slapd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted_anew")]
PEOPLE = {
    "boss": "directory-pass-1",
    "helper": "directory-pass-2",
    "customer": "directory-pass-3",
    "guest": "directory-pass-4",
}


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("directory")
    with Slapd(folder, PEOPLE, {"admins": "boss", "support": "helper"}) as running:
        yield running


@pytest.fixture
def directory(slapd: Slapd) -> Slapd:
    values = {"ldap_url": slapd.url, "ldap_starttls": False, "ldap_user_dn": USER_DN,
              "ldap_admins": "cn=admins,dc=example,dc=com", "ldap_support": "cn=support,dc=example,dc=com"}  # fmt: skip
    for key, value in values.items():
        set_value(key=key, value=value)
    return slapd


def enter(name: str, password: str) -> Account | None:
    return authenticate(None, username=name, password=password)  # type: ignore[return-value]


@pytest.mark.req("auth-022")
def test_who_is_staff_here_logs_in_by_the_password_of_the_directory(directory: Slapd) -> None:
    account = make.admin(username="guest")
    assert enter("guest", PEOPLE["guest"]) == account
    assert enter("guest", "not-it-at-all") is None
    client = Client()
    client.post("/accounts/login/", {"login": "guest", "password": PEOPLE["guest"]})
    assert client.get("/admin/").status_code == 200


@pytest.mark.req("auth-022")
def test_a_member_of_a_group_gets_an_account_at_the_first_login_and_others_do_not(directory: Slapd) -> None:
    for name, kind in (("boss", "admin"), ("helper", "support")):
        found = enter(name, PEOPLE[name])
        assert (
            found is not None
            and (found.kind, found.is_staff) == (kind, True)
            and not found.has_usable_password()
        )
        assert enter(name, PEOPLE[name]) == found
    assert enter("guest", PEOPLE["guest"]) is None
    assert not Account.objects.filter(username="guest").exists()


def test_customers_and_disabled_staff_do_not_get_in_by_it(directory: Slapd) -> None:
    make.subscriber(username="customer")
    services.change_account(account=make.admin(username="guest"), is_active=False)
    assert enter("customer", PEOPLE["customer"]) is None
    assert enter("guest", PEOPLE["guest"]) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("boss", ""), ("", ""), ("*", "x"), ("boss,ou=people", "x"), ("boss)(uid=*", "x"), ("b" * 300, "x")],
)
def test_no_password_and_no_trick_with_names_opens_anything(
    directory: Slapd, name: str, password: str
) -> None:
    assert enter(name, password) is None and not Account.objects.filter(kind="admin").exists()


def test_no_password_is_sent_where_the_directory_does_not_speak_tls(directory: Slapd) -> None:
    set_value(key="ldap_starttls", value=True)
    assert enter("boss", PEOPLE["boss"]) is None


def test_while_the_directory_is_away_our_own_passwords_count(directory: Slapd) -> None:
    account = make.admin(username="local", password="correct-horse-42")
    set_value(key="ldap_url", value="ldap://127.0.0.1:9")
    assert enter("local", "correct-horse-42") == account
    assert enter("boss", PEOPLE["boss"]) is None


def test_wrong_passwords_of_the_directory_are_counted_too(directory: Slapd) -> None:
    client = Client()
    for _ in range(6):
        client.post("/accounts/login/", {"login": "boss", "password": "not-it-at-all"})
    assert Lockout.objects.get(kind="pair").until is not None
    client.post("/accounts/login/", {"login": "boss", "password": PEOPLE["boss"]})
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("key", "value"),
    [("ldap_url", "http://x"), ("ldap_url", "ldap://"), ("ldap_user_dn", "uid=x"), ("ldap_user_dn", "{}{}=")],
)
def test_settings_that_cannot_work_are_refused(key: str, value: str) -> None:
    with pytest.raises(ValidationError):
        set_value(key=key, value=value)
