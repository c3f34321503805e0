"""Accounts in files: what comes out goes in again, and one wrong line changes nothing."""

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from apps.desk.services import exports
from apps.desk.services.imports import carry_out, read
from apps.groups import services as groups
from apps.pricelists.reading import BadFile, open_sheet
from apps.pricing.queries import tariff_of
from apps.users import services as users
from apps.users.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make.admin(username="boss")


def take_in(text, by, *, apply=True):
    lines, _unknown = read(text.encode() if isinstance(text, str) else text, 100)
    return carry_out(lines, by=by, apply=apply)


def written(accounts):
    return list(csv.DictReader(io.StringIO("".join(exports.as_csv(accounts)))))


@pytest.mark.req("import-export-008", "users-059")
def test_lines_open_and_change_accounts(boss):
    make.reseller(username="shop")
    make.tariff(name="Gold")
    groups.create_group(name="East")
    make.subscriber(username="old", display_name="Before", max_calls=1)
    outcome = take_in(
        "User name;kind;parent;Name;max_calls;groups;tariff;sip_password;credit_limit;billing\n"
        "new1;subscriber;shop;Ada;2;East;Gold;correct-horse-9;12.5;postpaid\n"
        "old;;;After;3;;;;;\n",
        boss,
    )
    assert (outcome.opened, outcome.changed, outcome.errors) == (1, 1, [])
    made = Account.objects.get(username="new1")
    assert (made.parent.username, made.display_name, made.max_calls, made.credit_limit) == (
        "shop",
        "Ada",
        2,
        Decimal("12.5"),
    )
    assert made.memberships.get().group.name == "East" and tariff_of(made, "retail").name == "Gold"
    old = Account.objects.get(username="old")
    assert (old.display_name, old.max_calls) == ("After", 3)
    effect = next(one for one in outcome.effects if one.username == "old")
    assert set(effect.changes) == {("display_name", "Before", "After"), ("max_calls", "1", "3")}


def test_a_preview_tells_the_same_and_changes_nothing(boss):
    text = "username,display_name\nx1,Ada\n"
    seen = take_in(text, boss, apply=False)
    assert not Account.objects.filter(username="x1").exists()
    assert seen.effects == take_in(text, boss).effects


def test_one_wrong_line_and_nothing_is_changed_and_every_error_is_told(boss):
    make.subscriber(username="old", display_name="Before")
    outcome = take_in(
        "username,kind,parent,max_calls,is_active,display_name,email\n"
        "old,subscriber,,1,yes,After,\n"
        "x1,wizard,,1,yes,,\n"
        "x2,subscriber,nobody,1,yes,,\n"
        "x3,subscriber,,many,yes,,\n"
        "x4,subscriber,,1,perhaps,,\n"
        "x5,subscriber,,1,yes,,no-address\n"
        "x5,subscriber,,1,yes,,\n"
        ",subscriber,,1,yes,,\n"
        "x6,extension,,1,yes,,\n",
        boss,
    )
    told = dict(outcome.errors)
    assert sorted(told) == [3, 4, 5, 6, 7, 8, 9, 10]
    expected = {
        3: "kind",
        4: "nobody",
        5: "max_calls",
        6: "is_active",
        7: "email",
        8: "x5",
        9: "missing",
        10: "parent",
    }
    for line, word in expected.items():
        assert word in told[line], told[line]
    assert Account.objects.get(username="old").display_name == "Before"
    assert not Account.objects.filter(username__startswith="x").exists()


def test_a_line_may_name_an_account_of_a_line_before_as_its_parent(boss):
    outcome = take_in("username,kind,parent\nshop,reseller,\nx1,subscriber,shop\n", boss)
    assert outcome.errors == [] and Account.objects.get(username="x1").parent.username == "shop"


@pytest.mark.req("import-export-001")
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_was_saved_is_taken_in_again_without_a_change(form, boss):
    shop = make.reseller(username="shop", display_name="=1+1", comment='a, "b"\nc | d', caller_number="")
    ada = make.subscriber(
        username="ada", parent=shop, caller_number="+3612345678", vat_rate=Decimal("27.5"), phone="+36 1 234"
    )
    users.set_addresses(account=ada, networks=["192.0.2.7:5070", "[2001:db8::1]:5060", "198.51.100.0/28"])
    groups.create_group(name="East", accounts=[ada])
    chosen = Account.objects.filter(username__in=["shop", "ada"])
    data = "".join(exports.as_csv(chosen)).encode() if form == "csv" else exports.as_xlsx(chosen)
    outcome = take_in(data, boss)
    assert (outcome.errors, outcome.effects, outcome.unchanged) == ([], [], 2)


