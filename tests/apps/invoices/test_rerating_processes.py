"""A re-rating by several processes: whichever of them is killed, and whenever, nothing is lost and nothing counted twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from apps.cdrs.models import Rerating
from apps.cdrs.services import forget_months
from apps.invoices.services import rerating
from apps.invoices.services.rerating import runs, slices
from mizu_site.environment import ROOT
from tests.apps.invoices.test_rerating import JUNE, MAY, Shop, shop  # noqa: F401 - the fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

DYING = """
import sys, time, django
django.setup()
from apps.invoices.services.rerating import runs
slices, real = [], runs.reckon
def reckon(*args):
    slices.append(real(*args))  # what it changes is in the database, and not committed
    if len(slices) == 2:
        print("in the middle", flush=True)
        time.sleep(600)
    return slices[-1]
runs.reckon = reckon
runs.proceed(run_id=int(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def in_this_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes that are started here find the database of the tests."""
    forget_months()
    address, mark, options = os.environ["DATABASE_URL"].partition("?")
    name = connection.settings_dict["NAME"]
    monkeypatch.setenv("DATABASE_URL", f"{address.rpartition('/')[0]}/{name}{mark}{options}")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    yield
    forget_months()


@pytest.fixture
def asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Rerating:  # noqa: F811
    """Five calls with three prices each that change, in three slices."""
    monkeypatch.setattr(slices, "SIZE", 2)
    for hour in range(5):
        shop.call(MAY + timedelta(hours=hour))
    run = rerating.ask(by=None, since=MAY, until=JUNE, reason="test", start=False)
    slices.begin(run.pk)
    return run


def nobody_is_at(run: Rerating) -> bool:
    with runs.alone(run.pk) as mine:
        return mine


def as_it_should_be(run: Rerating) -> bool:
    prices = list(run.changes.values_list("call_id", "kind", "account_id"))
    return (run.state, run.looked_at, len(prices), len(set(prices))) == ("ready", 5, 15, 15)


@pytest.mark.req("billing-015")
def test_a_process_that_is_killed_in_the_middle_of_a_slice_loses_and_doubles_nothing(asked: Rerating) -> None:
    command = [sys.executable, "-c", DYING, str(asked.pk)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stdout is not None and child.stdout.readline() == "in the middle\n"
        child.kill()
    deadline = time.monotonic() + 30
    while not nobody_is_at(asked):  # its server process has not seen yet that it is dead
        assert time.monotonic() < deadline
    assert (asked.changes.count(), asked.slices.filter(done=True).count()) == (6, 1)
    assert as_it_should_be(rerating.proceed(run_id=asked.pk))


def test_a_helper_does_what_the_first_process_does_not_get_to(
    asked: Rerating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "WORTH_A_HELPER", 1)
    monkeypatch.setattr(runs, "work", lambda **_: None)
    assert as_it_should_be(rerating.proceed(run_id=asked.pk, processes=2))
