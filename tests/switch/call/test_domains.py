"""Calls for another domain, and numbers that are redirected before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.sip.message import Request
from tests.support_sip import sdp
from tests.switch.sim import Sim, furnished, opened
from tests.switch.stage import OUTSIDE, Stage


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    yield from opened(tmp_path, furnished())


@pytest.fixture
def stage(sim: Sim) -> Stage:
    return Stage(sim)


def settle(stage: Stage, **values: Any) -> None:
    stage.sim.office.settings |= values
    stage.sim.change()


def called(stage: Stage, uri: str, *, known: bool = True) -> Request:
    """A trunk of ours, or a stranger, calls a URI."""
    peer = stage.sim.peer("rich", 19_000 if known else 19_500)
    invite = peer.request("INVITE", uri, body=sdp())
    peer.send(invite)
    return invite


@pytest.mark.req("sip-075", "routing-063", "routing-074")
@pytest.mark.parametrize(
    ("how", "uri", "known", "status"),
    [
        ("ignore", f"sip:{OUTSIDE}@example.org", True, 486),
        ("refuse", f"sip:{OUTSIDE}@example.org", True, 404),
        ("refuse", f"sip:{OUTSIDE}@home.example", True, 486),
        ("refuse", f"sip:{OUTSIDE}@127.0.0.1", True, 486),
        ("local_first", "sip:1002@example.org", True, 480),
        ("local_first", f"sip:{OUTSIDE}@example.org", True, 302),
        ("redirect", "sip:1002@example.org", True, 302),
        ("redirect", "sip:1002@example.org", False, 407),
        ("redirect_anybody", "sip:1002@example.org", False, 302),
        ("redirect_anybody", f"sip:{OUTSIDE}@home.example", True, 486),
    ],
)
def test_calls_to_other_domains(stage: Stage, how: str, uri: str, known: bool, status: int) -> None:
    settle(stage, fwdtootherdomains=how, domainnames=("Home.example",))
    invite = called(stage, uri, known=known)
    if status == 486:
        stage.one.answer(stage.one.asked("INVITE"), 486)
    peer = stage.sim.peers[19_000 if known else 19_500]
    told = peer.told(status)
    assert told.get("Contact") == (f"<{uri}>" if status == 302 else None)
    peer.ack(invite, told)


@pytest.mark.req("sip-074", "failover-025")
@pytest.mark.parametrize(
    ("prefixes", "moved"), [(("49",), True), (("*",), True), (("36",), False), ((), False)]
)
def test_prefixes_are_redirected_before_anything_else(
    stage: Stage, prefixes: tuple[str, ...], moved: bool
) -> None:
    settle(stage, forwardpx=prefixes, forwardto="backup.example:5070")
    invite = called(stage, f"sip:{OUTSIDE}@127.0.0.1", known=False)
    peer = stage.sim.peers[19_500]
    told = peer.told(302 if moved else 407)
    assert told.get("Contact") == (f"<sip:{OUTSIDE}@backup.example:5070>" if moved else None)
    peer.ack(invite, told)
