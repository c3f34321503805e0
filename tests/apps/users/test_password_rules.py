"""What passwords and user names must be, by the settings; and that weak SIP passwords do not stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.config.registry import SETTINGS
from apps.config.services import set_value
from apps.users import services
from apps.users.models import SipCredential
from apps.users.services.secrets import ha1s
from apps.users.services.weak_secrets import replace_weak_secrets
from apps.users.tasks import look_for_weak_secrets
from tests import make

pytestmark = pytest.mark.django_db
GOOD = "correct-horse-42"


def refused(password: str) -> bool:
    try:
        services.set_sip_password(account=make.subscriber(), password=password)
    except ValidationError:
        return True
    return False


@pytest.mark.req("auth-036")
def test_a_password_has_as_many_characters_as_the_setting_says() -> None:
    assert refused("zq7wmk3rp") and not refused("zq7wmk3rpx")
    set_value(key="minpwlength", value=14)
    assert refused("zq7wmk3rpxhbv") and not refused("zq7wmk3rpxhbvd")
    with pytest.raises(ValidationError):
        services.set_web_password(account=make.subscriber(), password="zq7wmk3rpxhbv")
    with pytest.raises(ValidationError):
        set_value(key="minpwlength", value=4)


@pytest.mark.req("auth-043")
def test_the_second_level_wants_three_kinds_of_characters() -> None:
    assert not refused("zqwmkrpxhbvd")
    set_value(key="validatepassword", value=2)
    for password, weak in (
        ("zqwmkrpxhbvd", True),
        ("zq7wmk3rpxhb", True),
        ("zq7Wmk3rpxhb", False),
        ("zq7-mk3rpxhb", False),
    ):
        assert refused(password) is weak, password
    for _ in range(30):
        services.set_sip_password(account=make.subscriber(), password=services.new_password())


@pytest.mark.req("auth-027")
def test_a_user_name_has_as_many_characters_as_the_setting_says() -> None:
    with pytest.raises(ValidationError, match="at least 2"):
        make.subscriber(username="a")
    account = make.subscriber(username="ab")
    set_value(key="minusernamelen", value=4)
    with pytest.raises(ValidationError, match="at least 4"):
        services.change_account(account=account, username="abc")
    services.change_account(account=account, display_name="Ada")  # the name that it has, it keeps
    services.change_account(account=account, username="abcd")


def imported(password: str, **fields: str) -> SipCredential:
    """A credential whose digest was brought along from another system."""
    one = make.subscriber(**fields).sip
    one.ha1_md5, one.ha1_sha256 = ha1s(one.username, one.realm, password)
    one.save()
    return one


@pytest.mark.req("auth-034", "auth-041", "security-006", "security-012")
@pytest.mark.parametrize(
    "weak",
    ["1001", "10011234", "1001pass", "1001", "1234", "", "36301112222", "secret", "iloveyou", "trustno1"],
)
def test_a_weak_sip_password_is_replaced_by_a_random_one(weak: str) -> None:
    one = imported(weak, username="1001", caller_number="+36301112222")
    kept = make.subscriber(sip_password=GOOD).sip
    look_for_weak_secrets()
    after = SipCredential.objects.get(pk=one.pk)
    assert after.ha1_md5 != one.ha1_md5 and after.ha1_sha256 != one.ha1_sha256
    assert SipCredential.objects.get(pk=kept.pk).ha1_md5 == kept.ha1_md5
    assert replace_weak_secrets() == []


@pytest.mark.req("auth-034", "auth-037")
def test_they_are_looked_for_unless_strong_authentication_was_given_up() -> None:
    assert SETTINGS["enforcestrongauth"].default is True
    set_value(key="enforcestrongauth", value=False)
    one = imported("1001", username="1001")
    look_for_weak_secrets()
    assert SipCredential.objects.get(pk=one.pk).ha1_md5 == one.ha1_md5


def test_old_secrets_are_compared_with_what_follows_from_the_account_only_unless_all_is_wanted() -> None:
    one, other = imported("iloveyou"), imported("2002", username="2002")
    SipCredential.objects.update(changed_at=timezone.now() - timedelta(days=9))
    assert replace_weak_secrets(since=timezone.now() - timedelta(days=2)) == [other.username]
    assert replace_weak_secrets() == [one.username]


def test_no_log_line_has_a_password(caplog: pytest.LogCaptureFixture) -> None:
    imported("iloveyou1", username="1001")
    imported("trustno1", username="1002")
    look_for_weak_secrets()
    assert "1001" in caplog.text or "1002" in caplog.text
    assert "iloveyou" not in caplog.text and "trustno1" not in caplog.text
