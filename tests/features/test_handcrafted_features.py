"""HandcraftedFeatures, against golden files and librosa."""

from __future__ import annotations

import threading
from pathlib import Path

import joblib
import librosa
import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone

from genreclass import HandcraftedFeatures
from genreclass.audio import Clip, check_clips, read_clip
from genreclass.dsp import STATISTICS, mel_filter_bank, one_thread, split_bank
from genreclass.exceptions import AudioReadError
from genreclass.features import _clip_transformer, _handcrafted_features
from genreclass.features._frames import FAMILIES, compute_rows

# Of the difference from librosa, relative to a value or, where larger, to the standard deviation
# of its row over the clip's frames. Ours is float32 throughout but for the spectrum, moments and
# statistics; librosa's einsum and convolutions round elsewhere.
TOLERANCES = dict.fromkeys(FAMILIES, 1e-5)
# A note's share next to a threshold of the quantiser may fall on its other side, which the
# smoothing spreads over 41 frames; no golden clip shows it. Nor does one that a frame's roll-off
# may fall into the next bin: by that, every third of 143 other clips is off by up to 4e-5.
TOLERANCES |= {"chroma_cens": 1e-4, "tonnetz": 1e-4}

NAMES = HandcraftedFeatures().get_feature_names_out()
FAMILY_OF = np.array([name.rsplit("_", 2)[0] for name in NAMES])
STATISTIC_OF = np.array([name.rsplit("_", 2)[1] for name in NAMES])

CLIPS = [
    "cc_brahms_12s_native",
    "cc_brahms_12s_22050",
    "cc_vibeace_12s_native",
    "cc_vibeace_12s_22050",
    "fma_000002_native",
    "fma_000002_22050",
    "gtzan_blues00001_native",
    "gtzan_classical00040_native",
    "gtzan_jazz00070_native",
]


@pytest.fixture(scope="session")
def golden(shared: Path):
    """Reference values by librosa 0.11, and the folder of the clips."""
    folder = shared / "golden" / "fma518"
    return np.load(folder / "fma518.npz"), folder / "wav"


@pytest.fixture(params=CLIPS)
def golden_clip(request, golden):
    """Samples, rate, expected features and expected frames of a clip."""
    values, folder = golden
    samples, rate = soundfile.read(folder / f"{request.param}.flac", dtype="float32")
    name, _, kind = request.param.rpartition("_")
    key = f"{name}/{kind}"
    # At 22,050 Hz FMA's assumption about the rate is right, and the rows are stored once.
    rows = "proper" if f"{key}/proper/rows" in values else "fma"
    return (
        samples,
        rate,
        values[f"{key}/proper"],
        values[f"{key}/frames"],
        (values[f"{key}/{rows}/rows"]),
    )


def difference(features, expected):
    """The largest of each family, relative to value or spread."""
    spread = np.empty(len(NAMES))
    for family in FAMILIES:
        stds = expected[(family == FAMILY_OF) & (STATISTIC_OF == "std")]
        spread[family == FAMILY_OF] = np.tile(stds, len(STATISTICS))
    relative = np.abs(features - expected) / np.maximum(np.abs(expected), spread)
    return {family: relative[family == FAMILY_OF].max() for family in FAMILIES}


def assert_equal_to(features, expected, factor=1):
    worst = difference(features, expected)
    assert {
        family: value for family, value in worst.items() if value > factor * TOLERANCES[family]
    } == {}


def test_names_are_those_of_the_table(golden):
    assert NAMES.tolist() == [name.replace("/", "_") for name in golden[0]["columns"]]


def test_features_are_those_of_librosa(golden_clip):
    samples, rate, expected, _, _ = golden_clip
    assert_equal_to(HandcraftedFeatures(sample_rate=rate).transform([samples])[0], expected)


def test_frames_are_those_of_librosa(golden_clip):
    samples, rate, _, frames, expected = golden_clip
    rows = compute_rows(torch.from_numpy(samples)[None], FAMILIES, sample_rate=rate)
    rows = torch.cat([row[0][:, frames] for row in rows.values()]).numpy()
    scale = np.maximum(np.abs(expected).max(axis=1, keepdims=True), 1e-3)
    np.testing.assert_array_less(np.abs(rows - expected) / scale, 1e-4)


