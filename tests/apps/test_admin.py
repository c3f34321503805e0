"""Every page of the admin opens, and what an operator does there happens by the rules of the services."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from apps.cdrs import live
from apps.config.models import Setting
from apps.config.services import set_value
from apps.core import workers
from apps.core.sealed import of_setting, unseal
from apps.invoices.models import Invoice, LedgerEntry
from apps.pricing.models import Rate
from apps.routing.models import RouteRule
from apps.users import services as users
from apps.users.models import Account
from tests import make
from tests.house import House, house
from tests.support import wait_for
from tests.traffic import DAY, settled_day
from tests.walk import pages

__all__ = ["house"]
pytestmark = pytest.mark.django_db
OPEN = [
    page for page in pages() if page.name.startswith("admin:") and page.name.endswith(("_changelist", "_add"))
]


@pytest.fixture
def boss(client: Client, house: House) -> Client:
    client.force_login(house.admin)
    return client


def form_of(response: Any) -> dict[str, Any]:
    """What the browser would send back if nothing were touched."""
    form = response.context["adminform"].form
    data = {
        form.add_prefix(name): form.get_initial_for_field(field, name) for name, field in form.fields.items()
    }
    for formset in (inline.formset for inline in response.context["inline_admin_formsets"]):
        fields = [(formset.management_form, name) for name in formset.management_form.fields]
        fields += [(row, name) for row in formset.forms for name in row.fields]
        for row, name in fields:
            data[row.add_prefix(name)] = row.get_initial_for_field(row.fields[name], name)
    return {name: value for name, value in data.items() if value is not None and value is not False}


@pytest.mark.parametrize("page", OPEN, ids=lambda page: page.name)
def test_every_list_and_empty_form_opens(page: Any, boss: Client, house: House) -> None:
    response = boss.get(page.path(house))
    assert response.status_code == (403 if page.name in NOBODY_ADDS else 200)


NOBODY_ADDS = {
    f"admin:{kind}_add"
    for kind in (
        "aaa_accountingstop",
        "approvals_approval",
        "cdrs_cdr",
        "config_setting",
        "desk_batch",
        "invoices_growth",
        "invoices_ledgerentry",
        "invoices_reminder",
        "invoices_usage",
        "recordings_listening",
        "screening_alert",
        "screening_ban",
        "users_lockout",
        "vouchers_voucher",
        "recordings_recording",
        "routing_trunkevent",
        "users_sipcredential",
        "vouchers_voucher",
    )
}


@pytest.mark.parametrize("what", ["change", "history"])
@pytest.mark.parametrize(
    "kind", ["users_account", "routing_routerule", "routing_bestroute", "routing_trunkhealth", "routing_trunkevent", "signalling_headerrule", "signalling_hangupcause", "numbers_numberlist", "numbers_rewriterule", "numbers_prefixrule", "pricing_tariff", "pricing_rate", "pricing_pricegroup", "cdrs_cdr",
             "pricing_timewindow", "pricelists_changeset", "approvals_approval", "invoices_invoice", "invoices_payment",
             "invoices_ledgerentry", "invoices_fee", "invoices_allowance", "invoices_usage", "invoices_growth", "screening_screenednumber", "screening_firewallrule", "screening_ban", "screening_callerstanding", "screening_alert"]
)  # fmt: skip
def test_every_thing_opens_with_its_history(what: str, kind: str, boss: Client, house: House) -> None:
    page = next(page for page in pages() if page.name == f"admin:{kind}_{what}")
    assert boss.get(page.path(house)).status_code == 200


@pytest.mark.req("admin-ui-068")
def test_the_first_page_shows_the_day(boss: Client, house: House) -> None:
    body = boss.get("/admin/").content.decode()
    assert "Calls today" in body and "Calls by the hour" in body and "<title>" in body
    context = boss.get("/admin/").context
    assert len(context["bars"]) == 24 and len(context["cards"]) == 5


@pytest.mark.parametrize(
    ("kind", "above"), [("subscriber", "reseller"), ("extension", "ada"), ("agent", "company"), ("calling_card", "company"),
                        ("reseller", "company"), ("owner", ""), ("customer_trunk", "company"), ("carrier", "company"),
                        ("sales", "company"), ("support", ""), ("admin", "")]
)  # fmt: skip
@pytest.mark.req("users-002", "web-portal-025")
def test_an_account_of_every_kind_is_opened_and_changed(
    kind: str, above: str, boss: Client, house: House
) -> None:
    form = form_of(boss.get("/admin/users/account/add/"))
    form |= {"username": f"new-{kind}", "kind": kind, "parent": getattr(house, above).pk if above else "",
             "web_password": "correct-horse-9"}  # fmt: skip
    response = boss.post("/admin/users/account/add/", form)
    assert response.status_code == 302, response.context["errors"]
    made = Account.objects.get(username=f"new-{kind}")
    assert made.check_password("correct-horse-9") and made.balance.amount == 0
    path = reverse("admin:users_account_change", args=[made.pk])
    response = boss.post(path, form_of(boss.get(path)) | {"display_name": "Somebody"})
    assert response.status_code == 302, response.context["errors"]
    made.refresh_from_db()
    assert made.display_name == "Somebody"


def test_what_the_service_refuses_stands_beside_the_field(boss: Client, house: House) -> None:
    form = form_of(boss.get("/admin/users/account/add/")) | {
        "username": "x1",
        "kind": "extension",
        "parent": "",
    }
    response = boss.post("/admin/users/account/add/", form)
    assert response.status_code == 200 and "parent" in response.context["adminform"].form.errors
    assert not Account.objects.filter(username="x1").exists()


def test_prices_are_edited_in_the_list_by_the_service(boss: Client, house: House) -> None:
    path = f"/admin/pricing/rate/?tariff__id__exact={house.tariff.pk}"
    formset = boss.get(path).context["cl"].formset
    data = {
        formset.add_prefix(name): formset.management_form[name].value()
        for name in formset.management_form.fields
    }
    for number, row in enumerate(formset.forms):
        data |= {f"form-{number}-id": row.instance.pk, f"form-{number}-price": row.instance.price}
        if row.instance == house.rate:
            mine = f"form-{number}-price"
    data["_save"] = "Save"
    data |= {"form-TOTAL_FORMS": len(formset.forms), "form-INITIAL_FORMS": len(formset.forms)}
    assert boss.post(path, data | {mine: "0.123"}).status_code == 302
    house.rate.refresh_from_db()
    assert str(house.rate.price) == "0.123000"
    refused = boss.post(path, data | {mine: "-1"})
    assert refused.status_code == 200 and "A price is not negative." in refused.content.decode()


@pytest.mark.parametrize("good", [True, False])
def test_an_import_names_bad_lines_and_then_changes_nothing(good: bool, boss: Client, house: House) -> None:
    text = b"43,0.02,,,,,,\n" + (b"" if good else b"44,dear,,,,,,\nx,1,,,,,,\n")
    path = f"/admin/pricing/tariff/{house.tariff.pk}/import/"
    response = boss.post(path, {"file": io.BytesIO(text)})
    assert Rate.objects.filter(tariff=house.tariff, prefix="43").exists() is good
    if not good:
        body = response.content.decode()
        assert response.status_code == 422 and "Line 2:" in body and "Line 3:" in body


@pytest.mark.req("admin-ui-051")
def test_settings_are_found_by_a_part_of_their_name(boss: Client) -> None:
    rows = boss.get("/admin/config/setting/?q=reroute").context["rows"]
    assert {row["definition"].key for row in rows} == {
        "allowreroute", "maxreroute", "noreroutedisccodes", "rerouteconnected", "reroutedisccodes", "rerouteon",
    }  # fmt: skip
    assert "402,403,408" in boss.get("/admin/config/setting/reroutedisccodes/edit/").content.decode()


def test_a_setting_refuses_nonsense_and_goes_back_to_its_default(boss: Client) -> None:
    path = "/admin/config/setting/maxreroute/edit/"
    refused = boss.post(path, {"value": "many", "node": ""})
    assert refused.status_code == 200 and "is not a whole number" in refused.content.decode()
    assert boss.post(path, {"value": "3", "node": ""}).status_code == 302
    assert Setting.objects.get(key="maxreroute").value == "3"
    boss.post(path, {"value": "3", "node": "", "default": "1"})
    assert not Setting.objects.filter(key="maxreroute").exists()


@pytest.mark.req("security-051")
def test_a_secret_among_the_settings_is_kept_sealed_and_shown_to_nobody(boss: Client) -> None:
    path = "/admin/config/setting/sslcertpwd/edit/"
    boss.post(path, {"value": "open sesame", "node": ""})
    stored = Setting.objects.get(key="sslcertpwd").value
    assert (
        "sesame" not in stored
        and unseal(settings.SECRET_KEY, of_setting("sslcertpwd"), stored) == "open sesame"
    )
    for page in (path, "/admin/config/setting/?q=sslcertpwd"):
        body = boss.get(page).content.decode()
        assert "sesame" not in body and stored not in body
    boss.post(path, {"value": "", "node": ""})
    assert Setting.objects.get(key="sslcertpwd").value == stored, "empty leaves it as it is"
    set_value(key="sslcertpwd", value=stored, node="two")
    assert Setting.objects.get(key="sslcertpwd", node="two").value == stored
    with pytest.raises(ValidationError, match="not sealed with the key"):
        set_value(key="sslcertpwd", value="sealed1:abcd")
    boss.post(path, {"value": "", "node": "", "default": "1"})
    assert not Setting.objects.filter(key="sslcertpwd", node="").exists()


def test_an_invoice_is_issued_and_taken_back_by_buttons_only(boss: Client, house: House) -> None:
    day = house.invoice.period_start.date().isoformat()
    last = house.invoice.period_end.date().isoformat()
    refused = boss.post(
        "/admin/invoices/invoice/add/", {"account": house.eve.pk, "first_day": last, "last_day": "2099-01-01"}
    )
    assert refused.status_code == 200 and "not over yet" in refused.content.decode()
    midnight = time.time() // DAY * DAY
    settled_day(calls=20, midnight=midnight - DAY, seed=8)  # the calls of the house may all be of today
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(midnight - DAY))
    data = {"account": house.eve.pk, "first_day": day, "last_day": yesterday}
    assert boss.post("/admin/invoices/invoice/add/", data).status_code == 302
    invoice = Invoice.objects.get(account=house.eve)
    path = f"/admin/invoices/invoice/{invoice.pk}/credit/"
    assert boss.get(path).status_code == 200 and not invoice.corrections.exists()
    assert boss.post(path).status_code == 302 and invoice.corrections.get().gross == -invoice.gross


def test_a_payment_is_entered_and_never_changed(boss: Client, house: House) -> None:
    data = {"account": house.eve.pk, "amount": "12.50", "method": "cash", "reference": "slip 4"}
    assert boss.post("/admin/invoices/payment/add/", data).status_code == 302
    payment = house.eve.payments.get(reference="slip 4")
    assert LedgerEntry.objects.get(payment=payment).amount == payment.amount
    assert (
        boss.post(f"/admin/invoices/payment/{payment.pk}/change/", data | {"amount": "1"}).status_code == 403
    )


@pytest.fixture
def up(house: House) -> Iterator[dict[str, Any]]:
    """A call of Ada's that a worker says is up."""
    store = redis.Redis.from_url(settings.REDIS_URL)
    call = {"id": str(uuid4()), "worker": "n-1", "state": "up", "started": time.time() - 9, "answered": time.time() - 5,
            "caller_id": house.ada.pk, "caller": "ada", "path": [], "caller_number": "4420", "called_number": "36201112223",
            "destination": "Hungary mobile", "carrier": "carrier-a", "rule": "world", "codec": "PCMA"}  # fmt: skip
    store.zadd(workers.WORKERS, {"n-1": time.time()})
    store.hset(workers.CALLS + "n-1", call["id"], json.dumps(call))
    yield call
    store.delete(workers.CALLS + "n-1", workers.WORKERS)
    store.close()


