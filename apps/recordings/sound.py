"""Sound out of RTP payloads, and recordings as FLAC, WAV and MP3; what FFmpeg can decode is decoded (by PyAV)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

Samples = np.ndarray
BLOCK: Final = 8192
WAV_HEADER: Final = 44
_LONGEST_WAV: Final = 0xFFFFFFFF - 36


class CannotDecode(Exception):
    """There is no decoder for this encoding."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How an RTP encoding is decoded. `frame`: bytes of a frame where FFmpeg wants them one by one; `clock`: of its RTP."""

    name: str
    rate: int
    clock: int
    frame: int = 0


G711: Final = frozenset(("pcm_mulaw", "pcm_alaw"))
#: RTP encoding (RFC 3551, RFC 7587, RFC 3952), in capitals.
CODECS: Final = {
    "PCMU": Codec("pcm_mulaw", 8000, 8000),
    "PCMA": Codec("pcm_alaw", 8000, 8000),
    "G722": Codec("g722", 16000, 8000),
    "G729": Codec("g729", 8000, 8000, frame=10),
    "G723": Codec("g723_1", 8000, 8000, frame=24),
    "GSM": Codec("gsm", 8000, 8000, frame=33),
    "ILBC": Codec("ilbc", 8000, 8000),
    "OPUS": Codec("libopus", 48000, 48000),
}
#: Payload types that mean the same without being told (RFC 3551 §6).
STATIC: Final = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 18: "G729"}
SILENT: Final = frozenset(("TELEPHONE-EVENT", "CN", "RED"))
"""Encodings that are no speech: keys that were pressed are not kept."""


class Decoder:
    """One party's sound of one encoding, at the recording's rate. Raises CannotDecode when it is made."""

    def __init__(self, encoding: str, rate: int) -> None:
        codec = CODECS.get(encoding.upper())
        if codec is None:
            raise CannotDecode(encoding)
        self._codec = codec
        self._context: AudioCodecContext | None = None
        self._table = _table(codec.name) if codec.name in G711 and rate == codec.rate else None
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)

    def decode(self, payload: bytes) -> Samples:
        """The samples of one packet; none for one that is broken."""
        if self._table is not None:  # most calls: forty times as fast
            return self._table[np.frombuffer(payload, np.uint8)]
        if self._context is None:
            self._context = _opened(self._codec, payload)
        found: list[Samples] = []
        for part in self._frames(payload):
            try:
                for frame in self._context.decode(av.Packet(part)):
                    found += [one.to_ndarray()[0] for one in self._resampler.resample(frame)]
            except av.FFmpegError:
                continue
        return np.concatenate(found) if found else np.empty(0, np.int16)

    def _frames(self, payload: bytes) -> list[bytes]:
        size = self._codec.frame
        if not size or len(payload) <= size:
            return [payload] if payload else []
        return [payload[at : at + size] for at in range(0, len(payload), size)]


def _opened(codec: Codec, payload: bytes = b"") -> AudioCodecContext:
    context: AudioCodecContext = av.CodecContext.create(codec.name, "r")  # type: ignore[assignment]
    context.sample_rate, context.layout = codec.rate, "mono"
    if codec.name == "ilbc":  # frames of 20 ms have 38 bytes, those of 30 ms 50 (RFC 3952 §4.2)
        context.bit_rate = 15_200 if len(payload) % 38 == 0 else 13_330
    return context


@cache
def _table(name: str) -> Samples:
    """The sample of each byte of G.711."""
    frames = _opened(next(one for one in CODECS.values() if one.name == name)).decode(
        av.Packet(bytes(range(256)))
    )
    return np.concatenate([one.to_ndarray()[0] for one in frames])


# --- FLAC, which is what is kept ------------------------------------------------------------------------------------------------


class FlacWriter:
    """Stereo FLAC into a file, block by block."""

    def __init__(self, file: io.RawIOBase, rate: int) -> None:
        self._container = av.open(file, "w", format="flac")
        self._stream: Any = self._container.add_stream("flac", rate=rate)
        self._stream.layout, self._stream.format = "stereo", "s16"
        self._rate, self.frames = rate, 0

    def write(self, stereo: Samples) -> None:
        """Samples of shape (n, 2)."""
        if len(stereo) == 0:
            return
        self._put(_frame(stereo, self._rate, self.frames))
        self.frames += len(stereo)

    def _put(self, frame: av.AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """With the length in its header. A recording without sound has a silent moment: FLAC has no empty files."""
        if not self.frames:
            self.write(np.zeros((1, 2), np.int16))
        self._put(None)
        self._container.close()


def _frame(stereo: Samples, rate: int, at: int) -> av.AudioFrame:
    flat = np.ascontiguousarray(stereo, np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(flat, format="s16", layout="stereo")
    frame.sample_rate, frame.pts = rate, at
    return frame


# --- what people take away ------------------------------------------------------------------------------------------------------


def _decoded(flac: io.RawIOBase) -> Iterator[av.AudioFrame]:
    with av.open(flac, "r", format="flac") as container:
        yield from container.decode(audio=0)


def wav(flac: io.RawIOBase, *, rate: int, frames: int) -> Iterator[bytes]:
    """A WAV file of 16 bit, stereo, from a recording of so many frames."""
    size = min(frames * 4, _LONGEST_WAV)
    yield struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + size,
        b"WAVE",
        b"fmt ",
        16,
        1,
        2,
        rate,
        rate * 4,
        4,
        16,
        b"data",
        size,
    )
    for frame in _decoded(flac):
        yield frame.to_ndarray().tobytes()


def mp3(flac: io.RawIOBase, *, rate: int, frames: int) -> Iterator[bytes]:
    """The same as MP3, made while it is sent."""
    made = _Drain()
    with av.open(made, "w", format="mp3") as target:
        stream: Any = target.add_stream("libmp3lame", rate=rate)
        stream.layout, stream.format, stream.bit_rate = "stereo", "s16p", 64_000
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=rate)
        for frame in _decoded(flac):
            for one in resampler.resample(frame):
                target.mux(stream.encode(one))
            yield made.taken()
        target.mux(stream.encode(None))
    yield made.taken()


class _Drain:
    """What an encoder writes, until it is taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def taken(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


FORMATS: Final[dict[str, tuple[str, Callable[..., Iterator[bytes]]]]] = {
    "wav": ("audio/wav", wav),
    "mp3": ("audio/mpeg", mp3),
}
