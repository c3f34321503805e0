"""The desk's pages: as an administrator uses them, and as others are refused."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.config.services import set_value
from apps.desk.analysis import analyse
from apps.desk.models import Batch
from apps.users import services as users
from apps.users.models import Account, PhoneStatus
from tests import make
from tests.house import House

pytestmark = pytest.mark.django_db
LIST = "/admin/users/account/"


@pytest.fixture
def boss(client: Client, house: House) -> Client:
    client.force_login(house.admin)
    return client


@pytest.mark.req("users-058", "users-059", "users-061")
def test_a_subscriber_is_opened_like_another_with_passwords_that_are_shown_once(
    boss: Client, house: House
) -> None:
    page = boss.get(f"/admin/users/account/{house.ada.pk}/copy", follow=True)
    assert page.context["form"].initial["parent"] == "reseller-a"
    path = f"/admin/desk/open/?copy={house.ada.pk}"
    answer = boss.post(path, {"username": "ada2", "parent": "reseller-a", "passwords": "on"})
    body = answer.content.decode()
    made = Account.objects.get(username="ada2")
    shown = re.search(r'id="web-password">([^<]+)<', body)
    assert shown and made.check_password(shown[1]) and made.parent == house.reseller
    assert "no-store" in answer.headers["Cache-Control"]
    assert shown[1] not in boss.get(f"/admin/users/account/{made.pk}/change/").content.decode()


def test_what_cannot_be_opened_stands_beside_its_field(boss: Client, house: House) -> None:
    for wrong in ({"username": "ada"}, {"username": "x1", "parent": "nobody"}, {"username": "x 1"}):
        answer = boss.post("/admin/desk/open/?start=prepaid", wrong)
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [list(wrong)[-1]]


def test_there_is_no_other_beginning(boss: Client) -> None:
    assert boss.get("/admin/desk/open/?start=wizard").status_code == 404
    assert boss.get("/admin/desk/open/?copy=987654321").status_code == 404


@pytest.mark.req("users-005")
def test_a_batch_answers_its_sheet_once(boss: Client, house: House) -> None:
    data = {
        "kind": "subscriber",
        "count": "2",
        "prefix": "shop",
        "first": "1",
        "digits": "2",
        "parent": "reseller-a",
        "web": "on",
    }
    answer = boss.post("/admin/desk/generate/", data)
    assert answer.headers["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF")
    assert "no-store" in answer.headers["Cache-Control"]
    assert Account.objects.filter(username__in=["shop01", "shop02"], parent=house.reseller).count() == 2
    batch = Batch.objects.get(first="shop01")
    assert boss.get(f"/admin/desk/batch/{batch.pk}/change/").status_code == 200
    assert boss.get(f"/admin/desk/batches/{batch.pk}/sheet/").status_code == 405
    assert boss.post(f"/admin/desk/batches/{batch.pk}/sheet/").content.startswith(b"%PDF")
    assert boss.post("/admin/desk/generate/", data).status_code == 422
    shown = boss.get(f"{LIST}?batch={batch.pk}").context["cl"].result_list
    assert {one.username for one in shown} == {"shop01", "shop02"}


@pytest.mark.req("import-export-008")
def test_a_file_is_seen_and_then_carried_out(boss: Client, house: House) -> None:
    text = "username,kind,parent,display_name,sip_password\nf1,subscriber,reseller-a,Fay,correct-horse-9\nada,,reseller-a,Countess,\n"
    seen = boss.post("/admin/desk/import/", {"file": io.BytesIO(text.encode())})
    assert seen.status_code == 200 and not Account.objects.filter(username="f1").exists()
    assert "Countess" in seen.content.decode() and "correct-horse-9" not in seen.content.decode()
    done = boss.post("/admin/desk/import/apply/", {"lines": seen.context["lines"]})
    assert (done.context["outcome"].opened, done.context["outcome"].changed) == (1, 1)
    assert Account.objects.get(username="ada").display_name == "Countess"


def test_what_somebody_else_saw_is_not_carried_out(boss: Client, house: House) -> None:
    seen = boss.post("/admin/desk/import/", {"file": io.BytesIO(b"username\nf1\n")})
    boss.force_login(make.admin(username="other"))
    for lines in (seen.context["lines"], "forged", ""):
        assert boss.post("/admin/desk/import/apply/", {"lines": lines}).status_code == 422
    assert not Account.objects.filter(username="f1").exists()


def test_errors_of_a_file_are_told_by_line(boss: Client) -> None:
    answer = boss.post("/admin/desk/import/", {"file": io.BytesIO(b"username,kind\nf1,wizard\n")})
    assert answer.status_code == 422 and "Line 2: kind" in answer.content.decode()
    answer = boss.post("/admin/desk/import/", {"file": io.BytesIO(b"PK\x03\x04 no workbook")})
    assert answer.status_code == 422 and answer.context["form"].errors["file"]


@pytest.mark.req("import-export-001")
@pytest.mark.parametrize(("name", "begins"), [("save_csv", b"id,username,"), ("save_xlsx", b"PK")])
def test_chosen_accounts_are_saved(name: str, begins: bytes, boss: Client, house: House) -> None:
    data = {"action": name, "_selected_action": [house.ada.pk]}
    answer = boss.post(LIST, data)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    assert body.startswith(begins)
    if name == "save_csv":
        assert body.count(b"\n") == 2 and b"ada@example.com" in body


@pytest.mark.parametrize("path", ["new/", "open/?start=prepaid", "generate/", "import/"])
def test_support_without_the_right_opens_nothing(path: str, client: Client, house: House) -> None:
    client.force_login(house.support)
    assert client.get(f"/admin/desk/{path}").status_code == 403
    assert client.post(f"/admin/desk/{path}", {"username": "x1"}).status_code in (403, 405)


def test_support_with_the_right_copies_no_staff(client: Client, house: House) -> None:
    from django.contrib.auth.models import Permission

    house.idle.user_permissions.add(
        Permission.objects.get(content_type__app_label="users", codename="add_account")
    )
    client.force_login(Account.objects.get(pk=house.idle.pk))
    assert client.get(f"/admin/desk/open/?copy={house.admin.pk}").status_code == 403
    assert client.post("/admin/desk/open/?start=admin", {"username": "x1"}).status_code == 422
    assert not Account.objects.filter(username="x1").exists()


# lists


@pytest.mark.req("users-017")
def test_who_is_active_now_registered_or_called_within_three_hours(boss: Client, house: House) -> None:
    now = timezone.now()
    phones = {
        name: make.subscriber(username=name) for name in ("fresh", "stale", "calling", "called-long-ago")
    }
    for name, hours in (("fresh", 2), ("stale", 4)):
        seen = now - timedelta(hours=hours)
        PhoneStatus.objects.create(account=phones[name], state="registered", state_at=seen, seen_at=seen, expires_at=now,
                                   agreed_seconds=60, contact="sip:x", address="192.0.2.1:5060")  # fmt: skip
    make.call(phones["calling"], at=now - timedelta(hours=2))
    make.call(phones["called-long-ago"], at=now - timedelta(hours=4))
    shown = {one.username for one in boss.get(f"{LIST}?active=now").context["cl"].result_list}
    assert {"fresh", "calling"} <= shown and not {"stale", "called-long-ago"} & shown
    shown = {one.username for one in boss.get(f"{LIST}?active=day").context["cl"].result_list}
    assert set(phones) <= shown


@pytest.mark.req("users-018")
def test_a_carrier_that_must_be_active_is_listed_though_it_is_silent(boss: Client, house: House) -> None:
    must, may = make.carrier(username="must"), make.carrier(username="may")
    users.set_own(account=must, key="mustbeactive", value="yes")
    shown = list(boss.get(f"{LIST}?active=day").context["cl"].result_list)
    assert must in shown and may not in shown


def test_low_balances_follow_the_setting(boss: Client, house: House) -> None:
    three = make.subscriber(balance="3")
    assert three in boss.get(f"{LIST}?list=low").context["cl"].result_list
    set_value(key="lowcredits", value="2.5")
    assert three not in boss.get(f"{LIST}?list=low").context["cl"].result_list


@pytest.mark.req("users-016")
def test_the_list_is_narrowed_by_search_kind_and_group(boss: Client, house: House) -> None:
    for query in ("q=ada@example.com", "kind__exact=subscriber&q=ada", f"group={house.account_group.pk}"):
        assert list(boss.get(f"{LIST}?{query}").context["cl"].result_list) == [house.ada]


# tree and analysis


@pytest.mark.req("users-022", "reseller-012")
def test_the_tree_is_opened_level_by_level(boss: Client, house: House) -> None:
    top = boss.get("/admin/desk/tree/").content.decode()
    assert "company" in top and "reseller-a" not in top
    level = boss.get(
        f"/admin/desk/tree/?below={house.company.pk}", headers={"HX-Request": "true"}
    ).content.decode()
    assert "reseller-a" in level and ">ada<" not in level and "<html" not in level
    way = boss.get("/admin/desk/tree/?find=ada").content.decode()
    assert way.index(">company<") < way.index(">reseller-a<") < way.index(">ada<")


def test_a_wide_level_is_shown_in_parts(boss: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.desk.tree.MOST", 1)
    first = boss.get(f"/admin/desk/tree/?below={house.company.pk}", headers={"HX-Request": "true"})
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', first.content.decode())
    assert more and "carrier-a" in first.content.decode()
    assert (
        "reseller-a"
        in boss.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
    )


@pytest.mark.req("admin-ui-069", "users-039")
def test_an_account_is_seen_from_all_sides(boss: Client, house: House) -> None:
    body = boss.get(f"/admin/desk/analysis/{house.ada.pk}/").content.decode()
    assert "reseller-a has no reseller tariff" in body and "No phone has ever registered" in body
    assert "Villages" in body and house.call.called_number in body
    found = analyse(house.ada, house.admin)
    assert [payer.username for payer in found.payers] == ["ada", "reseller-a"]
    newest = Cdr.objects.filter(caller=house.ada).latest("started_at")
    assert found.last[0].pk == newest.pk and newest.called_number in body and str(newest.pk) in body
    assert found.day.calls >= found.day.answered


def test_a_carrier_is_analysed_by_what_it_carried(boss: Client, house: House) -> None:
    found = analyse(house.carrier, house.admin)
    assert found.findings == [] and found.payers == []
    assert {call.carrier_id for call in found.last} <= {house.carrier.pk}
    page = boss.get(f"/admin/users/account/{house.carrier.pk}/analyse", follow=True)
    assert page.status_code == 200 and page.context["account"] == house.carrier


def test_who_may_not_see_money_is_shown_none(client: Client, house: House) -> None:
    from django.contrib.auth.models import Permission

    house.idle.user_permissions.add(
        Permission.objects.get(content_type__app_label="users", codename="view_account")
    )
    client.force_login(Account.objects.get(pk=house.idle.pk))
    body = client.get(f"/admin/desk/analysis/{house.ada.pk}/").content.decode()
    assert "Balance" not in body and "Who pays" not in body and house.call.called_number not in body


@pytest.mark.req("users-041")
def test_what_is_shown_for_a_name_an_important_note_and_a_comment_stand_on_the_page(
    boss: Client, house: House
) -> None:
    notes = {"display_name": "Countess", "description": "Owes us a reply", "comment": "likes numbers"}
    users.change_account(account=Account.objects.get(pk=house.ada.pk), **notes)
    page = boss.get(f"{LIST}{house.ada.pk}/change/").content.decode()
    assert re.search(r'role="note">\s*Owes us a reply', page) and "likes numbers" in page
    assert "Countess" in boss.get(f"{LIST}?q=ada").content.decode()


def test_customers_read_no_notes_about_themselves(client: Client, house: House) -> None:
    users.change_account(
        account=Account.objects.get(pk=house.ada.pk),
        comment="a bore",
        description="slow",
        contract_comment="x",
    )
    client.force_login(house.ada)
    told = client.get(f"/api/v1/accounts/{house.ada.pk}/").json()
    assert (
        told["username"] == "ada"
        and not {"comment", "description", "contract_comment", "added_by"} & told.keys()
    )
    client.force_login(house.admin)
    assert client.get(f"/api/v1/accounts/{house.ada.pk}/").json()["comment"] == "a bore"


def test_rules_of_other_groups_do_not_count(boss: Client, house: House) -> None:
    house.rule.delete()
    make.rule(house.carrier, name="for villages", groups=[house.account_group])
    stopped = "No route rule takes its calls"
    assert stopped not in boss.get(f"/admin/desk/analysis/{house.ada.pk}/").content.decode()
    assert stopped in boss.get(f"/admin/desk/analysis/{house.eve.pk}/").content.decode()