def test_current_calls_show_the_parties(boss: Client, up: dict[str, Any]) -> None:
    body = boss.get("/admin/calls/", headers={"HX-Request": "true"}).content.decode()
    assert all(text in body for text in ("ada", "36201112223", "Hungary mobile", "carrier-a", "PCMA"))
    assert "<html" not in body


def test_hanging_up_tells_the_switch(boss: Client, up: dict[str, Any]) -> None:
    store = redis.Redis.from_url(settings.REDIS_URL)
    with store.pubsub(ignore_subscribe_messages=True) as ear:
        ear.subscribe(live.CONTROL)
        ear.get_message(timeout=5)
        assert boss.post(f"/admin/calls/{up['id']}/end/").status_code == 302
        heard = wait_for(lambda: ear.get_message(timeout=0.1), what="the order to hang up")
    assert json.loads(heard["data"]) == {"do": "hangup", "call": up["id"], "by": "boss"}
    store.close()


@pytest.fixture
def no_redis(settings: Any) -> Iterator[None]:
    """Redis as it is when nobody listens on its socket."""
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": settings.REDIS_URL}}
    workers.client.cache_clear()
    yield
    workers.client.cache_clear()


@pytest.mark.parametrize("path", ["/admin/", "/admin/calls/"])
def test_without_redis_the_admin_works_and_says_so(path: str, boss: Client, no_redis: None) -> None:
    body = boss.get(path)
    assert body.status_code == 200 and "Redis does not answer" in body.content.decode()


