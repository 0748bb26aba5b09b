"""What is plainly no music, and that music is never taken for it."""

import io
import pickle
import warnings

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import soundfile
import torch

from genreclass.audio import read_clip
from genreclass.datasets import make_clips
from genreclass.dsp import sound_kind
from genreclass.exceptions import NotMusicWarning

RATE = 16_000


def _noise(colour, *, seconds=10, seed=0):
    """Noise whose power falls as frequency to the power of -colour, of RMS 0.1."""
    n_samples = seconds * RATE
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n_samples))
    frequency = np.arange(len(spectrum))
    frequency[0] = 1
    noise = np.fft.irfft(spectrum * frequency ** (-colour / 2), n_samples)
    return (0.1 * noise / noise.std()).astype(np.float32)


def _hum(n_samples):
    time = np.arange(n_samples) / RATE
    return sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 4, 6)).astype(np.float32)


def _syllables(*, glide=0.2, vowel_s=(0.1, 0.22), hiss=0.3, seconds=10, seed=0):
    """Vowels between hisses, about four a second, with a pause after every few.

    A vowel is a pulse train, its pitch moving by the share `glide`, through two resonances.
    """
    generator = np.random.default_rng(seed)
    parts, n_samples = [], 0
    while n_samples < seconds * RATE:
        for _ in range(generator.integers(3, 8)):
            consonant = generator.normal(size=int(generator.uniform(0.06, 0.12) * RATE))
            consonant = scipy.signal.sosfilt(_band(3500, 7000), consonant)
            parts.append(hiss * consonant * np.hanning(len(consonant)))
            parts.append(_vowel(generator, glide, generator.uniform(*vowel_s)))
            parts.append(np.zeros(int(generator.uniform(0.0, 0.08) * RATE)))
        parts.append(np.zeros(int(generator.uniform(0.15, 0.5) * RATE)))
        n_samples = sum(map(len, parts))
    sound = np.concatenate(parts)[: seconds * RATE]
    sound = sound + 1e-4 * generator.normal(size=len(sound))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def _envelope(samples):
    return np.sqrt(scipy.ndimage.uniform_filter1d(samples**2, RATE // 20))


def _band(low, high):
    return scipy.signal.butter(2, [low, high], "bandpass", fs=RATE, output="sos")


def _vowel(generator, glide, seconds):
    n_samples = int(seconds * RATE)
    start = generator.uniform(100, 180)
    pitch = start * np.linspace(1, 1 + generator.choice([-1, 1]) * glide, n_samples)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0)
    first, second = generator.uniform(300, 800), generator.uniform(900, 2200)
    formants = [
        scipy.signal.sosfilt(_band(0.9 * f, 1.1 * f), pulses) * share
        for f, share in ((first, 1.0), (second, 0.4))
    ]
    return 10 * sum(formants) * np.hanning(n_samples)


def _coded(samples, container, subtype):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=container, subtype=subtype)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


@pytest.mark.parametrize("n_samples", [1, 100, RATE, 20 * RATE])
def test_zeros_and_a_constant_are_silence(n_samples):
    assert sound_kind(np.zeros(n_samples, np.float32)) == "silence"
    assert sound_kind(np.full(n_samples, 0.25, np.float32)) == "silence"


def test_noise_is_silence_below_minus_70_dbfs():
    white = _noise(0) * 10  # of RMS 1
    assert sound_kind(white * 10 ** (-72 / 20)) == "silence"
    assert sound_kind(white * 10 ** (-68 / 20)) == "noise"


