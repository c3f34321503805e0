"""Re-ratings in the admin and through the API, and the pages that say why a call cost what it did."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.cdrs.models import CdrPrice, Rerating
from apps.invoices.models import LedgerEntry
from apps.invoices.services import rerating
from apps.invoices.tasks import reckon_rerating, reckon_waiting_reratings
from apps.users.models import Account
from tests import make
from tests.apps.invoices.test_rerating import JUNE, MAY, NEW, OLD, Shop, partitions, prices, shop

__all__ = ["partitions", "shop"]
pytestmark = pytest.mark.django_db


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


@pytest.mark.req("billing-015")
def test_an_operator_asks_looks_and_applies(shop: Shop) -> None:
    call, boss = shop.call(), make.admin()
    admin = client_of(boss)
    values = {"reason": "wrong list", "since_0": "2026-05-01", "since_1": "00:00:00", "until_0": "2026-06-01",
              "until_1": "00:00:00", "account": shop.top.pk, "caller_kind": "", "tariff": "", "calls": ""}  # fmt: skip
    assert admin.post("/admin/cdrs/rerating/add/", values).status_code == 302
    run = Rerating.objects.get()
    assert (run.account, run.state, run.created_by) == (shop.top, "waiting", boss)
    assert reckon_rerating(run.pk) == "ready"
    page = admin.get(f"/admin/cdrs/rerating/{run.pk}/change/").content.decode()
    assert shop.payer.username in page and "-59.400000 EUR" in page
    assert admin.get(f"/admin/cdrs/rerating/{run.pk}/apply/").status_code == 200 and prices(call) == OLD
    assert admin.post(f"/admin/cdrs/rerating/{run.pk}/apply/", {"balances": "1"}).status_code == 302
    assert prices(call) == NEW and LedgerEntry.objects.filter(rerating=run, account=shop.payer).count() == 1
    page = admin.get(f"/admin/cdrs/cdr/{call}/change/").content.decode()
    assert "wrong list" in page and "60.000000 EUR" in page


def test_what_is_asked_wrongly_stands_beside_the_form(shop: Shop) -> None:
    admin = client_of(make.admin())
    values = {
        "reason": "x",
        "since_0": "2026-06-01",
        "since_1": "00:00",
        "until_0": "2026-05-01",
        "until_1": "00:00",
    }
    page = admin.post("/admin/cdrs/rerating/add/", values)
    assert page.status_code == 200 and b"begin before it ends" in page.content
    assert not Rerating.objects.exists()


def test_listed_calls_need_no_time(shop: Shop) -> None:
    call = shop.call()
    values = {"reason": "x", "calls": f" {call}\n"}
    assert client_of(make.admin()).post("/admin/cdrs/rerating/add/", values).status_code == 302
    assert Rerating.objects.get().calls == [call]


def test_who_may_only_look_can_neither_ask_nor_apply(shop: Shop) -> None:
    from django.contrib.auth.models import Permission

    shop.call()
    run = shop.run()
    helper = make.account("support")
    helper.groups.clear()
    helper.user_permissions.add(Permission.objects.get(codename="view_rerating"))
    client = client_of(helper)
    assert client.get(f"/admin/cdrs/rerating/{run.pk}/change/").status_code == 200
    assert client.get(f"/api/v1/reratings/{run.pk}/differences/").status_code == 200
    for path in (f"/admin/cdrs/rerating/{run.pk}/apply/", f"/admin/cdrs/rerating/{run.pk}/give-up/",
                 f"/api/v1/reratings/{run.pk}/apply/", "/api/v1/reratings/", "/admin/cdrs/rerating/add/"):  # fmt: skip
        assert client.post(path).status_code == 403, path
    assert Rerating.objects.get().state == "ready"


def test_a_program_asks_looks_applies_and_gives_up(shop: Shop) -> None:
    call, api = shop.call(), client_of(make.admin())

    def post(path: str, **values: Any) -> Any:
        answer = api.post(f"/api/v1/reratings/{path}", json.dumps(values), content_type="application/json")
        return answer.status_code, answer.json()

    status, made = post("", calls=[call], reason="wrong list")
    assert (status, made["state"], made["calls"]) == (201, "waiting", [call])
    assert post(f"{made['id']}/apply/")[0] == 409
    rerating.proceed(run_id=made["id"])
    found = api.get(f"/api/v1/reratings/{made['id']}/differences/").json()
    assert {one["kind"]: one["net"] for one in found["totals"]}["retail"] == "0.600000"
    rows = api.get(f"/api/v1/reratings/{made['id']}/changes/").json()["results"]
    assert {row["kind"] for row in rows} == {"retail", "reseller", "carrier"}
    assert post(f"{made['id']}/apply/", move_balances=False)[1]["state"] == "applied"
    assert prices(call) == NEW and post(f"{made['id']}/cancel/")[0] == 409
    _, other = post("", calls=[call], reason="again")
    assert post(f"{other['id']}/cancel/")[1]["state"] == "cancelled"
    assert post("", reason="nothing chosen")[0] == 409


def test_a_job_goes_on_with_what_was_left(shop: Shop) -> None:
    shop.call()
    run = rerating.ask(by=None, since=MAY, until=JUNE, reason="x", start=False)
    assert reckon_waiting_reratings() == 0
    Rerating.objects.update(created_at=run.created_at - timedelta(hours=1))
    assert reckon_waiting_reratings() == 1


# why


def applied(shop: Shop, **fields: Any) -> str:
    call = shop.call(**fields)
    rerating.apply(run=shop.run(), by=None)
    return call


@pytest.mark.req("billing-022")
def test_the_record_says_step_by_step_why_it_cost_what_it_did(shop: Shop) -> None:
    tariff = shop.payer.tariffs.get().tariff
    make.rate(tariff, "3620", "0.12", connect_fee=Decimal("0.05"), first_increment=60, next_increment=6,
              free_seconds=0, surcharge=Decimal("0.01"), grace_seconds=2)  # fmt: skip
    call = applied(shop, seconds=130)
    page = client_of(make.admin()).get(f"/admin/cdrs/cdr/{call}/change/").content.decode()
    for words in (f"{tariff.name}, prices in EUR", "3620123456 begins with 3620", "130 s from the answer",
                  "132 s billed (steps of 60 s, then 6 s) at 0.12 a minute", "0.264", "+ 0.05", "0.314", "+ 0.01",
                  "0.324", "rounded once, to 4 decimals, half up", "20 %", "0.3888 EUR"):  # fmt: skip
        assert words in page, words
    assert CdrPrice.objects.get(call_id=call, kind="retail").gross == Decimal("0.3888")


@pytest.mark.req("currency-001", "vat-001", "vat-002", "vat-005", "vat-007")
def test_a_list_with_vat_in_another_currency_is_taken_to_net_and_exchanged(shop: Shop) -> None:
    from apps.pricing import services as pricing

    pricing.set_exchange_rate(currency="HUF", valid_from=MAY.date(), units=Decimal(400))
    own = make.tariff(prices={"36": "127"}, currency="HUF", vat_included=True, vat_rate=Decimal(27))
    pricing.assign_tariff(account=shop.payer, tariff=own)
    call = applied(shop, seconds=60)
    price = CdrPrice.objects.get(call_id=call, kind="retail")
    assert (price.currency, price.net, price.vat, price.gross) == (
        "EUR",
        Decimal("0.25"),
        Decimal("0.05"),
        Decimal("0.30"),
    )
    page = client_of(make.admin()).get(f"/admin/cdrs/cdr/{call}/change/").content.decode()
    for words in ("the prices include 27 %: divided by 1.27", "1 HUF = 0.0025 EUR, the rate of 2026-05-01"):
        assert words in page, words


def test_the_payer_reads_its_own_price_and_nobody_elses(shop: Shop) -> None:
    call = applied(shop)
    own, top = (client_of(one).get(f"/calls/{call}/").content.decode() for one in (shop.payer, shop.top))
    assert "60 s from the answer" in own and "at 0.6 a minute" in own and "0.72 EUR" in own
    assert "at 0.3 a minute" not in own and "at 0.1 a minute" not in own
    assert "at 0.3 a minute" in top and "at 0.6 a minute" in top and "at 0.1 a minute" not in top


def test_a_record_from_before_says_so(shop: Shop) -> None:
    call = shop.call()
    CdrPrice.objects.filter(call_id=call).update(terms=None)
    page = client_of(shop.payer).get(f"/calls/{call}/").content.decode()
    assert "were not kept with this record" in page
