"""Differences put in force span by span: killed in the middle every price is changed once in the end, and nobody sees half of it as the whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.cdrs.models import Cdr, CdrPrice, RerateState, Rerating
from apps.cdrs.queries import changes_of
from apps.cdrs.services import forget_months
from apps.invoices import tasks
from apps.invoices.models import LedgerEntry
from apps.invoices.services import rerating
from apps.invoices.services.check import faults
from apps.invoices.services.issuing import CannotIssue, NothingToInvoice, issue
from apps.invoices.services.rerating import applying, inforce, runs
from mizu_site.environment import ROOT
from tests import make
from tests.apps.invoices.test_rerating import JUNE, MAY, NEW, OLD, Shop, amount, invoiced, prices, shop
from tests.apps.invoices.test_rerating_pages import client_of

__all__ = ["shop"]
pytestmark = pytest.mark.django_db

DYING = """
import sys, time, django
django.setup()
from apps.invoices.services.rerating import applying, inforce
applying.SIZE, spans, real = 3, [], inforce.put
def put(*args, **words):
    spans.append(real(*args, **words))  # in the database, and not committed
    if len(spans) == 2:
        print("in the middle", flush=True)
        time.sleep(600)
    return spans[-1]
inforce.put = put
applying.carry_on(run_id=int(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def partitions() -> Iterator[None]:
    forget_months()  # another test's rollback has taken them along
    yield
    forget_months()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[Rerating]:
    """A call with its three prices is a span of its own; the run as it stood after each that was put in force."""
    monkeypatch.setattr(applying, "SIZE", 1)
    seen, real = [], applying._span

    def span(run_id: int) -> Rerating:
        seen.append(real(run_id))
        return seen[-1]

    monkeypatch.setattr(applying, "_span", span)
    return seen


def four_calls(shop: Shop) -> list[str]:
    return [shop.call(MAY + timedelta(hours=hour)) for hour in range(4)]


def begun(run: Rerating, spans: int = 2, **fields: Any) -> Rerating:
    """The run with so many of its spans in force, as a process leaves it that dies then."""
    run = applying._check(applying._begin(run.pk, None, **{"move_balances": False} | fields))
    for _ in range(spans):
        run = applying._span(run.pk)
    return run


def nobody_is_at(run: Rerating) -> bool:
    with runs.alone(run.pk) as mine:
        return mine


@pytest.mark.fault
@pytest.mark.req("billing-015")
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_the_job_goes_on_and_each_price_and_each_balance_is_changed_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, mark, options = os.environ["DATABASE_URL"].partition("?")
    name = connection.settings_dict["NAME"]
    here = {"DATABASE_URL": f"{address.rpartition('/')[0]}/{name}{mark}{options}"}
    calls, before = four_calls(shop), amount(shop.payer)
    run = applying._begin(shop.run().pk, None, move_balances=True)
    command = [sys.executable, "-c", DYING, str(run.pk)]
    environment = os.environ | here | {"DJANGO_SETTINGS_MODULE": "mizu_site.settings"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None and child.stdout.readline() == "in the middle\n"
        child.kill()
    deadline = time.monotonic() + 30
    while not nobody_is_at(run):  # its server process has not seen yet that it is dead
        assert time.monotonic() < deadline
    run.refresh_from_db()
    changed = [call for call in calls if prices(call) == NEW]
    assert run.state == "applying" and changed == calls[: len(changed)] and 0 < len(changed) < 4
    assert faults() == [] and LedgerEntry.objects.filter(rerating=run).count() == 2 * len(changed)
    asked: list[int] = []
    monkeypatch.setattr(tasks.apply_rerating, "delay", asked.append)
    assert tasks.reckon_waiting_reratings() == 1 and asked == [run.pk]
    assert tasks.apply_rerating(run.pk) == "applied"
    assert [prices(call) for call in calls] == [NEW] * 4
    assert LedgerEntry.objects.filter(rerating=run).count() == 8
    assert amount(shop.payer) == before + 4 * Decimal("59.28") and faults() == []
    rerating.carry_on(run_id=run.pk)
    assert LedgerEntry.objects.filter(rerating=run).count() == 8


def test_a_price_of_the_last_span_that_has_changed_since_keeps_the_first_from_being_changed(
    shop: Shop, spans: list[Rerating]
) -> None:
    calls = four_calls(shop)
    run = shop.run()
    CdrPrice.objects.filter(call_id=calls[3], kind="carrier").update(net=Decimal(7))
    with pytest.raises(rerating.Outdated, match="1 prices have changed"):
        rerating.apply(run=run, by=None)
    run.refresh_from_db()
    assert (run.state, run.applied_until, spans) == (
        "ready",
        None,
        [],
    ) and "Ask for the differences anew" in run.error
    assert prices(calls[0]) == OLD and faults() == []


def test_whoever_looks_meanwhile_is_told_how_far_it_is_and_the_books_are_right(
    shop: Shop, spans: list[Rerating]
) -> None:
    calls = four_calls(shop)
    run = begun(shop.run())
    in_force = [prices(call) == NEW for call in calls]
    assert in_force == [True, True, False, False] and run.applied_until == MAY + timedelta(hours=2)
    shown = [changes_of(Cdr.objects.get(pk=call)).exists() for call in calls]
    assert shown == in_force and faults() == []
    admin = client_of(make.admin())
    url = f"/admin/cdrs/rerating/{run.pk}"
    assert (
        "have the new prices, later ones the old ones still" in admin.get(f"{url}/change/").content.decode()
    )
    assert b"Go on" in admin.get(f"{url}/apply/").content
    assert admin.get(f"{url}/change/", headers={"HX-Request": "true"}).status_code == 200
    assert admin.post(f"{url}/apply/").status_code == 302
    run.refresh_from_db()
    assert run.state == "applying"  # more than a span: it is for the background
    assert tasks.apply_rerating(run.pk) == "applied" and len(spans) == 4
    assert admin.get(f"{url}/change/", headers={"HX-Request": "true"}).status_code == 286


def test_what_is_begun_is_neither_given_up_nor_joined_by_another_of_the_same_time(
    shop: Shop, spans: list[Rerating]
) -> None:
    four_calls(shop)
    other, run = shop.run(), begun(shop.run())
    with pytest.raises(rerating.CannotRerate, match="applied already"):
        rerating.cancel(run=run, by=None)
    with pytest.raises(rerating.CannotRerate, match=f"Re-rating {run.pk} of the same time"):
        rerating.apply(run=other, by=None)
    assert rerating.apply(run=run, by=None, move_balances=True).moves_balances is False  # as it was begun
    with pytest.raises(rerating.Outdated):
        rerating.apply(run=other, by=None)


def test_no_invoice_has_half_of_it(shop: Shop, spans: list[Rerating]) -> None:
    four_calls(shop)
    first = invoiced(shop, MAY, MAY + timedelta(hours=1))
    run = begun(shop.run())
    assert run.changes.filter(invoiced_on=first).count() == 1
    with pytest.raises(CannotIssue, match=f"being changed by re-rating {run.pk}"):
        invoiced(shop, MAY + timedelta(hours=1), JUNE)
    later = JUNE + timedelta(days=63), JUNE + timedelta(days=64)
    with pytest.raises(NothingToInvoice):  # the corrections wait too
        issue(account=shop.payer, period_start=later[0], period_end=later[1])
    rerating.carry_on(run_id=run.pk)
    second = invoiced(shop, MAY + timedelta(hours=1), JUNE)
    assert second.net == 3 * NEW["retail"]
    assert run.changes.filter(kind="retail", corrected_on__refers_to=None, invoiced_on=first).count() == 1


def test_what_somebody_changes_by_hand_meanwhile_stays_as_it_is_and_the_rest_goes_on(
    shop: Shop, spans: list[Rerating]
) -> None:
    calls, before = four_calls(shop), amount(shop.payer)
    run = begun(shop.run(), move_balances=True)
    CdrPrice.objects.filter(call_id=calls[3], kind="carrier").update(net=Decimal(7))
    run = rerating.carry_on(run_id=run.pk)
    assert (run.state, run.overtaken, run.changes.count()) == (RerateState.APPLIED, 1, 11)
    assert prices(calls[3]) == NEW | {"carrier": Decimal(7)}
    assert amount(shop.payer) == before + 4 * Decimal("59.28") and faults() == []


def test_a_small_run_is_applied_at_once_and_a_large_one_by_a_job(
    shop: Shop,
    spans: list[Rerating],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks.apply_rerating, "delay", asked.append)
    calls, api = four_calls(shop), client_of(make.admin())
    large, listed = shop.run(since=MAY + timedelta(hours=1)), shop.run(calls=[calls[0]])
    monkeypatch.setattr(applying, "SIZE", 3)
    states = []
    for run in (listed, large):
        with django_capture_on_commit_callbacks(execute=True):
            states.append(api.post(f"/api/v1/reratings/{run.pk}/apply/").json()["state"])
    assert states == ["applied", "applying"] and asked == [large.pk]
    assert tasks.apply_rerating(large.pk) == "applied" and prices(calls[3]) == NEW


def test_a_call_recorded_after_its_time_was_invoiced_is_corrected_on_the_invoice_that_has_it(
    shop: Shop,
) -> None:
    calls, issued = [shop.call()], [invoiced(shop)]
    for day in (1, 2):
        calls.append(shop.call(MAY + timedelta(days=day)))
        Cdr.objects.filter(pk=calls[-1]).update(recorded_at=timezone.now())
        if day == 1:
            issued.append(invoiced(shop, JUNE, JUNE + timedelta(days=30)))
    run = rerating.apply(run=shop.run(), by=None)
    found = {
        str(call): on for call, on in run.changes.filter(kind="retail").values_list("call_id", "invoiced_on")
    }
    assert [found[call] for call in calls] == [issued[0].pk, issued[1].pk, None]


def test_calls_of_an_extension_are_on_the_invoice_of_whom_it_belongs_to(shop: Shop) -> None:
    phone = make.extension(parent=shop.payer)
    CdrPrice.objects.filter(call_id=shop.call(), kind="retail").update(account=phone)
    first = invoiced(shop)
    run = rerating.apply(run=shop.run(), by=None)
    assert set(run.changes.filter(account=phone).values_list("invoiced_on", flat=True)) == {first.pk}


def test_a_run_that_fails_for_another_reason_says_why_and_goes_on_later(
    shop: Shop, spans: list[Rerating], monkeypatch: pytest.MonkeyPatch
) -> None:
    four_calls(shop)
    run = begun(shop.run())

    def fail(*_args: Any, **_words: Any) -> int:
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(inforce, "put", fail)
        rerating.carry_on(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == ("applying", "no space left")
    run = rerating.carry_on(run_id=run.pk)
    assert (run.state, run.error) == ("applied", "")
