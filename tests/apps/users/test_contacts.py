"""Whom to reach about an account, and what was agreed with them."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.authtoken.models import Token

from apps.invoices.services import issuing
from apps.users import queries, services
from apps.users.choices import Contract, Kind
from apps.users.fieldsets import WITHOUT, fieldsets_of
from apps.users.models import Account
from apps.users.rules import PARENTS
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("users-027", "users-030")
def test_names_telephone_mail_and_addresses_are_kept():
    said = {"display_name": "Ada Lovelace", "contact_name": "C. Babbage", "phone": "+44 20 7946 1001", "email": "a@example.com",
            "address": "1 Square", "billing_address": "2 Bank Street"}  # fmt: skip
    account = make.subscriber(**said)
    account.refresh_from_db()
    assert {name: getattr(account, name) for name in said} == said
    assert (
        str(account) == f"{account.username} (Ada Lovelace)" and str(make.subscriber(username="x1")) == "x1"
    )
    with pytest.raises(ValidationError):
        make.subscriber(phone="call me")


@pytest.mark.req("users-027")
@pytest.mark.parametrize(
    ("billing_address", "printed"), [("2 Bank Street", "2 Bank Street"), ("", "1 Square")]
)
def test_the_invoice_goes_to_the_billing_address_if_there_is_one(billing_address, printed):
    make.company()
    account = make.subscriber(address="1 Square", billing_address=billing_address, balance="10")
    end = timezone.now() - timedelta(minutes=5)
    make.call(account, at=end - timedelta(hours=1))
    invoice = issuing.issue(
        account=account, period_start=end - timedelta(days=1), period_end=end, by=make.admin()
    )
    assert invoice.customer_address == printed


@pytest.mark.req("users-037")
def test_a_contract_has_a_number_a_state_and_a_comment():
    account = make.subscriber()
    assert account.contract_state == Contract.UNKNOWN
    for state in ("unknown", "not_applicable", "in_progress", "active", "terminated"):
        services.change_account(
            account=account, contract_number="K-7", contract_state=state, contract_comment="signed"
        )
        account.refresh_from_db()
        assert (account.contract_number, account.contract_state, account.contract_comment) == (
            "K-7",
            state,
            "signed",
        )
    with pytest.raises(ValidationError):
        services.change_account(account=account, contract_state="eaten")


@pytest.mark.req("users-034", "users-036", "users-020")
def test_when_and_by_whom_an_account_was_opened_is_known_and_stays():
    boss, before = make.admin(), timezone.now()
    account = services.open_account(username="ada", kind="subscriber", added_by=boss)
    services.change_account(account=account, display_name="Ada")
    account.refresh_from_db()
    assert account.added_by == boss and before <= account.created_at <= timezone.now()
    with pytest.raises(TypeError):
        services.change_account(account=account, added_by=None)
    assert make.subscriber().pk > account.pk > boss.pk


@pytest.mark.req("users-060")
def test_a_kind_and_a_name_are_enough_for_an_account_that_can_be_used():
    account = services.open_account(username="1001", kind="subscriber", sip_password="correct-horse-9")
    assert (account.is_active, account.billing, account.balance.amount, account.credit_limit) == (
        True,
        "prepaid",
        0,
        0,
    )
    assert account.sip.username == "1001" and account.path == f"/{account.pk}/"


@pytest.mark.req("users-054")
def test_a_new_account_has_no_money():
    for kind in Kind:
        parent = make.subscriber() if kind == Kind.EXTENSION else None
        assert make.account(kind, parent=parent).balance.amount == 0


@pytest.mark.req("users-001")
def test_a_subscriber_has_as_many_extensions_as_it_likes():
    ada = make.subscriber()
    for number in range(60):
        make.extension(parent=ada, username=f"ext{number}")
    assert Account.objects.filter(parent=ada).count() == 60


@pytest.mark.parametrize("kind", [*Kind, ""])
def test_the_form_of_a_kind_shows_what_means_something_for_it(kind):
    shown = {
        field
        for _title, options in fieldsets_of(kind)
        for row in options["fields"]
        for field in (row if isinstance(row, tuple) else (row,))
    }
    assert {"username", "kind", "parent", "is_active", "comment"} <= shown
    assert not shown & WITHOUT.get(kind, frozenset())
    assert ("tech_prefix" in shown) == (kind in (Kind.CUSTOMER_TRUNK, Kind.RESELLER, ""))


@pytest.mark.req("users-029")
@pytest.mark.parametrize("kind", ["owner", "sales", "support", "admin"])
def test_who_only_works_in_the_office_dials_nothing(kind):
    account = make.account(kind)
    with pytest.raises(ValidationError):
        services.set_sip_password(account=account, password="correct-horse-9")
    with pytest.raises(ValidationError):
        services.set_addresses(account=account, networks=["192.0.2.7"])


@pytest.mark.req("users-006")
@pytest.mark.parametrize("billing", ["prepaid", "postpaid"])
def test_a_subscriber_has_a_phone_with_a_password_and_either_way_of_billing(billing):
    account = make.subscriber(username="1001", billing=billing, sip_password="correct-horse-9")
    assert account.billing == billing and account.sip.username == "1001"


@pytest.mark.req("users-003", "users-012")
def test_a_carrier_that_brings_traffic_too_is_there_twice():
    brings = make.customer_trunk(username="acme-in", addresses=["192.0.2.7"])
    takes = make.carrier(username="acme-out", host="192.0.2.7")
    assert brings.addresses.get().network == takes.trunk.host
    with pytest.raises(ValidationError):
        make.customer_trunk(addresses=["192.0.2.7"])  # whose would the calls be?


@pytest.mark.req("users-026")
def test_that_an_account_is_a_company_is_noted():
    assert not make.subscriber().is_company
    account = services.change_account(account=make.subscriber(), is_company=True)
    account.refresh_from_db()
    assert account.is_company


@pytest.mark.req("users-011")
@pytest.mark.parametrize("kind", [kind for kind in Kind if Kind.OWNER in PARENTS[kind]])
def test_each_business_is_an_owner_with_its_own_below_it(kind):
    one, other = make.account("owner"), make.account("owner")
    account = make.account(kind, parent=one)
    assert account in queries.below(one) and account not in queries.below(other)
    assert other not in queries.visible_to(one)


@pytest.mark.req("users-038")
def test_who_is_disabled_neither_logs_in_nor_is_told_anything(client):
    account = make.subscriber(username="ada", password="correct-horse-9", balance="5")
    token = Token.objects.create(user=account).key
    assert client.login(username="ada", password="correct-horse-9")
    services.change_account(account=account, is_active=False)
    assert client.get("/").status_code == 302
    assert not client.login(username="ada", password="correct-horse-9")
    assert client.get("/api/v1/accounts/", headers={"Authorization": f"Token {token}"}).status_code in (
        401,
        403,
    )
    assert not queries.visible_to(account).exists()
