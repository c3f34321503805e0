"""Prices of calls reckoned anew: the differences, the history, balances, invoices; all of a run or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.cdrs.models import Cdr, CdrPrice, PriceChange, PriceTerms, Rerating
from apps.cdrs.services import forget_months
from apps.config.services import set_value
from apps.invoices.models import Balance, LedgerEntry
from apps.invoices.services import rerating
from apps.invoices.services.check import faults
from apps.invoices.services.issuing import CannotIssue, NothingToInvoice, credit, issue
from apps.invoices.services.rerating.differences import by_account, by_destination, totals
from apps.invoices.services.settlement import settle
from apps.pricing import services as pricing
from apps.pricing.engine import Terms
from apps.users.models import Account
from apps.users.services import set_own
from tests import make
from tests.charging import record, terms

pytestmark = pytest.mark.django_db

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def partitions() -> None:
    forget_months()  # another test's rollback has taken them along


@dataclass
class Shop:
    """A reseller's subscriber, everybody's tariffs, a carrier. A minute is 0.60 retail, 0.30 reseller, 0.10 carrier."""

    payer: Account
    top: Account
    carrier: Account

    def call(self, at: datetime = MAY, seconds: float = 60, **fields: Any) -> str:
        """A call that was charged one unit a second to both payers."""
        started = at.timestamp()
        found = record(self.payer, self.top, seconds=seconds, started=started, **self._facts(fields))
        settle(records=[found])
        return str(found["id"])

    def _facts(self, fields: dict[str, Any]) -> dict[str, Any]:
        known = {"carrier": self.carrier.pk, "cost": terms(6_000_000), "reseller": self.top.pk}
        return known | {"destination": "Hungary", "caller_number": "3611"} | fields

    def run(self, **fields: Any) -> Rerating:
        asked = rerating.ask(
            by=None, **{"since": MAY, "until": JUNE, "reason": "test", "start": False} | fields
        )
        return rerating.proceed(run_id=asked.pk)


@pytest.fixture
def shop() -> Shop:
    make.company()
    top = make.reseller()
    payer = make.subscriber(parent=top, balance="1000", vat_rate=Decimal(20))
    carrier = make.carrier(price="0.10")
    for account, kind, price in ((payer, "retail", "0.60"), (top, "reseller", "0.30")):
        pricing.assign_tariff(account=account, tariff=make.tariff(kind, prices={"36": price}))
    return Shop(payer, top, carrier)


def prices(call: str) -> dict[str, Decimal]:
    return dict(CdrPrice.objects.filter(call_id=call).values_list("kind", "net"))


def amount(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


NEW = {"retail": Decimal("0.6"), "reseller": Decimal("0.3"), "carrier": Decimal("0.1")}
OLD = {"retail": Decimal(60), "reseller": Decimal(60), "carrier": Decimal(6)}


@pytest.mark.req("billing-015")
def test_a_dry_run_shows_the_differences_and_changes_nothing(shop: Shop) -> None:
    calls = [shop.call(MAY + timedelta(hours=hour)) for hour in range(3)]
    run = shop.run()
    assert (run.state, run.looked_at, run.without_price) == ("ready", 3, 0)
    assert {(one.name, one.kind, one.calls, one.old_net, one.net) for one in by_account(run)} == {
        (shop.top.username, "reseller", 3, Decimal(180), Decimal("0.9")),
        (shop.payer.username, "retail", 3, Decimal(180), Decimal("1.8")),
        (shop.carrier.username, "carrier", 3, Decimal(18), Decimal("0.3")),
    }
    assert {(one.name, one.calls) for one in by_destination(run)} == {("Hungary", 3)}
    assert {one.kind: one.change for one in totals(run)}["retail"] == Decimal("-178.2")
    assert all(prices(call) == OLD for call in calls)


@pytest.mark.req("users-023")
def test_calls_that_another_account_pays_for_are_reckoned_anew_for_that_one_and_nobody_elses(
    shop: Shop,
) -> None:
    pricing.assign_tariff(account=shop.top, tariff=make.tariff("retail", prices={"36": "0.60"}))
    company, alone = (make.subscriber(parent=shop.top, balance="1000") for _ in range(2))
    paid = make.subscriber(parent=shop.top, payer=company)
    for caller, payer in ((paid, company), (alone, alone), (paid, company), (alone, alone)):
        started = MAY.timestamp()
        settle(
            records=[
                record(payer, shop.top, seconds=60, started=started, caller=caller.pk, **shop._facts({}))
            ]
        )
    rerating.apply(run=shop.run(), by=None)
    found = CdrPrice.objects.filter(kind="retail").values_list("account_id", "net")
    assert sorted(found) == sorted([(company.pk, NEW["retail"])] * 2 + [(alone.pk, NEW["retail"])] * 2)


@pytest.mark.req("billing-015")
def test_applied_it_changes_every_price_keeps_the_old_ones_and_leaves_balances_alone(shop: Shop) -> None:
    call = shop.call()
    before = amount(shop.payer)
    run = rerating.apply(run=shop.run(), by=None)
    assert run.state == "applied" and prices(call) == NEW
    cdr = Cdr.objects.get(pk=call)
    assert (cdr.retail_price, cdr.reseller_price, cdr.carrier_cost) == (
        NEW["retail"],
        NEW["reseller"],
        NEW["carrier"],
    )
    retail = CdrPrice.objects.get(call_id=call, kind="retail")
    assert (retail.vat, retail.gross, retail.vat_rate) == (Decimal("0.12"), Decimal("0.72"), Decimal(20))
    assert retail.tariff_id == shop.payer.tariffs.get().tariff_id
    assert Terms.from_list(PriceTerms.objects.get(pk=retail.terms).packed).vat_ppm == 200_000
    history = PriceChange.objects.get(call_id=call, kind="retail")
    assert (history.old_net, history.net, history.rerating.reason) == (Decimal(60), Decimal("0.6"), "test")
    assert amount(shop.payer) == before and faults() == []


def test_asked_for_balances_are_corrected_once_by_the_difference_of_the_gross(shop: Shop) -> None:
    call = shop.call()
    before = amount(shop.payer)
    run = rerating.apply(run=shop.run(), by=None, move_balances=True)
    rerating.apply(run=run, by=None, move_balances=True)
    entry = LedgerEntry.objects.get(rerating=run, account=shop.payer)
    assert (entry.kind, entry.amount, str(entry.call_id)) == ("correction", Decimal("59.28"), call)
    assert amount(shop.payer) == before + Decimal("59.28")
    assert not LedgerEntry.objects.filter(account=shop.carrier).exists()
    assert faults() == []


def test_what_is_reckoned_anew_by_the_same_prices_has_no_differences(shop: Shop) -> None:
    shop.call()
    rerating.apply(run=shop.run(), by=None)
    again = shop.run()
    assert (again.looked_at, again.changes.count()) == (1, 0)


def test_a_call_has_the_price_of_its_own_day(shop: Shop) -> None:
    tariff = shop.payer.tariffs.get().tariff
    make.rate(tariff, "36", "1.20", valid_from=MAY + timedelta(days=10))
    early, late = shop.call(MAY), shop.call(MAY + timedelta(days=20))
    rerating.apply(run=shop.run(), by=None)
    assert (prices(early)["retail"], prices(late)["retail"]) == (Decimal("0.6"), Decimal("1.2"))


@pytest.mark.parametrize("place", ["~", "a|b~c", "back\\slash | bar", "tab\there", ""])
def test_a_destination_of_whatever_signs_is_kept_with_the_difference(shop: Shop, place: str) -> None:
    shop.call(destination=place)
    assert set(shop.run().changes.values_list("destination", flat=True)) == {place}


def test_nobody_pays_for_more_than_was_authorised_when_reckoned_anew(shop: Shop) -> None:
    call = shop.call(seconds=65, authorised=60)
    rerating.apply(run=shop.run(), by=None)
    assert prices(call) == NEW | {"carrier": Decimal("0.1083")}


@pytest.mark.parametrize("which", ["account", "caller_kind", "tariff", "calls", "since"])
def test_it_is_about_the_calls_that_were_chosen_only(shop: Shop, which: str) -> None:
    other = make.subscriber()
    pricing.assign_tariff(account=other, tariff=make.tariff(prices={"36": "0.60"}))
    stays = record(other, started=MAY.timestamp(), caller=other.pk, called_number="36301")
    settle(records=[stays])
    changes = shop.call(MAY + timedelta(days=3))
    trunk_only: dict[str, Any] = {
        "account": shop.top,
        "caller_kind": "subscriber",
        "tariff": shop.payer.tariffs.get().tariff,
        "calls": [changes],
        "since": MAY + timedelta(days=1),
    }
    if which == "caller_kind":
        Account.objects.filter(pk=other.pk).update(kind="agent")
    if which == "tariff":
        CdrPrice.objects.filter(call_id=changes, kind="retail").update(tariff_id=trunk_only["tariff"].pk)
    run = shop.run(**{which: trunk_only[which]})
    assert {str(one) for one in run.changes.values_list("call_id", flat=True)} == {changes}
    assert run.looked_at == 1


def test_a_call_without_a_price_now_stays_as_it_is_and_the_run_says_why(shop: Shop) -> None:
    call = shop.call(called_number="99123")
    run = rerating.apply(run=shop.run(), by=None)
    assert (run.without_price, prices(call)) == (1, OLD)
    ((why, count),) = run.problems.items()
    assert count == 1 and "has no rate for 99123" in why


def test_a_payer_who_came_is_added_and_one_who_went_is_taken_away(shop: Shop) -> None:
    call = shop.call()
    CdrPrice.objects.filter(call_id=call, kind="carrier").delete()
    CdrPrice.objects.create(
        call_id=call, started_at=MAY, kind="company", account=shop.carrier, currency="EUR", net=1, gross=1
    )
    rerating.apply(run=shop.run(), by=None)
    assert prices(call) == NEW
    assert PriceChange.objects.get(call_id=call, kind="company").net is None


def test_nothing_is_applied_when_one_price_has_changed_since(shop: Shop) -> None:
    calls = [shop.call(MAY + timedelta(hours=hour)) for hour in range(2)]
    run = shop.run()
    CdrPrice.objects.filter(call_id=calls[0], kind="retail").update(net=Decimal(7))
    with pytest.raises(rerating.Outdated, match="1 prices have changed"):
        rerating.apply(run=run, by=None)
    assert prices(calls[1]) == OLD and Rerating.objects.get(pk=run.pk).state == "ready"


def test_it_is_reckoned_slice_by_slice_and_goes_on_where_it_was_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.invoices.services.rerating.slices.SIZE", 2)
    for hour in range(5):
        shop.call(MAY + timedelta(hours=hour))
    asked = rerating.ask(by=None, since=MAY, until=JUNE, reason="test", start=False)
    seen: list[int] = []

    def stop(run: Rerating) -> None:
        seen.append(run.looked_at)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rerating.proceed(run_id=asked.pk, tell=stop)
    assert seen == [2] and Rerating.objects.get(pk=asked.pk).state == "reckoning"
    run = rerating.proceed(run_id=asked.pk)
    assert (run.state, run.looked_at, run.changes.count()) == ("ready", 5, 15)


def test_a_cancelled_run_stops_and_forgets_what_it_found(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.invoices.services.rerating.slices.SIZE", 1)
    for hour in range(3):
        shop.call(MAY + timedelta(hours=hour))
    asked = rerating.ask(by=None, since=MAY, until=JUNE, reason="test", start=False)
    run = rerating.proceed(run_id=asked.pk, tell=lambda run: rerating.cancel(run=run, by=None) and None)
    assert (run.state, run.looked_at, run.changes.count()) == ("cancelled", 1, 0)
    with pytest.raises(rerating.CannotRerate, match="not ready"):
        rerating.apply(run=run, by=None)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"since": None}, "from when on"),
        ({"until": MAY}, "begin before it ends"),
        ({"reason": " "}, "reason"),
        ({"caller_kind": "nobody"}, "no such kind"),
        ({"calls": ["7"]}, "UUID"),
        ({"calls": ["01930000-0000-7000-8000-000000000001"]}, "no record"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(shop: Shop, fields: dict[str, Any], why: str) -> None:
    with pytest.raises(rerating.CannotRerate, match=why):
        shop.run(**fields)


@pytest.mark.req("billing-021")
def test_a_price_is_that_of_the_list_less_discounts_else_the_default_and_sales_earn_a_commission(
    shop: Shop,
) -> None:
    """First the list, then the default price; the discount and the sales person's share come off the list price."""
    seller = make.account("sales")
    for account, key, value in (
        (shop.payer, "discount1", "10"),
        (shop.payer, "addedby", seller.username),
        (seller, "commission", "5"),
    ):
        set_own(account=account, key=key, value=value)
    set_value(key="defaultenduserprice", value="0.90")
    set_value(key="defaultproviderprice", value="0.20")
    pricing.assign_tariff(account=shop.top, tariff=make.tariff("reseller", prices={"": "0.30"}))
    carrier = make.carrier()  # without a price of its own
    listed, unlisted = shop.call(), shop.call(called_number="99123", carrier=carrier.pk)
    before = amount(shop.payer)
    rerating.apply(run=shop.run(), by=None, move_balances=True)
    assert prices(listed) == NEW | {"retail": Decimal("0.54"), "sales": Decimal("0.03")}
    assert prices(unlisted) == {
        "retail": Decimal("0.9"),
        "reseller": Decimal("0.3"),
        "carrier": Decimal("0.2"),
    }
    assert amount(shop.payer) - before == 120 - Decimal("0.54") * Decimal("1.2") - Decimal("1.08")


