"""The recorder itself: what goes wrong with its disk stays with it."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from apps.recordings.engine import keys, spool
from apps.recordings.engine.sealed import growing
from switch.media.recorder import WAITING, Recorders
from tests.support import wait_for


def written(var: Path) -> list[bytes]:
    """The packets in the only file."""
    (path,) = (var / spool.FOLDER).glob(f"*{spool.ENDING}")
    chunks = growing(io.BytesIO(path.read_bytes()), keys.read(var / keys.FILE))
    return [one.data for one in spool.entries(chunks) if one.who != spool.NOTE]


def test_packets_of_both_are_written_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    now = [5.0]
    recorders = Recorders(tmp_path, lambda: now[0])
    recorder = recorders.begin("call-1", {"call": "x"})
    one, two = recorder.tap(spool.CALLER), recorder.tap(spool.CALLED)
    one(b"a", 5.1)
    two(b"b", 5.2)
    recorders.flush()
    one(b"c", 5.3)
    recorder.close()
    recorder.close()
    assert len(recorders) == 0
    recorders.stop()
    assert written(tmp_path) == [b"a", b"b", b"c"]


def test_nothing_is_made_on_the_disk_before_there_is_something_to_keep(tmp_path: Path) -> None:
    recorders = Recorders(tmp_path, lambda: 0.0)
    recorders.flush()
    recorders.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trouble", ["no room", "no folder", "no key"])
def test_what_cannot_be_written_ends_and_says_why_and_the_next_one_is_written(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorders = Recorders(tmp_path, lambda: 0.0)
    in_the_way = tmp_path / (keys.FILE if trouble == "no key" else spool.FOLDER)
    if trouble == "no room":
        recorders.free_megabytes = 1 << 40
    else:
        in_the_way.write_text("no folder, and no key")
    recorder = recorders.begin("call-1", {})
    recorder.tap(spool.CALLER)(b"lost", 0.0)
    recorders.flush()
    wait_for(lambda: recorder.failed, 3, "the recording to end")
    recorder.tap(spool.CALLER)(b"lost too", 0.0)
    recorders.flush()
    recorder.close()
    assert "call-1 ends early" in caplog.text
    recorders.free_megabytes = 0
    in_the_way.unlink() if trouble != "no room" else None
    another = recorders.begin("call-2", {})
    another.tap(spool.CALLER)(b"kept", 0.0)
    another.close()
    recorders.stop()
    assert written(tmp_path) == [b"kept"]


def test_a_disk_that_hangs_costs_the_recording_and_no_memory(tmp_path: Path) -> None:
    """The key comes out of a pipe into which nobody writes."""
    os.mkfifo(tmp_path / keys.FILE)
    recorders = Recorders(tmp_path, lambda: 0.0)
    recorder = recorders.begin("call-1", {})
    keep = recorder.tap(spool.CALLER)
    for number in range(WAITING + 10):
        keep(bytes(160), 0.0)
        recorders.flush()
        if not number:
            wait_for(recorders._queue.empty, 3, "the thread to ask for the key")
    assert recorder.failed == "the disk is too slow"
    assert recorders._queue.qsize() <= WAITING + 2
    os.close(
        os.open(tmp_path / keys.FILE, os.O_RDWR)
    )  # it answers at last; never waits, as a writer alone would
    recorders.stop()