@pytest.mark.parametrize("clip", ["cc_brahms_12s_22050", "cc_vibeace_12s_native"])
def test_the_way_of_cuda_finds_the_same(golden, clip, as_on_cuda):
    samples, rate = soundfile.read(golden[1] / f"{clip}.flac", dtype="float32")
    features = HandcraftedFeatures(sample_rate=rate)
    expected = features.transform([samples])
    as_on_cuda()
    assert_equal_to(features.transform([samples])[0], expected[0])


def test_the_bank_of_cuda_is_the_bank(as_on_cuda):
    bank = mel_filter_bank(22050, n_fft=2048, n_mels=128, f_min=0.0, f_max=11025.0)
    as_on_cuda()
    ((_, weights),) = split_bank(bank)
    assert torch.equal(weights, bank.T)


def test_clips_computed_together_are_as_alone(golden, monkeypatch):
    samples, _ = soundfile.read(golden[1] / "cc_brahms_12s_22050.flac", dtype="float32")
    lengths = (30000, 20000, 30000, 20000, 30000, 30000, 25000)
    clips = [samples[10000 * i :][:length] for i, length in enumerate(lengths)]
    features = HandcraftedFeatures()
    expected = features.transform(clips)
    # Three at a time are decoded, and no more than two of the longer ones computed together.
    monkeypatch.setattr(_clip_transformer, "_CLIPS_AHEAD", 3)
    monkeypatch.setattr(_handcrafted_features, "_CUDA_SAMPLES", 60000)
    sources = check_clips(clips, sample_rate=22050)
    rows = list(features._compute_on_cuda(sources, torch.device("cpu")))
    assert sorted(place for place, _ in rows) == list(range(len(clips)))
    rolloff = FAMILY_OF == "spectral_rolloff"
    for place, row in rows:
        assert_equal_to(np.where(rolloff, expected[place], row), expected[place])
        # A sum over bins rounds otherwise in a batch on some processors, and may end a bin later:
        # one bin in one of fifty frames.
        assert difference(row, expected[place])["spectral_rolloff"] < 1e-3


def recipe_rows(samples, rate):
    """The rows of FMA's recipe by librosa: (n_rows, n_frames) for each family."""
    magnitude = np.abs(librosa.stft(samples))
    notes = np.abs(librosa.cqt(samples, sr=rate, tuning=None))
    cens = librosa.feature.chroma_cens(C=notes, bins_per_octave=12)
    decibels = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=rate))
    return {
        "chroma_cens": cens,
        "chroma_cqt": librosa.feature.chroma_cqt(C=notes, bins_per_octave=12),
        "chroma_stft": librosa.feature.chroma_stft(S=magnitude**2, sr=rate),
        "mfcc": librosa.feature.mfcc(S=decibels),
        "rmse": librosa.feature.rms(S=magnitude),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=rate),
        "spectral_centroid": librosa.feature.spectral_centroid(S=magnitude, sr=rate),
        "spectral_contrast": librosa.feature.spectral_contrast(S=magnitude, sr=rate),
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=rate),
        "tonnetz": librosa.feature.tonnetz(chroma=cens),
        "zcr": librosa.feature.zero_crossing_rate(samples),
    }


def recipe(samples, rate):
    """FMA's recipe by librosa, for clips that have no golden values: (518,)."""
    rows = recipe_rows(samples, rate)
    by_name = {
        "kurtosis": lambda row: float(np.mean(((row - row.mean()) / row.std()) ** 4) - 3),
        "max": np.max,
        "mean": np.mean,
        "median": np.median,
        "min": np.min,
        "skew": lambda row: float(np.mean(((row - row.mean()) / row.std()) ** 3)),
        "std": np.std,
    }
    return np.array(
        [
            by_name[statistic](row)
            for family in FAMILIES
            for statistic in STATISTICS
            for row in rows[family].astype(np.float64)
        ]
    )


@pytest.mark.filterwarnings("ignore:n_fft=256 is too large for input signal")
@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("n_samples", [60000, 100001])
def test_other_rates_and_lengths_are_those_of_librosa(golden, rate, n_samples):
    samples, _ = soundfile.read(golden[1] / "cc_vibeace_12s_native.flac", dtype="float32")
    samples = samples[100000 : 100000 + n_samples]
    features = HandcraftedFeatures(sample_rate=rate).transform([samples])[0]
    # Ten times the tolerance: in so few frames one weighs more, as where a roll-off next to its
    # threshold falls into the next bin.
    assert_equal_to(features, recipe(samples, rate), factor=10)


