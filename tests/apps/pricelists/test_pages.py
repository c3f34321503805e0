"""A price list's way through the admin: upload, columns, what would change, apply, undo."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.pricelists import tasks
from apps.pricelists.models import ChangeSet, State
from apps.pricelists.replay import pricer, rates_now
from apps.pricing.models import Rate
from tests import make
from tests.house import House, house

__all__ = ["house"]
pytestmark = pytest.mark.django_db
PAGE = "/admin/pricelists/changeset/"
LIST = b"Destination,Code,Rate\nHungary,36,0.05\nHungary mobile,3620,0.05\nRomania,40,0.2\n"


@pytest.fixture
def boss(client: Client, house: House) -> Client:
    client.force_login(house.admin)
    return client


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What Celery is asked to read."""
    asked: list[int] = []
    monkeypatch.setattr(tasks.carry_out, "delay", lambda pk, by=None: asked.append(pk))
    return asked


def upload(boss: Client, house: House, data: bytes = LIST) -> ChangeSet:
    response = boss.post(
        PAGE + "add/", {"tariff": house.tariff.pk, "file": SimpleUploadedFile("new.csv", data)}
    )
    assert response.status_code == 302, response.context["form"].errors
    return ChangeSet.objects.latest("id")


def columns_form(boss: Client, found: ChangeSet) -> dict[str, Any]:
    form = boss.get(f"{PAGE}{found.pk}/columns/").context["form"]
    data = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in data.items() if value not in (None, False)}


def compared(boss: Client, house: House, capture: Any, worker: list[int], **options: Any) -> ChangeSet:
    found = upload(boss, house)
    with capture(execute=True):
        response = boss.post(f"{PAGE}{found.pk}/columns/", columns_form(boss, found) | options)
    assert response.status_code == 302, response.context["form"].errors
    assert worker == [found.pk]
    assert "is being read" in boss.get(f"{PAGE}{found.pk}/change/").content.decode()
    tasks.carry_out(found.pk)
    found.refresh_from_db()
    return found


def do(boss: Client, found: ChangeSet, what: str, capture: Any) -> str:
    """Press a button, let Celery do its work, and look at the page."""
    with capture(execute=True):
        assert boss.post(f"{PAGE}{found.pk}/{what}/").status_code == 302
    assert "This page goes on by itself" in boss.get(f"{PAGE}{found.pk}/change/").content.decode()
    tasks.carry_out(found.pk)
    return boss.get(f"{PAGE}{found.pk}/change/").content.decode()


