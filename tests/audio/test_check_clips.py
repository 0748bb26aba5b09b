"""What X may be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from sklearn.utils import Bunch

from genreclass import MelSpectrogram
from genreclass.audio import Clip, check_clips
from genreclass.exceptions import AudioReadError, GenreclassError, InvalidClipError

RATE = 22050
CLIP = np.linspace(-0.5, 0.5, RATE, dtype=np.float32)


def load(X, *, sample_rate=RATE, duration=30.0):
    """The samples of every clip of X."""
    sources = check_clips(X, sample_rate=sample_rate)
    return [source.load(sample_rate, duration=duration) for source in sources]


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "ramp.wav"
    soundfile.write(path, CLIP, RATE, subtype="FLOAT")
    return path


# Forms


def test_every_form_gives_the_clips_in_order(as_input, tones):
    clips, _ = tones
    loaded = load(as_input(clips))
    assert len(loaded) == len(clips)
    for samples, clip in zip(loaded, clips, strict=True):
        assert len(clip) - len(clips) < len(samples) <= len(clip)  # a ragged list cuts a few
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples, clip[: len(samples)])


def test_forms_may_be_mixed(wav):
    loaded = load([wav, str(wav), CLIP, CLIP.tolist(), Clip(CLIP, RATE)])
    for samples in loaded:
        np.testing.assert_array_equal(samples, CLIP)


@pytest.mark.parametrize("container", [list, tuple, iter, np.array, pd.Series, pd.Index])
def test_paths_may_come_in_any_container(wav, container):
    (samples,) = load(container([str(wav)]))
    np.testing.assert_array_equal(samples, CLIP)


def test_series_with_an_odd_index_keeps_its_order(tmp_path):
    paths = []
    for level in (0.25, 0.5, 0.75):
        path = tmp_path / f"{level}.wav"
        soundfile.write(path, np.full(100, level), RATE, subtype="FLOAT")
        paths.append(path)
    series = pd.Series(paths, index=[7, 7, -1])
    assert [samples[0] for samples in load(series)] == [0.25, 0.5, 0.75]


def test_series_of_arrays_is_a_list_of_clips():
    clips = pd.Series([CLIP, CLIP[:100]], index=["b", "a"])
    assert [len(samples) for samples in load(clips)] == [RATE, 100]


def test_object_array_may_mix_forms(wav):
    clips = np.empty(3, dtype=object)
    clips[:] = [wav, CLIP[:10], Clip(CLIP[:20], RATE)]
    assert [len(samples) for samples in load(clips)] == [RATE, 10, 20]


def test_data_frame_is_a_batch_of_clips():
    table = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    loaded = load(pd.DataFrame(table).rename(columns=str))
    np.testing.assert_array_equal(loaded, table)


def test_list_of_lists_is_a_batch_of_clips():
    loaded = load([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
    np.testing.assert_array_equal(loaded, [[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8"])
def test_every_floating_type_becomes_float32(dtype):
    (samples,) = load([np.array([0.25, -0.5], dtype=dtype)])
    assert samples.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(samples, [0.25, -0.5])


def test_checked_clips_may_be_checked_again(wav):
    (samples,) = load(check_clips([wav], sample_rate=RATE))
    np.testing.assert_array_equal(samples, CLIP)


def test_no_file_is_opened_by_the_check():
    assert len(check_clips([Path("absent.wav")], sample_rate=RATE)) == 1


# Rates and lengths


def test_clip_of_another_rate_is_resampled():
    noise = np.random.default_rng(0).normal(scale=0.1, size=16000).astype(np.float32)
    (samples,) = load([Clip(noise, 16000)])
    np.testing.assert_array_equal(samples, soxr.resample(noise, 16000, RATE, quality="HQ"))


def test_bare_array_is_at_the_estimator_s_rate():
    (samples,) = load([CLIP], sample_rate=8000)
    np.testing.assert_array_equal(samples, CLIP)


def test_middle_of_a_long_clip_is_loaded():
    (samples,) = load([CLIP], duration=0.5)
    np.testing.assert_array_equal(samples, CLIP[5512 : 5512 + 11025])


def test_middle_is_taken_at_the_clip_s_own_rate():
    noise = np.random.default_rng(0).normal(scale=0.1, size=16000).astype(np.float32)
    (samples,) = load([Clip(noise, 16000)], duration=0.5)
    expected = soxr.resample(noise[4000:12000], 16000, RATE, quality="HQ")
    np.testing.assert_array_equal(samples, expected)


# What is refused


@pytest.mark.parametrize("X", ["a.wav", b"a.wav", Path("a.wav"), Clip(CLIP, RATE)], ids=repr)
def test_one_clip_outside_a_list_is_refused(X):
    with pytest.raises(InvalidClipError, match=r"Put clips in a list: \[X\]"):
        check_clips(X, sample_rate=RATE)


def test_one_bare_array_outside_a_list_is_refused():
    with pytest.raises(ValueError, match="is one array of"):
        check_clips(CLIP, sample_rate=RATE)


@pytest.mark.parametrize("X", [None, 5, 0.5], ids=repr)
def test_what_is_no_sequence_is_refused_with_a_hint(X):
    with pytest.raises((ValueError, TypeError), match="clips"):
        check_clips(X, sample_rate=RATE)


def test_zero_dimensional_array_is_refused():
    with pytest.raises(ValueError, match=r"scalar array|0-d|dim 0"):
        check_clips(np.array(0.5), sample_rate=RATE)


@pytest.mark.parametrize("X", [{"data": [CLIP]}, Bunch(data=[CLIP])], ids=["dict", "Bunch"])
def test_mapping_is_refused(X):
    with pytest.raises(InvalidClipError, match=r"got a \w+\. Pass its clips: X\.data"):
        check_clips(X, sample_rate=RATE)


@pytest.mark.parametrize(
    "X", [[], (), np.empty(0, dtype=object), pd.Series([], dtype=object)], ids=repr
)
def test_empty_X_is_refused(X):
    with pytest.raises(InvalidClipError, match="no clips"):
        check_clips(X, sample_rate=RATE)


def test_empty_2d_array_is_refused():
    with pytest.raises(ValueError, match="0 sample"):
        check_clips(np.empty((0, 100)), sample_rate=RATE)


def test_3d_array_points_to_passthrough():
    with pytest.raises(InvalidClipError, match=r'shape \(2, 3, 4\).*dim 3.*mel="passthrough"'):
        check_clips(np.zeros((2, 3, 4)), sample_rate=RATE)


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ((CLIP * 32767).astype(np.int16), r"whole numbers \(int16\).*divide by 32768"),
        ((CLIP, RATE), r"is a tuple.*write Clip\(samples"),
        (np.float32(0.5), r"array of shape \(\) and type float32"),
        (None, "is a NoneType; expected a path"),
        (b"a.wav", r"expected a path, a 1-D"),
        (np.zeros((2, 100)), r"array of shape \(2, 100\).*mono"),
        (CLIP.astype(complex), "type complex64|type complex128"),
        (CLIP > 0, "type bool"),
        ([[0.0], [0.0, 1.0]], "cannot be made an array"),
        (np.zeros(0), "is empty.*Remove it"),
        (np.array([0.0, np.nan, np.inf]), "NaN, infinity or absurd values in 2 of 3 samples"),
        (Clip(np.zeros((100, 2)), RATE), r"array of shape \(100, 2\)"),
        (Clip(np.zeros(0), RATE), "is empty"),
        (Clip(np.array([np.nan]), RATE), "NaN, infinity or absurd values in 1 of 1 samples"),
        (Clip(np.zeros(10, dtype=np.int16), RATE), "whole numbers"),
        (Clip(CLIP, 0), "sample_rate 0, expected a whole number of hertz above 0"),
        (Clip(CLIP, -8000), "sample_rate -8000, expected"),
        (Clip(CLIP, 22050.5), "sample_rate 22050.5, expected"),
        (Clip(CLIP, "22050"), "sample_rate '22050', expected"),
        (Clip(CLIP, None), "sample_rate None, expected"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else type(value).__name__,
)
def test_bad_clip_is_refused_with_its_index(clip, message):
    with pytest.raises(InvalidClipError, match=f"^Clip 1 .*(?:{message})"):
        check_clips([CLIP, clip], sample_rate=RATE)


def test_sample_too_large_for_float32_is_refused():
    with pytest.raises(InvalidClipError, match="Clip 1"):
        load([CLIP, np.array([0.0, 1e300])])


def test_error_is_the_library_s_and_the_builtin_one():
    with pytest.raises(InvalidClipError) as caught:
        check_clips([], sample_rate=RATE)
    assert isinstance(caught.value, GenreclassError)
    assert isinstance(caught.value, ValueError)


def test_nan_in_a_2d_array_is_refused():
    with pytest.raises(ValueError, match="contains NaN"):
        check_clips(np.array([[0.0, np.nan]]), sample_rate=RATE)


def test_bad_file_is_named_with_its_index(wav, tmp_path):
    with pytest.raises(AudioReadError, match=r"^Clip 1: .*gone\.wav does not exist"):
        load([wav, tmp_path / "gone.wav"])


def test_path_below_a_file_is_named_with_its_index(wav):
    with pytest.raises(AudioReadError, match=r"^Clip 1: .*below\.wav"):
        load([wav, wav / "below.wav"])


# Widths of 2-D arrays


@pytest.fixture
def mel():
    return MelSpectrogram(duration=0.01, n_mels=4)


def test_width_of_a_2d_array_is_remembered(mel):
    assert mel.fit(np.zeros((2, 200))).n_features_in_ == 200


def test_2d_array_of_another_width_is_refused(mel):
    mel.fit(np.zeros((2, 200)))
    with pytest.raises(ValueError, match="X has 100 features, but MelSpectrogram is expecting 200"):
        mel.transform(np.zeros((2, 100)))


def test_list_of_any_lengths_is_taken_after_a_2d_fit(mel):
    mel.fit(np.zeros((2, 200)))
    assert len(mel.transform([np.zeros(100), np.zeros(300)])) == 2


def test_fit_on_a_list_forgets_the_width(mel):
    mel.fit(np.zeros((2, 200))).fit([np.zeros(300)])
    assert not hasattr(mel, "n_features_in_")
    assert len(mel.transform(np.zeros((2, 100)))) == 2


def test_fit_on_a_list_forgets_the_column_names(mel):
    frame = pd.DataFrame(np.zeros((2, 200))).rename(columns=str)
    mel.fit(frame).fit([np.zeros(300)])
    assert not hasattr(mel, "feature_names_in_")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ((np.zeros(100), 22050), r"Write \[Clip\(samples, rate\)\]"),
        (np.zeros(100), r"one array of 100 samples.* \[X\] or \[Clip"),
        (np.zeros((5000, 2)), r"5000 clips of 2 samples\. For one recording of 2 channels"),
        ([""], "Clip 0 is an empty path"),
        (["https://example.com/a.mp3"], "Clip 0 is an address"),
        ([Clip(22050, np.zeros(10))], "in this order"),
    ],
)
def test_what_people_pass_by_mistake_is_told_what_to_write(X, message):
    with pytest.raises(InvalidClipError, match=message):
        check_clips(X, sample_rate=RATE)


@pytest.mark.parametrize("rate", [0, None, np.zeros(3)])
def test_a_clip_of_odd_rate_can_be_shown(rate):
    assert "Clip(" in repr(Clip(np.zeros(10), rate))
