"""A worker whose ticks are late refuses what is new, so that calls that are up go on."""

from __future__ import annotations

from pathlib import Path

from tests.switch.call.town import Town


def test_a_late_tick_is_overload_but_not_the_first_of_a_worker_that_took_long_to_be_put_together(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    for late, busy in ((5, False), (5, True)):
        town.now += late
        town.b2bua.tick()
        assert town.board.layer.busy is busy
