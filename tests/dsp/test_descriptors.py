"""Descriptors of frames, against librosa."""

import librosa
import numpy as np
import pytest
import torch

from genreclass import dsp

RATE = 22050


def of_librosa(function, spectrum, **options):
    """A feature of librosa as ours are: (n_frames, n_rows)."""
    return function(S=spectrum[0].numpy().T, **options).T


def test_magnitude_is_that_of_librosa_to_the_last_but_one_bit(song, spectrum):
    expected = np.abs(librosa.stft(song, n_fft=2048, hop_length=512)).T
    np.testing.assert_allclose(spectrum[0], expected, rtol=3e-7, atol=1e-12)


@pytest.mark.parametrize("n_samples", [1, 2, 511, 512, 513, 2047, 9000])
def test_zero_crossings_are_those_of_librosa(song, n_samples):
    expected = librosa.feature.zero_crossing_rate(
        song[:n_samples], frame_length=2048, hop_length=512
    )
    rate = dsp.zero_crossing_rate(
        torch.from_numpy(song[None, :n_samples]), frame_length=2048, hop_length=512
    )
    np.testing.assert_allclose(rate.numpy(), expected, rtol=1e-7)


def test_a_sample_next_to_zero_has_no_sign():
    samples = torch.tensor([[0.5, -1e-11, 0.5, -0.0, 0.5, -1e-3, 0.5]]).repeat(1, 100)
    expected = librosa.feature.zero_crossing_rate(samples[0].numpy())
    rate = dsp.zero_crossing_rate(samples, frame_length=2048, hop_length=512)
    np.testing.assert_allclose(rate.numpy(), expected, rtol=1e-7)
    assert rate.max() > 0


def test_root_mean_square_is_that_of_librosa(spectrum):
    expected = of_librosa(librosa.feature.rms, spectrum)[:, 0]
    np.testing.assert_allclose(dsp.root_mean_square(spectrum.square())[0], expected, rtol=1e-6)


def centroid_and_bandwidth(magnitude):
    n_fft = 2 * (magnitude.shape[-1] - 1)
    moments = dsp.group_moments(magnitude)
    return dsp.spectral_centroid_bandwidth(moments, sample_rate=RATE, n_fft=n_fft)


def test_centroid_and_bandwidth_are_those_of_librosa(spectrum):
    centroid, bandwidth = centroid_and_bandwidth(spectrum)
    expected = of_librosa(librosa.feature.spectral_centroid, spectrum, sr=RATE)[:, 0]
    np.testing.assert_allclose(centroid[0], expected, rtol=1e-6)
    expected = of_librosa(librosa.feature.spectral_bandwidth, spectrum, sr=RATE)[:, 0]
    np.testing.assert_allclose(bandwidth[0], expected, rtol=1e-6)


@pytest.mark.parametrize("place", [1, 100, 1023])
def test_the_bandwidth_of_one_bin_is_nothing_wherever_it_lies(place):
    magnitude = torch.zeros(1, 1, 1025)
    magnitude[..., place] = 0.3
    centroid, bandwidth = centroid_and_bandwidth(magnitude)
    assert centroid.item() == pytest.approx(place * RATE / 2048)
    assert bandwidth.item() < 0.02 * RATE / 2048


@pytest.mark.parametrize("share", [0.01, 0.5, 0.85, 0.99])
@pytest.mark.parametrize("n_fft", [2048, 1024, 500, 192, 64])
def test_rolloff_is_that_of_librosa(song, share, n_fft):
    magnitude = np.abs(librosa.stft(song, n_fft=n_fft))
    expected = librosa.feature.spectral_rolloff(S=magnitude, sr=RATE, roll_percent=share)
    magnitude = torch.from_numpy(magnitude.T.copy())[None]
    moments = dsp.group_moments(magnitude)
    rolloff = dsp.spectral_rolloff(magnitude, moments, sample_rate=RATE, share=share)
    # Running sums in another order: a bin more or less where a sum is next to the threshold.
    differs = ~np.isclose(rolloff.numpy(), expected, rtol=1e-6)
    assert differs.mean() < 0.01
    assert np.abs(rolloff.numpy() - expected).max() <= 1.01 * RATE / n_fft


@pytest.mark.parametrize("rate", [12801, 16000, 22050, 44100, 96000])
def test_contrast_is_that_of_librosa(spectrum, rate):
    peak, valley = dsp.band_extremes(spectrum, sample_rate=rate)
    expected = of_librosa(librosa.feature.spectral_contrast, spectrum, sr=rate)
    contrast = dsp.spectral_contrast(peak, valley)[0]
    np.testing.assert_allclose(contrast, expected, rtol=0, atol=1e-5)


def test_silence_has_neither_centre_nor_width_nor_contrast():
    silence = torch.zeros(1, 3, 1025)
    for values in centroid_and_bandwidth(silence):
        assert (values == 0).all()
    moments = dsp.group_moments(silence)
    assert (dsp.spectral_rolloff(silence, moments, sample_rate=RATE) == 0).all()
    peak, valley = dsp.band_extremes(silence, sample_rate=RATE)
    assert (dsp.spectral_contrast(peak, valley) == 0).all()
