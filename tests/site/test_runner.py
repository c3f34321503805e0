"""One process under watch: it comes back when it dies, and goes when it must."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mizu_site.run import runner
from mizu_site.run.child import tied
from mizu_site.run.logs import LogStream
from mizu_site.run.runner import Runner
from mizu_site.run.services import Service


def make_runner(folder: Path, program: str, answers: Callable[[int], bool] = bool) -> Runner:
    service = Service("subject", tied([sys.executable, "-u", "-c", program]), answers)
    return Runner(service, folder, os.environ, LogStream(folder / "log", None), lambda: None)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


SLEEPER = "import time; print('here I am'); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('never'); time.sleep(600)"
PARENT = "import subprocess; p = subprocess.Popen(['sleep', '600']); print('child', p.pid); p.wait()"


def test_a_killed_process_is_started_again_within_a_second(tmp_path: Path) -> None:
    async def play() -> float:
        subject = make_runner(tmp_path, SLEEPER)
        subject.start()
        await until(lambda: subject.state == "ready")
        first = subject.pid
        os.kill(first, signal.SIGKILL)
        begun = time.monotonic()
        await until(lambda: subject.pid not in (0, first))
        took = time.monotonic() - begun
        assert subject.restarts == 1
        await subject.stop()
        assert subject.state == "stopped"
        return took

    assert asyncio.run(play()) < 1.0


def test_one_that_dies_at_once_is_started_ever_more_slowly(tmp_path: Path) -> None:
    async def play() -> str:
        subject = make_runner(tmp_path, "raise SystemExit('broken piece')", lambda _: False)
        subject.start()
        await until(lambda: subject.deaths == 3)
        await subject.stop()
        return subject.log.tail("mizu") + subject.log.tail("subject")

    said = asyncio.run(play())
    for line in ("(exit code 1); again in 0.1 s", "again in 0.3 s", "again in 0.9 s", "broken piece"):
        assert line in said


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PATIENCE", 0.3)

    async def play() -> int:
        subject = make_runner(tmp_path, STUBBORN)
        subject.start()
        await until(lambda: "never" in subject.log.tail("subject"))
        pid = subject.pid
        await subject.stop()
        return pid

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(play()), 0)


def test_what_a_killed_process_had_started_goes_too(tmp_path: Path) -> None:
    async def play() -> None:
        subject = make_runner(tmp_path, PARENT)
        subject.start()
        await until(lambda: "child" in subject.log.tail("subject"))
        child = int(subject.log.tail("subject").split()[-1])
        os.kill(subject.pid, signal.SIGKILL)
        await until(lambda: not _lives(child))
        await subject.stop()

    asyncio.run(play())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_is_ready_only_when_it_answers(tmp_path: Path) -> None:
    async def play() -> None:
        mark = tmp_path / "mark"
        subject = make_runner(tmp_path, SLEEPER, lambda _: mark.exists())
        subject.start()
        await until(lambda: "here I am" in subject.log.tail("subject"))
        assert subject.state == "starting"
        mark.touch()
        await until(lambda: subject.state == "ready")
        await subject.stop()

    asyncio.run(play())
