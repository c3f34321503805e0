"""Replays of routes from the office: asked for, decided by the real snapshot, shown, stopped, and who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.pricelists import route_calls, tasks
from apps.pricelists.models import Change, ChangeSet, RouteReplay, Stage, State
from apps.pricelists.replay_states import stop_replay
from apps.pricelists.services import route_replays as services
from apps.pricing.models import Tariff
from apps.pricing.services import assign_tariff
from apps.routing.models import RouteRule
from apps.users.models import Account
from switch.replay import run
from switch.world import parts
from switch.world.store import Store
from tests import make
from tests.switch.world.test_compiler import database_url

pytestmark = pytest.mark.django_db


class Books:
    """A subscriber, a dear and a cheap carrier, a rule that only knows the dear one and a draft that knows both; three calls."""

    def __init__(self) -> None:
        self.now = timezone.now().replace(microsecond=0)
        self.ann = make.subscriber(balance="50")
        self.retail = make.tariff(prices={"36": "0.12", "49": "0.24"}, decimals=6)
        assign_tariff(account=self.ann, tariff=self.retail)
        self.dear, self.cheap = make.carrier(username="dear"), make.carrier(username="cheap")
        self.costs = make.tariff("carrier", prices={"36": "0.06", "49": "0.06"}, decimals=6)
        assign_tariff(account=self.dear, tariff=self.costs)
        self.fewer = make.tariff("carrier", prices={"36": "0.03"}, decimals=6)
        assign_tariff(account=self.cheap, tariff=self.fewer)
        self.rule = make.rule(self.dear, name="dear only")
        self.draft = make.rule(self.dear, self.cheap, name="both", enabled=False)
        self.calls = [
            self.call("36301234567", 60),
            self.call("36301234568", 120),
            self.call("49301234567", 60),
        ]

    def call(self, number: str, seconds: int, days: int = 3) -> Cdr:
        call = make.call(
            self.ann, at=self.now - timedelta(days=days), seconds=seconds, destination=number[:2]
        )
        Cdr.objects.filter(pk=call.pk).update(
            called_number=number, carrier=self.dear, carrier_cost=Decimal("0.06") * seconds / 60, caller_address="10.0.0.9:5060"
        )  # fmt: skip
        return call

    def asked(self, **what: Any) -> RouteReplay:
        usual: dict[str, Any] = {
            "title": "Both", "rules": [self.draft], "since": self.now - timedelta(days=30), "until": self.now, "by": None,
        }  # fmt: skip
        return services.begin_replay(**usual | what)


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(tasks.replay_routes, "delay", lambda pk: None)  # the test is who carries it out
    return Books()


def snapshot(folder: Path) -> Path:
    """What the compiler would write; a test's transaction cannot be the compiler's."""
    store = Store(folder / "world")
    found = {part: store.write_part(part, parts._sections(part, "")) for part in parts.SMALL}
    for tariff in Tariff.objects.values_list("pk", flat=True):
        found |= parts._deck(store, tariff)
    store.publish(found, 1.0)
    return store.folder


def outcome(replay: RouteReplay, folder: Path) -> dict[str, Any]:
    run(replay, snapshot(folder))
    replay.refresh_from_db()
    assert replay.stage == Stage.DONE, replay.error
    found: dict[str, Any] = replay.outcome
    return found


def carriers(found: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {
        one["name"]: (one["before"]["calls"], one["after"]["calls"], Decimal(one["before"]["cost"]), Decimal(one["after"]["cost"]))
        for one in found["carriers"]
    }  # fmt: skip


@pytest.mark.req("monitoring-007")
def test_a_draft_rule_shows_cost_margin_and_share_of_each_carrier_before_and_after(
    books: Books, tmp_path: Path
) -> None:
    found = outcome(books.asked(), tmp_path)
    assert carriers(found) == {
        "dear": (3, 1, Decimal("0.24"), Decimal("0.06")), "cheap": (0, 2, Decimal(0), Decimal("0.09")),
    }  # fmt: skip
    total, by_name = found["total"], {one["name"]: one for one in found["carriers"]}
    assert Decimal(total["before"]["revenue"]) == Decimal(total["after"]["revenue"]) == Decimal("0.60")
    assert Decimal(total["difference"]) == Decimal("0.09") and found["moved"] == 2
    assert (by_name["cheap"]["after"]["percent"], by_name["dear"]["after"]["percent"]) == ("66.7", "33.3")
    assert Decimal(by_name["dear"]["recorded"]["cost"]) == Decimal("0.24")
    assert {one["name"]: Decimal(one["difference"]) for one in found["destinations"]} == {"36": Decimal("0.09"), "49": Decimal(0)}  # fmt: skip
    assert found["refused"] == [] and RouteRule.objects.filter(enabled=True).get() == books.rule


def test_a_carrier_left_out_and_a_tariff_in_place_of_another_are_reckoned(
    books: Books, tmp_path: Path
) -> None:
    found = outcome(books.asked(rules=[books.rule, books.draft], without=[books.dear]), tmp_path / "a")
    assert carriers(found)["cheap"][:2] == (0, 2) and found["total"]["after"]["calls"] == 2
    assert found["refused"] == [{"cause": "no_route", "before": 0, "after": 1}]
    assert found["lost"] == [{"call": str(books.calls[2].pk), "cause": "no_route"}]
    dearer = make.tariff("carrier", prices={"36": "0.11", "49": "0.11"}, decimals=6)
    swapped = outcome(books.asked(rules=[books.rule], swaps=[(books.costs, dearer)]), tmp_path / "b")
    assert carriers(swapped) == {"dear": (3, 3, Decimal("0.24"), Decimal("0.44"))}


def test_a_price_list_that_is_ready_is_tried_without_being_applied(books: Books, tmp_path: Path) -> None:
    offer = ChangeSet.objects.create(tariff=books.costs, state=State.READY, file_name="x", data=b"", begins=books.now + timedelta(days=9))  # fmt: skip
    Change.objects.create(
        change_set=offer, kind="decrease", prefix="36", price=Decimal("0.01"), connect_fee=0, first_increment=1,
        next_increment=1, minimum_seconds=0, valid_from=offer.begins,
    )  # fmt: skip
    found = outcome(books.asked(lists=[offer]), tmp_path)
    assert carriers(found) == {"dear": (3, 3, Decimal("0.24"), Decimal("0.09"))}
    ChangeSet.objects.update(state=State.DISCARDED)
    with pytest.raises(ValidationError, match="ready"):
        books.asked(lists=[ChangeSet.objects.get()])


def test_only_calls_of_the_span_the_prefix_and_a_carrier_are_taken(books: Books, tmp_path: Path) -> None:
    books.call("36301234599", 60, days=40)
    inside = books.call("36301234500", 60)
    Cdr.objects.filter(pk=inside.pk).update(carrier=None)
    books.call("49301234500", 0)
    assert outcome(books.asked(prefix="36"), tmp_path)["total"]["before"]["calls"] == 2


def test_of_very_many_calls_a_share_is_taken_in_bounded_pieces(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(17):
        books.call(f"363012346{place:02}", 60)
    assert route_calls.count(books.asked()) == 20
    monkeypatch.setattr(
        route_calls, "_NEXT", route_calls._NEXT.replace(f"LIMIT {route_calls.CHUNK}", "LIMIT 3")
    )
    whole = [row.id for rows in route_calls.chunks(books.asked(), 1) for row in rows]
    assert len(whole) == len(set(whole)) == 20
    assert max(len(rows) for rows in route_calls.chunks(books.asked(), 1)) == 3
    monkeypatch.setattr(route_calls, "MOST_CALLS", 10)
    found = outcome(books.asked(), tmp_path)
    taken = sum(len(rows) for rows in route_calls.chunks(books.asked(), 2))
    assert found["share"] == 2 and found["total"]["before"]["calls"] == 2 * taken and 0 < taken < 20


def test_what_was_stopped_meanwhile_is_not_finished_and_nothing_runs_twice(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = books.asked()
    chunks = route_calls.chunks

    def stopped(of: RouteReplay, share: int) -> Iterator[list[route_calls.Row]]:
        for rows in chunks(of, share):
            assert stop_replay(replay=replay)
            yield rows

    monkeypatch.setattr(route_calls, "chunks", stopped)
    folder = snapshot(tmp_path)
    run(replay, folder)
    replay.refresh_from_db()
    assert (replay.stage, replay.outcome, replay.done) == (Stage.STOPPED, {}, 0)
    run(replay, folder)
    replay.refresh_from_db()
    assert replay.stage == Stage.STOPPED and not stop_replay(replay=replay)


def test_without_a_snapshot_it_fails_and_says_why(books: Books, tmp_path: Path) -> None:
    replay = books.asked()
    run(replay, tmp_path)
    replay.refresh_from_db()
    assert replay.stage == Stage.FAILED and "has to run where the switch runs" in replay.error


def test_changes_that_clash_and_spans_that_are_none_are_refused(books: Books) -> None:
    now, day = books.now, timedelta(days=1)
    wrong: tuple[dict[str, Any], ...] = (
        {"since": now, "until": now - day},
        {"since": now - 100 * day},
        {"swaps": [(books.costs, books.retail)]},
        {"swaps": [(books.costs, books.fewer), (books.costs, books.fewer)]},
        {"title": ""},
    )
    for what in wrong:
        with pytest.raises(ValidationError):
            books.asked(**what)
    assert not RouteReplay.objects.exists()


# --- pages --------------------------------------------------------------------------------------------------------------


def form(books: Books, **what: Any) -> dict[str, Any]:
    day = books.now.date()
    return {
        "title": "Both", "rules": [books.draft.pk], "first_day": str(day - timedelta(days=30)), "last_day": str(day), "tariff": "",
        "by": "", "prefix": "", "prices_at": "",
    } | what  # fmt: skip


def test_the_pages_take_what_would_change_and_show_what_came_of_it(
    client: Client, books: Books, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(make.admin())
    new = client.get("/admin/pricelists/routereplay/add/").content.decode()
    assert f'<option value="{books.rule.pk}" selected>' in new and f'<option value="{books.draft.pk}">' in new
    assert client.post("/admin/pricelists/routereplay/add/", form(books, title="")).status_code == 422
    assert (
        client.post("/admin/pricelists/routereplay/add/", form(books, tariff=books.costs.pk)).status_code
        == 422
    )
    assert client.post("/admin/pricelists/routereplay/add/", form(books)).status_code == 302
    replay = RouteReplay.objects.get()
    page = f"/admin/pricelists/routereplay/{replay.pk}/change/"
    assert "0 of 0 calls are decided" in client.get(page).content.decode()
    assert "calls are decided" in client.get(page, headers={"HX-Request": "true"}).content.decode()
    run(replay, snapshot(tmp_path))
    assert client.get(page, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    shown = client.get(page).content.decode()
    for told in ("2 calls would go to another carrier", "both", "dear only", "66.7 %", "0.090000"):
        assert told in shown
    assert "Both" in client.get("/admin/pricelists/routereplay/").content.decode()


def test_a_replay_is_stopped_by_a_button(client: Client, books: Books) -> None:
    client.force_login(make.admin())
    replay = books.asked()
    page = f"/admin/pricelists/routereplay/{replay.pk}/stop/"
    assert client.get(page).status_code == 405
    client.post(page)
    replay.refresh_from_db()
    assert replay.stage == Stage.STOPPED


SHOWN = ("view_routerule", "view_rate", "view_cdr")
RIGHTS = ("view_routereplay", "add_routereplay", "change_routereplay", *SHOWN)


@pytest.mark.parametrize("lacks", RIGHTS)
def test_who_may_not_see_rules_prices_or_calls_sees_no_replay(
    client: Client, books: Books, lacks: str
) -> None:
    """Each page by who has all rights but one; who may change a thing may see it, as everywhere in the admin."""
    staff: Account = make.account("support", username="helper", is_staff=True)
    staff.groups.clear()
    lacking = {lacks, "change_routereplay"} if lacks == "view_routereplay" else {lacks}
    staff.user_permissions.set(Permission.objects.filter(codename__in=set(RIGHTS) - lacking))
    client.force_login(staff)
    replay = books.asked()
    answers = {
        "view": client.get(f"/admin/pricelists/routereplay/{replay.pk}/change/"),
        "add": client.post("/admin/pricelists/routereplay/add/", form(books)),
        "change": client.post(f"/admin/pricelists/routereplay/{replay.pk}/stop/"),
    }
    refused = {verb for verb, answer in answers.items() if answer.status_code == 403}
    assert refused == (set(answers) if lacks in SHOWN else {one.partition("_")[0] for one in lacking})
    replay.refresh_from_db()
    assert (replay.stage == Stage.STOPPED) is ("change" not in refused)
    assert RouteReplay.objects.count() == (1 if "add" in refused else 2)


# --- Celery -------------------------------------------------------------------------------------------------------------


@contextmanager
def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process that is started has this state directory, and the tests' database."""
    monkeypatch.setenv("MIZU_VAR", str(folder))
    monkeypatch.setenv("DATABASE_URL", database_url())
    yield


@pytest.mark.django_db(transaction=True)
def test_celery_has_a_process_decide_the_calls(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = books.asked()
    folder = snapshot(tmp_path)
    assert folder.parent == tmp_path
    with at(tmp_path, monkeypatch):
        tasks.replay_routes(replay.pk)
    replay.refresh_from_db()
    assert (replay.stage, replay.done, replay.total) == (Stage.DONE, 3, 3), replay.error
    assert carriers(replay.outcome)["cheap"][1] == 2
    before: datetime | None = replay.finished_at
    tasks.replay_routes(replay.pk)  # it is done: nothing runs again
    replay.refresh_from_db()
    assert replay.finished_at == before
    broken = books.asked()
    monkeypatch.setattr(settings, "ROOT", tmp_path)  # where there is no switch to run
    tasks.replay_routes(broken.pk)
    broken.refresh_from_db()
    assert broken.stage == Stage.FAILED and "log" in broken.error