# invoices


def invoiced(shop: Shop, start: datetime = MAY, end: datetime = JUNE) -> Any:
    return issue(account=shop.payer, period_start=start, period_end=end)


def test_calls_on_an_issued_invoice_become_corrections_on_the_next(shop: Shop) -> None:
    shop.call()
    first = invoiced(shop)
    shop.call(JUNE, seconds=120)
    rerating.apply(run=shop.run(until=JUNE + timedelta(days=1), calls=[], since=MAY), by=None)
    second = invoiced(shop, JUNE, JUNE + timedelta(days=30))
    lines = list(second.lines.values_list("text", "net", "vat_rate"))
    assert lines == [("Calls to Hungary", Decimal("1.2"), Decimal(20))]
    note = shop.payer.invoices.get(document_type="credit_note")
    assert note.refers_to is None and note.net == Decimal("-59.4")
    assert [(line.text, line.net, line.vat_rate) for line in note.lines.all()] == [
        (f"Correction of {first.number}: calls to Hungary", Decimal("-60"), Decimal(0)),
        (f"Correction of {first.number}: calls to Hungary", Decimal("0.6"), Decimal(20)),
    ]
    with pytest.raises(NothingToInvoice):
        invoiced(shop, JUNE + timedelta(days=30), JUNE + timedelta(days=60))


