"""The log stream: one prefixed line per line, on the terminal and in files that cannot grow for ever."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections import deque
from pathlib import Path
from typing import TextIO

ALL = "mizu"
SIZE, KEPT = 10_000_000, 4
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
LONGEST_LINE = 64 * 1024


class LogStream:
    """Takes what the processes print. Each has its own file; `mizu.log` holds all of it in order."""

    def __init__(self, folder: Path, terminal: TextIO | None = sys.stdout) -> None:
        self.folder, self.terminal = folder, terminal
        self.coloured = bool(terminal and terminal.isatty())
        self.files: dict[str, logging.Handler] = {}
        self.recent: dict[str, deque[str]] = {}
        folder.mkdir(mode=0o700, exist_ok=True)

    def write(self, name: str, line: str) -> None:
        self.recent.setdefault(name, deque(maxlen=20)).append(line)
        if name != ALL:
            self._file(name).emit(_record(line))
        self._file(ALL).emit(_record(f"{name:9} | {line}"))
        if self.terminal:
            self._print(name, line)

    def tail(self, name: str) -> str:
        """The last lines of a process, for the person who has to find out why it does not start."""
        return "\n".join(f"  {line}" for line in self.recent.get(name, ()))

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def _file(self, name: str) -> logging.Handler:
        if name not in self.files:
            path = self.folder / f"{name}.log"
            file = logging.handlers.RotatingFileHandler(
                path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8"
            )
            file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            self.files[name] = file
        return self.files[name]

    def _print(self, name: str, line: str) -> None:
        colour = COLOURS[sum(name.encode()) % len(COLOURS)]
        prefix = f"\x1b[{colour}m{name:9} |\x1b[0m" if self.coloured else f"{name:9} |"
        try:
            print(f"{prefix} {line}", file=self.terminal, flush=True)
        except OSError:  # the terminal has gone; the files go on
            self.terminal = None


class Lines:
    """Cuts what arrives in pieces into lines; one without an end is cut where it becomes too long."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, piece: bytes) -> list[str]:
        *lines, self.rest = (self.rest + piece).split(b"\n")
        if len(self.rest) > LONGEST_LINE:
            lines, self.rest = [*lines, self.rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]


def _record(line: str) -> logging.LogRecord:
    return logging.LogRecord(ALL, logging.INFO, "", 0, line, None, None)
