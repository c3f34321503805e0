"""Keeping the lists of called numbers: by hand, from files, in the admin and by the API; and the file that the switch gets."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from apps.screening import services
from apps.screening.engine.numbers import MappedList
from apps.screening.models import ScreenedNumber
from apps.screening.snapshot import write_list
from apps.screening.tasks import forget_expired_numbers
from apps.users.models import Account
from tests import make
from tests.apps.test_admin import form_of

pytestmark = pytest.mark.django_db


def listed(folder: Path, book: str = "black") -> MappedList:
    write_list(f"listed:{book}", folder / book)
    return MappedList.open(folder / book)


def load(text: str | bytes, **fields: Any) -> services.numbers.Imported:
    data = text if isinstance(text, bytes) else text.encode()
    return services.import_numbers(**{"book": "black", "stream": io.BytesIO(data)} | fields)


@pytest.mark.req("limits-018")
def test_a_number_is_put_on_the_list_with_a_reason_for_good_and_always(tmp_path: Path) -> None:
    one = services.list_number(number="+36 90-123456", reason="complaint 12")
    assert (one.number, one.level, one.expires_at, one.reason) == ("3690123456", 6, None, "complaint 12")
    hit = listed(tmp_path).strongest("3690123456", (1,), 0)
    assert hit is not None and hit.level == 6


@pytest.mark.req("limits-014", "limits-019")
def test_the_switch_gets_what_is_in_force_for_whom_and_until_when(tmp_path: Path) -> None:
    ada = make.subscriber()
    later = timezone.now() + timedelta(hours=1)
    services.list_number(number="3630", level=1)
    services.list_number(number="3630", level=2, account=ada, expires_at=later)
    services.list_number(number="3670", enabled=False)
    services.list_number(number="3620", expires_at=timezone.now() - timedelta(seconds=1))
    services.list_number(number="49", book="white")
    found, now = listed(tmp_path), timezone.now().timestamp()
    assert found.size == 2
    assert [hit.level for hit in found.hits("36301", (ada.pk,), now)] == [1, 2]
    assert [hit.level for hit in found.hits("36301", (ada.pk,), later.timestamp() + 1)] == [1]
    assert listed(tmp_path, "white").size == 1


@pytest.mark.parametrize(
    "fields",
    [{"number": ""}, {"number": "12345678901234567"}, {"number": "12a"}, {"number": "*1"}, {"number": "1", "level": 4},
     {"number": "1", "book": "grey"}],
)  # fmt: skip
def test_what_is_no_number_or_no_level_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        services.list_number(**fields)
    assert not ScreenedNumber.objects.exists()


def test_a_number_is_once_on_a_list_for_everybody_and_once_for_each_account() -> None:
    ada = make.subscriber()
    for account in (None, ada):
        services.list_number(number="3630", account=account)
        with pytest.raises(ValidationError):
            services.list_number(number="3630", account=account)
        with pytest.raises(IntegrityError), transaction.atomic():
            ScreenedNumber.objects.create(number="3630", account=account)
    services.list_number(number="3630", book="white")


def test_a_file_is_taken_whole_with_levels_reasons_and_days(tmp_path: Path) -> None:
    services.list_number(number="3640", level=1, reason="old")
    done = load("number;level;reason;until\n+36 30 111;2;complaint;2030-12-31\n0036 40;;new\n3650\n3650;3\n")
    rows = {row.number: row for row in ScreenedNumber.objects.all()}
    assert done.lines == 4 and set(rows) == {"3630111", "3640", "3650"}
    assert (rows["3630111"].level, rows["3630111"].reason) == (2, "complaint")
    assert str(rows["3630111"].expires_at) == "2030-12-31 00:00:00+00:00"
    assert (rows["3640"].level, rows["3640"].reason, rows["3650"].level) == (6, "new", 3)


def test_replace_takes_off_what_the_file_does_not_have_for_the_same_account_only() -> None:
    ada = make.subscriber()
    for account in (None, ada):
        services.list_number(number="3640", account=account)
    services.list_number(number="3640", book="white")
    assert load("3650\n", account=ada, replace=True).removed == 1
    kept = ScreenedNumber.objects.order_by("book", "number").values_list("book", "number", "account_id")
    assert list(kept) == [("black", "3640", None), ("black", "3650", ada.pk), ("white", "3640", None)]


@pytest.mark.parametrize(
    ("text", "line"),
    [("3630\nabc\n", 2), ("3630,9\n", 1), ("3630,6,x,tomorrow\n", 1), ("12345678901234567\n", 1), ("", 0), ("number\n", 0),
     (b"\xff\xfe3630\n", 1), (b"3630\n36\xff\n", 1), ("3630\n٣٦\n", 2)],
)  # fmt: skip
def test_a_file_with_a_bad_line_changes_nothing_and_names_the_line(text: str | bytes, line: int) -> None:
    with pytest.raises(services.ImportRefused) as refused:
        load(text)
    assert refused.value.errors[0][0] == line
    assert not ScreenedNumber.objects.exists()


def test_text_of_a_file_cannot_reach_the_database_as_anything_but_text() -> None:
    load(
        '3630,6,"a\tb\\N\\\\.',
    )
    load('3640;6;"x\'); DROP TABLE screening_screenednumber; --"\n')
    assert ScreenedNumber.objects.filter(number="3640", reason__contains="DROP TABLE").exists()


def test_a_list_kept_by_statistics_is_not_imported() -> None:
    with pytest.raises(services.ImportRefused):
        load("3630\n", book="automatic")


def test_what_has_expired_is_removed_by_the_clock() -> None:
    services.list_number(number="1", expires_at=timezone.now() - timedelta(minutes=1))
    services.list_number(number="2", expires_at=timezone.now() + timedelta(minutes=1))
    assert forget_expired_numbers() == 1
    assert ScreenedNumber.objects.get().number == "2"


@pytest.mark.django_db(transaction=True)
def test_a_change_is_told_to_the_compiler_by_the_list_that_changed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN mizu_changed")
        services.list_number(number="1", book="white")
        load("36\n")
        connection.connection.poll()
        heard = {one.payload for one in connection.connection.notifies if one.payload.startswith("listed")}
        connection.connection.notifies.clear()
        cursor.execute("UNLISTEN *")
    assert heard == {"listed:white", "listed:black"}


# --- pages and API --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make.admin())
    return client


def clerk(*rights: str) -> Account:
    from django.contrib.auth.models import Permission

    account = make.account("support")
    account.groups.clear()
    account.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return account


@pytest.mark.req("limits-018", "fraud-024", "security-077")
def test_an_operator_adds_a_number_lowers_its_level_and_takes_it_off(boss: Client) -> None:
    page = "/admin/screening/screenednumber/add/"
    response = boss.post(page, form_of(boss.get(page)) | {"number": "+36 1", "reason": "noise"})
    assert response.status_code == 302
    one = ScreenedNumber.objects.get()
    assert (one.number, one.reason, one.level) == ("361", "noise", 6)
    response = boss.post(page, form_of(boss.get(page)) | {"number": "361"})
    assert response.status_code == 200 and response.context["adminform"].form.errors
    where = "/admin/screening/screenednumber/"
    boss.post(where, {"action": "trust_less", "_selected_action": [one.pk]})
    one.refresh_from_db()
    assert one.level == 0
    boss.post(where, {"action": "take_off", "_selected_action": [one.pk]})
    assert not ScreenedNumber.objects.exists()


def test_a_file_is_imported_on_its_page_and_errors_are_shown_by_line(boss: Client) -> None:
    page = "/admin/screening/screenednumber/import/"
    data = {"book": "black", "level": "3", "account": "", "file": io.BytesIO(b"3630\nbad\n")}
    response = boss.post(page, data)
    assert response.status_code == 422 and "Line 2" in response.content.decode()
    data["file"] = io.BytesIO(b"3630\n3640\n")
    assert boss.post(page, data).status_code == 302
    assert ScreenedNumber.objects.filter(level=3).count() == 2
    data |= {"file": io.BytesIO(b"3630\n"), "account": "nobody"}
    assert boss.post(page, data).status_code == 422


def test_who_may_not_delete_replaces_no_list(client: Client) -> None:
    services.list_number(number="1")
    rights = ("view_screenednumber", "add_screenednumber", "change_screenednumber")
    client.force_login(clerk(*rights))
    data = {"book": "black", "level": "6", "account": "", "file": io.BytesIO(b"3630\n"), "replace": "on"}
    assert client.post("/admin/screening/screenednumber/import/", data).status_code == 403
    client.force_login(clerk("view_screenednumber"))
    assert client.get("/admin/screening/screenednumber/import/").status_code == 403
    assert ScreenedNumber.objects.get().number == "1"


def test_the_api_lists_finds_changes_and_removes(boss: Client) -> None:
    made = boss.post("/api/v1/screened-numbers/", {"number": "3630"}, content_type="application/json")
    assert made.status_code == 201 and made.json()["level"] == 6
    again = boss.post("/api/v1/screened-numbers/", {"number": "3630"}, content_type="application/json")
    assert again.status_code == 400
    found = boss.get("/api/v1/screened-numbers/?number_of=36301234567").json()["results"]
    assert [one["number"] for one in found] == ["3630"]
    assert boss.get("/api/v1/screened-numbers/?number_of=49").json()["results"] == []
    where = f"/api/v1/screened-numbers/{made.json()['id']}/"
    changed = boss.patch(where, {"level": 2}, content_type="application/json")
    assert changed.json()["level"] == 2
    assert boss.delete(where).status_code == 204 and not ScreenedNumber.objects.exists()
