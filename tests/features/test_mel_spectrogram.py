"""Mel spectrograms of clips, against librosa."""

import importlib.resources
import pickle
import time

import librosa
import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone

from genreclass import MelSpectrogram
from genreclass.audio import Clip
from genreclass.audio._check import _File
from genreclass.datasets import load_demo
from genreclass.exceptions import AudioReadError, InvalidClipError
from genreclass.features._frames import FAMILIES

RATE = 22050
EXTRA = ("mfcc", "chroma_cqt", "spectral_centroid")
DEMO = importlib.resources.files("genreclass") / "datasets" / "demo"
DEMO_CLIPS = sorted(
    f"{genre.name}/{clip.name}"
    for genre in DEMO.iterdir()
    if genre.is_dir()
    for clip in genre.iterdir()
    if clip.name.endswith(".ogg")
)
GTZAN_CLIPS = [
    f"{genre}/{genre}.{number:05}.ogg"
    for genre, number in [
        ("blues", 3),
        ("classical", 0),
        ("classical", 57),
        ("country", 4),
        ("disco", 1),
        ("hiphop", 2),
        ("jazz", 0),
        ("jazz", 80),
        ("metal", 5),
        ("pop", 6),
        ("reggae", 7),
        ("rock", 31),
    ]
]


def middle(samples, n_samples):
    first = max(0, (len(samples) - n_samples) // 2)
    return samples[first : first + n_samples]


def librosa_power(samples, **parameters):
    return librosa.feature.melspectrogram(
        y=samples, **{"sr": RATE, "pad_mode": "constant", **parameters}
    )


def librosa_decibels(samples, *, top_db=80.0, **parameters):
    return librosa.power_to_db(librosa_power(samples, **parameters), ref=1.0, top_db=top_db)


def assert_equal_to_librosa(path, *, duration):
    """Power within 1e-5 of its maximum, decibels within 1e-3."""
    samples, _ = soundfile.read(path, dtype="float32")
    samples = middle(samples, round(duration * RATE))
    power = librosa_power(samples)
    (unlimited,) = MelSpectrogram(duration=duration, top_db=None, device="cpu").transform([path])
    n_frames = power.shape[1]
    np.testing.assert_allclose(
        10.0 ** (unlimited[:, :n_frames] / 10.0), power, rtol=0, atol=1e-5 * power.max()
    )
    (decibels,) = MelSpectrogram(duration=duration, device="cpu").transform([path])
    expected = librosa.power_to_db(power, ref=1.0, top_db=80.0)
    np.testing.assert_allclose(decibels[:, :n_frames], expected, rtol=0, atol=1e-3)


@pytest.fixture
def mel():
    """Half-second pictures."""
    return MelSpectrogram(duration=0.5, device="cpu")


# Numbers


@pytest.mark.parametrize("name", DEMO_CLIPS)
def test_demo_clip_is_as_in_librosa(name):
    with importlib.resources.as_file(DEMO / name) as path:
        assert_equal_to_librosa(path, duration=10.0)


@pytest.mark.parametrize("name", GTZAN_CLIPS)
def test_gtzan_clip_is_as_in_librosa(gtzan, name):
    assert_equal_to_librosa(gtzan / "genres_original" / name, duration=29.5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"n_fft": 1024, "hop_length": 256}, {"n_fft": 1024, "hop_length": 256}),
        ({"n_mels": 40}, {"n_mels": 40}),
        ({"f_min": 50.0, "f_max": 8000.0}, {"fmin": 50.0, "fmax": 8000.0}),
        ({"hop_length": 333}, {"hop_length": 333}),
        ({"top_db": 40.0}, {"top_db": 40.0}),
        ({"top_db": None}, {"top_db": None}),
    ],
    ids=str,
)
def test_parameters_mean_what_they_mean_in_librosa(tones, mel, ours, theirs):
    clip = tones[0][0]
    (decibels,) = mel.set_params(**ours).transform([clip])
    np.testing.assert_allclose(decibels, librosa_decibels(clip, **theirs), rtol=0, atol=1e-3)