def test_without_redis_people_still_log_in(client: Client, house: House, no_redis: None) -> None:
    from apps.users.services import set_web_password

    set_web_password(account=Account.objects.get(pk=house.ada.pk), password="correct-horse-9")
    response = client.post("/accounts/login/", {"login": "ada", "password": "correct-horse-9"})
    assert response.status_code == 302
    page = client.get("/")
    assert page.status_code == 200 and "Current calls cannot be shown at the moment." in page.content.decode()
    assert client.get("/api/v1/current-calls/").status_code == 503


@pytest.mark.parametrize("path", ["/admin/", "/admin/users/account/", "/admin/pricing/rate/"])
def test_only_the_open_list_is_marked_in_the_sidebar(path: str, boss: Client) -> None:
    groups = boss.get(path).context["sidebar_navigation"]
    assert sum(bool(item["active"]) for group in groups for item in group["items"]) == 1
    chosen = boss.get("/admin/users/account/?kind__exact=carrier").context["sidebar_navigation"]
    assert [str(i["title"]) for g in chosen for i in g["items"] if i["active"]] == ["Carriers"]


def new_row(response: Any, prefix: str, **said: Any) -> dict[str, Any]:
    """One more row of an inline, as the browser adds it, with what somebody writes into it."""
    formset = next(
        one.formset for one in response.context["inline_admin_formsets"] if one.formset.prefix == prefix
    )
    empty = formset.empty_form
    values = {name: empty.get_initial_for_field(field, name) for name, field in empty.fields.items()} | said
    row = {
        f"{prefix}-0-{name}": value
        for name, value in values.items()
        if value is not None and value is not False
    }
    return row | {f"{prefix}-TOTAL_FORMS": "1"}


