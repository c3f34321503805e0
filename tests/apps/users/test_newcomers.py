"""Accounts that are opened by themselves, for phones that another server knows."""

from __future__ import annotations

from typing import Any

import pytest

from apps.config.services import set_value
from apps.pbx.services import carry_out
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def asked(username: str = "newcomer") -> str:
    return carry_out(order={"k": "do", "account": 0, "what": "open", "username": username})


@pytest.mark.req("users-048", "limits-043")
def test_a_newcomer_is_a_prepaid_subscriber_without_money_with_few_lines() -> None:
    set_value(key="autocreatereguser", value="proved")
    make.reseller(username="shop")
    set_value(key="autocreatereguser_parent", value="shop")
    assert asked() == asked() == ""
    account = Account.objects.get(username="newcomer")
    assert (account.kind, account.billing, account.max_calls, account.balance.amount) == (
        "subscriber",
        "prepaid",
        3,
        0,
    )
    assert (
        account.parent is not None and account.parent.username == "shop" and not account.has_usable_password()
    )
    assert account.settings.get(key="reuseep").value in (True, "true", "yes")


@pytest.mark.parametrize(
    ("settings", "username", "why"),
    [
        ({}, "newcomer", "autocreatereguser"),
        ({"autocreatereguser": "proved", "autocreatereguser_parent": "nobody"}, "newcomer", "nobody"),
        ({"autocreatereguser": "proved"}, "x", "at least"),
        ({"autocreatereguser": "proved"}, "<b>", "Letters"),
    ],
)
def test_nobody_else_is_opened(settings: dict[str, Any], username: str, why: str) -> None:
    for key, value in settings.items():
        set_value(key=key, value=value)
    assert why in asked(username)
    assert not Account.objects.filter(username=username).exists()