def test_one_tenth_of_a_second_of_sound_is_no_silence():
    samples = np.zeros(10 * RATE, np.float32)
    samples[RATE : RATE + RATE // 10] = _noise(0)[: RATE // 10]
    assert sound_kind(samples) is None


@pytest.mark.parametrize("colour", [-1, 0, 1, 2])
@pytest.mark.parametrize("level", [1.0, 0.01])
def test_steady_noise_of_any_colour_and_level_is_noise(colour, level):
    assert sound_kind(_noise(colour) * level) == "noise"


@pytest.mark.parametrize("band", [(50, 400), (300, 3400), (1000, 2000), (3000, 7000)])
def test_noise_of_a_band_is_noise(band):
    assert sound_kind(scipy.signal.sosfilt(_band(*band), _noise(0))) == "noise"


@pytest.mark.parametrize("code", [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")])
@pytest.mark.parametrize("colour", [0, 2])
def test_noise_from_a_coded_file_is_noise(code, colour):
    assert sound_kind(_coded(_noise(colour), *code)) == "noise"


@pytest.mark.parametrize("hum_db", [-20, 0, 20])
def test_mains_hum_in_noise_is_noise(hum_db):
    noise = _noise(0)
    hum = _hum(len(noise))
    hum *= noise.std() / hum.std() * 10 ** (hum_db / 20)
    assert sound_kind(0.1 * (noise + hum)) == "noise"


def test_noise_that_comes_and_goes_is_not_called_noise():
    noise = _noise(0)
    beats = 1 + np.sign(np.sin(2 * np.pi * 2 * np.arange(len(noise)) / RATE))
    assert sound_kind(noise * beats.astype(np.float32)) is None


def test_a_chord_over_a_faint_hiss_is_not_called_noise():
    hiss = _noise(0)
    time = np.arange(len(hiss)) / RATE
    chord = sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.18, 329.63, 440.0))
    assert sound_kind(0.1 * chord + 0.01 * hiss) is None


def test_notes_under_a_hiss_as_loud_are_not_called_noise():
    hiss = _noise(0)
    time = np.arange(len(hiss)) / RATE
    pitch = np.array([130.8, 164.8, 196.0, 261.6])[(time * 4).astype(int) % 4]
    notes = np.sin(2 * np.pi * pitch * time) + np.sin(4 * np.pi * pitch * time)
    assert sound_kind(hiss + 0.1 * notes) is None


def test_a_shaker_in_a_deep_rumble_is_not_called_noise():
    rumble, time = _noise(1), np.arange(10 * RATE) / RATE
    shaker = scipy.signal.sosfilt(_band(4000, 5000), _noise(0, seed=1)) * (time * 4 % 1 < 0.3)
    assert sound_kind(rumble + 0.85 * shaker) is None


@pytest.mark.parametrize("seed", range(3))
def test_gliding_syllables_with_pauses_are_speech(seed):
    assert sound_kind(_syllables(seed=seed)) == "speech"


def test_speech_is_speech_at_any_level_and_from_a_coded_file():
    speech = _syllables()
    assert sound_kind(speech * 0.01) == "speech"
    assert sound_kind(_coded(speech, "MP3", "MPEG_LAYER_III")) == "speech"


def test_held_syllables_are_singing_and_no_speech():
    assert sound_kind(_syllables(glide=0.0, vowel_s=(0.4, 0.8))) is None


def test_syllables_levelled_out_so_that_no_pause_is_left_are_no_speech():
    speech = _syllables()
    assert sound_kind(speech / (_envelope(speech) + 1e-5)) is None


def test_vowels_without_consonants_are_no_speech():
    assert sound_kind(_syllables(hiss=0.0)) is None


def test_syllables_that_a_bass_goes_along_with_are_no_speech():
    speech = _syllables()
    bass = np.sin(2 * np.pi * 55 * np.arange(len(speech)) / RATE)
    assert sound_kind(speech + _envelope(speech) * bass) is None


def test_syllables_on_a_beat_are_no_speech():
    bar = np.concatenate([_syllables(seconds=1, seed=5)[: RATE * 3 // 4], np.zeros(RATE // 4)])
    assert sound_kind(np.tile(bar, 10)) is None


def test_plucked_notes_at_odd_times_are_no_speech():
    generator, samples = np.random.default_rng(0), np.zeros(10 * RATE)
    start = 0
    while start < len(samples) - RATE:
        time = np.arange(RATE // 5) / RATE
        pitch = 110 * 2 ** generator.uniform(0, 2)
        note = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9))
        samples[start : start + len(time)] += note * np.exp(-25 * time)
        start += int(
            generator.choice([0.125, 0.25, 0.25, 0.5]) * generator.uniform(0.9, 1.1) * RATE
        )
    assert sound_kind(0.1 * samples + 1e-5 * generator.normal(size=len(samples))) is None


def test_short_clips_can_be_silence_only():
    assert sound_kind(_noise(0)[: 5 * RATE - 1]) is None
    assert sound_kind(_noise(0)[: 5 * RATE]) == "noise"


def test_a_long_clip_is_judged_by_pieces_from_all_of_it():
    assert sound_kind(_noise(1, seconds=180)) == "noise"
    samples = _noise(1, seconds=180)
    samples[: 90 * RATE] = 0
    assert sound_kind(samples) is None


def test_tensors_are_taken_and_nothing_is_changed():
    samples = torch.from_numpy(_noise(0)) + 0.1
    before = samples.clone()
    assert sound_kind(samples) == sound_kind(samples.numpy().astype(np.float64)) == "noise"
    assert torch.equal(samples, before)


def test_made_up_clips_are_music_throughout():
    clips = make_clips(8, n_genres=8, duration=6.0, sample_rate=RATE, random_state=0)
    assert [sound_kind(clip.samples) for clip in clips.data] == [None] * 8


@pytest.mark.parametrize("genre", ["classical", "hiphop", "jazz"])
def test_real_music_is_never_called_anything_else(gtzan, genre):
    paths = sorted((gtzan / "genres_original" / genre).glob("*.ogg"))[::4]
    assert len(paths) >= 3
    for path in paths:
        assert sound_kind(read_clip(path, sample_rate=RATE).samples) is None, path


def test_the_warning_says_which_clips_are_what():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(NotMusicWarning("Clip 3 is silence.", {3: "silence"}), stacklevel=1)
    assert str(caught[0].message) == "Clip 3 is silence."
    assert caught[0].message.kinds == {3: "silence"}
    again = pickle.loads(pickle.dumps(caught[0].message))
    assert (str(again), again.kinds) == ("Clip 3 is silence.", {3: "silence"})
