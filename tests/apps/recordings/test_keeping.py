"""From what a worker left to a recording; where it lies, its copy, and how long both are kept."""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.config.services import set_value
from apps.recordings import services, store
from apps.recordings.engine.sealed import Tampered
from apps.recordings.engine.spool import FOLDER
from apps.recordings.models import Listening, Recording
from apps.recordings.tasks import finish_recordings, forget_old_recordings
from tests import make
from tests.recorded import HIGH, LOW, as_office, hear, kept, packet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Any:
    with as_office(tmp_path, settings):
        yield tmp_path


def files(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.mark.req("recording-005", "recording-011", "recording-024", "recording-025")
@pytest.mark.parametrize("daily", [True, False])
def test_a_recording_lies_in_the_folder_of_the_setting_by_day_if_wanted(var: Path, daily: bool) -> None:
    ada = make.subscriber()
    set_value(key="serverftpvoice", value=str(var / "elsewhere"))
    set_value(key="serverftpdailydir", value=daily)
    call = kept(var, for_caller=ada.pk, asked_by="")
    assert finish_recordings() == 1
    row = Recording.objects.get()
    day = f"{row.started_at:%Y-%m-%d}/" if daily else ""
    assert files(var / "elsewhere") == [row.path] == [f"{day}{call}-1.flac.sealed"]
    assert files(var / FOLDER) == []
    file = var / "elsewhere" / row.path
    assert (row.size, row.sha256) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
    assert (row.seconds, row.frames, row.rate, row.for_caller, row.for_called) == (1, 8000, 8000, ada, None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    heard = hear(row)
    assert [round(one, -1) for one in heard.pitches()] == [LOW, HIGH] and heard.step() < 0.003


def test_finishing_twice_makes_one_recording(var: Path) -> None:
    kept(var)
    (waiting,) = (var / FOLDER).glob("*.rtp")
    again = waiting.read_bytes()
    assert services.finish_waiting() == 1
    waiting.write_bytes(again)
    assert services.finish_waiting() == 1
    assert Recording.objects.count() == 1 and len(files(store.folder())) == 1


def test_what_a_worker_still_writes_is_left_alone(var: Path) -> None:
    from apps.recordings.engine import spool
    from switch.media.recorder import Recorders

    recorders = Recorders(var, lambda: 0.0)
    recorder = recorders.begin("a-1", {"call": "a"})
    recorder.tap(spool.CALLER)(packet(bytes(160), 1, stamp=0), 0.0)
    recorders.flush()
    while files(var / FOLDER) != ["a-1.rtp"]:  # it comes under another name, and is renamed
        os.sched_yield()
    assert services.finish_waiting() == 0
    assert files(var / FOLDER) == ["a-1.rtp"]
    recorders.stop()


@pytest.mark.parametrize("harm", ["changed", "no recording", "notes", "torn"])
def test_what_cannot_be_finished_is_set_aside_and_the_others_are_finished(
    var: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept(var, **({"reason": "nonsense"} if harm == "notes" else {}))
    (bad,) = (var / FOLDER).glob("*.rtp")
    data = bytearray(bad.read_bytes())
    if harm == "changed":
        data[60] ^= 1
    bad.write_bytes({"no recording": b"?" * 99, "torn": bytes(data[:10])}.get(harm, bytes(data)))
    kept(var)
    assert services.finish_waiting() == 1
    assert files(var / FOLDER) == [bad.name + ".bad"]
    assert "set aside" in caplog.text
    assert len(files(store.folder())) == 1


def test_while_the_folder_cannot_be_written_recordings_wait(
    var: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (var / "recordings").write_text("not a folder")
    kept(var)
    assert finish_recordings() == 0
    assert "recordings wait" in caplog.text
    (var / "recordings").unlink()
    assert finish_recordings() == 1
    assert files(var / FOLDER) == []


@pytest.mark.req("recording-006", "recording-012", "recording-027")
def test_each_recording_is_copied_and_heard_from_the_copy_when_the_file_is_lost(var: Path) -> None:
    set_value(key="voicebackupdir", value=str(var / "copies"))
    kept(var)
    assert finish_recordings() == 2
    assert finish_recordings() == 0
    row = Recording.objects.get()
    assert files(var / "copies") == files(store.folder()) == [row.path]
    assert (var / "copies" / row.path).read_bytes() == (store.folder() / row.path).read_bytes()
    (store.folder() / row.path).unlink()
    assert round(hear(row).pitches()[0], -1) == LOW
    (var / "copies" / row.path).unlink()
    with pytest.raises(store.Gone):
        store.open_sound(row)


def test_a_file_that_was_changed_is_not_copied(var: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept(var)
    services.finish_waiting()
    row = Recording.objects.get()
    with (store.folder() / row.path).open("ab") as file:
        file.write(b"!")
    set_value(key="voicebackupdir", value="copies")
    assert services.back_up_waiting() == 0
    assert "not as it was stored" in caplog.text and files(var / "copies") == []
    with pytest.raises(Tampered):
        store.open_sound(row, prove=True)


@pytest.mark.req("recording-003", "recording-013", "recording-026", "recording-028", "recording-032")
def test_recordings_and_copies_are_removed_when_their_days_are_over(var: Path) -> None:
    set_value(key="voicebackupdir", value="copies")
    set_value(key="keeprecorded", value=10)
    set_value(key="keepbackuprecorded", value=20)
    for _ in range(4):
        kept(var)
    finish_recordings()
    for row, days in zip(Recording.objects.order_by("id"), (9, 11, 19, 21), strict=True):
        Recording.objects.filter(pk=row.pk).update(started_at=timezone.now() - timedelta(days=days))
    make_listening = Recording.objects.order_by("-id")[0]
    make.listening(make_listening, make.admin())
    assert forget_old_recordings() == 4
    assert len(files(store.folder())) == 1 and len(files(var / "copies")) == 3
    kept_rows = Recording.objects.order_by("-started_at")
    assert [row.removed_at is None for row in kept_rows] == [True, False, False]
    assert hear(kept_rows[1]).pitches()
    assert Listening.objects.get().recording is None  # the note stays
    assert forget_old_recordings() == 0


def test_nothing_is_removed_while_the_days_are_zero(var: Path) -> None:
    set_value(key="keeprecorded", value=0)
    kept(var)
    services.finish_waiting()
    Recording.objects.update(started_at=timezone.now() - timedelta(days=9000))
    assert forget_old_recordings() == 0
    assert len(files(store.folder())) == 1
