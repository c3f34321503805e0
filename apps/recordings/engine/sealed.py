"""Sealed files: encrypted and proved chunk by chunk, so that they can be written while they grow and read from any place.

A file is a header (magic, id of the key, salt) and chunks, each with its length. Every file has a key of its own (HKDF of the named
key and the salt), so a nonce is the number of the chunk and whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015, with AES-256-GCM): chunks that were changed, swapped, repeated or cut off do not open.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.recordings.engine.keys import ID_BYTES, Key, KeyRing

MAGIC: Final = b"MIZUREC1"
SALT: Final = 16
CHUNK: Final = 64 << 10
"""Bytes of each chunk of a finished file but its last one."""
TAG: Final = 16
_HEADER: Final = struct.Struct(f"!8s{ID_BYTES}s{SALT}s")
_LENGTH: Final = struct.Struct("!I")
_LONGEST: Final = 64 << 20
_STEP: Final = _LENGTH.size + CHUNK + TAG


class Tampered(Exception):
    """The file is not as it was sealed: somebody changed it, or a part of it is missing."""


class Seal:
    """The cipher of one file. A number must be sealed once only."""

    def __init__(self, key: Key, salt: bytes) -> None:
        self.header = _HEADER.pack(MAGIC, key.id, salt)
        derived = HKDF(hashes.SHA256(), 32, salt, b"mizu recording").derive(key.secret)
        self._cipher = AESGCM(derived)

    @classmethod
    def new(cls, key: Key) -> Seal:
        return cls(key, os.urandom(SALT))

    @classmethod
    def of(cls, header: bytes, ring: KeyRing) -> Seal:
        """Raises Tampered, NoKey."""
        if len(header) != _HEADER.size or not header.startswith(MAGIC):
            raise Tampered("this is no sealed recording")
        _, key_id, salt = _HEADER.unpack(header)
        return cls(ring.find(key_id), salt)

    def close(self, number: int, plain: bytes, *, last: bool) -> bytes:
        """A chunk as it stands in the file."""
        sealed = self._cipher.encrypt(_nonce(number, last), plain, self.header)
        return _LENGTH.pack(len(sealed)) + sealed

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """What is in a chunk (without its length). Raises Tampered."""
        try:
            return self._cipher.decrypt(_nonce(number, last), sealed, self.header)
        except InvalidTag:
            raise Tampered(f"chunk {number} is not as it was sealed") from None


def _nonce(number: int, last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes((last,))


def growing(file: BinaryIO, ring: KeyRing) -> Iterator[bytes]:
    """The chunks of a file that was written as it grew; where its writer died, the torn end is left out. Raises Tampered, NoKey."""
    seal = Seal.of(file.read(_HEADER.size), ring)
    number = 0
    while len(length := file.read(_LENGTH.size)) == _LENGTH.size:
        size: int = _LENGTH.unpack(length)[0]
        if size > _LONGEST:
            raise Tampered(f"chunk {number} says that it has {size} bytes")
        sealed = file.read(size)
        if len(sealed) < size:
            return
        yield seal.open(number, sealed, last=False)
        number += 1


class SealedWriter(io.RawIOBase):
    """A finished file, written from its beginning to its end; only within the first chunk something may be written anew.

    That is what encoders want who put the length into their header at last. Nothing is on the disk in plain.
    """

    def __init__(self, file: BinaryIO, key: Key) -> None:
        self._file, self._seal = file, Seal.new(key)
        self._first, self._rest = bytearray(), bytearray()
        self._number = 1
        self._at = self._size = 0
        file.write(self._seal.header)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if not 0 <= at <= self._size or CHUNK < at < self._size:
            raise OSError("a sealed file cannot be written there")
        self._at = at
        return at

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are what encoders give
        data = bytes(data)
        size = len(data)
        if self._at < CHUNK:
            part, data = data[: CHUNK - self._at], data[CHUNK - self._at :]
            self._first[self._at : self._at + len(part)] = part
        elif self._at < self._size:
            raise OSError("a sealed file cannot be written there")
        if data:
            self._append(data)
        self._at += size
        self._size = max(self._size, self._at)
        return size

    def _append(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) > CHUNK:  # a full one waits: it may be the last
            self._put(self._number, bytes(self._rest[:CHUNK]), last=False)
            del self._rest[:CHUNK]
            self._number += 1

    def _put(self, number: int, plain: bytes, *, last: bool) -> None:
        self._file.seek(_HEADER.size + number * _STEP)
        self._file.write(self._seal.close(number, plain, last=last))

    def close(self) -> None:
        """Seal what waits, the first chunk at last."""
        if not self.closed:
            if self._rest:
                self._put(self._number, bytes(self._rest), last=True)
            self._put(0, bytes(self._first), last=not self._rest)
            self._file.flush()
        super().close()


class SealedReader(io.RawIOBase):
    """A finished file, read from any place. Raises Tampered, NoKey; that its end is missing is seen at once."""

    def __init__(self, file: BinaryIO, ring: KeyRing) -> None:
        self._file = file
        self._seal = Seal.of(file.read(_HEADER.size), ring)
        body = file.seek(0, os.SEEK_END) - _HEADER.size
        self._chunks = -(-body // _STEP)
        self.size = body - self._chunks * (_LENGTH.size + TAG)
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        if self._chunks == 0 or self.size < 0:
            raise Tampered("the file ends in the middle")
        self._chunk(self._chunks - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """At most to the end of the chunk: who wants more asks again."""
        if self._at >= self.size or size == 0:
            return b""
        number, start = divmod(self._at, CHUNK)
        part = self._chunk(number)[start : start + size if size > 0 else None]
        self._at += len(part)
        return part

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(_HEADER.size + number * _STEP)
            sealed = self._file.read(_STEP)[_LENGTH.size :]
            self._held = number, self._seal.open(number, sealed, last=number == self._chunks - 1)
        return self._held[1]

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
