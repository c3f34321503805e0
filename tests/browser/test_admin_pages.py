"""The admin as an operator sees it in a browser."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from playwright.sync_api import expect

from apps.cdrs.models import Cdr
from apps.config.models import Setting
from apps.core.workers import CALLS, WORKERS
from apps.invoices.services import rerating
from apps.pricing.models import Rate, Tariff
from apps.routing.models import RouteRule
from apps.users.models import Account
from tests.browser.conftest import Visitor


@pytest.mark.req("admin-ui-068")
def test_every_page_looks_right_on_a_screen_and_on_a_phone(visitor: Visitor) -> None:
    visitor.log_in("admin")
    tariff, rule = Tariff.objects.get(name="Retail"), RouteRule.objects.get()
    call = Cdr.objects.filter(answered_at__isnull=False).latest("started_at")
    pages = {
        "admin-dashboard": "",
        "admin-current-calls": "calls/",
        "admin-accounts": "users/account/",
        "admin-account": f"users/account/{Account.objects.get(username='1001').pk}/change/",
        "admin-carrier": f"users/account/{Account.objects.get(username='carrier-solid').pk}/change/",
        "admin-account-add": "users/account/add/",
        "admin-route": f"routing/routerule/{rule.pk}/change/",
        "admin-tariffs": "pricing/tariff/",
        "admin-tariff": f"pricing/tariff/{tariff.pk}/change/",
        "admin-import": f"pricing/tariff/{tariff.pk}/import/",
        "admin-rates": "pricing/rate/",
        "admin-calls": "cdrs/cdr/",
        "admin-call": f"cdrs/cdr/{call.pk}/change/",
        "admin-payments": "invoices/payment/",
        "admin-invoice-add": "invoices/invoice/add/",
        "admin-ledger": "invoices/ledgerentry/",
        "admin-settings": "config/setting/",
        "admin-setting": "config/setting/reroutedisccodes/edit/",
        "admin-history": f"pricing/tariff/{tariff.pk}/history/",
    }
    visitor.walk({name: f"/admin/{path}" for name, path in pages.items()})
    page = visitor.look("api-docs", "/api/docs/")
    expect(page.get_by_text("/api/v1/accounts/").first).to_be_visible()
    assert not visitor.faults, visitor.faults


def test_prices_are_changed_in_the_list_and_by_a_file(visitor: Visitor, tmp_path: Path) -> None:
    visitor.log_in("admin")
    tariff = Tariff.objects.get(name="Retail")
    page = visitor.look("admin-rates-edit", f"/admin/pricing/rate/?tariff__id__exact={tariff.pk}&q=36")
    page.locator("input[name=form-0-price]").fill("0.0777")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 rate was changed successfully.")).to_be_visible()
    assert Rate.objects.filter(tariff=tariff, price="0.0777").count() == 1

    file = tmp_path / "prices.csv"
    file.write_text("352,0.05,,,,,,\n353,much,,,,,,\n")
    page.goto(f"{visitor.site}/admin/pricing/tariff/{tariff.pk}/import/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Line 2:")).to_be_visible()
    assert not Rate.objects.filter(tariff=tariff, prefix="352").exists()
    visitor.faults = [fault for fault in visitor.faults if "422" not in fault]  # the browser notes the status
    file.write_text("352,0.05,,,,,,\n")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("1 rates added")).to_be_visible()
    assert not visitor.faults, visitor.faults


def test_a_setting_is_changed_and_an_account_opened(visitor: Visitor) -> None:
    visitor.log_in("admin")
    page = visitor.look("admin-setting-edit", "/admin/config/setting/maxreroute/edit/")
    page.get_by_label("Value").fill("lots")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is not a whole number")).to_be_visible()
    page.get_by_label("Value").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("maxreroute was changed.")).to_be_visible()
    assert Setting.objects.get(key="maxreroute").value == "4"
    page = visitor.look("admin-account-new", "/admin/users/account/add/")
    page.locator("#id_username").fill("1010")
    page.locator("#id_web_password").fill("long-enough-word-7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Account.objects.get(username="1010").check_password("long-enough-word-7")
    assert not visitor.faults, visitor.faults


def test_current_calls_come_and_go_without_a_reload(visitor: Visitor) -> None:
    store = redis.Redis.from_url(settings.REDIS_URL)
    call = {"id": str(uuid4()), "worker": "n-1", "state": "up", "started": time.time(), "answered": time.time(), "path": [],
            "caller_id": 1, "caller": "1001", "called_number": "36209998887", "destination": "Hungary mobile", "media": "relay", "recorded": True}  # fmt: skip
    visitor.log_in("admin")
    page = visitor.look("admin-current-calls-none", "/admin/calls/")
    expect(page.get_by_text("No call is up now.")).to_be_visible()
    store.zadd(WORKERS, {"n-1": time.time()})
    store.hset(CALLS + "n-1", call["id"], json.dumps(call))
    try:
        expect(page.get_by_text("36209998887")).to_be_visible()
        visitor.look("admin-current-calls-one", "/admin/calls/")
    finally:
        store.delete(CALLS + "n-1", WORKERS)
    expect(page.get_by_text("36209998887")).to_be_hidden()
    store.close()
    assert not visitor.faults, visitor.faults


def test_an_operator_sees_what_a_re_rating_changes_and_applies_it(visitor: Visitor) -> None:
    call = Cdr.objects.filter(answered_at__isnull=False, carrier__isnull=False).latest("started_at")
    Rate.objects.filter(tariff__name="Retail").update(price="0.5")
    asked = rerating.ask(
        by=None, since=call.started_at - timedelta(hours=1), reason="a wrong list", start=False
    )
    run = rerating.proceed(run_id=asked.pk)
    visitor.log_in("admin")
    visitor.look("admin-rerating-add", "/admin/cdrs/rerating/add/")
    page = visitor.look("admin-rerating", f"/admin/cdrs/rerating/{run.pk}/change/")
    expect(page.get_by_role("heading", name="By destination")).to_be_visible()
    page = visitor.look("admin-rerating-apply", f"/admin/cdrs/rerating/{run.pk}/apply/")
    page.get_by_role("button", name="Change the prices").click()
    expect(page.get_by_text("The prices are changed.")).to_be_visible()
    page = visitor.look("admin-call-why", f"/admin/cdrs/cdr/{call.pk}/change/")
    expect(page.get_by_text("at 0.5 a minute").first).to_be_visible()
    assert not visitor.faults, visitor.faults
