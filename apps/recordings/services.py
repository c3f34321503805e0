"""From what a worker kept to a recording, its copy and its end; and the note that somebody listened."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.config.queries import get as setting
from apps.recordings import store
from apps.recordings.engine import sealed, spool
from apps.recordings.engine.keys import Key, NoKey
from apps.recordings.mixing import Mixer
from apps.recordings.models import Listening, Reason, Recording, Way
from apps.recordings.sound import CODECS, FlacWriter
from apps.users.models import Account

logger = logging.getLogger(__name__)

BATCH = 200
BAD = ".bad"
ONE_LISTENING = timedelta(minutes=10)
"""A browser asks for a recording in many parts, and again when somebody moves in it."""


# --- from the worker's files to recordings --------------------------------------------------------------------------------------


def finish_waiting() -> int:
    """Finish what workers have ended, or left behind when they died; how many it was. OSError: the disk is full or away; later again."""
    done = 0
    folder = Path(settings.VAR) / spool.FOLDER
    for path in sorted(folder.glob(f"[!.]*{spool.ENDING}")):
        with _ours(path) as file:
            if file is not None and _finish_or_set_aside(path, file):
                done += 1
    return done


@contextmanager
def _ours(path: Path) -> Iterator[BinaryIO | None]:
    """The file, locked; None while its worker still writes it or another of us has it."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield file if path.exists() else None
    except FileNotFoundError:
        yield None


def _finish_or_set_aside(path: Path, file: BinaryIO) -> bool:
    """What cannot be read does not come in the way of the others."""
    try:
        finish(file)
    except (sealed.Tampered, NoKey, ValueError, KeyError, TypeError) as error:
        logger.error("%s is no recording that can be finished, it is set aside: %s", path, error)
        path.rename(path.with_name(path.name + BAD))
        return False
    path.unlink()
    return True


def finish(file: BinaryIO) -> Recording | None:
    """What a worker kept becomes a recording: mixed, compressed, sealed, then told to the database. A second time changes nothing.

    None: nobody said anything. Raises Tampered, NoKey, OSError, and ValueError, KeyError or TypeError for notes that make no sense.
    """
    ring = store.key_ring()
    entries = spool.entries(sealed.growing(file, ring))
    first = next(entries, None)
    if first is None:
        return None
    if first.who != spool.NOTE:
        raise sealed.Tampered("it does not begin with a note")
    facts = json.loads(first.data)
    call_id, number, values = _read(facts)
    path = store.place_of(call_id, number, values["started_at"])
    mixer = Mixer(_rate(facts), soft=setting("maxrecdiff") / 1000, hard=setting("maxrecdiff2") / 1000)
    frames, sha256, size = _write(store.folder() / path, mixer, chain((first,), entries), ring.newest)
    values |= {
        "seconds": round(frames / mixer.rate), "frames": frames, "rate": mixer.rate, "size": size, "sha256": sha256,
        "key_id": ring.newest.id.hex(), "path": path,
    }  # fmt: skip
    if mixer.unknown:
        values["comment"] = f"not decoded: {', '.join(sorted(mixer.unknown))}"[:255]
    recording, _new = Recording.objects.update_or_create(call_id=call_id, number=number, defaults=values)
    return recording


def _read(facts: dict[str, Any]) -> tuple[str, int, dict[str, Any]]:
    """The call, which of its recordings it is, and what is stored of the worker's first note."""
    values = {
        "started_at": datetime.fromtimestamp(float(facts["started"]), UTC),
        "caller_number": str(facts["caller_number"])[:64],
        "called_number": str(facts["called_number"])[:64],
        "for_caller": _account(facts["for_caller"]),
        "for_called": _account(facts["for_called"]),
        "reason": Reason(facts["reason"]),
        "asked_by": str(facts["asked_by"])[:64],
    }
    return str(UUID(facts["call"])), int(facts["number"]), values


def _rate(facts: dict[str, Any]) -> int:
    """16 kHz where the call began with a codec that has more than a telephone's sound."""
    codec = CODECS.get(str(facts.get("codec", "")).upper())
    return 16000 if codec is not None and codec.rate > 8000 else 8000


def _account(pk: int | None) -> Account | None:
    return Account.objects.filter(pk=pk).first() if pk else None


def _write(path: Path, mixer: Mixer, entries: Iterator[spool.Entry], key: Key) -> tuple[int, str, int]:
    """(samples, SHA-256, bytes) of a new file, which is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb", opener=_private) as file:
            writer = sealed.SealedWriter(file, key)
            flac = FlacWriter(writer, mixer.rate)
            for block in mixer.mix(entries):
                flac.write(block)
            flac.close()
            writer.close()
            os.fsync(file.fileno())
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = part.stat().st_size
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return flac.frames, sha256, size


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


# --- copies, and the end --------------------------------------------------------------------------------------------------------


def back_up_waiting() -> int:
    """Copy what has no copy yet; how many it was. Raises OSError."""
    target, source = store.backup_folder(), store.folder()
    if target is None:
        return 0
    waiting = Recording.objects.filter(backed_up_at=None, removed_at=None).order_by("id")[:BATCH]
    done = 0
    for recording in waiting:
        try:
            _copy(source / recording.path, target / recording.path, recording.sha256)
        except (FileNotFoundError, sealed.Tampered) as error:
            logger.error("recording %s cannot be copied: %s", recording.pk, error)
            continue
        recording.backed_up_at = timezone.now()
        recording.save(update_fields=["backed_up_at"])
        done += 1
    return done


def _copy(source: Path, target: Path, sha256: str) -> None:
    """There as a whole or not at all, and what it was when it was stored."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f".{target.name}.part")
    try:
        with source.open("rb") as file, open(part, "wb", opener=_private) as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        with part.open("rb") as copy:
            if hashlib.file_digest(copy, "sha256").hexdigest() != sha256:
                raise sealed.Tampered(f"{source} is not as it was stored")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def forget_old() -> int:
    """Remove recordings older than `keeprecorded` days and copies older than `keepbackuprecorded`; how many files it was."""
    removed = _forget("keeprecorded", store.folder(), "removed_at", Q(removed_at=None))
    backup = store.backup_folder()
    if backup is not None:
        copies = Q(backed_up_at__isnull=False, backup_removed_at=None)
        removed += _forget("keepbackuprecorded", backup, "backup_removed_at", copies)
    Recording.objects.filter(removed_at__isnull=False).filter(
        Q(backed_up_at=None) | Q(backup_removed_at__isnull=False)
    ).delete()
    return removed


def _forget(key: str, folder: Path, field: str, kept: Q) -> int:
    days = setting(key)
    if not days:
        return 0
    old = Recording.objects.filter(kept, started_at__lt=timezone.now() - timedelta(days=days))
    count = 0
    for recording in old.iterator(chunk_size=BATCH):
        (folder / recording.path).unlink(missing_ok=True)
        with suppress(OSError):  # the day's folder, unless something is left in it
            (folder / recording.path).parent.rmdir() if "/" in recording.path else None
        setattr(recording, field, timezone.now())
        recording.save(update_fields=[field])
        count += 1
    return count


# --- who listened ---------------------------------------------------------------------------------------------------------------


def listened(*, recording: Recording, by: Account, way: Way, address: str) -> None:
    """Note that somebody got to hear it; the parts of one listening are one note."""
    facts = {"recording": recording, "account": by, "way": way, "address": address[:64]}
    if (
        way == Way.LISTEN
        and Listening.objects.filter(**facts, at__gt=timezone.now() - ONE_LISTENING).exists()
    ):
        return
    Listening.objects.create(**facts, call_id=recording.call_id, username=by.username)