def test_sample_rate_is_that_of_the_analysis(tones):
    clip = tones[0][1][:8000]
    (decibels,) = MelSpectrogram(sample_rate=16000, duration=0.5).transform([clip])
    np.testing.assert_allclose(decibels, librosa_decibels(clip, sr=16000), rtol=0, atol=1e-3)


def test_stereo_mp3_of_another_rate_is_as_in_librosa(shared):
    paths = sorted((shared / "data" / "fma" / "clips").glob("*.mp3"))[:2]
    pictures = MelSpectrogram(duration=20.0, device="cpu").transform(paths)
    for path, decibels in zip(paths, pictures, strict=True):
        stereo, rate = soundfile.read(path, dtype="float32")
        assert (stereo.shape[1], rate) == (2, 44100)
        samples = middle(librosa.to_mono(stereo.T), 20 * rate)
        samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
        expected = librosa_decibels(samples)
        np.testing.assert_allclose(decibels, expected, rtol=0, atol=1e-3)


def test_clip_of_another_rate_is_resampled_as_in_librosa(tones, mel):
    clip = tones[0][0]
    samples = librosa.resample(clip, orig_sr=RATE * 2, target_sr=RATE, res_type="soxr_hq")
    (decibels,) = mel.set_params(duration=0.25).transform([Clip(clip, RATE * 2)])
    expected = librosa_decibels(samples[: round(0.25 * RATE)])
    np.testing.assert_allclose(decibels, expected, rtol=0, atol=1e-3)


# Forms of X


def test_every_form_of_X_gives_the_spectra_of_librosa(as_input, tones, mel):
    clips, _ = tones
    pictures = mel.transform(as_input(clips))
    assert pictures.shape == (len(clips), 128, 22)
    assert pictures.dtype == np.float32
    for decibels, clip in zip(pictures, clips, strict=True):
        # A ragged list cuts a few samples of the end, which the last three frames can hear.
        expected = librosa_decibels(clip)
        np.testing.assert_allclose(decibels[:, :-3], expected[:, :-3], rtol=0, atol=1e-3)


def test_ragged_list_gives_the_spectra_of_its_clips(tones, mel):
    clips = [clip[: len(clip) - 600 * index] for index, clip in enumerate(tones[0])]
    for decibels, clip in zip(mel.transform(clips), clips, strict=True):
        expected = librosa_decibels(clip)
        n_frames = expected.shape[1]
        np.testing.assert_allclose(decibels[:, :n_frames], expected, rtol=0, atol=1e-3)


def test_clip_alone_is_as_in_a_batch(tones, mel):
    clips = [clip[: 4000 + 500 * index] for index, clip in enumerate(tones[0])]
    batch = mel.transform(clips)
    alone = np.concatenate([mel.transform([clip]) for clip in clips])
    np.testing.assert_array_equal(batch, alone)


def test_loud_clip_does_not_raise_the_floor_of_a_quiet_one(tones, mel):
    loud, quiet = 0.9 * tones[0][0], 1e-3 * tones[0][1]
    decibels = mel.transform([loud, quiet])[1]
    np.testing.assert_allclose(decibels, librosa_decibels(quiet), rtol=0, atol=1e-3)


def test_read_only_array_is_taken_without_a_warning(tones, mel, recwarn):
    clips = np.stack(tones[0])
    clips.flags.writeable = False  # as joblib hands big arrays to its workers
    mel.transform(clips)
    mel.transform(list(clips))
    assert [str(warning.message) for warning in recwarn] == []


def test_reversed_view_is_a_clip(tones, mel):
    clip = tones[0][0]
    (decibels,) = mel.transform([clip[::-1]])
    np.testing.assert_allclose(decibels, librosa_decibels(clip[::-1].copy()), rtol=0, atol=1e-3)


def test_strided_view_is_a_clip(mel):
    stereo = np.random.default_rng(0).normal(scale=0.1, size=(11025, 2)).astype(np.float32)
    (decibels,) = mel.transform([stereo[:, 1]])
    expected = librosa_decibels(np.ascontiguousarray(stereo[:, 1]))
    np.testing.assert_allclose(decibels, expected, rtol=0, atol=1e-3)


