"""Where recordings lie, and opening one."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.config.queries import get as setting
from apps.recordings.engine import keys
from apps.recordings.engine.keys import KeyRing
from apps.recordings.engine.sealed import SealedReader, Tampered
from apps.recordings.models import Recording

ENDING = ".flac.sealed"


class Gone(Exception):
    """The recording's file is neither where it was stored nor in the backup."""


def folder() -> Path:
    """What `serverftpvoice` says (guide 9406)."""
    return Path(settings.VAR) / (setting("serverftpvoice") or "recordings")


def backup_folder() -> Path | None:
    """What `voicebackupdir` says; None: nowhere."""
    named = setting("voicebackupdir")
    return Path(settings.VAR) / named if named else None


def place_of(call_id: str, number: int, started: datetime) -> str:
    """The path of a new recording, below the folder; by day if `serverftpdailydir` says so."""
    day = f"{started:%Y-%m-%d}/" if setting("serverftpdailydir") else ""
    return f"{day}{call_id}-{number}{ENDING}"


def key_ring() -> KeyRing:
    """Raises NoKey."""
    return keys.read(Path(settings.VAR) / keys.FILE)


def open_sound(recording: Recording, *, prove: bool = False) -> SealedReader:
    """The FLAC of a recording, out of the backup where it is only there. Raises Gone, Tampered, NoKey.

    Each chunk is proved when it is read; `prove`: all of them now, before anything of it goes out.
    """
    file = _open_file(recording)
    if prove and hashlib.file_digest(file, "sha256").hexdigest() != recording.sha256:
        file.close()
        raise Tampered(f"{recording.path} is not as it was stored")
    file.seek(0)
    return SealedReader(file, key_ring())


def _open_file(recording: Recording) -> BinaryIO:
    places = [] if recording.removed_at else [folder()]
    backup = backup_folder() if recording.has_backup else None
    for place in (*places, *([backup] if backup else [])):
        try:
            return (place / recording.path).open("rb")
        except FileNotFoundError:
            continue
    raise Gone(f"the file {recording.path} is not there any more")