def test_what_became_dearer_is_owed_on_the_next_invoice_and_again_when_that_is_taken_back(shop: Shop) -> None:
    call = shop.call()
    rerating.apply(run=shop.run(), by=None)
    first = invoiced(shop)
    pricing.assign_tariff(account=shop.payer, tariff=make.tariff(prices={"36": "0.90"}))
    rerating.apply(run=shop.run(calls=[call]), by=None)
    second = invoiced(shop, JUNE, JUNE + timedelta(days=30))
    correction = f"Correction of {first.number}: calls to Hungary"
    assert list(second.lines.values_list("text", "calls", "net")) == [(correction, 1, Decimal("0.3"))]
    with pytest.raises(CannotIssue, match=f"{second.number} corrects calls of {first.number}"):
        credit(invoice=first)
    credit(invoice=second)
    third = invoiced(shop, JUNE, JUNE + timedelta(days=30))
    assert list(third.lines.values_list("text", "net")) == [(correction, Decimal("0.3"))]


def test_an_invoice_taken_back_takes_back_what_a_credit_note_corrected_of_it(shop: Shop) -> None:
    shop.call()
    first = invoiced(shop)
    rerating.apply(run=shop.run(), by=None)
    correcting = invoiced(shop, JUNE, JUNE + timedelta(days=30))
    assert correcting.document_type == "credit_note"
    back = credit(invoice=first)
    assert first.net + correcting.net + back.net == 0
    assert invoiced(shop).net == Decimal("0.6")


