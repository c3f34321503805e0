"""Caller numbers that subscribers are known by: noted by themselves or by the office, one account each."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.config.services import set_value
from apps.users import services, snapshot
from apps.users.models import KnownNumber
from apps.users.services.known_numbers import MOST
from tests import make

pytestmark = pytest.mark.django_db
NUMBER = "36301112222"


def logged_in(account: object) -> Client:
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return client


@pytest.mark.parametrize("written", [f"+{NUMBER}", f"00{NUMBER}", "36 (30) 111-2222"])
def test_a_number_is_known_however_it_is_written_and_the_switch_is_told(written: str) -> None:
    account = make.subscriber()
    services.note_number(account=account, number=written)
    assert list(snapshot.known_numbers()) == [(NUMBER, account.pk)]


@pytest.mark.req("auth-017")
@pytest.mark.parametrize(
    ("handling", "may"), [("off", False), ("add", True), ("accept", False), ("both", True), ("only", False)]
)
def test_numbers_are_noted_where_anumberhandling_says_add(handling: str, may: bool) -> None:
    set_value(key="anumberhandling", value=handling)
    client = logged_in(make.subscriber())
    page = client.post("/calling-from/", {"number": NUMBER})
    assert (page.status_code == 302) is may
    assert KnownNumber.objects.exists() is may


def test_nobody_notes_a_number_that_somebody_else_is_known_by() -> None:
    make.subscriber(caller_number=f"+{NUMBER}")
    other = make.subscriber()
    for taken in (NUMBER, "36209998888"):
        if taken != NUMBER:
            services.note_number(account=make.subscriber(), number=taken)
        with pytest.raises(ValidationError):
            services.note_number(account=other, number=taken)


@pytest.mark.parametrize("wrong", ["", "ada", "12", "1" * 21, "12*34567"])
def test_what_is_no_number_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        services.note_number(account=make.subscriber(), number=wrong)
    assert not KnownNumber.objects.exists()


def test_an_account_is_known_by_so_many_numbers_at_most_and_a_trunk_by_none() -> None:
    account = make.subscriber()
    for last in range(MOST):
        services.note_number(account=account, number=f"3630111{last:04}")
    with pytest.raises(ValidationError, match="At most"):
        services.note_number(account=account, number=NUMBER)
    with pytest.raises(ValidationError, match="kind"):
        services.note_number(account=make.customer_trunk(), number=NUMBER)


def test_a_subscriber_sees_and_removes_its_own_numbers_only() -> None:
    mine, others = make.subscriber(), make.subscriber()
    services.note_number(account=mine, number=NUMBER)
    foreign = services.note_number(account=others, number="36209998888")
    client = logged_in(mine)
    shown = client.get("/calling-from/").content.decode()
    assert NUMBER in shown and "36209998888" not in shown
    assert client.post("/calling-from/", {"forget": foreign.pk}).status_code == 404
    assert client.post("/calling-from/", {"forget": "x"}).status_code == 404
    assert client.post("/calling-from/", {"forget": mine.known_numbers.get().pk}).status_code == 302
    assert list(KnownNumber.objects.all()) == [foreign]


def test_resellers_have_no_such_page() -> None:
    assert logged_in(make.reseller()).get("/calling-from/").status_code == 404


def test_staff_notes_numbers_on_the_accounts_page() -> None:
    account, client = make.subscriber(), logged_in(make.admin())
    page = client.get(f"/admin/users/account/{account.pk}/change/")
    form = page.context["adminform"].form
    given = {name: form.initial.get(name) for name in form.fields}
    values = {name: "" if value is None or value is False else value for name, value in given.items()}
    values["is_active"] = "on"
    for formset in (one.formset for one in page.context["inline_admin_formsets"]):
        for name, value in formset.management_form.initial.items():
            values[f"{formset.prefix}-{name}"] = value
    values |= {"known_numbers-TOTAL_FORMS": 1, "known_numbers-0-account": account.pk, "known_numbers-0-number": NUMBER}  # fmt: skip
    answer = client.post(f"/admin/users/account/{account.pk}/change/", values)
    assert answer.status_code == 302, answer.context["errors"] if answer.context else answer
    assert account.known_numbers.get().number == NUMBER


@pytest.mark.req("did-003")
def test_numbers_of_the_old_table_are_kept_and_none_gets_another_payer() -> None:
    """The migration, on a table as it was."""
    move = import_module("apps.dids.migrations.0002_numbers_outside_are_known_numbers").MOVE
    ada, ben, trunk = make.subscriber(), make.subscriber(comment="Prefers mail."), make.customer_trunk()
    services.note_number(account=ada, number="36301110000")
    services.note_number(account=ben, number="36302220000")
    rows = [(ada, "36302220000"), (ada, "36301110000"), (ben, "36301110000"), (trunk, "36303330000")]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE dids_aninumber (account_id bigint, number text) ON COMMIT DROP"
        )
        for account, number in rows:
            cursor.execute("INSERT INTO dids_aninumber VALUES (%s, %s)", [account.pk, number])
        cursor.execute(move)
    assert dict(KnownNumber.objects.values_list("number", "account")) == {
        "36301110000": ada.pk, "36302220000": ben.pk, "36303330000": trunk.pk,
    }  # fmt: skip
    for account in (ada, ben, trunk):
        account.refresh_from_db()
    assert ada.comment == "Is no longer known by +36302220000: another account has noted it."
    assert ben.comment == "Prefers mail.\nIs no longer known by +36301110000: another account has noted it."
    assert trunk.comment == ""


def test_the_office_notes_numbers_whatever_anumberhandling_lets_subscribers_do() -> None:
    set_value(key="anumberhandling", value="accept")
    services.note_number(account=make.subscriber(), number=NUMBER)
    with pytest.raises(ValidationError):
        services.note_number(account=make.subscriber(), number="36301112223", by_itself=True)


@pytest.mark.req("did-003")
def test_programs_of_the_office_note_and_forget_numbers_and_everybody_reads_their_own() -> None:
    ada, client = make.subscriber(), APIClient()
    client.force_authenticate(make.admin())
    made = client.post(
        "/api/v1/known-numbers/", {"account": ada.pk, "number": "+36 30 111 2222"}, format="json"
    ).json()
    assert (made["number"], made["account"]) == (NUMBER, ada.pk)
    for who, seen in ((ada, 1), (make.subscriber(), 0)):
        client.force_authenticate(who)
        assert len(client.get("/api/v1/known-numbers/").json()["results"]) == seen
        assert (
            client.post(
                "/api/v1/known-numbers/", {"account": ada.pk, "number": "36301"}, format="json"
            ).status_code
            == 403
        )
    client.force_authenticate(make.admin())
    assert client.delete(f"/api/v1/known-numbers/{made['id']}/").status_code == 204
    assert not KnownNumber.objects.exists()
