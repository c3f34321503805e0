"""Calls without a price: how the switch's log tells of them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.switch.call.scenes import NUMBER, settle
from tests.switch.call.town import founded


@pytest.mark.req("billing-020", "billing-039")
@pytest.mark.parametrize(
    ("value", "level"), [(0, logging.WARNING), (1, logging.ERROR), (2, logging.CRITICAL)]
)
def test_a_call_without_a_price_is_logged_as_the_setting_says(
    value: int, level: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with founded(tmp_path) as town:
        settle(town, tmp_path, vgetpriceexactmatch=2, notbilledcallerr=value)
        rich = town.peer("rich")
        invite = rich.invite(NUMBER)
        rich.send(invite)
        rich.ack(invite, rich.told(403))
    told = [one for one in caplog.records if "cause=no_price" in one.getMessage()]
    assert [one.levelno for one in told] == [level]
