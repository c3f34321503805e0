"""Which worker of a node registers and asks carriers: the one that holds a lock on a file. The kernel lets it go when that worker dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Lead:
    """The lock of a node. Try `take` again and again: at most one worker has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Whether this worker leads now."""
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def leave(self) -> None:
        """Let another lead."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