def test_why_a_list_was_not_applied_stands_on_its_page(
    boss: Client, house: House, worker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    found = compared(boss, house, django_capture_on_commit_callbacks, worker)
    Rate.objects.filter(pk=house.rate.pk).update(price="0.5")
    page = do(boss, found, "apply", django_capture_on_commit_callbacks)
    assert "Compare it again" in page and "Apply all changes" in page


def test_a_list_is_uploaded_looked_at_applied_and_undone(
    boss: Client, house: House, worker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    found = compared(boss, house, django_capture_on_commit_callbacks, worker)
    page = boss.get(f"{PAGE}{found.pk}/change/").content.decode()
    assert "Hungary mobile" in page and "+66.7" in page
    before = list(Rate.objects.order_by("id").values())
    assert boss.get(f"{PAGE}{found.pk}/apply/").status_code == 405
    do(boss, found, "apply", django_capture_on_commit_callbacks)
    assert Rate.objects.get(tariff=house.tariff, prefix="40").destination == "Romania"
    assert "is being applied" in boss.get(f"{PAGE}{found.pk}/history/").content.decode()
    assert (
        "new.csv: The price list is being applied"
        in boss.get(f"/admin/pricing/tariff/{house.tariff.pk}/history/").content.decode()
    )
    do(boss, found, "undo", django_capture_on_commit_callbacks)
    assert list(Rate.objects.order_by("id").values()) == before


def test_the_preview_is_filtered_by_kind_destination_and_prefix(
    boss: Client, house: House, worker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    found = compared(boss, house, django_capture_on_commit_callbacks, worker)

    def shown(query: str) -> set[str]:
        return {one.prefix for one in boss.get(f"{PAGE}{found.pk}/change/?{query}").context["page"]}

    assert shown("") == {"36", "3620", "40"}
    assert shown("kind=increase") == {"36"}
    assert shown("kind=decrease") == {"3620"}
    assert shown("kind=new") == {"40"}
    assert shown("q=mobile") == {"3620"}
    assert shown("q=36") == {"36", "3620"}
    assert shown("page=99&kind=nonsense") == {"36", "3620", "40"}


def test_bad_lines_are_shown_with_the_columns_to_mend(
    boss: Client, house: House, worker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    found = compared(
        boss, house, django_capture_on_commit_callbacks, worker, **{"column-1": "price", "column-2": "code"}
    )
    assert found.state == State.REFUSED
    page = boss.get(f"{PAGE}{found.pk}/change/", follow=True).content.decode()
    assert "3 lines are wrong" in page and "is not a dial code" in page


def test_columns_that_are_said_twice_or_not_at_all_are_refused_on_the_page(
    boss: Client, house: House
) -> None:
    found = upload(boss, house)
    for wrong, why in (
        ({"column-0": "price"}, "Two columns are said to be"),
        ({"column-2": ""}, "Say at least which column"),
    ):
        response = boss.post(f"{PAGE}{found.pk}/columns/", columns_form(boss, found) | wrong)
        assert response.status_code == 422 and why in response.content.decode()


def test_the_file_is_read_again_with_another_separator(boss: Client, house: House) -> None:
    found = upload(boss, house, b"Code|Rate\n36|0.05\n")
    boss.post(f"{PAGE}{found.pk}/columns/", columns_form(boss, found) | {"separator": ";", "again": "1"})
    assert "Say at least" not in boss.get(f"{PAGE}{found.pk}/columns/").content.decode()
    found.refresh_from_db()
    assert found.separator == ";" and found.columns == {}


def test_what_is_no_table_is_refused_at_the_door(boss: Client, house: House) -> None:
    file = SimpleUploadedFile("x.xlsx", b"PK\x03\x04" + bytes(99))
    response = boss.post(PAGE + "add/", {"tariff": house.tariff.pk, "file": file})
    assert response.status_code == 422 and "damaged" in response.content.decode()


@pytest.mark.req("pricing-018")
def test_reading_can_be_stopped_and_a_list_discarded(
    boss: Client, house: House, worker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    found = upload(boss, house)
    with django_capture_on_commit_callbacks(execute=True):
        boss.post(f"{PAGE}{found.pk}/columns/", columns_form(boss, found))
    boss.post(f"{PAGE}{found.pk}/stop/")
    tasks.carry_out(found.pk)
    found.refresh_from_db()
    assert found.state == State.UPLOADED and not found.changes.exists()
    boss.post(f"{PAGE}{found.pk}/discard/")
    found.refresh_from_db()
    assert found.state == State.DISCARDED


def test_support_sees_lists_and_changes_none(client: Client, house: House) -> None:
    client.force_login(house.support)
    path = f"{PAGE}{house.change_set.pk}/"
    page = client.get(path + "change/").content.decode()
    assert "Apply all changes" not in page
    for what in ("apply", "undo", "discard", "compare", "stop", "columns"):
        assert client.post(f"{path}{what}/").status_code == 403


@pytest.mark.req("pricing-005", "pricing-006")
def test_tariffs_stand_in_their_group_each_with_prices_by_prefix_that_calls_are_priced_by(
    boss: Client, house: House
) -> None:
    first, second = (
        make.tariff(group=house.group, decimals=6, prices=prices)
        for prices in ({"36": "0.06"}, {"36": "0.09", "3630": "0.12"})
    )
    listed = boss.get(f"/admin/pricing/tariff/?group__id__exact={house.group.pk}").context["cl"].result_list
    assert {one.pk for one in listed} == {first.pk, second.pk}
    rates = boss.get(f"/admin/pricing/rate/?tariff__id__exact={second.pk}&q=3630").context["cl"].result_list
    assert [one.prefix for one in rates] == ["3630"]
    for tariff, micros in ((first, 60_000), (second, 120_000)):
        assert pricer(tariff, rates_now(tariff), "EUR")("36301234567", 0.0, 60) == micros