def test_a_stereo_file_is_the_mean_of_its_channels(tmp_path):
    generator = np.random.default_rng(0)
    stereo = generator.normal(scale=0.1, size=(44100, 2)).astype(np.float32)
    soundfile.write(tmp_path / "stereo.wav", stereo, 44100, subtype="FLOAT")
    features = HandcraftedFeatures(sample_rate=44100)
    np.testing.assert_array_equal(
        features.transform([tmp_path / "stereo.wav"]), features.transform([stereo.mean(axis=1)])
    )


def test_silence_has_its_documented_values():
    features = HandcraftedFeatures().transform([np.zeros(22050)])[0]
    values = dict(zip(NAMES, features.tolist(), strict=True))
    for name, value in values.items():
        if "_kurtosis_" in name:
            assert value == -3
        elif "_skew_" in name or "_std_" in name or not name.startswith("mfcc"):
            assert value == 0
        elif not name.endswith("_01"):
            assert abs(value) < 1e-3
    # -100 dB in each of 128 rows, by the first cosine of the transform.
    assert values["mfcc_mean_01"] == pytest.approx(-100 * np.sqrt(128), rel=1e-5)


@pytest.mark.parametrize(
    "samples",
    [
        np.ones(1),
        np.full(22050, 0.5),
        np.eye(1, 20000)[0],
        1e-38 * np.ones(30000),
        1e-20 * np.random.default_rng(0).normal(size=22050),
        9e14 * np.sign(np.random.default_rng(0).normal(size=22050)),
        np.sin(2 * np.pi * 10000 * np.arange(22050) / 22050),
        np.random.default_rng(0).normal(size=441),
    ],
    ids=["one sample", "constant", "click", "nothing", "faint", "huge", "whistle", "20 ms"],
)
def test_no_sound_gives_nan(samples):
    assert np.isfinite(HandcraftedFeatures().transform([samples])).all()


def test_ten_minutes_are_those_of_librosa(golden):
    samples, _ = soundfile.read(golden[1] / "cc_vibeace_12s_22050.flac", dtype="float32")
    gain = np.linspace(0.1, 1.0, 600 * 22050, dtype=np.float32)
    long = np.resize(samples, 600 * 22050) * gain
    assert_equal_to(HandcraftedFeatures().transform([long])[0], recipe(long, 22050))


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
def test_twenty_milliseconds_are_those_of_librosa(golden):
    samples, _ = soundfile.read(golden[1] / "cc_vibeace_12s_22050.flac", dtype="float32")
    samples = samples[60000:60441]
    means = HandcraftedFeatures(statistics="mean")
    expected = np.concatenate([row.mean(axis=1) for row in recipe_rows(samples, 22050).values()])
    # One frame, whose statistics but for the mean are known: it is the median, and does not move.
    np.testing.assert_allclose(means.transform([samples])[0], expected, rtol=1e-5, atol=1e-5)


def test_every_form_of_x_gives_the_same(as_input, tones):
    clips, _ = tones
    features = HandcraftedFeatures(families=["zcr", "mfcc"])
    X = as_input(clips[:3])
    expected = features.transform(
        [
            np.asarray(clip)[: len(X[place])] if isinstance(X[place], np.ndarray) else clip
            for place, clip in enumerate(clips[:3])
        ]
    )
    np.testing.assert_allclose(features.transform(X), expected, rtol=1e-6)


def test_families_and_statistics_are_columns_of_the_whole(tones):
    clips, _ = tones
    whole = HandcraftedFeatures().set_output(transform="pandas").transform(clips[:2])
    few = HandcraftedFeatures(families=("tonnetz", "chroma_stft"), statistics=["std", "max"])
    table = few.set_output(transform="pandas").transform(clips[:2])
    assert table.columns[0] == "chroma_stft_max_01"
    assert table.shape == (2, 2 * 18)
    np.testing.assert_allclose(table, whole[table.columns], rtol=1e-6)
    alone = HandcraftedFeatures(families="zcr").transform(clips[:2])
    np.testing.assert_array_equal(alone, whole.filter(like="zcr"))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_each_family_can_be_computed_alone(tones, family):
    clips, _ = tones
    whole = HandcraftedFeatures().transform(clips[:1])
    alone = HandcraftedFeatures(families=[family]).transform(clips[:1])
    np.testing.assert_allclose(alone[0], whole[0, family == FAMILY_OF], rtol=1e-6, atol=1e-6)


