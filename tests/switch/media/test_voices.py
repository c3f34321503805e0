"""Recordings: those that are built in, and files of the same name in their place."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import pytest

from switch.media import built_in, g711
from switch.media.player import BadVoice, Voices
from tests.audio import from_alaw, loudest, tone
from tests.switch.call.test_media_announcements import record


def test_what_is_built_in_needs_no_file(tmp_path: Path) -> None:
    voices = Voices(tmp_path / "voices")
    sound = {name: voices.get(name).sound for name in built_in.NAMES}
    assert {name: len(one[g711.PCMA]) / 8000 for name, one in sound.items()} == {
        "music": 8, "ring": 5, "failed": pytest.approx(1.39), "number": 0.5, "pin": 0.3,
    }  # fmt: skip
    assert abs(loudest(from_alaw(sound["ring"][g711.PCMA][:8000])) - 425) < 10
    with pytest.raises(BadVoice):
        voices.get("other")


def test_the_music_leads_back_to_its_beginning_without_a_click() -> None:
    samples = built_in.samples("music")
    assert samples is not None
    steps = [abs(b - a) for a, b in itertools.pairwise(samples)]
    assert abs(samples[0] - samples[-1]) <= max(steps)
    assert max(map(abs, samples)) < 10_000


def test_a_file_takes_the_place_of_what_is_built_in(tmp_path: Path) -> None:
    voices = Voices(tmp_path / "voices")
    record(tmp_path / "voices" / "music.wav", tone(1000, seconds=0.5))
    assert abs(loudest(from_alaw(voices.get("music").sound[g711.PCMA])) - 1000) < 10
    assert voices.path("music") == tmp_path / "voices" / "music.wav"


def test_another_player_finds_what_is_built_in_as_a_file(tmp_path: Path) -> None:
    path = Voices(tmp_path / "voices").path("failed")
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, len(built_in.samples("failed") or ()))
    assert Voices(tmp_path / "voices").path("failed") == path
