"""Sealed files: what was written comes out from any place, and nothing of it can be changed unnoticed."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from apps.recordings.engine import keys
from apps.recordings.engine.keys import KeyRing, NoKey
from apps.recordings.engine.sealed import CHUNK, Seal, SealedReader, SealedWriter, Tampered, growing

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return keys.read(tmp_path / keys.FILE)


def sealed(plain: bytes, ring: KeyRing) -> bytes:
    file = io.BytesIO()
    with SealedWriter(file, ring.newest) as writer:
        for at in range(0, len(plain), 10_000):
            writer.write(plain[at : at + 10_000])
        return_value = file  # closing the writer leaves the file open
    return return_value.getvalue()


def opened(data: bytes, ring: KeyRing) -> SealedReader:
    return SealedReader(io.BytesIO(data), ring)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_as_a_whole_and_from_any_place(size: int, ring: KeyRing) -> None:
    plain = random.Random(size).randbytes(size)
    reader = opened(sealed(plain, ring), ring)
    assert reader.size == size
    assert io.BufferedReader(reader).read() == plain
    reader = opened(sealed(plain, ring), ring)
    for at in sorted({0, size // 2, max(0, size - 5), size}):
        reader.seek(at)
        assert reader.read(10) == plain[at : min(at + 10, (at // CHUNK + 1) * CHUNK)]


def test_the_beginning_can_be_written_anew_and_nothing_else(ring: KeyRing) -> None:
    plain = bytes(2 * CHUNK + 10)
    file = io.BytesIO()
    writer = SealedWriter(file, ring.newest)
    writer.write(plain)
    writer.seek(4)
    writer.write(b"length")
    assert writer.tell() == 10
    writer.seek(0, io.SEEK_END)
    writer.write(b"end")
    with pytest.raises(OSError, match="cannot be written there"):
        writer.seek(CHUNK + 1)
    writer.close()
    found = io.BufferedReader(opened(file.getvalue(), ring)).read()
    assert found == plain[:4] + b"length" + plain[10:] + b"end"


@pytest.mark.req("recording-014", "recording-030")
def test_nothing_of_it_is_readable_without_the_key(ring: KeyRing, tmp_path: Path) -> None:
    data = sealed(b"nobody hears this " * 9000, ring)
    assert b"nobody" not in data
    stranger = keys.read(tmp_path / "another")
    with pytest.raises(NoKey, match="put the file back"):
        opened(data, stranger)


def test_every_change_is_noticed(ring: KeyRing) -> None:
    data = sealed(random.Random(1).randbytes(2 * CHUNK + 100), ring)
    for at in (0, 9, 20, 60, CHUNK, len(data) - 20, len(data) - 1):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises((Tampered, NoKey)):
            io.BufferedReader(opened(bytes(changed), ring)).read()


def test_a_part_that_is_missing_is_noticed_at_once(ring: KeyRing) -> None:
    data = sealed(bytes(3 * CHUNK), ring)
    step = (len(data) - 28) // 3
    for cut in (len(data) - 1, len(data) - step, len(data) - 2 * step, 28, 5, 0):
        with pytest.raises(Tampered):
            opened(data[:cut], ring)


def test_chunks_that_have_changed_places_are_noticed(ring: KeyRing) -> None:
    data = sealed(bytes(4 * CHUNK), ring)
    step = (len(data) - 28) // 4
    swapped = data[:28] + data[28 + step : 28 + 2 * step] + data[28 : 28 + step] + data[28 + 2 * step :]
    reader = opened(swapped, ring)
    with pytest.raises(Tampered):
        reader.read()


def grown(parts: list[bytes], ring: KeyRing) -> bytes:
    seal = Seal.new(ring.newest)
    return seal.header + b"".join(seal.close(number, one, last=False) for number, one in enumerate(parts))


def test_a_file_whose_writer_died_is_read_up_to_there(ring: KeyRing) -> None:
    data = grown([b"one", b"two", b"three"], ring)
    assert list(growing(io.BytesIO(data), ring)) == [b"one", b"two", b"three"]
    for cut in range(1, 20):
        assert list(growing(io.BytesIO(data[:-cut]), ring)) == [b"one", b"two"]
    changed = bytearray(data)
    changed[40] ^= 1
    with pytest.raises(Tampered):
        list(growing(io.BytesIO(bytes(changed)), ring))


def test_a_new_key_seals_and_the_old_one_goes_on_opening(tmp_path: Path) -> None:
    path = tmp_path / keys.FILE
    before = keys.read(path)
    old = sealed(b"old", before)
    made = keys.rotate(path)
    after = keys.read(path)
    assert after.newest == made != before.newest
    assert opened(old, after).read() == b"old"
    with pytest.raises(NoKey):
        opened(sealed(b"new", after), before)
    assert path.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("text", ["", "zz\n", "00000000 00\n", "ä\n"])
def test_a_file_of_keys_that_is_none_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / keys.FILE
    path.write_text(text)
    with pytest.raises(NoKey, match=str(path)):
        keys.read(path)
