"""What phones speak becomes sound, and sound becomes files."""

from __future__ import annotations

import io
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from apps.recordings import sound
from apps.recordings.engine.keys import Key
from apps.recordings.engine.sealed import SealedReader, SealedWriter
from apps.recordings.engine.spool import CALLED, CALLER, Entry, entries, note
from apps.recordings.mixing import Mixer
from tests.audio import FRAME, tone, ulaw
from tests.recorded import HIGH, LOW, packet, pitch


def encoded(encoder: str, pitch_: float, rate: int, frame: int) -> list[bytes]:
    """A second of a tone in packets of 20 ms."""
    at = np.arange(rate) / rate
    samples = (np.sin(2 * np.pi * pitch_ * at) * 12000).astype(np.int16)
    context = av.CodecContext.create(encoder, "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    context.time_base = Fraction(1, rate)
    found: list[bytes] = []
    for start in range(0, rate - frame + 1, frame):
        part = av.AudioFrame.from_ndarray(samples[start : start + frame].reshape(1, -1), "s16", "mono")
        part.sample_rate, part.pts = rate, start
        found += [bytes(one) for one in context.encode(part)]
    return found


def mixed(mixer: Mixer, given: list[Entry]) -> np.ndarray:
    return np.concatenate(list(mixer.mix(given)))


def conversation(called: list[bytes], kind: int, step: int, name: str = "") -> list[Entry]:
    """The caller speaks G.711, the called something else; in packets of 20 ms, those of G.723 of 30."""
    caller, frame = ulaw(tone(LOW, seconds=1.0)), 240 if kind == 4 else FRAME
    given = list(entries([note(0.0, {"called_codecs": {str(kind): name} if name else {}})]))
    for place, payload in enumerate(called):
        low, at = caller[place * frame : (place + 1) * frame], place * frame / 8000
        given.append(Entry(CALLER, at, packet(low, place, stamp=place * frame)))
        given.append(Entry(CALLED, at, packet(payload, place, stamp=place * step, kind=kind, source=8)))
    return given


@pytest.mark.req("recording-002")
@pytest.mark.parametrize(
    ("encoder", "kind", "name", "rate", "frame", "step"),
    [
        ("g722", 9, "", 16000, 320, 160),
        ("libopus", 111, "opus", 48000, 960, 960),
        ("pcm_alaw", 8, "", 8000, 160, 160),
        ("g723_1", 4, "", 8000, 240, 240),
    ],
)
def test_each_party_is_decoded_by_its_own_codec(
    encoder: str, kind: int, name: str, rate: int, frame: int, step: int
) -> None:
    given = conversation(encoded(encoder, HIGH, rate, frame), kind, step, name)
    for made in (8000, 16000):
        mixer = Mixer(made, soft=0.2, hard=1.0)
        stereo = mixed(mixer, given)
        assert not mixer.unknown
        assert abs(len(stereo) / made - 1) < 0.06
        assert abs(pitch(stereo[:, 0], made) - LOW) < 20
        assert abs(pitch(stereo[:, 1], made) - HIGH) < 20


def test_what_nobody_can_decode_is_silent_and_named() -> None:
    mixer = Mixer(8000, soft=0.2, hard=1.0)
    stereo = mixed(mixer, conversation([b"?" * 40] * 50, 97, 160, "X-OWN"))
    assert mixer.unknown == {"X-OWN"}
    assert not stereo[:, 1].any() and stereo[:, 0].any()


def test_keys_and_comfort_noise_are_not_kept() -> None:
    keys = conversation([b"\x05\x0a\x00\xa0"] * 50, 101, 160, "telephone-event")
    for given in (keys, conversation([b"\x40"] * 50, 13, 160)):
        mixer = Mixer(8000, soft=0.2, hard=1.0)
        assert not mixed(mixer, given)[:, 1].any()
        assert not mixer.unknown


@pytest.mark.parametrize("payload", [b"", b"\x00", bytes(999)])
@pytest.mark.parametrize("kind", [0, 3, 4, 9, 18, 111, 112])
def test_broken_packets_do_no_harm(payload: bytes, kind: int) -> None:
    names = {"called_codecs": {"111": "opus", "112": "iLBC"}}
    given = [*entries([note(0.0, names)]), *conversation([payload] * 30, kind, 160)[1:]]
    assert len(mixed(Mixer(8000, soft=0.2, hard=1.0), given)) >= 30 * 160


def test_a_long_call_is_mixed_in_little_memory_and_silence_stays_silence() -> None:
    """Ten minutes, of which each party says something at the beginning and at the end only."""
    frame = ulaw(tone(LOW, seconds=0.02))
    given = [
        Entry(who, at, packet(frame, int(at * 50), stamp=int(at * 8000), source=who))
        for at in (0.0, 0.02, 598.0, 599.98)
        for who in (CALLER, CALLED)
    ]
    blocks = list(Mixer(8000, soft=0.2, hard=1.0).mix(given))
    assert max(map(len, blocks)) < 8000 * 60
    stereo = np.concatenate(blocks)
    assert len(stereo) == 600 * 8000
    assert not stereo[400 : 597 * 8000].any() and stereo[-160:].any()


@pytest.fixture(scope="module")
def flac() -> tuple[bytes, int, np.ndarray]:
    """A sealed recording, its samples, and what they are."""
    stereo = np.stack((tone(LOW, seconds=3.0), tone(HIGH, seconds=3.0)), axis=1)
    file = io.BytesIO()
    sealed = SealedWriter(file, KEY)
    writer = sound.FlacWriter(sealed, 8000)
    for start in range(0, len(stereo), 5000):
        writer.write(stereo[start : start + 5000])
    writer.close()
    sealed.close()
    return file.getvalue(), writer.frames, stereo


KEY = Key(b"key1", bytes(32))


def opened(data: bytes) -> SealedReader:
    from apps.recordings.engine.keys import KeyRing

    return SealedReader(io.BytesIO(data), KeyRing((KEY,)))


@pytest.mark.req("recording-014", "recording-030")
def test_it_is_kept_compressed_without_loss_and_knows_its_length(flac: tuple[bytes, int, np.ndarray]) -> None:
    data, frames, stereo = flac
    assert frames == len(stereo) and len(data) < stereo.nbytes * 0.6
    assert av.open(opened(data)).duration == 3_000_000  # type: ignore[call-overload]
    made = b"".join(sound.wav(opened(data), rate=8000, frames=frames))
    with wave.open(io.BytesIO(made)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, frames)
        assert file.readframes(frames) == stereo.astype("<i2").tobytes()


@pytest.mark.req("recording-010")
def test_it_can_be_taken_as_mp3(flac: tuple[bytes, int, np.ndarray]) -> None:
    data, frames, _ = flac
    made = b"".join(sound.mp3(opened(data), rate=8000, frames=frames))
    assert len(made) < len(data)
    with av.open(io.BytesIO(made), format="mp3") as file:
        stereo = np.concatenate([one.to_ndarray() for one in file.decode(audio=0)], axis=1)
    assert abs(stereo.shape[1] / 8000 - 3) < 0.3
    left, right = ((side * 32767).astype(np.int16) for side in stereo)
    assert abs(pitch(left) - LOW) < 20 and abs(pitch(right) - HIGH) < 20


def test_a_recording_of_nothing_is_a_silent_moment() -> None:
    file = io.BytesIO()
    sealed = SealedWriter(file, KEY)
    writer = sound.FlacWriter(sealed, 8000)
    writer.close()
    sealed.close()
    assert (
        len(b"".join(sound.wav(opened(file.getvalue()), rate=8000, frames=writer.frames)))
        == sound.WAV_HEADER + 4
    )