# commands


@pytest.mark.req("billing-015")
def test_the_command_shows_the_differences_and_applies_them_only_when_told(shop: Shop) -> None:
    call, out = shop.call(), StringIO()
    words = ["--from", "2026-05-01", "--to", "2026-06-01", "--account", shop.top.username, "--reason", "x"]
    call_command("rerate", *words, stdout=out, stderr=StringIO())
    assert "60.000000 →         0.600000 EUR net (-59.400000)" in out.getvalue() and prices(call) == OLD
    call_command("rerate", *words, "--apply", "--balances", stdout=out, stderr=StringIO())
    assert prices(call) == NEW and LedgerEntry.objects.filter(kind="correction", account=shop.top).exists()


@pytest.mark.req("billing-015")
def test_the_guides_rebill_applies_at_once_and_leaves_balances_alone(shop: Shop) -> None:
    call, out = shop.call(), StringIO()
    before = amount(shop.payer)
    words = f",5/1/2026 00:00:00,5/30/2026 23:59:59,0,{shop.top.pk}"
    call_command("rebill", words, stdout=out)
    assert prices(call) == NEW and amount(shop.payer) == before
    for wrong in (",9/31/2026 00:00:00", "x", "1,,,,nobody", "1,,,,,more"):
        with pytest.raises(CommandError):
            call_command("rebill", wrong, stdout=out)


