"""Recording: listeners of the media graph that keep the packets of a call's parties in a sealed file.

The reactor only gathers packets in memory; twice a second they go to a thread, which seals and writes them (the format:
`apps.recordings.engine`). A worker that is killed loses that half second. While a file is written it is locked; the kernel
lets go of the lock when the worker dies, so the office knows which are finished and makes sound of them.

Nothing that happens to a file ever reaches the call: what cannot be written is not recorded, and the log says why.
"""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from apps.recordings.engine import keys, spool
from apps.recordings.engine.keys import NoKey
from apps.recordings.engine.sealed import Seal

log = logging.getLogger("switch.media.recorder")

EVERY: Final = 0.5
WAITING: Final = 2_000
"""Portions that may wait for the disk, over all calls: about as many seconds of calls. What comes beyond is lost."""
_MEGABYTE: Final = 1 << 20

Tap = Callable[[bytes, float], None]


class Recorder:
    """One recording. `failed`: why nothing more of it is kept; "" while it is."""

    __slots__ = ("_began", "_gathered", "_recorders", "_seal", "chunks", "failed", "file", "name")

    def __init__(self, recorders: Recorders, name: str, facts: dict[str, Any]) -> None:
        self._recorders = recorders
        self._began = recorders.clock()
        self._gathered = bytearray(spool.note(0.0, facts))
        self._seal: Seal | None = None
        self.name = name
        self.failed = ""
        self.file: BinaryIO | None = None
        self.chunks = 0

    def tap(self, who: int) -> Tap:
        """What keeps the packets of a party (`spool.CALLER`, `spool.CALLED`); for `Endpoint.attach`."""
        began, packed = self._began, spool.packed

        def keep(data: bytes, now: float) -> None:
            if not self.failed:
                self._gathered += packed(who, now - began, data)

        return keep

    def note(self, facts: dict[str, Any]) -> None:
        """Something is known better from now on."""
        self._gathered += spool.note(self._recorders.clock() - self._began, facts)

    def close(self) -> None:
        """It is over; what was gathered is still written."""
        self._recorders.close(self)

    def taken(self) -> bytes:
        """What was gathered since the last time."""
        data, self._gathered = bytes(self._gathered), bytearray()
        return data

    # --- in the thread ----------------------------------------------------------------------------------------------------------

    def write(self, data: bytes, folder: Path, key_file: Path) -> None:
        """Append a portion. Raises OSError, NoKey."""
        if self.file is None:
            self._open(folder, key_file)
        assert self.file is not None and self._seal is not None
        self.file.write(self._seal.close(self.chunks, data, last=False))
        self.chunks += 1

    def _open(self, folder: Path, key_file: Path) -> None:
        """Locked before anybody finds it under its name."""
        self._seal = Seal.new(keys.read(key_file).newest)
        beside = folder / f".{self.name}"
        self.file = open(beside, "wb", buffering=0, opener=_private)  # noqa: SIM115 - until `let_go`
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.file.write(self._seal.header)
        beside.rename(folder / f"{self.name}{spool.ENDING}")

    def let_go(self) -> None:
        """Close the file, and with it the lock."""
        if self.file is not None:
            self.file.close()


class Recorders:
    """All recordings of a worker, and the thread that writes them."""

    def __init__(self, var: Path, clock: Callable[[], float]) -> None:
        """Nothing is made on the disk before the first recording."""
        self.clock = clock
        self.free_megabytes = 0
        """Below that nothing more is written (setting recordingfreemb)."""
        self._folder, self._key_file = var / spool.FOLDER, var / keys.FILE
        self._open: dict[Recorder, None] = {}
        self._queue: queue.SimpleQueue[tuple[Recorder | None, bytes, bool]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, name: str, facts: dict[str, Any]) -> Recorder:
        """A new recording; the facts are the office's to read (`apps.recordings.services.finish`)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="recordings", daemon=True)
            self._thread.start()
        recorder = Recorder(self, name, facts)
        self._open[recorder] = None
        return recorder

    def flush(self) -> None:
        """Twice a second, by the reactor: give the thread what was gathered."""
        for recorder in self._open:
            data = recorder.taken()
            if data and not recorder.failed:
                self._put(recorder, data, False)

    def close(self, recorder: Recorder) -> None:
        """The recording is over."""
        if recorder in self._open:
            del self._open[recorder]
            self._put(recorder, recorder.taken(), True)

    def stop(self, patience: float = 2.0) -> None:
        """End all, and wait a moment for the disk."""
        for recorder in list(self._open):
            self.close(recorder)
        if self._thread is not None:
            self._put(None, b"", True)
            self._thread.join(patience)

    def _put(self, recorder: Recorder | None, data: bytes, last: bool) -> None:
        if recorder is not None and not recorder.failed and self._queue.qsize() > WAITING:
            recorder.failed = "the disk is too slow"
            log.error("recording %s ends early: %s", recorder.name, recorder.failed)
        self._queue.put((recorder, data, last))

    # --- the thread -------------------------------------------------------------------------------------------------------------

    def _write_all(self) -> None:
        while True:
            recorder, data, last = self._queue.get()
            if recorder is None:
                return
            if data and not recorder.failed:
                self._write(recorder, data)
            if last or recorder.failed:
                recorder.let_go()

    def _write(self, recorder: Recorder, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._see_that_there_is_room()
            recorder.write(data, self._folder, self._key_file)
        except (OSError, NoKey) as error:
            recorder.failed = str(error) or type(error).__name__
            log.error("recording %s ends early: %s", recorder.name, recorder.failed)
        except Exception:  # a defect; the other recordings go on
            recorder.failed = "a defect"
            log.exception("recording %s ends early", recorder.name)

    def _see_that_there_is_room(self) -> None:
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize // _MEGABYTE
        if free < self.free_megabytes:
            raise OSError(f"only {free} MB are free on the disk (setting recordingfreemb)")


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