def test_duration_takes_the_middle():
    sound = np.random.default_rng(0).normal(scale=0.1, size=5 * 22050).astype(np.float32)
    features = HandcraftedFeatures(families=["mfcc"], duration=1.0).transform([sound])
    middle = HandcraftedFeatures(families=["mfcc"]).transform([sound[2 * 22050 : 3 * 22050]])
    np.testing.assert_array_equal(features, middle)


def test_processes_give_the_same_in_the_same_order(tones):
    clips, _ = tones
    features = HandcraftedFeatures(families=["mfcc", "zcr"])
    expected = features.transform(clips)
    np.testing.assert_array_equal(clone(features).set_params(n_jobs=2).transform(clips), expected)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        np.testing.assert_array_equal(features.transform(clips), expected)


def test_computing_takes_one_thread_and_leaves_their_number_as_it_was(tones, monkeypatch):
    seen = []
    compute = _handcrafted_features.compute_rows

    def spy(*args, **options):
        seen.append(torch.get_num_threads())
        return compute(*args, **options)

    monkeypatch.setattr(_handcrafted_features, "compute_rows", spy)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        HandcraftedFeatures(families="zcr").transform(tones[0][:1])
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_threads_that_compute_at_once_keep_their_number_of_threads():
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with one_thread():
            inside.set()
            leave.wait(10)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            other = threading.Thread(target=stay)
            other.start()
            inside.wait(10)
        leave.set()
        other.join()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_an_array_that_cannot_be_written_is_read(tones):
    clip = tones[0][0].copy()
    clip.flags.writeable = False
    assert np.isfinite(HandcraftedFeatures(families="zcr").transform([clip])).all()


def test_rows_can_be_learned_through():
    weights = torch.ones(1, requires_grad=True)
    rows = compute_rows(torch.rand(1, 4096), ["mfcc", "tonnetz"], sample_rate=22050)
    (weights * rows["mfcc"]).sum().backward()
    assert weights.grad is not None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_broken_file_is_named_with_its_place(tmp_path, tones, n_jobs):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(AudioReadError, match=r"Clip 1: .*broken\.wav"):
        HandcraftedFeatures(n_jobs=n_jobs).transform([tones[0][0], tmp_path / "broken.wav"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sample_rate": 12800}, "12800 is too low for spectral_contrast, which needs 12801"),
        ({"sample_rate": 8000, "families": ["tonnetz"]}, "too low for tonnetz"),
        ({"sample_rate": 0}, "sample_rate must be a whole number"),
        ({"families": ["mfccs"]}, "families must be .* got 'mfccs'"),
        ({"families": []}, "families must be"),
        ({"families": 3}, "families must be .* got 3"),
        ({"statistics": [["mean"]]}, "statistics must be"),
        ({"statistics": "variance"}, "statistics must be .* got 'variance'"),
        ({"duration": 0}, "duration must be"),
        ({"duration": "3"}, "duration must be"),
        ({"sample_rate": 409601}, "409601 is too high .* at most 409600"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(tones, parameters, message):
    with pytest.raises(ValueError, match=message):
        HandcraftedFeatures(**parameters).fit(tones[0])


def test_a_low_rate_is_enough_for_families_that_need_no_more():
    sound = np.random.default_rng(0).normal(scale=0.1, size=8000).astype(np.float32)
    low = HandcraftedFeatures(sample_rate=8000, families=["mfcc", "zcr", "chroma_stft"])
    assert np.isfinite(low.fit_transform([sound])).all()


def test_a_clip_of_another_rate_is_resampled(shared):
    path = shared / "data" / "fma" / "clips" / "000002.mp3"
    features = HandcraftedFeatures(families=["mfcc"], duration=2.0)
    clip = read_clip(path)
    assert clip.sample_rate == 44100
    middle = (len(clip.samples) - 88200) // 2
    of_clip = Clip(clip.samples[middle : middle + 88200], 44100)
    np.testing.assert_allclose(
        features.transform([path]), features.transform([of_clip]), rtol=1e-2, atol=1e-2
    )
