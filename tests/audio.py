"""Sound that can be told apart: tones as G.711, sent as RTP on real sockets, and recognised in what comes."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import numpy as np

RATE = 8000
FRAME = 160


def tone(*hertz: float, seconds: float = 0.5, level: float = 0.35) -> np.ndarray:
    """Samples (int16) of one or more sine tones at once."""
    at = np.arange(int(RATE * seconds)) / RATE
    wave = sum(np.sin(2 * np.pi * one * at) for one in hertz)
    return (wave * level * 32767 / max(1, len(hertz))).astype(np.int16)


def ulaw(samples: np.ndarray) -> bytes:
    """G.711 mu-law, by the formula (ITU-T G.711), independent of the code under test."""
    x = samples.astype(np.int32)
    sign = np.where(x < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(x), 32635) + 132
    exponent = np.maximum(0, np.floor(np.log2(magnitude)).astype(np.int32) - 7)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def from_ulaw(data: bytes) -> np.ndarray:
    code = ~np.frombuffer(data, np.uint8) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = ((mantissa.astype(np.int32) << 3) + 132 << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def from_alaw(data: bytes) -> np.ndarray:
    code = np.frombuffer(data, np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    low = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, low, (low + 256) << np.maximum(exponent.astype(np.int32) - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def loudest(samples: np.ndarray) -> float:
    """The frequency with most energy, Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


class Talker:
    """One party's RTP: a socket that says a tone, and remembers what it hears."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.port: int = self.sock.getsockname()[1]
        self.heard: list[bytes] = []
        self.sequence, self.timestamp, self.ssrc = 100, 16000, self.port

    def close(self) -> None:
        self.sock.close()

    def packet(self, payload: bytes, kind: int = 0, *, marker: bool = False, step: int = FRAME) -> bytes:
        header = struct.pack(
            "!BBHII", 0x80, kind | marker << 7, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc
        )
        self.sequence += 1
        self.timestamp += step
        return header + payload

    def say(self, to: tuple[str, int], samples: np.ndarray, *, kind: int = 0, pace: float = 0.002) -> None:
        """Mu-law frames of 20 ms, somewhat faster than life."""
        data = ulaw(samples)
        for start in range(0, len(data) - FRAME + 1, FRAME):
            self.sock.sendto(self.packet(data[start : start + FRAME], kind), to)
            self.listen(pace)

    def listen(self, seconds: float) -> None:
        """Collect what comes within this time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                self.heard.append(self.sock.recv(4000))
            except TimeoutError:
                return

    def until(self, happened: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, (
                f"waited {seconds} s for {what}; heard {len(self.heard)} packets"
            )
            self.listen(0.02)

    def payloads(self, kind: int = 0) -> bytes:
        """What was heard of one payload type, in order of arrival."""
        return b"".join(one[12:] for one in self.heard if len(one) > 12 and one[1] & 0x7F == kind)


def talk(a: Talker, to_a: tuple[str, int], b: Talker, to_b: tuple[str, int], *, kind: int = 0) -> None:
    """Each says a tone of its own to the address that its SDP names, and the other must recognise it.

    `to_a` is where `a` sends. Raises AssertionError with what was heard.
    """
    for _ in range(2):
        a.say(to_a, tone(440), kind=kind)
        b.say(to_b, tone(1000), kind=kind)
    b.until(lambda: len(b.payloads(kind)) >= FRAME * 30, "the other's voice")
    a.until(lambda: len(a.payloads(kind)) >= FRAME * 20, "the other's voice")
    heard_a, heard_b = loudest(from_ulaw(a.payloads(kind))), loudest(from_ulaw(b.payloads(kind)))
    assert abs(heard_b - 440) < 20, heard_b
    assert abs(heard_a - 1000) < 20, heard_a
