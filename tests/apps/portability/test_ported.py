"""Ported numbers in PostgreSQL: entering, importing, double ones, and what the compiler makes of them."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.portability import services, snapshot
from apps.portability.build import build
from apps.portability.engine import PortedFile, Porting
from apps.portability.models import NumberBlock, PortedChange, PortedNumber, PortTarget
from apps.portability.queries import best_of
from apps.pricing.errors import ImportRefused
from tests import make

pytestmark = pytest.mark.django_db
NUMBER = "36301234567"


def built(folder: Path) -> PortedFile:
    with connection.cursor() as cursor:
        build(cursor, folder / "ported", snapshot.stamp())
    return PortedFile(folder / "ported")


def take(text: str, **how: Any) -> services.Taken:
    return services.import_ported(stream=io.BytesIO(text.encode()), **how)


def refused(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ImportRefused) as error:
        take(text)
    return error.value.errors


@pytest.mark.req("lnp-004", "lnp-006")
def test_a_number_says_where_it_has_gone_in_at_least_one_way(tmp_path: Path) -> None:
    carrier = make.carrier()
    services.port(number="+36 30 123-4567", carrier=carrier, prefix="3620", domain="SIP.example", port=5080)
    services.port(number="0036301234568", new_number="+36207654321", code="op", domain="sip.example")
    file = built(tmp_path)
    assert file.find(NUMBER) == Porting(carrier.pk, "", "3620", "sip.example", 5080)
    assert file.find("36301234568") == Porting(0, "op", "", "sip.example", 5060, "36207654321")
    for wrong in (
        {}, {"port": 5080}, {"carrier": make.subscriber()}, {"domain": "a b"}, {"code": "a\tb"}, {"prefix": "x"},
        {"new_number": "Ada"}, {"domain": "sip.example", "port": 70_000},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            services.port(number="44", **wrong)
    with pytest.raises(ValidationError):
        services.port(number="nobody", code="op")
    assert PortedNumber.objects.count() == 2


@pytest.mark.req("lnp-006")
def test_numbers_share_their_targets() -> None:
    for number in ("361", "362", "363"):
        services.port(number=number, code="op")
    assert PortTarget.objects.count() == 1


@pytest.mark.req("lnp-006", "lnp-012")
def test_of_several_rows_the_lowest_priority_counts_then_the_longest_domain_then_the_newest(
    tmp_path: Path,
) -> None:
    def best() -> str:
        [in_file] = [built(tmp_path).find(NUMBER)]
        assert in_file == best_of([NUMBER])[NUMBER]
        assert in_file is not None
        return in_file.code

    services.port(number=NUMBER, code="old", priority=2)
    services.port(number=NUMBER, code="new", priority=2)
    assert best() == "new"
    services.port(number=NUMBER, code="longer", domain="sip.example", priority=2)
    services.port(number=NUMBER, code="short", domain="a.example", priority=2)
    assert best() == "longer"
    services.port(number=NUMBER, code="first", priority=1)
    assert best() == "first"


@pytest.mark.req("lnp-012")
def test_double_numbers_are_removed_but_for_the_longest_domain_then_the_newest() -> None:
    now = timezone.now()
    for place, (code, domain) in enumerate(
        (("a", ""), ("b", "sip.example"), ("c", "a.example"), ("d", "sip.example"))
    ):
        row = services.port(number=NUMBER, code=code, domain=domain)
        PortedNumber.objects.filter(pk=row.pk).update(created_at=now + timedelta(minutes=place))
    services.port(number="44", code="a")
    assert services.remove_duplicates() == 3
    assert sorted(PortedNumber.objects.values_list("number", "target__code")) == [(NUMBER, "d"), ("44", "a")]


@pytest.mark.req("lnp-004")
def test_a_file_is_taken_whole_and_its_numbers_replace_what_was_there(tmp_path: Path) -> None:
    carrier = make.carrier(username="carrier-a")
    services.port(number="44", code="kept")
    services.port(number=NUMBER, code="old")
    done = take(
        "Number,carrier,code,prefix,new_number,domain,port,priority\r\n"
        f"+{NUMBER},carrier-a,,,,,,\r\n"
        "36301234568,,op,3620,,sip.example,5080,3\r\n"
        "36301234569,,,,36207654321,,,\r\n"
        "36301234569,,,,36207654322,,,\r\n"
    )
    assert (done.lines, done.kept, done.doubles) == (4, 3, 1)
    file = built(tmp_path)
    assert file.find(NUMBER) == Porting(carrier.pk)
    assert file.find("36301234568") == Porting(0, "op", "3620", "sip.example", 5080)
    assert file.find("36301234569") == Porting(number="36207654322")
    assert file.find("44") == Porting(code="kept")
    take("number,code\n361,op\n", replace=True)
    assert list(PortedNumber.objects.values_list("number", flat=True)) == ["361"]


@pytest.mark.req("lnp-004")
def test_what_is_exported_can_be_imported_again(tmp_path: Path) -> None:
    make.carrier(username="carrier-a")
    take("number,carrier,domain,new_number,priority\n361,carrier-a,sip.example,3620,4\n362,,,3621,\n")
    text = "".join(services.export_ported())
    before = best_of(["361", "362"])
    take(text, replace=True)
    assert best_of(["361", "362"]) == before
    assert "".join(services.export_ported()) == text


def test_a_bad_file_changes_nothing_and_names_its_lines() -> None:
    services.port(number="44", code="kept")
    assert refused("number,code,colour\n361,op,red\n")[0][0] == 1
    assert refused("code\nop\n")[0][0] == 1
    lines = refused(
        "number,code,carrier,port,domain\n361,op,,,\nabc,op,,,\n362,,,,\n363,,nobody,,\n364,op\n365,,,70000,a.b\n"
    )
    assert [line for line, _why in lines] == [3, 4, 6, 7]
    assert refused("number,carrier\n363,nobody\n") == [(2, "There is no carrier nobody.")]
    assert refused("number,code\n361,\xff\n".encode("latin-1").decode("latin-1") + "362,a\\tb\n")
    assert list(PortedNumber.objects.values_list("number", flat=True)) == ["44"]


@pytest.mark.req("lnp-010")
def test_blocks_are_taken_from_a_file_in_the_place_of_all_others(tmp_path: Path) -> None:
    services.save_block(prefix="5521", spid="old")
    assert services.import_blocks(stream=io.BytesIO(b"prefix,spid,cnl\n5511,020,11000\n55119,015,\n")) == 2
    assert NumberBlock.objects.count() == 2
    file = built(tmp_path)
    assert file.block_of("5511212345678") == Porting(code="020", cnl="11000", ported=False)
    assert file.block_of("5511912345678") == Porting(code="015", ported=False)
    with pytest.raises(ImportRefused):
        services.import_blocks(stream=io.BytesIO(b"prefix,spid\n5511,\n"))


# how the switch hears of it


def test_one_change_is_told_alone_and_many_make_a_new_file() -> None:
    before = snapshot.stamp()
    row = services.port(number="361", code="op")
    assert dict(snapshot.port_changes()) == {"361": Porting(code="op")}
    services.change(ported=row, number="362")
    assert dict(snapshot.port_changes()) == {"361": None, "362": Porting(code="op")}
    services.unport(ported=row)
    assert dict(snapshot.port_changes()) == {"361": None, "362": None}
    assert snapshot.stamp() == before
    take("number,code\n" + "".join(f"{number},op\n" for number in range(100_000, 102_000)))
    assert snapshot.stamp() > before
    assert PortedChange.objects.count() == 2


def test_each_night_single_changes_go_into_the_file_and_are_forgotten_later() -> None:
    services.port(number="361", code="op")
    assert services.fold_changes() == 0
    first = snapshot.stamp()
    assert first and PortedChange.objects.count() == 1, "the file that has it is only being built"
    PortedChange.objects.update(changed_at=timezone.now() - timedelta(hours=3))
    assert services.fold_changes() == 1
    assert PortedChange.objects.count() == 0
    assert services.fold_changes() == 0


# the admin


def test_the_pages_of_ported_numbers(client: Client) -> None:
    client.force_login(make.admin())
    carrier = make.carrier()
    data = {
        "number": "+36 30 123 4567",
        "carrier": carrier.pk,
        "priority": 1,
        "code": "",
        "prefix": "",
        "domain": "",
    }
    response = client.post("/admin/portability/portednumber/add/", data)
    assert response.status_code == 302, response.context["errors"]
    row = PortedNumber.objects.get()
    assert (row.number, row.target.carrier) == (NUMBER, carrier)  # type: ignore[union-attr]
    page = f"/admin/portability/portednumber/{row.pk}/change/"
    assert str(carrier.pk) in client.get(page).content.decode()
    response = client.post(page, data | {"carrier": "", "domain": "sip.example", "port": "5080"})
    assert response.status_code == 302, response.context["errors"]
    row.refresh_from_db()
    assert str(row.target) == "sip.example:5080"
    bad = io.BytesIO(b"number,code\nabc,op\n")
    assert client.post("/admin/portability/portednumber/import-file/", {"file": bad}).status_code == 422
    good = io.BytesIO(b"number,code\n361,op\n")
    assert client.post("/admin/portability/portednumber/import-file/", {"file": good}).status_code == 302
    body = b"".join(client.get("/admin/portability/portednumber/export-file/").streaming_content)  # type: ignore[attr-defined]
    assert b"361,,op" in body
    response = client.post(
        "/admin/portability/operator/add/", {"code": "op", "carrier": carrier.pk, "name": "", "prefix": ""}
    )
    assert response.status_code == 302
    assert list(snapshot.operators()) == [("op", carrier.pk, "")]
