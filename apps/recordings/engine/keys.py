"""The keys that recordings are sealed with: a file of lines `id key`, hexadecimal; the last one seals, all of them open.

Whoever has this file and the recordings can listen; whoever has lost it, cannot. It belongs into the backup, apart from them.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "recording_keys"
"""Below MIZU_VAR."""
ID_BYTES: Final = 4
_LINE: Final = re.compile(r"([0-9a-f]{8}) ([0-9a-f]{64})")


class NoKey(Exception):
    """There is no such key, or the file of keys cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """Four bytes that name it, and 32 that nobody else may know."""

    id: bytes
    secret: bytes

    def line(self) -> str:
        return f"{self.id.hex()} {self.secret.hex()}\n"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys, the newest last."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        return self.keys[-1]

    def find(self, key_id: bytes) -> Key:
        """Raises NoKey."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise NoKey(
            f"the key {key_id.hex()} is not in the file {FILE}; put the file back that had it when this was recorded"
        )


def read(path: Path) -> KeyRing:
    """The keys of a file; a first key is made when there is no file. Raises NoKey."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return _begin(path)
    except (OSError, UnicodeDecodeError) as error:
        raise NoKey(f"{path} cannot be read: {error}") from error
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    if not found or None in found:
        raise NoKey(f"{path}: lines of 8 and 64 hexadecimal digits are expected")
    return KeyRing(tuple(Key(bytes.fromhex(one[1]), bytes.fromhex(one[2])) for one in found if one))


def rotate(path: Path) -> Key:
    """A new key, which seals from now on; the older ones go on opening what they sealed. Raises NoKey."""
    ring, key = read(path), _new()
    _write(path, "".join(one.line() for one in (*ring.keys, key)), os.replace)
    return key


def _new() -> Key:
    return Key(secrets.token_bytes(ID_BYTES), secrets.token_bytes(32))


def _begin(path: Path) -> KeyRing:
    """Who comes first makes the file; the others read it."""
    try:
        _write(path, _new().line(), os.link)
    except FileExistsError:
        pass
    except OSError as error:
        raise NoKey(f"{path} cannot be written: {error}") from error
    return read(path)


def _write(path: Path, text: str, put: object) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(handle)
        put(beside, path)  # type: ignore[operator]
    finally:
        beside.unlink(missing_ok=True)
