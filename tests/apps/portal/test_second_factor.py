"""The second factor: set up, asked for, lost, and wanted of whom the setting names."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.test import Client

from apps.config.services import set_value
from apps.core.sealed import CannotUnseal, seal, unseal
from apps.users.models import Account
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted_anew")]
GOOD = "correct-horse-42"


def log_in(client: Client, name: str) -> str:
    """Where that leads."""
    answer = client.post("/accounts/login/", {"login": name, "password": GOOD})
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def code(secret: str, later: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def set_up(client: Client) -> str:
    """An app's secret."""
    assert client.get("/accounts/2fa/totp/activate/").status_code == 302  # the password is asked for again
    assert client.post("/accounts/reauthenticate/", {"password": GOOD}).status_code == 302
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer.status_code == 302, answer.content
    return str(secret)


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"\b[0-9]{8}\b", client.get("/accounts/2fa/recovery-codes/").content.decode())


def test_who_has_an_app_is_asked_for_its_code_and_no_page_opens_before(client: Client) -> None:
    make.admin(username="boss", password=GOOD)
    log_in(client, "boss")
    secret = set_up(client)
    client.logout()
    assert log_in(client, "boss") == "/accounts/2fa/authenticate/"
    assert client.get("/admin/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/admin/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": code(secret, 1)}).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_recovery_code_opens_once(client: Client) -> None:
    make.reseller(username="partner", password=GOOD)
    log_in(client, "partner")
    set_up(client)
    codes = recovery_codes(client)
    assert len(codes) == 10
    client.logout()
    log_in(client, "partner")
    assert client.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 302
    assert client.get("/").status_code == 200
    client.logout()
    log_in(client, "partner")
    assert client.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": codes[1]}).status_code == 302


def test_the_database_holds_no_secret_that_could_be_read(client: Client) -> None:
    make.admin(username="boss", password=GOOD)
    log_in(client, "boss")
    secret, codes = set_up(client), recovery_codes(client)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored and not any(one in stored for one in codes)


def test_what_was_sealed_opens_with_the_same_key_and_purpose_only() -> None:
    sealed = seal("key", "purpose", "word")
    assert unseal("key", "purpose", sealed) == "word" and sealed != seal("key", "purpose", "word")
    for key, purpose, text in (
        ("other", "purpose", sealed),
        ("key", "other", sealed),
        ("key", "purpose", sealed[:-8]),
        ("key", "purpose", "x"),
    ):
        with pytest.raises(CannotUnseal):
            unseal(key, purpose, text)
    assert "word" not in sealed and settings.SECRET_KEY not in sealed


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        ("optional", set()),
        ("staff", {"admin", "support"}),
        ("resellers", {"admin", "support", "reseller", "owner"}),
        ("everybody", {"admin", "support", "reseller", "owner", "subscriber"}),
    ],
)
def test_whoever_has_to_have_one_gets_nowhere_without(wanted: str, kinds: set[str]) -> None:
    set_value(key="secondfactor", value=wanted)
    for kind in ("admin", "support", "reseller", "owner", "subscriber"):
        client, account = Client(), make.account(kind, password=GOOD)
        log_in(client, account.username)
        for path in ("/admin/" if account.is_staff else "/", "/api/v1/accounts/"):
            answer = client.get(path)
            led = answer.status_code == 403 or answer.headers.get("Location") == "/accounts/2fa/"
            assert led is (kind in kinds), (kind, path, answer.status_code)
        if kind in kinds:
            set_up(client)
            assert client.get("/admin/" if account.is_staff else "/").status_code == 200


def test_a_lost_factor_is_taken_away_by_the_office_but_not_by_support_from_staff() -> None:
    customer, boss, support = (
        make.reseller(password=GOOD),
        make.admin(password=GOOD),
        make.account("support", password=GOOD),
    )
    client = Client()
    log_in(client, customer.username)
    set_up(client)
    path = f"/admin/users/account/{customer.pk}/access/"

    def remove(by: Account, at: str = path) -> int:
        office = Client()
        office.force_login(by, backend="django.contrib.auth.backends.ModelBackend")
        return int(office.post(at, {"remove": "1"}).status_code)

    assert remove(support) == 403 and Authenticator.objects.filter(user=customer).exists()
    assert remove(boss, f"/admin/users/account/{boss.pk}/access/") == 403
    assert remove(boss) == 302 and not Authenticator.objects.filter(user=customer).exists()
    assert log_in(Client(), customer.username) == "/"
