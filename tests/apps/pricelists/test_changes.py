"""What a list changes is shown before it happens, happens all or not at all, and can be taken back exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from apps.pricelists import services
from apps.pricelists.errors import ListError
from apps.pricelists.models import Change, ChangeSet, ListLayout, State
from apps.pricing.models import Rate, Tariff, TimeWindow
from apps.pricing.services import add_rate, change_rate, change_tariff
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tariff() -> Tariff:
    return make.tariff("carrier", prices={"36": "0.05", "3630": "0.10", "40": "0.03"})


def staged(tariff: Tariff, text: str, **options: Any) -> ChangeSet:
    found = services.upload(tariff=tariff, file_name="list.csv", data=text.encode())
    services.choose(change_set=found, columns=found.columns, **options)
    return services.stage(change_set=found)


def kinds(found: ChangeSet) -> dict[str, str]:
    assert found.state == State.READY, found.errors
    return {one.prefix: one.kind for one in found.changes.order_by("valid_from")}


def rows(tariff: Tariff) -> list[dict[str, Any]]:
    return list(Rate.objects.filter(tariff=tariff).order_by("id").values())


def now_and_then(tariff: Tariff, prefix: str) -> list[tuple[str, datetime, datetime | None]]:
    found = Rate.objects.filter(tariff=tariff, prefix=prefix, window=None).order_by("valid_from")
    return [(f"{one.price.normalize():f}", one.valid_from, one.valid_until) for one in found]


def test_each_kind_of_change_is_recognised_and_counted(tariff: Tariff) -> None:
    text = "Code,Rate,Status\n36,0.06,\n3630,0.09,\n40,0.03,\n41,0.2,\n"
    found = staged(tariff, text)
    assert kinds(found) == {"36": "increase", "3630": "decrease", "40": "unchanged", "41": "new"}
    assert found.summary == {"increase": 1, "decrease": 1, "unchanged": 1, "new": 1, "attention": 1}
    increase = found.changes.get(prefix="36")
    assert (increase.old_price, increase.price, increase.percent) == (
        Decimal("0.05"),
        Decimal("0.06"),
        Decimal(20),
    )
    assert increase.valid_from == NOW


def test_only_a_complete_list_removes_what_it_does_not_have(tariff: Tariff) -> None:
    assert kinds(staged(tariff, "Code,Rate\n36,0.05\n")) == {"36": "unchanged"}
    found = staged(tariff, "Code,Rate\n36,0.05\n", complete=True)
    assert kinds(found) == {"36": "unchanged", "3630": "removed", "40": "removed"}
    services.apply(change_set=found)
    assert now_and_then(tariff, "40") == [("0.03", make.LONG_AGO, NOW)]
    assert now_and_then(tariff, "36") == [("0.05", make.LONG_AGO, None)]


def test_a_status_of_removed_ends_the_code_on_its_day(tariff: Tariff) -> None:
    found = staged(
        tariff, "Code,Rate,Effective Date,Status\n40,,2026-07-01,Deleted\n99,,2026-07-01,Deleted\n"
    )
    assert kinds(found) == {"40": "removed", "99": "unchanged"}
    services.apply(change_set=found)
    assert now_and_then(tariff, "40") == [("0.03", make.LONG_AGO, JULY)]


def test_days_to_come_wait_and_days_that_are_over_hold_from_the_lists_start(tariff: Tariff) -> None:
    text = "Code,Rate,Effective Date\n36,0.06,2026-07-01\n40,0.02,2020-01-01\n40,0.04,2021-01-01\n41,0.2,\n"
    services.apply(change_set=staged(tariff, text))
    assert now_and_then(tariff, "36") == [("0.05", make.LONG_AGO, JULY), ("0.06", JULY, None)]
    assert now_and_then(tariff, "40") == [("0.03", make.LONG_AGO, NOW), ("0.04", NOW, None)]
    assert now_and_then(tariff, "41") == [("0.2", NOW, None)]


def test_a_price_now_and_one_to_come_follow_each_other(tariff: Tariff) -> None:
    text = "Code,Rate,Effective Date\n36,0.06,2026-01-01\n36,0.04,2026-07-01\n"
    found = staged(tariff, text)
    assert [one.kind for one in found.changes.order_by("valid_from")] == ["increase", "decrease"]
    services.apply(change_set=found)
    assert now_and_then(tariff, "36") == [
        ("0.05", make.LONG_AGO, NOW),
        ("0.06", NOW, JULY),
        ("0.04", JULY, None),
    ]
    again = staged(tariff, text)
    assert {one.kind for one in again.changes.all()} == {"unchanged"}


def test_a_complete_list_withdraws_an_announced_price_that_it_no_longer_tells(tariff: Tariff) -> None:
    services.apply(change_set=staged(tariff, "Code,Rate,Effective Date\n36,0.09,2026-07-01\n"))
    before = rows(tariff)
    text = "Code,Rate\n36,0.05\n3630,0.1\n40,0.03\n"
    assert "withdrawn" not in kinds(staged(tariff, text)).values()
    found = staged(tariff, text, complete=True)
    assert kinds(found) == {"36": "withdrawn", "3630": "unchanged", "40": "unchanged"}
    services.apply(change_set=found)
    assert now_and_then(tariff, "36") == [("0.05", make.LONG_AGO, None)]
    services.undo(change_set=found)
    assert rows(tariff) == before


def test_what_the_list_has_no_column_for_stays_as_it_was(tariff: Tariff) -> None:
    make.rate(tariff, "44", "0.02", destination="United Kingdom", connect_fee=Decimal("0.1"), first_increment=60,
              next_increment=6, grace_seconds=3)  # fmt: skip
    services.apply(change_set=staged(tariff, "Code,Rate\n44,0.03\n"))
    new = tariff.rates.get(prefix="44", valid_until=None)
    assert (new.destination, new.connect_fee, new.first_increment, new.next_increment, new.grace_seconds) == (
        "United Kingdom", Decimal("0.1"), 60, 6, 3)  # fmt: skip
    found = staged(tariff, "Code,Rate,Increments\n44,0.03,1/1\n")
    assert kinds(found) == {"44": "changed"}


def test_peak_prices_are_compared_and_stored_in_the_peak_time(tariff: Tariff) -> None:
    window = TimeWindow.objects.create(name="peak", starts="08:00", ends="18:00", weekdays=31)
    change_tariff(tariff=tariff, peak_window=window)
    services.apply(change_set=staged(tariff, "Code,Rate,Peak Rate\n36,0.05,0.08\n"))
    assert tariff.rates.get(prefix="36", window=window).price == Decimal("0.08")
    assert kinds(staged(tariff, "Code,Rate,Peak Rate\n36,0.05,0.09\n")) == {"36": "increase"}
    assert kinds(staged(tariff, "Code,Rate\n36,0.05\n")) == {"36": "unchanged"}


def test_a_peak_price_without_a_peak_time_refuses_the_list(tariff: Tariff) -> None:
    found = staged(tariff, "Code,Rate,Peak Rate\n36,0.05,0.08\n")
    assert found.state == State.REFUSED and "no peak time" in found.errors[0][1]


def test_what_exceeds_the_limits_of_attention_is_marked(tariff: Tariff) -> None:
    text = "Code,Rate,Effective Date\n36,0.061,2026-08-01\n3630,0.11,2026-08-01\n40,0.031,2026-06-02\n41,6,2026-08-01\n"
    marked = staged(tariff, text).changes.filter(attention=True)
    assert {one.prefix for one in marked} == {"36", "40", "41"}  # by 22 %, on a day's notice, 6 a minute


def test_a_list_with_a_bad_line_is_refused_whole_and_says_which(tariff: Tariff) -> None:
    found = staged(tariff, "Code,Rate\n36,0.06\n40,free\n")
    assert (found.state, found.error_count, found.errors[0][0]) == (State.REFUSED, 1, 3)
    assert not found.changes.exists()
    with pytest.raises(ListError):
        services.apply(change_set=found)


def test_undoing_restores_every_rate_with_its_id(tariff: Tariff) -> None:
    services.apply(change_set=staged(tariff, "Code,Rate,Effective Date\n36,0.07,2026-07-01\n"))
    before = rows(tariff)
    text = "Code,Rate,Effective Date\n36,0.06,2026-07-01\n3630,0.09,\n41,0.2,\n"
    found = staged(tariff, text, complete=True)
    services.apply(change_set=found)
    assert rows(tariff) != before
    services.undo(change_set=found)
    assert rows(tariff) == before
    found.refresh_from_db()
    assert found.state == State.UNDONE and not found.touched.exists()


@pytest.mark.parametrize("what", ["price", "newer", "deleted", "older"])
def test_nothing_is_undone_once_somebody_changed_the_same_rates(tariff: Tariff, what: str) -> None:
    found = staged(tariff, "Code,Rate\n36,0.06\n41,0.2\n")
    services.apply(change_set=found)
    if what == "price":
        change_rate(rate=tariff.rates.get(prefix="41"), price=Decimal("0.21"))
    elif what == "newer":
        add_rate(tariff=tariff, prefix="41", price=Decimal("0.3"), valid_from=JULY)
    elif what == "deleted":
        tariff.rates.filter(prefix="41").delete()
    else:
        change_rate(rate=tariff.rates.get(prefix="36", valid_until=NOW), price=Decimal("0.01"))
    before = rows(tariff)
    with pytest.raises(ListError, match="changed after"):
        services.undo(change_set=found)
    assert rows(tariff) == before


def test_changes_of_other_prefixes_do_not_hinder_undoing(tariff: Tariff) -> None:
    found = staged(tariff, "Code,Rate\n36,0.06\n")
    services.apply(change_set=found)
    add_rate(tariff=tariff, prefix="49", price=Decimal("0.3"))
    services.undo(change_set=found)
    assert now_and_then(tariff, "36") == [("0.05", make.LONG_AGO, None)]
    assert tariff.rates.filter(prefix="49").exists()


def test_a_list_is_not_applied_to_prices_that_it_was_not_compared_with(tariff: Tariff) -> None:
    found = staged(tariff, "Code,Rate\n36,0.06\n")
    change_rate(rate=tariff.rates.get(prefix="40"), price=Decimal("0.5"))
    with pytest.raises(ListError, match="Compare it again"):
        services.apply(change_set=found)
    services.stage(change_set=found)
    services.apply(change_set=found)
    with pytest.raises(ListError, match="applied"):
        services.apply(change_set=found)


def test_the_columns_of_a_tariffs_list_are_remembered(tariff: Tariff) -> None:
    first = services.upload(tariff=tariff, file_name="a.csv", data=b"Code,Rate A,Rate B\n36,0.1,0.2\n")
    assert first.columns == {"code": 0, "price": 1}
    services.choose(change_set=first, columns={"code": 0, "price": 2}, complete=True)
    second = services.upload(tariff=tariff, file_name="b.csv", data=b"Rate B,Rate A,Code\n0.2,0.1,36\n")
    assert second.columns == {"code": 2, "price": 0} and second.complete
    other = services.upload(tariff=make.tariff(), file_name="b.csv", data=b"Rate B,Rate A,Code\n0.2,0.1,36\n")
    assert other.columns == {"code": 2, "price": 0} and not other.complete
    assert ListLayout.objects.count() == 1


def test_columns_of_a_list_without_headings_are_remembered_by_their_place(tariff: Tariff) -> None:
    first = services.upload(tariff=tariff, file_name="a.csv", data=b"36,0.1,0.2\n40,0.2,0.3\n")
    services.choose(change_set=first, columns={"code": 0, "price": 2})
    second = services.upload(tariff=tariff, file_name="b.csv", data=b"36,0.1,0.2\n")
    assert second.columns == {"code": 0, "price": 2}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"price": 1},
        {"code": 0},
        {"code": 0, "price": 0},
        {"code": 0, "price": -1},
        {"code": 0, "cost": 1},
    ],
)
def test_columns_that_make_no_sense_are_refused(tariff: Tariff, columns: dict[str, int]) -> None:
    from django.core.exceptions import ValidationError

    found = services.upload(tariff=tariff, file_name="a.csv", data=b"Code,Rate\n36,0.1\n")
    with pytest.raises(ValidationError):
        services.choose(change_set=found, columns=columns)


def test_other_tariffs_are_left_alone(tariff: Tariff) -> None:
    other = make.tariff(prices={"36": "0.09"})
    before = rows(other)
    found = staged(tariff, "Code,Rate\n36,0.06\n", complete=True)
    services.apply(change_set=found)
    assert rows(other) == before
    services.undo(change_set=found)
    assert rows(other) == before


def test_a_discarded_list_leaves_no_rows(tariff: Tariff) -> None:
    found = staged(tariff, "Code,Rate\n36,0.06\n")
    services.discard(change_set=found)
    assert not Change.objects.filter(change_set=found).exists()
    with pytest.raises(ListError):
        services.stage(change_set=found)
