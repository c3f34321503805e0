"""The snapshot's files: small parts as lines of JSON, and the manifest that names what is current.

A part's file is named by its content, so an unchanged part keeps its file. Files are complete
before the manifest names them, and stay while a worker may still be opening them.

A small part has one line for each few hundred rows, `["section", [row, …]]`, so that a worker can read
it bit by bit, and a last line `["end", rows]`, so that one that was cut off is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from apps.core.compact import decoded

MANIFEST = "manifest.json"
FORMAT = 1
ROWS_PER_LINE = 250
KEPT_MANIFESTS = 4
KEPT_SECONDS = 60.0

Row = Any
Sections = Mapping[str, Iterable[Row]]


class StoreError(Exception):
    """A snapshot that cannot be read; the message says what is wrong with which file."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which file holds which part now. `version` is what call records name."""

    version: str
    parts: Mapping[str, str]  # "accounts", "routes", "tariffs", "settings", "deck:7", "names:7" → file name

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The current one. Raises FileNotFoundError when there is none yet, StoreError when it is damaged."""
        try:
            content = json.loads((folder / MANIFEST).read_bytes())
            if content["format"] != FORMAT:
                raise StoreError(f"{folder / MANIFEST} has format {content['format']}, expected is {FORMAT}")
            return cls(
                str(content["version"]), {str(part): str(file) for part, file in content["parts"].items()}
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{folder / MANIFEST} is damaged: {error}") from error


def read_part(path: Path) -> Iterator[tuple[str, list[Row]]]:
    """The sections of a small part, some rows at a time. Raises StoreError when the file is damaged or cut off."""
    rows = 0
    with path.open("rb") as lines:
        for line in lines:
            try:
                section, found = decoded(line)
            except ValueError as error:
                raise StoreError(f"{path.name} is damaged: {error}") from error
            if section == "end":
                if found != rows:
                    raise StoreError(f"{path.name} has {rows} rows instead of {found}")
                return
            rows += len(found)
            yield section, found
    raise StoreError(f"{path.name} is cut off after {rows} rows")


class Store:
    """The compiler's side: writes parts, names them in the manifest, removes what nobody needs any more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # digest secrets are in it
        self._recent: list[frozenset[str]] = []
        self.manifest: Manifest | None = None
        with suppress(FileNotFoundError, StoreError):
            self.manifest = Manifest.read(folder)
            self._recent = [frozenset(self.manifest.parts.values())]

    def write_part(self, part: str, sections: Sections) -> str:
        """Write a small part; the name of its file."""
        temporary = self.temporary(part)
        count = 0
        with temporary.open("wb") as file:
            for section, rows in sections.items():
                source = iter(rows)
                while some := list(islice(source, ROWS_PER_LINE)):
                    count += len(some)
                    file.write(_line([section, some]))
            file.write(_line(["end", count]))
            _synced(file)
        return self.keep(part, temporary, "jsonl")

    def temporary(self, part: str) -> Path:
        """Where a file of this part may be written before it is kept."""
        return self.folder / f"{part.replace(':', '-')}.{os.getpid()}.tmp"

    def keep(self, part: str, temporary: Path, suffix: str) -> str:
        """Give a complete file the name of its content, and answer that name."""
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        name = f"{part.replace(':', '-')}-{digest}.{suffix}"
        temporary.chmod(0o600)
        temporary.replace(self.folder / name)
        return name

    def publish(self, parts: Mapping[str, str], now: float) -> Manifest:
        """Make these the current files, unless they are already; then tidy up."""
        if self.manifest is not None and self.manifest.parts == parts:
            return self.manifest
        digest = hashlib.sha256(_line(sorted(parts.items()))).hexdigest()[:8]
        version = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{digest}"
        manifest = Manifest(version, dict(parts))
        temporary = self.temporary("manifest")
        with temporary.open("wb") as file:
            file.write(_line({"format": FORMAT, "version": version, "parts": dict(parts)}))
            _synced(file)
        temporary.replace(self.folder / MANIFEST)
        _sync_folder(self.folder)
        self.manifest = manifest
        self._recent = [*self._recent, frozenset(parts.values())][-KEPT_MANIFESTS:]
        self._tidy(now)
        return manifest

    def _tidy(self, now: float) -> None:
        """Remove files that no recent manifest names; mapped ones live on until the last worker lets go."""
        named = frozenset[str]().union(*self._recent)
        for path in self.folder.iterdir():
            if path.name == MANIFEST or path.name in named or path.is_dir():
                continue
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink()


def _line(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _synced(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
