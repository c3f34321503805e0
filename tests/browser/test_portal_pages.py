"""The portal as a subscriber and a reseller see it in a browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.callshop import services as callshop
from apps.cdrs.models import Cdr
from apps.invoices.services import issuing
from apps.users import services as users
from apps.users.models import Account
from tests import make
from tests.browser.conftest import Visitor


@pytest.mark.req("web-portal-002")
def test_a_subscriber_sees_money_calls_and_invoices(visitor: Visitor) -> None:
    ada = Account.objects.get(username="1001")
    end = timezone.now() - timedelta(minutes=1)
    invoice = issuing.issue(account=ada, period_start=end - timedelta(days=2), period_end=end)
    call = Cdr.objects.filter(caller=ada, answered_at__isnull=False).latest("started_at")
    visitor.look("portal-login", "/accounts/login/")
    visitor.look("portal-reset", "/accounts/password/reset/")
    visitor.log_in("1001")
    page = visitor.look("portal-home", "/")
    expect(page.get_by_role("heading", name="Balance")).to_be_visible()
    for name, path in {
        "calls": "/calls/",
        "features": "/features/",
        "call": f"/calls/{call.pk}/",
        "invoices": "/invoices/",
        "ledger": "/payments/",
    }.items():
        page = visitor.look(f"portal-{name}", path)
        assert page.locator("h1").count() == 1
    page.goto(visitor.site + "/invoices/")
    answer = page.request.get(
        visitor.site + str(page.get_by_role("link", name="PDF").first.get_attribute("href"))
    )
    assert answer.headers["content-type"] == "application/pdf" and answer.body().startswith(b"%PDF")
    assert invoice.number in answer.headers["content-disposition"]
    assert not visitor.faults, visitor.faults


def test_a_subscriber_changes_the_password_and_logs_in_with_it(visitor: Visitor) -> None:
    visitor.log_in("1001")
    page = visitor.look("portal-password", "/accounts/password/change/")
    page.get_by_label("Current Password").fill(visitor.passwords["1001"])
    page.get_by_label("New Password", exact=True).fill("brand-new-horse-5")
    page.get_by_label("New Password (again)").fill("brand-new-horse-5")
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("button", name="Log out").click()
    visitor.passwords["1001"] = "brand-new-horse-5"
    visitor.log_in("1001")
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()
    assert not visitor.faults, visitor.faults


def test_a_reseller_finds_customers_and_their_calls(visitor: Visitor) -> None:
    visitor.log_in("demo-reseller")
    visitor.look("reseller-home", "/")
    page = visitor.look("reseller-accounts", "/accounts-below/")
    page.get_by_role("link", name="1003").click()
    expect(page.get_by_role("heading", name="1003")).to_be_visible()
    visitor.look("reseller-account", page.url.removeprefix(visitor.site))
    assert not visitor.faults, visitor.faults


@pytest.mark.req("callshop-004")
def test_the_owner_of_a_callshop_closes_a_cabin_and_prints_the_receipt(visitor: Visitor) -> None:
    owner = Account.objects.get(username="1001")
    users.set_own(account=owner, key="callshop", value=True)
    for name in ("Cabin 1", "Cabin 2"):
        callshop.add_cabin(
            owner=owner, username=name.replace(" ", "-"), name=name, password="ring-me-softly-1"
        )
    cabin = Account.objects.get(username="Cabin-1")
    for minutes in (9, 5):
        make.call(owner, caller=cabin, at=timezone.now() - timedelta(minutes=minutes), net="0.42", seconds=84)
    visitor.log_in("1001")
    visitor.look("callshop-add", "/callshop/cabins/add/")
    page = visitor.look("callshop", "/callshop/")
    page.get_by_role("button", name="Close and print").click()
    expect(page.get_by_role("heading", name="Receipt 1")).to_be_visible()
    visitor.look("callshop-receipt", page.url.removeprefix(visitor.site))
    answer = page.request.get(
        visitor.site + str(page.get_by_role("link", name="Print (PDF)").get_attribute("href"))
    )
    assert answer.body().startswith(b"%PDF")
    visitor.look("callshop-after", "/callshop/")
    assert not visitor.faults, visitor.faults


def test_the_keyboard_shows_where_it_is_and_can_skip_the_menu(visitor: Visitor) -> None:
    visitor.log_in("1001")
    page = visitor.look("portal-keyboard", "/calls/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    expect(page.get_by_role("link", name="To the content")).to_be_in_viewport()
    for _ in range(3):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")


def test_what_the_office_writes_stays_text(visitor: Visitor) -> None:
    """A name with markup in it is shown, not run."""
    Account.objects.filter(username="1003").update(
        display_name='<img src="https://example.com/x" onerror="boom()">'
    )
    visitor.log_in("demo-reseller")
    page = visitor.look("portal-markup", "/accounts-below/")
    expect(page.get_by_text("<img src=")).to_be_visible()
    assert not visitor.faults, visitor.faults
