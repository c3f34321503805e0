"""Calls by SIPp: who calls, who answers, and a log of what the callers have seen."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import free_port, listens, wait_for

SCENARIOS = Path(__file__).parent / "sipp"
PATIENCE = 8.0
"""Seconds that a caller waits for an answer which a killed worker may never send."""


class Sipp:
    """One SIPp process. `values` replace the words in capitals of its scenario."""

    def __init__(self, name: str, folder: Path, words: list[str], values: dict[str, object]) -> None:
        self.name, self.folder = name, folder
        text = (SCENARIOS / f"{name}.xml").read_text()
        for word, value in values.items():
            text = text.replace(word, str(value))
        self.mark = f"{name}-{time.monotonic_ns()}"
        script = folder / f"{self.mark}.xml"
        script.write_text(text)
        self.log = folder / f"{self.mark}.log"
        self.log.touch()
        self.output = folder / f"{self.mark}.out"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                ["sipp", *words, "-sf", str(script), "-i", "127.0.0.1", "-trace_logs", "-log_file", str(self.log),
                 "-trace_err", "-error_file", str(folder / f"{self.mark}.err"), "-nostdin",
                 "-default_behaviors", "all,-pingreply", "-skip_rlimit"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def events(self, kind: str) -> dict[str, int]:
        """Call-ID → milliseconds of SIPp's clock, of all calls of which that was logged."""
        lines = (line.split() for line in self.log.read_text(errors="replace").splitlines())
        return {words[1]: int(words[2]) for words in lines if len(words) == 3 and words[0] == kind}

    def wait(self, kind: str, number: int, seconds: float = 20) -> dict[str, int]:
        """Until so many calls have come so far."""
        wait_for(
            lambda: len(self.events(kind)) >= number or self.process.poll() is not None,
            seconds,
            f"{number} calls to be {kind} ({len(self.events(kind))} are)",
        )
        found = self.events(kind)
        assert len(found) >= number, (
            f"SIPp has ended with only {len(found)} calls {kind}: {self.output.read_text()[-2000:]}"
        )
        return found

    def finish(self, seconds: float = 30) -> None:
        """Begin no new calls, and let those that are up end."""
        self.process.send_signal(signal.SIGUSR1)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIPp has calls after {seconds:g} s that do not end") from None


def carrier(folder: Path, port: int, *, ring: tuple[int, int] = (100, 1000), talk: float = 30) -> Sipp:
    """Answers at this port after `ring` milliseconds (from, to)."""
    values = {"RING_LEAST": ring[0], "RING_MOST": ring[1], "TALK": int(talk * 1000)}
    words = ["-p", str(port)]
    answering = Sipp("carrier", folder, words, values)
    wait_for(
        lambda: listens(port, socket.SOCK_DGRAM) or answering.process.poll() is not None,
        5,
        f"a carrier at port {port}",
    )
    assert answering.process.poll() is None, answering.output.read_text()[-500:]
    return answering


def caller(
    folder: Path,
    sip_port: int,
    number: str,
    *,
    rate: int = 20,
    at_once: int = 80,
    talk: float = 3,
    total: int = 0,
) -> Sipp:
    """`rate` calls a second to that number, each `talk` seconds long, `at_once` at most, `total` in all."""
    values = {"NUMBER": number, "TALK": int(talk * 1000), "PATIENCE": int(PATIENCE * 1000)}
    words = [f"127.0.0.1:{sip_port}", "-p", str(free_port()), "-r", str(rate), "-l", str(at_once)]
    return Sipp("caller", folder, [*words, "-m", str(total or 1_000_000)], values)
