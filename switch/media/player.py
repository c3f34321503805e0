"""Recorded sound, played to one party: announcements and music, as G.711 out of WAV files (guide 13738)."""

from __future__ import annotations

import re
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from os import getpid
from pathlib import Path
from random import getrandbits
from typing import Final

from . import built_in, events, g711

FRAME: Final = 160
SECONDS: Final = 0.02
LONGEST: Final = 600
"""Seconds of a recording."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class BadVoice(ValueError):
    """There is no such recording, or it is of another kind; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A recording, as G.711 by payload type."""

    name: str
    sound: dict[int, bytes]


class Voices:
    """The recordings in a folder, read when they are first asked for and again when they have changed; else those that are built in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[int, Voice]] = {}

    def path(self, name: str) -> Path:
        """Where the recording lies, for a player that is no part of us. One that is built in is written down for it. Raises BadVoice."""
        path = self._path(name)
        made = built_in.samples(name)
        if path.exists() or made is None:
            return path
        path = self.folder.parent / "run" / f"voice-{name}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{getpid()}")
            with wave.open(str(draft), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(made.tobytes())
            draft.replace(path)
        return path

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise BadVoice(f"{name[:40]!r} is no name of a recording")
        return self.folder / (name if name.endswith(".wav") else f"{name}.wav")

    def get(self, name: str) -> Voice:
        """The recording NAME or NAME.wav: 8 kHz, 16 bit, mono, at most ten minutes. Raises BadVoice."""
        path = self._path(name)
        try:
            if name in built_in.NAMES and not path.exists():
                return _built_in(name)
            changed = path.stat().st_mtime_ns
            known = self._known.get(name)
            if known is None or known[0] != changed:
                known = self._known[name] = (changed, Voice(name, _read(path)))
        except (OSError, wave.Error, EOFError) as error:
            raise BadVoice(f"{path} cannot be played: {error}") from error
        return known[1]


def _read(path: Path) -> dict[int, bytes]:
    with wave.open(str(path)) as file:
        kind = (file.getframerate(), file.getsampwidth(), file.getnchannels())
        if kind != (8000, 2, 1):
            raise BadVoice(
                f"{path} has {kind[0]} Hz, {8 * kind[1]} bit, {kind[2]} channels; 8000 Hz, 16 bit, mono is expected"
            )
        if file.getnframes() > LONGEST * 8000:
            raise BadVoice(f"{path} is longer than {LONGEST} seconds")
        samples = array("h", file.readframes(file.getnframes()))
    return _encoded(samples)


def _encoded(samples: array[int]) -> dict[int, bytes]:
    return {payload: g711.encode(samples, payload) for payload in (g711.PCMU, g711.PCMA)}


@cache
def _built_in(name: str) -> Voice:
    return Voice(name, _encoded(built_in.samples(name) or array("h")))


class Player:
    """Plays a voice once, or again and again, from `start` to its end or `stop`. `done` is called at the end, not after `stop`."""

    def __init__(
        self,
        voice: Voice,
        payload: int,
        *,
        send: Callable[[bytes], object],
        later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
        done: Callable[[], None] | None = None,
        again: bool = False,
    ) -> None:
        self._sound, self._payload = voice.sound[payload], payload
        self._send, self._later, self._clock = send, later, clock
        self._done, self._again = done, again
        self._began, self._sent, self._at = 0.0, 0, 0
        self._ssrc, self._sequence, self._stamp = getrandbits(32), getrandbits(15), getrandbits(31)
        self.playing = False

    def start(self) -> None:
        """Begin now."""
        self.playing = True
        self._began = self._clock()
        self._tick()

    def stop(self) -> None:
        """No more."""
        self.playing = False

    def _tick(self) -> None:
        if not self.playing:
            return
        if self._at >= len(self._sound):
            if not (self._again and self._sound):
                self.playing = False
                if self._done is not None:
                    self._done()
                return
            self._at = 0
        frame = self._sound[self._at : self._at + FRAME]
        self._send(
            events.packet(
                self._payload,
                self._sequence + self._sent,
                self._stamp + self._sent * FRAME,
                self._ssrc,
                frame,
                marker=self._sent == 0,
            )
        )
        self._at += FRAME
        self._sent += 1
        # By the time of the beginning, so that a late timer does not slow the whole.
        self._later(max(0.0, self._began + self._sent * SECONDS - self._clock()), self._tick)
