"""The worker's journal: an append-only file on its own disk, so that no answered call is ever forgotten.

`<spool>/<label>/<number>.log` holds JSON lines (see `switch.charging`); the label is
`<node>-<worker>-<boot epoch ms>`. A line is with the kernel when `append` returns, so it survives the death of
the process; it is on the disk within about 50 ms, so a power cut loses no more than that. `<label>/lock` is
locked as long as the worker lives: whoever can lock it knows that the worker is dead.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.core.compact import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.task import LoopingCall

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 << 20
GATHER_SECONDS = 0.03  # how long a line may wait for others before it is forced to the disk


class SpoolFull(OSError):
    """The journal cannot be written: no new call may be taken until it can."""


def node_name() -> str:
    """This machine's name as it stands in labels. Nodes that share a database need different host names."""
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:36] or "node"


def label_of(worker: str | int, *, booted: float | None = None) -> str:
    """The label of a worker's boot; `booted` is epoch seconds, now if left out."""
    return f"{node_name()}-{worker}-{int((time.time() if booted is None else booted) * 1000)}"


class Spool:
    """The journal of one boot of one worker. `append` is for one thread, the reactor's."""

    def __init__(self, directory: Path, worker_label: str, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Make `directory/worker_label` and lock it. Raises OSError."""
        self.label = worker_label
        self.folder = directory / worker_label
        self.healthy = True
        self._segment_bytes = segment_bytes
        self._number = 0
        self._size = 0
        self._torn = False
        self._owed: deque[bytes] = deque()
        self._lock = _make_locked(directory, worker_label)
        self._dirty = threading.Event()
        self._closing = False
        self._full: list[int] = []  # descriptors of full segments, which the disk thread forces and closes
        self._file = self._open_next()
        self._disk = threading.Thread(target=self._keep_on_disk, name="spool", daemon=True)
        self._disk.start()

    def append(self, line: dict[str, Any]) -> None:
        """Write one line. Raises SpoolFull, and then nothing of it stays.

        But an `end` is owed: it is written as soon as anything can be, or the call would seem to be up for ever.
        """
        data = encoded(line) + b"\n"
        try:
            if self._size >= self._segment_bytes:
                self._rotate()
            self._pay_back()
            self._write(data)
        except OSError as error:
            if line.get("k") == "end":
                self._owed.append(data)
            if self.healthy:
                log.error("The journal %s cannot be written, new calls are refused: %s", self.folder, error)
            self.healthy = False
            raise SpoolFull(*error.args) from error
        if not self.healthy:
            log.warning("The journal %s can be written again", self.folder)
            self.healthy = True
        if not self._dirty.is_set():
            self._dirty.set()

    def alive(self, at: float) -> None:
        """Note that the worker lived at that epoch second; `healthy` then says whether it could be noted."""
        with suppress(SpoolFull):  # `healthy` tells it, and the next second tries again
            self.append({"k": "alive", "at": at})

    def keep_alive(self, reactor: Any, now: Callable[[], float] = time.time) -> LoopingCall:
        """Have the reactor call `alive` each second; stop the returned call before `close`."""
        from twisted.internet.task import LoopingCall

        call = LoopingCall(lambda: self.alive(now()))
        call.clock = reactor
        call.start(1.0)
        return call

    def close(self) -> None:
        """Force everything to the disk and give the lock back: the writer then settles what is left."""
        with suppress(OSError):
            self._pay_back()
        self._closing = True
        self._dirty.set()
        self._disk.join()
        os.close(self._file)
        os.close(self._lock)

    def _write(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data
        written = os.write(self._file, data)
        if written < len(data):
            self._take_back()
            raise OSError(28, "No space left on device")
        self._torn = False
        self._size += written

    def _pay_back(self) -> None:
        while self._owed:
            self._write(self._owed[0])
            self._owed.popleft()

    def _take_back(self) -> None:
        """Half a line must not become the beginning of the next one."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self._size = os.fstat(self._file).st_size
            self._torn = True

    def _rotate(self) -> None:
        following = self._open_next()
        self._full.append(self._file)
        self._file, self._size, self._torn = following, 0, False

    def _open_next(self) -> int:
        path = self.folder / f"{self._number + 1:08}.log"
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number += 1
        return opened

    def _keep_on_disk(self) -> None:
        """The disk thread: wait for lines, gather for a moment, force them out together."""
        seen = 0
        while not self._closing:
            self._dirty.wait()
            if not self._closing:
                time.sleep(GATHER_SECONDS)
            self._dirty.clear()
            try:
                seen = self._force(seen)
            except OSError as error:
                log.error("The journal %s could not be forced to the disk: %s", self.folder, error)
                self.healthy = False

    def _force(self, seen: int) -> int:
        while self._full:
            full = self._full.pop(0)
            os.fdatasync(full)
            os.close(full)
        number, current = self._number, self._file
        os.fdatasync(current)
        if number != seen:  # a new file's name must last as well
            _sync_folder(self.folder)
        return number


def _make_locked(directory: Path, label: str) -> int:
    """Make the folder with its lock already taken, so that nobody ever sees it unlocked."""
    directory.mkdir(parents=True, exist_ok=True)
    making = directory / f".{label}"
    making.mkdir(mode=0o700)
    lock = os.open(making / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    making.rename(directory / label)
    _sync_folder(directory)
    return lock


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
