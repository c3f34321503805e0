"""What the office is told of a callshop's calls, so that it can reckon their cost while they are up."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.live import shown
from tests.switch.call.scenes import settle, up
from tests.switch.call.town import founded


@pytest.mark.req("callshop-001")
@pytest.mark.parametrize("keeps", [True, False])
def test_a_callshops_call_tells_by_which_terms_it_is_paid(keeps: bool, tmp_path: Path) -> None:
    with founded(tmp_path) as town:
        settle(town, tmp_path, account="rich", callshop=keeps)
        up(town.peer("rich"), town.peer("one"))
        (call,) = town.board.calls.values()
        told = shown(call, "w1")
        assert call.decision is not None
        terms = [one.terms.as_list() for one in call.decision.payers if one.kind == "retail"]
        assert terms
        assert (told.get("terms"), told.get("free")) == ((terms[0], 0) if keeps else (None, None))
