"""A call that is over is gone: its memory comes back by itself, and no work is left for the garbage collector.

Rings of objects once made the collector of a busy worker stop everything for seconds (docs/performance.md).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.call.branch import Branch
from switch.call.call import Call
from switch.call.leg import Leg
from tests.bench.core import Bench

CALLS = 5
KINDS = (Call, Leg, Branch)
LASTS = 45
"""Seconds after which no transaction of a call can be left (64 x T1, and a little)."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, rates=10)
    gc.collect()
    gc.disable()
    yield made
    gc.enable()
    gc.collect()


def held() -> list[Any]:
    return [
        one for one in gc.get_objects() if type(one) in KINDS
    ]  # isinstance would ask dead proxies of others


def later(bench: Bench) -> None:
    for _ in range(LASTS):
        bench.pass_time(1.0)


@pytest.mark.parametrize(
    "ending",
    [{}, {"refused": "486 Busy Here"}, {"refused": "503 Service Unavailable"}, {"given_up": True}],
    ids=["hung up", "busy", "failed over", "cancelled"],
)
def test_nothing_of_a_call_is_left_once_its_transactions_are_over(
    bench: Bench, ending: dict[str, Any]
) -> None:
    for _ in range(CALLS):
        bench.call(**ending)
    assert held()
    later(bench)
    later(
        bench
    )  # what a carrier left unanswered is given up after one such time, what follows from it after another
    assert not bench.board.calls and not bench.board.dialogs
    assert held() == []
    assert bench.board.counters.failures == 0