@pytest.mark.req("dialplan-002", "dialplan-029")
def test_lists_of_tech_prefixes_go_out_and_in(boss):
    trunk = make.customer_trunk(username="pbx", tech_prefix="77,78")
    (row,) = written(Account.objects.filter(pk=trunk.pk))
    assert row["tech_prefix"] == "77,78"
    assert take_in('username,tech_prefix\npbx,"77, 79,8*"\n', boss).errors == []
    assert Account.objects.get(pk=trunk.pk).tech_prefix == "77, 79,8*"
    (error,) = take_in('username,tech_prefix\npbx,"77;79"\n', boss).errors
    assert "several with commas" in str(error)


def test_no_cell_is_a_formula_and_no_secret_is_written(boss):
    ada = make.subscriber(
        username="ada", display_name='=cmd|"/c calc"!A1', description="@x", sip_password="correct-horse-9"
    )
    users.set_web_password(account=ada, password="correct-horse-10")
    chosen = Account.objects.filter(pk=ada.pk)
    text = "".join(exports.as_csv(chosen))
    row = written(chosen)[0]
    assert row["display_name"].startswith("'=") and row["description"] == "'@x"
    for secret in ("correct-horse-9", "correct-horse-10", ada.sip.ha1_md5, ada.sip.ha1_sha256, ada.password):
        assert secret not in text
    assert not {"password", "web_password", "sip_password"} & row.keys()
    with zipfile.ZipFile(io.BytesIO(exports.as_xlsx(chosen))) as book:
        sheet, texts = (
            book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings")
        )
    assert "<f>" not in sheet and "=cmd|" in texts  # text, as it is, and no formula


def test_a_long_list_is_written_in_slices(boss, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(exports, "CHUNK", 4)
    for _ in range(10):
        make.subscriber()
    with django_assert_max_num_queries(20):
        assert len(written(Account.objects.filter(kind="subscriber"))) == 10


@pytest.mark.parametrize(
    ("text", "why"),
    [("name,kind\nx,subscriber\n", "username"), ("username,username\nx,y\n", "twice"), ("", "empty"), ("username\n" + "x\n" * 101, "split")],
)  # fmt: skip
def test_a_file_that_is_none_says_why(text, why, boss):
    with pytest.raises(BadFile, match=why):
        take_in(text, boss)


def test_an_unknown_column_is_passed_over_and_said_so():
    _lines, unknown = read(b"username,shoe size\nx1,42\n", 10)
    assert unknown == ["shoe_size"]


def test_support_gives_no_credit_and_makes_no_staff_by_a_file(boss):
    helper = make.account("support")
    outcome = take_in("username,kind,credit_limit\nx1,subscriber,5\nx2,admin,\nboss,admin,\n", helper)
    assert sorted(line for line, _ in outcome.errors) == [2, 3, 4]


def test_the_console_takes_a_file_of_any_length(boss, tmp_path, capsys):
    file = tmp_path / "accounts.csv"
    file.write_text("username\nx1\nx2\n")
    call_command("import_accounts", file, "--by", "boss")
    assert not Account.objects.filter(username="x1").exists()
    call_command("import_accounts", file, "--by", "boss", "--apply")
    assert Account.objects.filter(username__in=["x1", "x2"]).count() == 2
    assert "2 accounts opened" in capsys.readouterr().out
    file.write_text("username,kind\nx3,wizard\n")
    with pytest.raises(CommandError, match="1 errors"):
        call_command("import_accounts", file, "--by", "boss", "--apply")


def test_a_workbook_of_text_cells_is_read(boss):
    assert next(iter(open_sheet(exports.as_xlsx(Account.objects.all())).rows))[1][1] == "username"


@pytest.mark.req("users-045")
@pytest.mark.parametrize(
    ("type_", "operator", "kind"),
    [("0", "2", "subscriber"), ("0", "", "subscriber"), ("0", "0", "extension"), ("0", "1", "agent"), ("0", "6", "calling_card"),
     ("1", "", "reseller"), ("4", "", "owner"), ("5", "2", "customer_trunk"), ("6", "", "sales"), ("9", "", "carrier"),
     ("14", "", "support"), ("15", "", "admin")],
)  # fmt: skip
def test_the_guides_numbers_for_kinds_are_understood(type_, operator, kind, boss):
    make.subscriber(username="above")
    parent = "above" if kind == "extension" else ""
    outcome = take_in(f"username,type,isoperator,parent\nx1,{type_},{operator},{parent}\n", boss)
    assert outcome.errors == [] and Account.objects.get(username="x1").kind == kind


@pytest.mark.parametrize(
    ("type_", "operator"), [("8", ""), ("10", ""), ("12", ""), ("17", ""), ("0", "9"), ("x", "")]
)
def test_the_guides_other_numbers_are_refused(type_, operator, boss):
    outcome = take_in(f"username,type,isoperator\nx1,{type_},{operator}\n", boss)
    assert len(outcome.errors) == 1 and not Account.objects.filter(username="x1").exists()