def test_clips_are_left_as_they_were(tones, mel):
    clips = [clip.copy() for clip in tones[0]]
    mel.fit_transform(clips)
    np.testing.assert_array_equal(clips, tones[0])


# Lengths


def test_short_clip_is_padded_with_its_floor(tones, mel):
    clip = tones[0][0]
    (decibels,) = mel.set_params(duration=2.0).transform([clip])
    expected = librosa_decibels(clip)
    assert decibels.shape == (128, 87)
    np.testing.assert_allclose(decibels[:, expected.shape[1] :], expected.max() - 80.0, atol=1e-3)


def test_short_clip_is_padded_with_minus_100_without_a_floor(tones, mel):
    (decibels,) = mel.set_params(duration=2.0, top_db=None).transform([tones[0][0]])
    np.testing.assert_allclose(decibels[:, 22:], -100.0, atol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 2, 100, 441])
def test_clip_shorter_than_one_window_is_as_in_librosa(mel, n_samples):
    clip = np.random.default_rng(0).normal(scale=0.1, size=n_samples).astype(np.float32)
    (decibels,) = mel.transform([clip])
    with pytest.warns(UserWarning, match="too large for input signal"):
        expected = librosa_decibels(clip)
    np.testing.assert_allclose(decibels[:, : expected.shape[1]], expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("form", ["path", "array", "Clip", "2-D array"])
def test_long_clip_gives_the_spectrogram_of_its_middle(tmp_path, form):
    clip = np.random.default_rng(0).normal(size=5 * RATE).astype(np.float32)
    clip *= np.linspace(0.0, 0.2, len(clip), dtype=np.float32)  # no two parts are alike
    soundfile.write(tmp_path / "long.wav", clip, RATE, subtype="FLOAT")
    X = {
        "path": [tmp_path / "long.wav"],
        "array": [clip],
        "Clip": [Clip(clip, RATE)],
        "2-D array": clip[None],
    }[form]
    (decibels,) = MelSpectrogram(duration=1.0, device="cpu").transform(X)
    expected = librosa_decibels(middle(clip, RATE))
    np.testing.assert_allclose(decibels, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("duration", [0.01, 0.5, 1.0, 29.99])
def test_picture_has_n_frames(tones, duration):
    mel = MelSpectrogram(duration=duration, device="cpu")
    picture = mel.transform(tones[0][:1])
    expected = librosa.stft(np.zeros(round(duration * RATE)), n_fft=64, hop_length=512).shape[1]
    assert picture.shape == (1, 128, expected)
    assert mel.n_frames == expected


# Odd sounds


def test_silence_is_minus_100_decibels(mel):
    (decibels,) = mel.transform([np.zeros(11025, dtype=np.float32)])
    np.testing.assert_allclose(decibels, -100.0, atol=1e-4)


def test_constant_is_finite(mel):
    assert np.isfinite(mel.transform([np.full(11025, 0.9)])).all()


def test_far_too_loud_clip_is_refused(mel):
    with pytest.raises(InvalidClipError, match="absurd values"):
        mel.transform([np.full(11025, 1e30, dtype=np.float32)])


@pytest.mark.parametrize(
    "name",
    [
        "silence_44k_stereo.wav",
        "clipped_dc.wav",
        "twenty_ms_8k.wav",
        "hires_192k.wav",
        "surround_48k.flac",
        "truncated.mp3",
        "truncated.ogg",
        "truncated.wav",
        "naïve — ünïcode, spaces & 100%.ogg",
    ],
)
def test_odd_file_gives_finite_decibels(shared, name):
    (decibels,) = MelSpectrogram(duration=3.0).transform([shared / "data" / "robustness" / name])
    assert decibels.shape == (128, 130)
    assert np.isfinite(decibels).all()


def test_bad_file_is_named_with_its_place(tones, mel, tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    with pytest.raises(AudioReadError, match=r"^Clip 2: .*bad\.wav could not be opened"):
        mel.transform([*tones[0][:2], tmp_path / "bad.wav"])


def test_bad_file_is_named_by_threads_too(tones, mel, tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    with pytest.raises(AudioReadError, match=r"^Clip 2: .*bad\.wav could not be opened"):
        mel.set_params(n_jobs=2).transform([*tones[0][:2], tmp_path / "bad.wav"])


# Extra rows


def librosa_picture(samples):
    """Mel rows and those of EXTRA: typical values at the mean level, a deviation of them 10 dB."""
    decibels = librosa_decibels(samples)
    common = {"y": samples, "sr": RATE}
    mfcc = librosa.feature.mfcc(**common, pad_mode="constant")
    chroma = librosa.feature.chroma_cqt(**common, bins_per_octave=12)
    centroid = librosa.feature.spectral_centroid(**common, pad_mode="constant")
    scores = [
        (mfcc[:1] - mfcc[0].mean()) / mfcc[0].std(),  # loudness: over the clip itself
        (mfcc[1:2] - 120) / 40,
        mfcc[2:] / np.array([30, 20, *[12] * 16])[:, None],
        (chroma[:, : mfcc.shape[1]] - 0.47) / 0.27,
        (centroid - 1800) / 750,
    ]
    rows = decibels.mean(dtype=float) + 10.0 * np.concatenate(scores)
    return np.concatenate([decibels, np.maximum(rows, decibels.min())])


@pytest.fixture
def with_extra(mel):
    """Half-second pictures with extra rows."""
    return mel.set_params(extra=EXTRA)


@pytest.mark.parametrize("name", DEMO_CLIPS[::5])
def test_extra_rows_are_those_of_librosa_on_the_scale_of_decibels(name):
    with importlib.resources.as_file(DEMO / name) as path:
        (picture,) = MelSpectrogram(duration=10.0, extra=EXTRA, device="cpu").transform([path])
        samples, _ = soundfile.read(path, dtype="float32")
    expected = librosa_picture(samples)
    np.testing.assert_allclose(picture[:, : expected.shape[1]], expected, rtol=0, atol=2e-3)


def test_extra_rows_of_gtzan_are_those_of_librosa_on_the_scale_of_decibels(gtzan):
    mel = MelSpectrogram(duration=29.5, extra=EXTRA, device="cpu")
    paths = [gtzan / "genres_original" / name for name in GTZAN_CLIPS[1:9:3]]
    for path, picture in zip(paths, mel.transform(paths), strict=True):
        samples = middle(soundfile.read(path, dtype="float32")[0], round(29.5 * RATE))
        np.testing.assert_allclose(picture, librosa_picture(samples), rtol=0, atol=2e-3)


def test_every_extra_row_of_music_is_about_as_high_and_varies_about_as_much_as_mel_rows():
    mel = MelSpectrogram(duration=9.0, extra=tuple(FAMILIES), device="cpu")
    pictures = mel.transform(load_demo().data)
    rows = (pictures - pictures[:, :128].mean(axis=(1, 2), keepdims=True))[:, 128:]
    assert abs(rows.mean(axis=(0, 2))).max() < 20.0
    spread = rows.std(axis=(0, 2))
    assert 3.0 < spread.min() < spread.max() < 30.0


def test_extra_rows_leave_the_mel_rows_as_they_are(tones, mel):
    plain = mel.transform(tones[0])
    picture = mel.set_params(extra=tuple(FAMILIES)).transform(tones[0])
    np.testing.assert_array_equal(picture[:, :128], plain)


def test_extra_rows_are_in_the_order_of_their_names(tones, mel):
    families = [mel.set_params(extra=[name]).transform(tones[0])[:, 128:] for name in FAMILIES]
    backwards = mel.set_params(extra=list(FAMILIES)[::-1])
    assert backwards.n_rows == 128 + 74
    picture = backwards.transform(tones[0])
    assert picture.shape == (12, backwards.n_rows, backwards.n_frames)
    np.testing.assert_allclose(
        picture[:, 128:], np.concatenate(families[::-1], axis=1), rtol=0, atol=1e-4
    )


def test_louder_copy_is_higher_in_all_rows_alike():
    clip = load_demo().data[0]
    samples, _ = soundfile.read(clip, dtype="float32")
    mel = MelSpectrogram(duration=5.0, extra=tuple(FAMILIES), device="cpu")
    loud, quiet = mel.transform([samples, samples / 4])
    np.testing.assert_allclose(loud - quiet, 20 * np.log10(4), rtol=0, atol=1e-2)


@pytest.mark.parametrize("pause", [0, 8192])
def test_frames_without_sound_are_at_the_minimum_in_all_rows_and_no_part_of_the_mean(pause):
    generator = np.random.default_rng(0)
    samples = generator.normal(scale=0.1, size=3 * RATE).astype(np.float32)
    samples[::2] *= np.sin(np.arange(0, len(samples), 2) / RATE * 6)  # louder and softer
    samples[RATE : RATE + pause] = 0  # digital silence in the middle
    mel = MelSpectrogram(duration=4.0, extra=("rmse", "spectral_centroid"), device="cpu")
    (picture,) = mel.transform([samples])
    silent = (picture[:128] == picture.min()).all(axis=0)
    assert silent[:129].sum() == (12 if pause else 0)
    assert silent[132:].all()
    np.testing.assert_array_equal(picture[:, silent], picture.min())
    mel_rows, loudness = picture[:128, ~silent], picture[128, ~silent]
    assert loudness.min() > picture.min()
    np.testing.assert_allclose(loudness.mean(), mel_rows.mean(), atol=1e-3)
    np.testing.assert_allclose(loudness.std(), 10.0, atol=1e-3)


def test_clip_of_one_frame_has_its_loudness_at_the_mean_level(with_extra, tones):
    (picture,) = with_extra.set_params(duration=0.02).transform([tones[0][0]])
    assert picture.shape == (161, 1)
    np.testing.assert_allclose(picture[128], picture[:128].mean(), atol=1e-3)
    assert np.isfinite(picture).all()


def test_silence_is_minus_100_decibels_in_all_rows(with_extra):
    (picture,) = with_extra.set_params(extra=tuple(FAMILIES)).transform([np.zeros(11025)])
    np.testing.assert_allclose(picture, -100.0, atol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 2, 100, 2048])
def test_extra_rows_of_short_clips_are_finite(mel, n_samples):
    clip = np.random.default_rng(0).normal(scale=0.1, size=n_samples).astype(np.float32)
    (picture,) = mel.set_params(extra=tuple(FAMILIES)).transform([clip])
    assert np.isfinite(picture).all()
    assert picture.min() == picture[:128].min()


@pytest.mark.parametrize(
    "name",
    ["silence_44k_stereo.wav", "clipped_dc.wav", "twenty_ms_8k.wav", "hires_192k.wav"],
)
@pytest.mark.parametrize("sample_rate", [22050, 48000])
def test_extra_rows_of_odd_files_are_finite(shared, name, sample_rate):
    mel = MelSpectrogram(sample_rate=sample_rate, duration=2.0, extra=tuple(FAMILIES))
    (picture,) = mel.transform([shared / "data" / "robustness" / name])
    assert picture.shape == (202, mel.n_frames)
    assert np.isfinite(picture).all()


def test_extra_rows_of_a_clip_alone_are_as_in_a_batch(tones, with_extra):
    clips = [clip[: 4000 + 500 * index] for index, clip in enumerate(tones[0])]
    batch = with_extra.transform(clips)
    alone = np.concatenate([with_extra.transform([clip]) for clip in clips])
    np.testing.assert_array_equal(batch, alone)


def test_clips_computed_together_have_the_extra_rows_of_each_alone(tones, mel, monkeypatch):
    clips = [clip[: 8000 + 1000 * (index % 3)] for index, clip in enumerate(tones[0])]
    mel.set_params(extra=tuple(FAMILIES))
    alone = mel.transform(clips)
    monkeypatch.setattr("genreclass.features._mel_spectrogram._CPU_BATCH", 5)
    np.testing.assert_allclose(mel.transform(clips), alone, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_takes_the_shortest_window_that_is_allowed(tones, name):
    mel = MelSpectrogram(n_fft=128, hop_length=64, n_mels=8, duration=0.5, extra=(name,))
    assert np.isfinite(mel.transform(tones[0][:2])).all()


def test_spectrogram_pickled_before_there_were_extra_rows_is_loaded(tones, mel):
    vars(mel).pop("extra")
    state = pickle.dumps(mel)
    copy = pickle.loads(state)
    assert copy.get_params()["extra"] == ()
    assert copy.transform(tones[0]).shape == (12, 128, 22)


# As an estimator


def test_transform_needs_no_fit(tones, mel):
    (decibels,) = mel.transform(tones[0][:1])
    np.testing.assert_allclose(decibels, librosa_decibels(tones[0][0]), rtol=0, atol=1e-3)


def test_fit_returns_the_estimator(tones, mel):
    assert mel.fit(*tones) is mel


def test_fit_transform_is_transform(tones, mel):
    clips, labels = tones
    np.testing.assert_array_equal(mel.fit_transform(clips, labels), mel.transform(clips))


def test_two_jobs_give_what_one_gives(as_input, tones, mel):
    X = as_input(tones[0])
    one = mel.set_params(n_jobs=1).transform(X)
    np.testing.assert_array_equal(mel.set_params(n_jobs=2).transform(X), one)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_one_by_one_they_are_those_of_the_transform(tones, mel, n_jobs):
    clips, _ = tones
    spectra = list(mel.set_params(n_jobs=n_jobs).transform_each(clips))
    np.testing.assert_array_equal(np.stack(spectra), mel.transform(clips))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_rest_may_be_left(tones, mel, n_jobs, recwarn):
    spectra = mel.set_params(n_jobs=n_jobs).transform_each(tones[0])
    first = next(spectra)
    spectra.close()
    np.testing.assert_allclose(first, librosa_decibels(tones[0][0]), rtol=0, atol=1e-3)
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_only_a_few_clips_are_read_ahead(mel, n_jobs, monkeypatch):
    read = []
    load = _File.load
    monkeypatch.setattr(_File, "load", lambda self, *a, **k: read.append(1) or load(self, *a, **k))
    spectra = mel.set_params(n_jobs=n_jobs).transform_each(load_demo().data * 10)
    next(spectra)
    time.sleep(0.3)
    assert len(read) <= 16
    spectra.close()


def test_clone_has_the_same_parameters():
    mel = MelSpectrogram(sample_rate=16000, n_fft=512, hop_length=160, n_mels=64, top_db=None)
    copy = clone(mel)
    assert copy is not mel
    assert copy.get_params() == mel.get_params()


def test_get_params_lists_every_parameter():
    assert MelSpectrogram().get_params() == {
        "sample_rate": 22050,
        "n_fft": 2048,
        "hop_length": 512,
        "n_mels": 128,
        "f_min": 0.0,
        "f_max": None,
        "duration": 30.0,
        "top_db": 80.0,
        "extra": (),
        "device": "auto",
        "n_jobs": None,
        "verbose": 0,
    }


def test_estimator_survives_pickling(tones, mel):
    copy = pickle.loads(pickle.dumps(mel.fit(tones[0])))
    assert copy.get_params() == mel.get_params()
    np.testing.assert_array_equal(copy.transform(tones[0]), mel.transform(tones[0]))


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sample_rate": 0}, "^sample_rate must be a whole number"),
        ({"sample_rate": 22050.5}, "^sample_rate must be a whole number"),
        ({"n_fft": 0}, "^n_fft must be a whole number"),
        ({"hop_length": -1}, "^hop_length must be a whole number"),
        ({"hop_length": 512.0}, "^hop_length must be a whole number"),
        ({"n_mels": 0}, "^n_mels must be a whole number"),
        ({"n_mels": "128"}, "^n_mels must be a whole number"),
        ({"duration": 0.0}, "^duration must be a number of seconds above 0"),
        ({"duration": -1.0}, "^duration must be a number of seconds above 0"),
        ({"duration": float("inf")}, "^duration must be a number of seconds above 0"),
        ({"duration": float("nan")}, "^duration must be a number of seconds above 0"),
        ({"top_db": 0.0}, "^top_db must be None or above 0"),
        ({"top_db": -80.0}, "^top_db must be None or above 0"),
        ({"f_min": -1.0}, "f_min=-1.0"),
        ({"f_min": 9000.0, "f_max": 8000.0}, "f_min=9000.0, f_max=8000.0"),
        ({"f_max": 20000.0}, "f_max=20000.0, sample_rate=22050"),
        ({"extra": "mfcc"}, r"^extra must be a tuple, as \(\"mfcc\",\), got 'mfcc'"),
        ({"extra": None}, "^extra must be a tuple"),
        ({"extra": ("mfcc", "tempo")}, "^extra must be of chroma_cens, .*, zcr; got 'tempo'"),
        ({"extra": [["mfcc"]]}, r"^extra must be of .*; got \['mfcc'\]"),
        ({"extra": ("mfcc", "mfcc")}, "^extra must name each family once"),
        ({"extra": ("mfcc",), "hop_length": 500}, "^hop_length must be a multiple of 64"),
        ({"extra": ("zcr",), "n_fft": 1280}, "^n_fft must be a multiple of hop_length=512"),
        (
            {"extra": ("chroma_cqt",), "sample_rate": 4000},
            "^sample_rate=4000 is too low for chroma",
        ),
        (
            {"extra": ("mfcc",), "sample_rate": 44100, "n_fft": 128, "hop_length": 128},
            "^n_fft=128 is too short for extra rows",
        ),
    ],
    ids=str,
)
def test_bad_parameter_is_named(tones, mel, method, parameters, message):
    with pytest.raises(ValueError, match=message):
        getattr(mel.set_params(**parameters), method)(tones[0])


# Devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_absent_cuda_is_named_in_one_line(tones, mel):
    with pytest.raises(ValueError, match='device="cuda", but no CUDA device') as caught:
        mel.set_params(device="cuda").fit(tones[0])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_spectrogram_made_for_cuda_is_computed_without_one(tones, mel, caplog):
    expected = mel.transform(tones[0])
    np.testing.assert_array_equal(mel.set_params(device="cuda").transform(tones[0]), expected)
    assert "using the CPU" in caplog.text


def test_unknown_device_is_refused(tones, mel):
    with pytest.raises(ValueError, match=r"device must be .*got 'tape'"):
        mel.set_params(device="tape").transform(tones[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_as_librosa(tones, mel):
    clips = [clip[: len(clip) - 600 * index] for index, clip in enumerate(tones[0])] * 4
    pictures = mel.set_params(device="cuda").transform(clips)
    for decibels, clip in zip(pictures, clips, strict=True):
        expected = librosa_decibels(clip)
        n_frames = expected.shape[1]
        np.testing.assert_allclose(decibels[:, :n_frames], expected, rtol=0, atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("extra", "atol"), [((), 1e-3), (EXTRA, 1e-2)])
def test_cuda_and_cpu_agree(tones, mel, extra, atol):
    clips = [clip[: len(clip) - 600 * index] for index, clip in enumerate(tones[0])] * 4
    on_cpu = mel.set_params(extra=extra).transform(clips)
    on_cuda = mel.set_params(device="cuda").transform(clips)
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=0, atol=atol)


def test_verbose_shows_progress_on_stderr_and_silence_is_the_default(tones, mel, capfd):
    mel.transform(tones[0])
    assert capfd.readouterr() == ("", "")
    mel.set_params(verbose=1).transform(tones[0])
    out, err = capfd.readouterr()
    assert out == ""
    assert "12/12 clips" in err