# the currency in records


@pytest.mark.req(
    "currency-003",
    "currency-004",
    "currency-005",
    "currency-008",
    "currency-010",
    "currency-011",
    "currency-013",
    "currency-015",
)
@pytest.mark.parametrize(
    ("policy", "currency", "price"),
    [("native", "EUR", "0.3"), ("list", "HUF", "120"), ("match", "EUR", "0.3"), ("payer", "USD", "0.6")],
)
def test_the_record_has_the_price_in_the_currency_of_the_setting_and_the_payer_pays_in_its_own(
    shop: Shop, policy: str, currency: str, price: str
) -> None:
    """A minute is 120 HUF; 400 HUF or 2 USD are one EUR."""
    for code, units in (("HUF", 400), ("USD", 2)):
        pricing.set_exchange_rate(
            currency=code, valid_from=MAY.date() - timedelta(days=9), units=Decimal(units)
        )
    payer = make.subscriber(currency="USD")
    pricing.assign_tariff(account=payer, tariff=make.tariff(prices={"36": "120"}, currency="HUF"))
    foreign = Terms.from_list(terms()).as_list()
    foreign[1] = "USD"
    call = record(payer, started=MAY.timestamp(), seconds=60, payers=[["retail", payer.pk, foreign]])
    settle(records=[call])
    set_value(key="currencyconversion", value=policy)
    rerating.apply(run=shop.run(), by=None)
    cdr = Cdr.objects.get(pk=call["id"])
    assert (cdr.currency, cdr.retail_price) == (currency, Decimal(price))
    paid = CdrPrice.objects.get(call_id=call["id"])
    assert (paid.currency, paid.net) == ("USD", Decimal("0.6"))
