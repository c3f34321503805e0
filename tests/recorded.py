"""What a switch has recorded, made into sound by the office, for tests that speak and then listen."""

from __future__ import annotations

import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.recordings import services, sound, store
from apps.recordings.engine import spool
from apps.recordings.models import Recording
from switch.media.recorder import Recorders
from tests.audio import FRAME, Talker, loudest, tone, ulaw
from tests.support import wait_for

HIGH, LOW = 1000.0, 440.0


def speak(
    left: Talker,
    to_left: tuple[str, int],
    right: Talker,
    to_right: tuple[str, int],
    *,
    seconds: float = 1.0,
    kind: int = 0,
) -> None:
    """Both speak at once, in real time: a fifth of a second of silence, then the caller low, the called high."""
    quiet = np.zeros(1600, np.int16)
    parties = [
        threading.Thread(target=who.say, args=(to, np.concatenate((quiet, tone(pitch, seconds=seconds)))),
                         kwargs={"kind": kind, "pace": 0.0195})
        for who, to, pitch in ((left, to_left, LOW), (right, to_right, HIGH))
    ]  # fmt: skip
    for party in parties:
        party.start()
    for party in parties:
        party.join()


@dataclass(frozen=True)
class Heard:
    """A recording, and its two sides."""

    row: Recording
    caller: np.ndarray
    called: np.ndarray

    def pitches(self) -> tuple[float, float]:
        return pitch(self.caller), pitch(self.called)

    def step(self) -> float:
        """Seconds between the moments in which the two begin to speak."""
        return abs(begins(self.caller) - begins(self.called)) / self.row.rate


def begins(side: np.ndarray) -> int:
    """The first sample that is loud."""
    loud = np.flatnonzero(np.abs(side.astype(np.int32)) > 2000)
    assert len(loud), "nobody speaks here"
    return int(loud[0])


def pitch(side: np.ndarray, rate: int = 8000) -> float:
    """The loudest frequency of what is said."""
    loud = np.flatnonzero(np.abs(side.astype(np.int32)) > 2000)
    return loudest(side[loud[0] : loud[-1]]) * rate / 8000 if len(loud) else 0.0


@contextmanager
def as_office(var: Path, settings: Any) -> Iterator[None]:
    """The office works below this directory."""
    before, settings.VAR = settings.VAR, var
    yield
    settings.VAR = before


def finished(count: int = 1) -> list[Heard]:
    """What the office makes of what lies there, once it is so many recordings; the oldest first."""
    done: list[int] = []

    def all_done() -> bool:
        done.append(services.finish_waiting())
        return sum(done) >= count

    wait_for(all_done, 8, f"{count} recordings")
    assert sum(done) == count
    return [hear(row) for row in Recording.objects.order_by("-id")[:count]][::-1]


def hear(row: Recording) -> Heard:
    stereo = np.frombuffer(wav_of(row)[sound.WAV_HEADER :], np.int16).reshape(-1, 2)
    return Heard(row, stereo[:, 0], stereo[:, 1])


def wav_of(row: Recording) -> bytes:
    with store.open_sound(row) as flac:
        return b"".join(sound.wav(flac, rate=row.rate, frames=row.frames))


def packet(
    payload: bytes, number: int, *, stamp: int, kind: int = 0, source: int = 7, marker: bool = False
) -> bytes:
    """An RTP packet."""
    header = struct.pack("!BBHII", 0x80, kind | marker << 7, number & 0xFFFF, stamp & 0xFFFFFFFF, source)
    return header + payload


def kept(var: Path, *, seconds: float = 1.0, call_id: str = "", number: int = 1, **facts: Any) -> str:
    """What a worker would have kept of a call in which both speak G.711 all the time; the call's id."""
    call_id = call_id or str(uuid.uuid4())
    recorders = Recorders(var, lambda: 0.0)
    given = {"call": call_id, "number": number, "started": time.time(), "codec": "PCMU", "caller_number": "3611",
             "called_number": "3622", "for_caller": None, "for_called": None, "reason": "setting", "asked_by": ""}  # fmt: skip
    recorder = recorders.begin(f"{call_id}-{number}", given | facts)
    for who, high in ((spool.CALLER, LOW), (spool.CALLED, HIGH)):
        tap, data = recorder.tap(who), ulaw(tone(high, seconds=seconds))
        for place in range(len(data) // FRAME):
            frame = data[place * FRAME : (place + 1) * FRAME]
            tap(packet(frame, place, stamp=place * FRAME, source=who), place * 0.02)
    recorder.close()
    recorders.stop()
    return call_id
