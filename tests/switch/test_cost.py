"""What a call costs the worker, counted: no clock, so that it is the same on every machine however busy."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from tests.bench import core

MOST = 1_450
"""Python functions that a whole charged call with three carriers may go through; it was 1,735 before they were counted, then 1,380.

Who needs more for a feature that every call uses raises it knowingly; what is not configured should cost a call next to nothing.
"""


def test_a_call_goes_through_no_more_functions_than_it_did(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "WARM", 50)
    bench = core.Bench(tmp_path, rates=200)
    bench.warm()
    entered = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal entered
        if event == "call" and frame.f_code.co_filename != core.__file__:
            entered += 1

    bench.pass_time()
    sys.setprofile(count)
    try:
        bench.call()
    finally:
        sys.setprofile(None)

    assert entered <= MOST, f"a call goes through {entered} functions"
