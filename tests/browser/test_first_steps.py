"""docs/first-steps.md, walked in a browser: from an empty system to a call that knows its price and its cheapest way."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from apps.users.models import Account
from mizu_site import demo_data
from switch.call.model import CallRequest, Decision
from switch.call.pipeline import decide
from switch.world.loader import load_now
from switch.world.minutes import minute_cost
from switch.world.parts import ALL, build
from switch.world.store import Store
from tests.browser.conftest import PATIENCE, WIDE, Visitor, keep_picture
from tests.switch.worlds import Usage

COSTS = {
    "carrier-a": "36,0.030\n3620,0.060\n44,0.011\n",
    "carrier-b": "36,0.025\n3620,0.070\n44,0.012\n",
}
RETAIL = "36,0.05\n3620,0.12\n44,0.02\n"


@pytest.fixture
def newcomer(chromium: Browser, transactional_db: None, live_server: Any) -> Any:
    """Somebody with the administrator's password and nothing else."""
    logins = demo_data.administrator(settings.ENVIRONMENT)
    context = chromium.new_context(viewport={"width": WIDE, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    visitor = Visitor(
        context.new_page(), live_server.url, {login["username"]: login["password"] for login in logins}
    )
    yield visitor
    context.close()


def test_from_an_empty_system_to_least_cost_routing(newcomer: Visitor, tmp_path: Path) -> None:
    walk = Walk(newcomer, tmp_path)
    newcomer.log_in("admin")
    walk.picture("new", "/admin/desk/new/")
    walk.open_account("Owner", "company", name="Example Telecom")
    for carrier, costs in COSTS.items():
        walk.open_account("Carrier", carrier, below="company")
        walk.trunk(carrier, host="192.0.2.1" if carrier == "carrier-a" else "192.0.2.2")
        walk.tariff(f"Costs of {carrier}", "carrier", costs, to=carrier)
    walk.tariff("Retail", "retail", RETAIL, to="company")
    walk.rule("world", *COSTS)
    walk.open_account("Prepaid subscriber", "1001", below="company", name="Ada")
    walk.payment("1001", "10")
    account = Account.objects.get(username="1001")
    page = newcomer.look("first-steps-analysis", f"/admin/desk/analysis/{account.pk}/")
    expect(page.get_by_text("No phone has ever registered.")).to_be_visible()
    expect(page.locator(".office-finding-stops")).to_have_count(0)
    found = decided(account, tmp_path / "world")
    assert found("36201234567") == (["carrier-a", "carrier-b"], Decimal("0.12"))
    assert found("3611234567") == (["carrier-b", "carrier-a"], Decimal("0.05"))
    pages = {  # also as a telephone shows them
        "desk-new": "desk/new/",
        "desk-open": "desk/open/?start=prepaid",
        "desk-generate": "desk/generate/",
        "desk-import": "desk/import/",
        "desk-tree": "desk/tree/",
        "groups": "groups/accountgroup/add/",
    }
    newcomer.walk({name: f"/admin/{path}" for name, path in pages.items()})
    assert not newcomer.faults, newcomer.faults


class Walk:
    """The steps of the page, each as a person does it."""

    def __init__(self, visitor: Visitor, folder: Path) -> None:
        self.visitor, self.folder = visitor, folder

    @property
    def browser(self) -> Page:
        return self.visitor.page

    def go(self, path: str) -> Page:
        self.browser.goto(self.visitor.site + path)
        return self.browser

    def picture(self, name: str, path: str) -> None:
        """What docs/first-steps.md shows."""
        self.go(path)
        keep_picture(self.browser, f"first-steps-{name}", whole=False)

    def save(self) -> None:
        self.browser.get_by_role("button", name="Save", exact=True).click()
        expect(self.browser.get_by_text(re.compile("successfully"))).to_be_visible()

    def choose(self, box: str, text: str) -> None:
        """Pick from a list that searches while one types."""
        self.browser.locator(f"[aria-labelledby='select2-{box}-container']").click()
        self.browser.locator(".select2-search__field").last.fill(text)
        self.browser.locator(".select2-results__option", has_text=text).first.click()

    def open_account(self, start: str, username: str, *, below: str = "", name: str = "") -> None:
        page = self.go("/admin/desk/new/")
        page.get_by_role("link", name=re.compile(f"^{start} ")).click()
        page.locator("#id_username").fill(username)
        page.locator("#id_display_name").fill(name)
        page.locator("#id_parent").fill(below)
        page.get_by_role("button", name="Open the account").click()
        expect(page.get_by_role("link", name="Open its page")).to_be_visible()

    def trunk(self, carrier: str, *, host: str) -> None:
        self.browser.get_by_role("link", name="Open its page").click()
        self.browser.get_by_role("link", name=re.compile("Add another Carrier.s trunk", re.I)).click()
        self.browser.locator("#id_trunk-0-host").fill(host)
        if carrier == "carrier-a":
            keep_picture(self.browser, "first-steps-carrier", whole=False)
        self.save()

    def tariff(self, name: str, kind: str, prices: str, *, to: str) -> None:
        page = self.go("/admin/pricing/tariff/add/")
        page.locator("#id_name").fill(name)
        page.locator("#id_kind").select_option(kind)
        page.get_by_role("button", name="Save and continue editing").click()
        page.locator("a[href*='/pricing/tariff/'][href*='import']").first.click()
        file = self.folder / f"{name}.csv"
        file.write_text(prices)
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Import").click()
        page.wait_for_url(re.compile("/change/"))
        page.get_by_role("link", name=re.compile("Add another", re.I)).first.click()
        self.choose("id_assignments-0-account", to)
        self.save()

    def rule(self, name: str, *carriers: str) -> None:
        page = self.go("/admin/routing/routerule/add/")
        page.locator("#id_name").fill(name)
        for place, carrier in enumerate(carriers):
            page.get_by_role("link", name=re.compile("Add another Route target", re.I)).click()
            self.choose(f"id_targets-{place}-carrier", carrier)
        keep_picture(page, "first-steps-rule", whole=False)
        self.save()

    def payment(self, username: str, amount: str) -> None:
        page = self.go("/admin/invoices/payment/add/")
        self.choose("id_account", username)
        page.locator("#id_amount").fill(amount)
        page.locator("#id_method").select_option("cash")
        self.save()


def decided(account: Account, folder: Path) -> Any:
    """What the switch would do with a call of this account: carriers in order, and the price of a minute."""
    store = Store(folder)
    store.publish(build(store, {ALL}, node="here"), time.time())
    world = load_now(folder).world
    assert world is not None
    caller = world.account(account.pk)
    assert caller is not None

    def ask(number: str) -> tuple[list[str], Decimal]:
        request = CallRequest(
            "01930000-0000-7000-8000-000000000001",
            time.time(),
            "192.0.2.50",
            5060,
            "udp",
            "a@b",
            "1001",
            "",
            number,
            "x",
        )
        found = decide(request, caller, world, time.time(), Usage())
        assert isinstance(found, Decision), found
        retail = next(payer.terms for payer in found.payers if payer.kind == "retail")
        return [target.account.username for target in found.targets], Decimal(
            minute_cost(retail, time.time())
        ) / 10**9

    return ask
