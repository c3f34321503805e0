"""The stock, who holds what, reservations, sign-up: on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import ProtectedError
from django.utils import timezone

from apps.config.services import set_value
from apps.dids import services as dids
from apps.dids import snapshot
from apps.dids.models import Did, Holding, State
from apps.dids.services import signup
from apps.dids.tasks import free_expired_numbers, take_back_unpaid_numbers
from apps.invoices.models import Balance, FeeCharge, LedgerEntry
from apps.invoices.services import fees
from apps.invoices.services.check import faults
from apps.users.models import Account
from apps.users.services import set_own
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def stock(*numbers: str, **fields: Any) -> list[Did]:
    return [dids.add(number=number, **fields) for number in numbers]


def amount(account: Account) -> Decimal:
    return Balance.objects.get(account=account).amount


def refused(field: str, **call: Any) -> str:
    with pytest.raises(ValidationError) as error:
        dids.assign(**call)
    return str(error.value.message_dict[field])


@pytest.mark.req("did-026")
def test_a_number_is_entered_as_people_write_it_and_is_free() -> None:
    [did] = stock("+36 (21) 111-2222")
    assert (did.number, did.state) == ("36211112222", State.FREE)
    assert dids.add(number="0036211113333").number == "36211113333"
    for wrong in ("", "abc", "+36", "0211112222", "+3621111222233344", "36211112222"):
        with pytest.raises(ValidationError):
            dids.add(number=wrong)


@pytest.mark.req("did-003", "did-006", "did-007", "did-024", "did-026", "numbers-001")
def test_a_number_that_an_account_gets_is_free_no_more_and_the_switch_hears_of_it() -> None:
    ada = make.subscriber()
    one, two = stock("36211112222", "36211113333")
    dids.assign(did=one, account=ada)
    dids.assign(did=two, account=ada)
    assert one.state == State.ASSIGNED and one.last_account == ada and one.assigned_at is not None
    assert dids.first_number(ada) == "36211112222"
    assert list(snapshot.held()) == [(ada.pk, ["36211112222", "36211113333"])]
    assert (one.number, False, [ada.pk], None, None) in list(snapshot.dids())
    assert list(snapshot.did_stock()) == []


@pytest.mark.req("did-010", "did-035")
def test_a_number_belongs_to_several_only_if_that_is_said() -> None:
    ada, eve = make.subscriber(), make.subscriber()
    [did] = stock("36211112222")
    dids.assign(did=did, account=ada)
    assert "belongs to somebody else" in refused("did", did=did, account=eve)
    dids.assign(did=did, account=eve, beside_others=True)
    assert [row[2] for row in snapshot.dids()] == [[ada.pk, eve.pk]]
    assert "already" in refused("did", did=did, account=eve, beside_others=True)


@pytest.mark.req("numbers-001")
def test_who_cannot_have_a_number() -> None:
    [did] = stock("36211112222")
    reseller, other = make.reseller(), make.reseller()
    assert "cannot be called" in refused("account", did=did, account=reseller)
    dids.change(did=did, company=reseller)
    assert "outside its company" in refused("account", did=did, account=make.subscriber(parent=other))
    below = make.subscriber(parent=reseller)
    dids.lock(did=did)
    assert "locked" in refused("did", did=did, account=below)
    dids.unlock(did=did)
    make.subscriber(username="36211113333")
    [taken] = stock("36211113333")
    assert "user name" in refused("did", did=taken, account=below)
    dids.assign(did=did, account=below)
    with pytest.raises(ValidationError):
        dids.change(did=did, company=other)


@pytest.mark.req("did-020", "did-029")
def test_a_number_costs_its_set_up_fee_once_and_its_monthly_fee_each_month_once() -> None:
    ada = make.subscriber(balance="100", vat_rate=Decimal(20))
    [did] = stock("36211112222", setup_fee=Decimal(5), monthly_fee=Decimal(2), currency="EUR")
    dids.assign(did=did, account=ada, now=NOW)
    assert amount(ada) == Decimal("91.6")
    for day in ("2026-01-31", "2026-02-01", "2026-02-01", "2026-03-05"):
        fees.charge_due(now=datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))
    charges = FeeCharge.objects.order_by("due_on", "net").values_list("due_on", "net")
    assert [(f"{day:%m-%d}", net) for day, net in charges] == [
        ("01-15", 2), ("01-15", 5), ("02-01", 2), ("03-01", 2)
    ]  # fmt: skip
    assert LedgerEntry.objects.filter(account=ada, kind="fee").count() == 4
    assert faults() == []


def test_the_fees_of_an_extensions_number_are_its_subscribers() -> None:
    ada = make.subscriber(balance="10")
    [did] = stock("36211112222", monthly_fee=Decimal(2))
    dids.assign(did=did, account=make.extension(parent=ada))
    assert amount(ada) == 8


def test_fees_are_changed_into_the_accounts_currency_and_refused_without_a_rate() -> None:
    from apps.pricing.services import set_exchange_rate

    [did] = stock("36211112222", monthly_fee=Decimal(2))
    ada = make.subscriber(currency="HUF", billing="postpaid", credit_limit=Decimal(10000))
    assert "exchange rate" in refused("did", did=did, account=ada)
    assert Holding.objects.count() == 0 and Did.objects.get().state == State.FREE
    set_exchange_rate(currency="HUF", valid_from=make.LONG_AGO.date(), units=Decimal(400))
    assert dids.assign(did=did, account=ada).monthly.net == 800  # type: ignore[union-attr]


def test_who_must_pay_now_and_cannot_gets_no_number() -> None:
    ada = make.subscriber(balance="1")
    [did] = stock("36211112222", monthly_fee=Decimal(2))
    assert "balance" in refused("did", did=did, account=ada, must_pay=True)
    assert (amount(ada), Did.objects.get().state, FeeCharge.objects.count()) == (1, State.FREE, 0)
    dids.assign(did=did, account=ada)
    assert amount(ada) == 1, "the office may give it; the fee waits for money"


@pytest.mark.req("did-006")
def test_a_number_that_was_given_back_costs_nothing_more_and_rests() -> None:
    ada, eve = make.subscriber(balance="10"), make.subscriber()
    [did] = stock("36211112222", monthly_fee=Decimal(2))
    holding = dids.assign(did=did, account=ada, now=NOW)
    dids.release(holding=holding, now=NOW + timedelta(days=3))
    fees.charge_due(now=NOW + timedelta(days=60))
    assert amount(ada) == 8
    did.refresh_from_db()
    assert (did.state, did.reserved_for) == (State.RESERVED, ada)
    week = NOW + timedelta(days=7)
    assert "kept for somebody else" in refused("did", did=did, account=eve, now=week)
    dids.release(holding=holding, now=week)  # again: nothing
    dids.assign(did=did, account=eve, now=NOW + timedelta(days=34))


def test_its_last_holder_may_take_a_resting_number_back() -> None:
    ada = make.subscriber()
    [did] = stock("36211112222")
    dids.release(holding=dids.assign(did=did, account=ada))
    dids.assign(did=did, account=ada)
    assert did.state == State.ASSIGNED


def test_a_number_that_is_not_paid_for_goes_back() -> None:
    ada, ben = make.subscriber(balance="3"), make.subscriber(balance="30")
    one, two = stock("36211112222", "36211113333", monthly_fee=Decimal(2))
    for did, account in ((one, ada), (two, ben)):
        dids.assign(did=did, account=account, now=NOW)
    february = NOW.replace(month=2, day=8)
    fees.charge_due(now=february)
    assert dids.release_unpaid(now=february) == 0, "the setting says never"
    set_value(key="did_unpaid_days", value=10)
    assert dids.release_unpaid(now=february) == 0, "seven days"
    assert dids.release_unpaid(now=february + timedelta(days=3)) == 1
    assert [row.account for row in Holding.objects.filter(until=None)] == [ben]
    assert take_back_unpaid_numbers() == 1, "by now ben's fees have waited as well"


def test_numbers_with_a_past_are_kept() -> None:
    one, two = stock("36211112222", "36211113333")
    dids.release(holding=dids.assign(did=one, account=make.subscriber()))
    with pytest.raises(ValidationError):
        dids.remove(did=one)
    with pytest.raises(ProtectedError):
        one.delete()
    dids.remove(did=two)
    assert Did.objects.count() == 1


# reservations


@pytest.mark.req("did-008")
def test_numbers_are_kept_for_who_is_about_to_take_one_and_for_no_longer() -> None:
    stock("36211112222", "36211113333", "36211114444")
    now = timezone.now()
    key, kept = dids.reserve(count=2, now=now)
    other_key, others = dids.reserve(count=2, now=now)
    assert [did.number for did in kept] == ["36211112222", "36211113333"]
    assert [did.number for did in others] == ["36211114444"]
    ada = make.subscriber()
    assert "kept" in refused("did", did=kept[0], account=ada, reservation=other_key)
    assert "kept" in refused("did", did=kept[0], account=ada)
    dids.assign(did=kept[0], account=ada, reservation=key)
    assert [did.number for did in dids.reserved(key=key)] == ["36211113333"]
    later = now + timedelta(minutes=31)
    assert not dids.reserved(key=key, now=later).exists()
    assert free_expired_numbers() == 0
    assert dids.free_expired(now=later) == 2
    dids.assign(did=kept[1], account=ada)


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_are_never_offered_the_same_number() -> None:
    stock(*(f"3621111{number:04}" for number in range(40)))

    def ask(_: int) -> list[str]:
        try:
            return [did.number for did in dids.reserve(count=5)[1]]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        offered = [number for found in pool.map(ask, range(8)) for number in found]
    assert len(offered) == len(set(offered)) and len(offered) >= 20


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_same_number_at_once_do_not_both_get_it() -> None:
    [did] = stock("36211112222", monthly_fee=Decimal(1))
    accounts = [make.subscriber(balance="10") for _ in range(4)]

    def take(account: Account) -> bool:
        try:
            dids.assign(did=did, account=account)
            return True
        except ValidationError:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, accounts)) == 1
    assert FeeCharge.objects.count() == 1


@pytest.mark.req("numbers-001")
def test_what_an_account_had_before_is_offered_to_it_first() -> None:
    ada = make.subscriber()
    first, last = stock("36211112222", "36211119999")
    set_value(key="did_quarantine_days", value=0)
    dids.release(holding=dids.assign(did=last, account=ada))
    assert [did.number for did in dids.reserve(count=1, account=ada)[1]] == ["36211119999"]
    assert [did.number for did in dids.reserve(count=5, account=ada, digits="2222")[1]] == ["36211112222"]
    last.refresh_from_db()
    assert last.state == State.FREE, "an account's new choice ends the old one"
    assert dids.reserve(count=5, area="Nowhere")[1] == []
    assert first.pk


def test_a_companys_numbers_are_offered_to_those_below_it_only() -> None:
    reseller = make.reseller()
    stock("36211112222", company=reseller)
    assert dids.reserve(count=5, account=make.subscriber())[1] == []
    assert len(dids.reserve(count=5, path=reseller.path)[1]) == 1


# sign-up


@pytest.mark.req("did-006", "did-008")
def test_a_new_subscriber_gets_a_number_as_the_setting_says() -> None:
    stock("36211112222")
    assert dids.first_number(make.subscriber()) == ""
    set_value(key="autogenerateddid", value="stock")
    assert dids.first_number(make.subscriber()) == "36211112222"
    assert dids.first_number(make.subscriber()) == "", "none is free"
    set_value(key="autogenerateddid", value="random")
    assert dids.first_number(make.subscriber()) == "", "no range of ours"
    set_value(key="didrange", value="36219990000-36219990004")
    drawn = {dids.first_number(make.subscriber()) for _ in range(4)}
    assert len(drawn) == 4 and all("36219990000" <= one <= "36219990004" for one in drawn)


@pytest.mark.req("did-008")
def test_a_resellers_own_setting_holds_for_its_customers() -> None:
    reseller = make.reseller()
    stock("36211112222")
    set_own(account=reseller, key="autogenerateddid", value="stock")
    assert dids.first_number(make.subscriber()) == ""
    assert dids.first_number(make.subscriber(parent=reseller)) == "36211112222"


@pytest.mark.req("did-007", "did-008")
def test_who_signs_up_is_named_by_the_number_that_it_has_chosen() -> None:
    stock("36211112222", "36211113333")
    for key in ("autogeneratenewuseraccounts", "autogenerateddid"):
        set_value(key=key, value="choose")
    key, _offered = dids.reserve(count=2)
    with pytest.raises(ValidationError):
        signup.sign_up(parent=None, number="36211113333", reservation="guessed")
    with pytest.raises(ValidationError):
        signup.sign_up(parent=None)
    account = signup.sign_up(parent=None, number="+36211113333", reservation=key)
    assert (account.username, dids.first_number(account)) == ("36211113333", "36211113333")
    assert account.sip.username == "36211113333"


@pytest.mark.req("did-008")
def test_user_names_of_who_signs_up_can_be_given_random_or_the_next_free_number() -> None:
    stock("36211112222")
    with pytest.raises(ValidationError):
        signup.sign_up(parent=None)
    assert signup.sign_up(parent=None, username="ada").username == "ada"
    set_value(key="autogeneratenewuseraccounts", value="random")
    name = signup.sign_up(parent=None).username
    assert len(name) == 8 and name.isdigit()
    set_value(key="autogeneratenewuseraccounts", value="stock")
    assert signup.sign_up(parent=None).username == "36211112222"
    with pytest.raises(ValidationError):
        signup.sign_up(parent=None)


# shared numbers, contacts, other numbers


@pytest.mark.req("did-012", "did-016", "did-017", "did-033")
def test_a_contact_has_a_name_two_numbers_a_user_name_and_a_shared_number() -> None:
    ada = make.subscriber()
    shared = dids.add(number="36213334444", shared=True)
    [plain] = stock("36211112222")
    one = dids.save_contact(
        account=ada, name="Cleo", username="cleo", number="+36 30 123-4567", second_number="361", did=shared
    )
    dids.save_contact(account=make.subscriber(), name="Ben", number="44207946000", did=shared)
    assert (ada.pk, "36213334444", ["cleo", "+36301234567", "361"]) in list(snapshot.contacts())
    assert ("36213334444", True, [], None, None) in list(snapshot.dids())
    for wrong in (
        {"did": plain},
        {"number": "<script>"},
        {"number": "", "username": "", "second_number": ""},
    ):
        with pytest.raises(ValidationError):
            dids.save_contact(account=ada, contact=one, **wrong)
    assert "shared" in refused("did", did=shared, account=ada)
    dids.unshare(did=shared)
    assert list(ada.contacts.values_list("did", flat=True)) == [None]


@pytest.mark.req("did-014")
def test_a_shared_number_of_a_company_is_for_its_own_accounts() -> None:
    shared = dids.add(number="36213334444", shared=True, company=make.reseller())
    with pytest.raises(ValidationError):
        dids.save_contact(account=make.subscriber(), name="Cleo", number="1", did=shared)


@pytest.mark.req("did-004")
def test_a_short_number_is_taken_once_below_each_account() -> None:
    one, two = make.reseller(), make.reseller()
    ada, ben, eve = make.subscriber(parent=one), make.subscriber(parent=one), make.subscriber(parent=two)
    dids.set_short_number(account=ada, number="101")
    dids.set_short_number(account=eve, number="101")
    with pytest.raises(ValidationError):
        dids.set_short_number(account=ben, number="101")
    dids.set_short_number(account=ada, number="102")
    dids.set_short_number(account=ben, number="101")
    assert sorted(snapshot.short_numbers()) == [("101", ben.pk), ("101", eve.pk), ("102", ada.pk)]
