"""Passwords of web and phone."""

import hashlib

import pytest
from django.core.exceptions import ValidationError

from apps.config.services import set_value
from apps.users import services
from apps.users.models import SipCredential
from tests import make

pytestmark = pytest.mark.django_db
GOOD = "correct-horse-42"


def test_a_phone_password_is_kept_as_digests_of_both_kinds():
    account = make.subscriber(username="1001", sip_password=GOOD)
    text = f"1001:mizu:{GOOD}".encode()
    assert account.sip.ha1_md5 == hashlib.md5(text).hexdigest()
    assert account.sip.ha1_sha256 == hashlib.sha256(text).hexdigest()


def test_the_digest_is_for_the_realm_of_the_setting():
    set_value(key="sip_realm", value="voice.example.com")
    account = make.subscriber(username="1001", sip_password=GOOD)
    assert account.sip.realm == "voice.example.com"
    assert account.sip.ha1_md5 == hashlib.md5(f"1001:voice.example.com:{GOOD}".encode()).hexdigest()


@pytest.mark.req("auth-044")
def test_no_column_holds_a_password():
    account = make.subscriber(username="1001", password=GOOD, sip_password=GOOD)
    row = [str(value) for value in SipCredential.objects.values().get(account=account).values()]
    assert not any(GOOD in value for value in [*row, account.password])
    assert account.password.startswith("argon2")


@pytest.mark.parametrize("weak", ["", "1001", "short1", "aaaaaaaaaaaaaaaa", "password1234", "1234567890", "1001-1001-1001", "x" * 200, "ok-enough-\x00-123"])  # fmt: skip
def test_a_weak_phone_password_is_refused(weak):
    account = make.subscriber(username="1001", sip_password=GOOD)
    before = account.sip.ha1_md5
    with pytest.raises(ValidationError) as refused:
        services.set_sip_password(account=account, password=weak)
    assert "sip_password" in refused.value.message_dict
    assert SipCredential.objects.get(account=account).ha1_md5 == before


def test_a_new_password_passes_its_own_rules_and_is_never_the_same():
    made = {services.new_password() for _ in range(50)}
    assert len(made) == 50
    account = make.subscriber()
    for password in made:
        services.set_sip_password(account=account, password=password)


def test_an_account_without_a_password_lets_nobody_in():
    assert not make.subscriber().has_usable_password()


def test_a_new_user_name_counts_for_the_phone_from_its_next_password_on():
    account = make.subscriber(username="1001", sip_password=GOOD)
    services.change_account(account=account, username="2001")
    assert SipCredential.objects.get(account=account).username == "1001"
    services.set_sip_password(account=account, password=GOOD)
    assert SipCredential.objects.get(account=account).username == "2001"


def test_staff_has_no_phone():
    with pytest.raises(ValidationError):
        services.set_sip_password(account=make.admin(), password=GOOD)
