"""Call records as files, as the list has them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from tests import make

pytestmark = pytest.mark.django_db
LIST = "/admin/cdrs/cdr/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make.admin())
    return client


def saved(client: Client, action: str, query: str = "") -> str:
    """What the action answers for all that the list has, on all its pages."""
    shown = client.get(f"{LIST}?{query}").context["cl"].result_list
    data = {"action": action, "select_across": "1", "_selected_action": [shown[0].pk]}
    answer: Any = client.post(f"{LIST}?{query}", data)
    return b"".join(answer.streaming_content).decode()


@pytest.mark.req("import-export-009")
def test_the_calls_of_one_trunk_in_a_span_of_time_are_saved_as_csv_and_as_html(boss: Client) -> None:
    trunk, other = make.customer_trunk(username="xy"), make.subscriber()
    now = timezone.now()
    wanted = {str(make.call(trunk, at=now - timedelta(hours=hours)).pk) for hours in (30, 40)}
    make.call(trunk, at=now - timedelta(hours=3))
    make.call(other, at=now - timedelta(hours=30))
    since, until = (now - timedelta(days=2)), (now - timedelta(days=1))
    query = f"caller__id__exact={trunk.pk}"
    for name, at in (("from", since), ("to", until)):
        query += f"&started_at_{name}_0={at:%Y-%m-%d}&started_at_{name}_1={at:%H:%M:%S}"
    rows = list(csv.DictReader(io.StringIO(saved(boss, "save_csv", query))))
    assert {row["id"] for row in rows} == wanted
    assert {(row["caller"], row["called_number"], row["duration"]) for row in rows} == {
        ("xy", "36301234567", "60")
    }
    page = saved(boss, "save_html", query)
    assert page.startswith("<!DOCTYPE html>") and all(pk in page for pk in wanted) and page.count("<tr>") == 3


def test_what_callers_wrote_is_neither_a_formula_nor_markup(boss: Client) -> None:
    call = make.call(make.subscriber(), at=timezone.now() - timedelta(hours=1))
    Cdr.objects.filter(pk=call.pk).update(caller_number='=1+1"', original_called_number="<script>")
    row = next(csv.DictReader(io.StringIO(saved(boss, "save_csv"))))
    assert row["caller_number"].startswith("'=")
    page = saved(boss, "save_html")
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_who_may_not_read_calls_saves_none(client: Client) -> None:
    call = make.call(make.subscriber(), at=timezone.now() - timedelta(hours=1))
    idle = make.account("support")
    idle.groups.clear()
    client.force_login(idle)
    answer = client.post(LIST, {"action": "save_csv", "_selected_action": [call.pk]})
    assert answer.status_code == 403
