"""Constant-Q transform, against librosa."""

import librosa
import numpy as np
import pytest
import torch

from genreclass import dsp
from genreclass.dsp import cqt
from genreclass.dsp.tuning import TUNINGS

# Filters applied to samples in float32, where librosa applies them to spectra.
TOLERANCE = 2e-6


def transform(samples, tunings, rate=22050, hop_length=512):
    places = [int(np.abs(TUNINGS - tuning).argmin()) for tuning in tunings]
    notes = dsp.constant_q(
        torch.from_numpy(samples), torch.tensor(places), sample_rate=rate, hop_length=hop_length
    )
    return notes.numpy()


@pytest.mark.parametrize(
    ("rate", "hop_length", "tuning"),
    [
        (22050, 512, 0.0),
        (22050, 512, -0.5),
        (22050, 64, 0.49),
        (8600, 512, 0.2),
        (16000, 512, -0.13),
        (33000, 1024, 0.49),
        (44100, 512, -0.02),
        (44100, 64, 0.3),
        (96000, 512, 0.0),
        (192000, 4096, -0.2),
    ],
)
def test_transform_is_that_of_librosa(song, rate, hop_length, tuning):
    expected = np.abs(librosa.cqt(song, sr=rate, hop_length=hop_length, tuning=tuning)).T
    notes = transform(song[None], [tuning], rate, hop_length)[0]
    assert notes.shape == expected.shape
    np.testing.assert_allclose(notes, expected, rtol=0, atol=TOLERANCE * expected.max())


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
@pytest.mark.parametrize("n_samples", [2, 3, 127, 441, 1000, 32767, 32768, 32769])
@pytest.mark.parametrize("rate", [22050, 44100])
def test_transform_of_few_samples_is_that_of_librosa(song, n_samples, rate):
    samples = song[:n_samples]
    expected = np.abs(librosa.cqt(samples, sr=rate, tuning=0.0)).T
    notes = transform(samples[None], [0.0], rate)[0]
    assert notes.shape == expected.shape
    np.testing.assert_allclose(notes, expected, rtol=0, atol=TOLERANCE * max(expected.max(), 1e-9))


def test_a_single_sample_has_a_transform():
    assert np.isfinite(transform(np.ones((1, 1), dtype=np.float32), [0.0], 44100)).all()


def test_the_rate_is_as_low_as_it_may_be():
    rate = dsp.lowest_rate()
    sound = np.random.default_rng(0).normal(size=rate).astype(np.float32)
    librosa.cqt(sound, sr=rate, tuning=TUNINGS[-1])
    with pytest.raises(librosa.ParameterError, match="Nyquist"):
        librosa.cqt(sound, sr=rate - 1, tuning=TUNINGS[-1])


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("n_samples", [1, 2, 7, 50, 4096, 20001, 44101])
def test_the_response_read_off_soxr_resamples_as_soxr(song, as_on_cuda, factor, n_samples):
    samples = torch.from_numpy(song[None, :n_samples])
    expected = cqt._decimate(samples, factor)
    as_on_cuda()
    resampled = cqt._decimate(samples, factor)
    assert resampled.shape == expected.shape
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [22050, 33000, 44100])
def test_the_way_of_cuda_finds_the_same(song, as_on_cuda, rate):
    clips, tuning = np.stack([song[:44100], song[44100:88200]]), [-0.21, 0.4]
    expected = transform(clips, tuning, rate)
    as_on_cuda()
    notes = transform(clips, tuning, rate)
    np.testing.assert_allclose(notes, expected, rtol=0, atol=TOLERANCE * expected.max())
