"""How a reseller works in the portal, and a customer redeems a voucher, in a browser."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from apps.pricing.models import Tariff
from apps.users import services as users
from apps.users.models import Account
from apps.vouchers import services as vouchers
from tests.browser.conftest import Visitor


@pytest.mark.req("reseller-010")
def test_a_reseller_makes_prices_accounts_and_vouchers(visitor: Visitor) -> None:
    partner = Account.objects.get(username="demo-reseller")
    visitor.log_in("demo-reseller")
    visitor.look("reseller-own-prices", "/prices/")
    page = visitor.look("reseller-new-list", "/price-lists/add/")
    page.get_by_label("Name").fill("Summer")
    page.get_by_label("Copy of").select_option(index=1)
    page.get_by_label("Every price changed by, %").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Summer")).to_be_visible()
    made = Tariff.objects.get(owner=partner)
    page = visitor.look("reseller-list", f"/price-lists/{made.pk}/")
    page.get_by_label("Change prices by, %").fill("-90")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("below the least that you may ask")).to_be_visible()
    visitor.look("reseller-lists", "/price-lists/")
    page = visitor.look("reseller-new-account", "/accounts-below/add/")
    page.get_by_label("User name").fill("newcomer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="newcomer")).to_be_visible()
    visitor.look("reseller-account-below", page.url.removeprefix(visitor.site))
    newcomer = Account.objects.get(username="newcomer")
    visitor.look("reseller-credit", f"/accounts-below/{newcomer.pk}/credit/")
    visitor.look("reseller-prices-of", f"/accounts-below/{newcomer.pk}/prices/")
    batch = vouchers.open_batch(by=partner, name="Autumn", value=Decimal(5), count=3)
    vouchers.print_codes(batch=batch, by=partner)
    vouchers.open_batch(by=partner, name="Winter", value=Decimal(10), count=3)
    visitor.look("reseller-vouchers", "/vouchers/")
    assert not visitor.faults, visitor.faults


def test_a_customer_redeems_a_voucher_and_sees_prices(visitor: Visitor) -> None:
    admin = Account.objects.filter(is_superuser=True).first()
    assert admin is not None
    batch = vouchers.open_batch(by=admin, name="Spring", value=Decimal(5), count=1)
    (printed,) = vouchers.print_codes(batch=batch, by=admin)
    users.set_own(account=Account.objects.get(username="1001"), key="feature_transfercredit", value="yes")
    visitor.log_in("1001")
    visitor.look("customer-prices", "/prices/?q=36301234567")
    visitor.look("customer-pass-on", "/credit/pass-on/")
    page = visitor.look("customer-redeem", "/vouchers/redeem/")
    page.get_by_label("Code").fill(printed.code)
    page.get_by_role("button", name="Redeem").click()
    expect(page.get_by_text("is on your balance")).to_be_visible()
    assert not visitor.faults, visitor.faults


def test_the_office_makes_vouchers(visitor: Visitor) -> None:
    visitor.log_in("admin")
    page = visitor.look("admin-new-vouchers", "/admin/vouchers/batch/add/")
    for name, value in (("name", "House"), ("value", "10"), ("count", "2")):
        page.locator(f"#id_{name}").fill(value)
    page.get_by_role("button", name="Save", exact=True).click()
    visitor.look("admin-vouchers", "/admin/vouchers/batch/")
    visitor.look("admin-reminders", "/admin/invoices/reminder/")
    visitor.look("admin-invoice-several", "/admin/invoices/invoice/several/")
    visitor.look(
        "admin-calculator",
        "/admin/calculator/?first_day=2026-11-01&last_day=2026-11-30&price=0.1&first_increment=60&next_increment=60",
    )
    assert not visitor.faults, visitor.faults
