"""SIPp processes that play the scenarios of the folder `sipp`: carriers that answer, trunks and phones that call."""

from __future__ import annotations

import socket
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mizu_site.run.child import tied
from tests.support import free_port, listens, wait_for

SCENARIOS = Path(__file__).parent / "sipp"


def scenario(name: str, values: Mapping[str, object]) -> str:
    """A scenario of the folder; `values` replace its words in capitals."""
    text = (SCENARIOS / f"{name}.xml").read_text()
    for word, value in values.items():
        text = text.replace(word, str(value))
    return text


class Sipp:
    """One SIPp process, which plays a scenario. It is killed at the end of the block."""

    def __init__(self, folder: Path, name: str, text: str, words: list[str], *, port: int) -> None:
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        self.script, self.errors, self.port = folder / f"{name}.xml", folder / f"{name}.errors", port
        self.script.write_text(text)
        self.words = ["sipp", *words, "-sf", str(self.script), "-i", "127.0.0.1", "-p", str(port), "-nostdin",
                      "-trace_err", "-error_file", str(self.errors), "-skip_rlimit", "-timeout", "40"]  # fmt: skip
        self.folder = folder

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            tied(self.words, signal="KILL"), cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def finish(self, seconds: float = 15) -> None:
        """Until it has played its calls to the end; fails with SIPp's own words if one went otherwise."""
        wait_for(
            lambda: self.process.poll() is not None,
            seconds,
            f"{self.script.stem} to end\n{self.complaints()}",
        )
        assert self.process.returncode == 0, f"{self.script.stem} went otherwise:\n{self.complaints()}"

    def complaints(self) -> str:
        """What it found wrong."""
        return self.errors.read_text(errors="replace")[-2000:] if self.errors.exists() else ""


def serving(
    folder: Path, name: str, port: int, *, calls: int = 1, transport: str = "u1", **values: object
) -> Sipp:
    """A carrier at this port, which listens by now; use it as a context manager."""
    return Server(folder, name, scenario(name, values), ["-t", transport, "-m", str(calls)], port=port)


class Server(Sipp):
    """One that is called: it listens by the time the block begins."""

    def __enter__(self) -> Self:
        super().__enter__()
        wait_for(self._listens, 5, f"{self.script.stem} to listen at {self.port}")
        return self

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"{self.script.stem} has ended: {self.complaints()}"
        kind = (
            socket.SOCK_STREAM
            if self.words[self.words.index("-t") + 1].startswith("t")
            else socket.SOCK_DGRAM
        )
        return listens(self.port, kind)


class Caller(Sipp):
    """Calls the switch. `call_id` is what the records will name (with several calls: its beginning)."""

    def __init__(
        self, folder: Path, name: str, switch: int, number: str, *,
        user: str = "442079460000", password: str = "", talk: float = 1.0, status: int = 0, calls: int = 1,
        rate: int = 1, transport: str = "u1", call_id: str = "",
    ) -> None:  # fmt: skip
        self.call_id = call_id or uuid.uuid4().hex
        values = {
            "NUMBER": number,
            "FROM": user,
            "SECRET": password,
            "TALK": int(talk * 1000),
            "STATUS": status,
        }
        cid = self.call_id if calls == 1 else f"{self.call_id}-%u"
        words = [f"127.0.0.1:{switch}", "-t", transport, "-m", str(calls), "-r", str(rate), "-cid_str", cid]
        super().__init__(folder, name, scenario(name, values), words, port=free_port())