def test_a_carriers_trunk_and_account_are_entered_on_its_page(boss: Client, house: House) -> None:
    carrier = users.open_account(username="carrier-x", kind="carrier")
    path = reverse("admin:users_account_change", args=[carrier.pk])
    page = boss.get(path)
    form = form_of(page) | new_row(page, "trunk", host="192.0.2.9")
    form |= new_row(
        page, "trunk_accounts", username="mizu", realm="carrier.example", new_password="between-us"
    )
    response = boss.post(path, form)
    assert response.status_code == 302, response.context["errors"]
    assert carrier.trunk.host == "192.0.2.9" and carrier.trunk_accounts.get().username == "mizu"


def test_a_target_joins_a_rule_on_its_page(boss: Client, house: House) -> None:
    rule = make.rule(name="empty")
    path = reverse("admin:routing_routerule_change", args=[rule.pk])
    page = boss.get(path)
    response = boss.post(path, form_of(page) | new_row(page, "targets", carrier=house.carrier.pk))
    assert response.status_code == 302, response.context["errors"]
    assert rule.targets.get().carrier == house.carrier


def test_a_rule_is_made_with_its_targets_on_one_page(boss: Client, house: House) -> None:
    page = boss.get("/admin/routing/routerule/add/")
    form = form_of(page) | {"name": "new"} | new_row(page, "targets", carrier=house.carrier.pk)
    response = boss.post("/admin/routing/routerule/add/", form)
    assert response.status_code == 302, response.context["errors"]
    assert RouteRule.objects.get(name="new").targets.get().carrier == house.carrier
