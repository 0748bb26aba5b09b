"""Spectra, mel filters and decibels, against librosa."""

import librosa
import numpy as np
import pytest
import torch

from genreclass.dsp import (
    count_frames,
    mel_filter_bank,
    mel_spectrogram,
    power_blocks,
    power_to_db,
)


def noise(*shape):
    return np.random.default_rng(0).normal(scale=0.1, size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels", "f_min", "f_max"),
    [
        (22050, 2048, 128, 0.0, 11025.0),
        (22050, 2048, 96, 0.0, 8000.0),
        (22050, 1023, 40, 0.0, 11025.0),
        (16000, 512, 96, 0.0, 8000.0),
        (16000, 400, 64, 50.0, 7600.0),
        (44100, 4096, 229, 1200.0, 16000.0),
        (8000, 256, 20, 0.0, 900.0),
    ],
)
def test_mel_filters_are_those_of_librosa(sample_rate, n_fft, n_mels, f_min, f_max):
    expected = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max, dtype=np.float64
    )
    bank = mel_filter_bank(sample_rate, n_fft=n_fft, n_mels=n_mels, f_min=f_min, f_max=f_max)
    assert bank.dtype == torch.float32
    np.testing.assert_allclose(bank.numpy(), expected, rtol=0, atol=1e-6 * expected.max())


SHORT = pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")


@SHORT
@pytest.mark.parametrize("n_samples", [1, 100, 511, 512, 2048, 30000])
@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(2048, 512), (512, 160), (1024, 333), (512, 700)]
)
def test_power_is_that_of_librosa(n_samples, n_fft, hop_length):
    samples = noise(2, n_samples)
    spectrum = librosa.stft(samples, n_fft=n_fft, hop_length=hop_length, pad_mode="constant")
    expected = np.abs(spectrum) ** 2
    blocks = power_blocks(torch.from_numpy(samples), n_fft=n_fft, hop_length=hop_length)
    power = torch.cat(list(blocks), dim=1).numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(power, expected, rtol=0, atol=1e-6 * expected.max())


@SHORT
@pytest.mark.parametrize("n_samples", [1, 2, 3, 100, 257, 30000])
def test_power_of_a_clip_that_is_mirrored_at_its_ends_is_that_of_numpy_and_librosa(n_samples):
    samples = noise(2, n_samples)
    # librosa refuses clips shorter than the mirror; numpy goes to and fro in them.
    padded = np.pad(samples, ((0, 0), (256, 256)), mode="reflect")
    spectrum = librosa.stft(padded, n_fft=512, hop_length=160, center=False)
    expected = np.abs(spectrum) ** 2
    blocks = power_blocks(torch.from_numpy(samples), n_fft=512, hop_length=160, pad_mode="reflect")
    power = torch.cat(list(blocks), dim=1).numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(power, expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize("n_samples", [2047, 2048, 2049])
def test_power_with_an_odd_window_is_that_of_librosa(n_samples):
    samples = noise(1, n_samples)
    spectrum = librosa.stft(samples, n_fft=511, hop_length=128, pad_mode="constant")
    expected = np.abs(spectrum) ** 2
    blocks = power_blocks(torch.from_numpy(samples), n_fft=511, hop_length=128)
    power = torch.cat(list(blocks), dim=1).numpy().transpose(0, 2, 1)
    assert power.shape == expected.shape
    np.testing.assert_allclose(power, expected, rtol=0, atol=1e-6 * expected.max())


@SHORT
@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 22050])
def test_frames_are_counted_as_by_librosa(n_samples):
    expected = librosa.stft(np.zeros(n_samples), n_fft=256, hop_length=512).shape[-1]
    assert count_frames(n_samples, hop_length=512) == expected


def test_power_keeps_double_precision():
    samples = noise(1, 5000).astype(np.float64)
    expected = np.abs(librosa.stft(samples, pad_mode="constant")) ** 2
    blocks = power_blocks(torch.from_numpy(samples), n_fft=2048, hop_length=512)
    power = torch.cat(list(blocks), dim=1).numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(power, expected, rtol=0, atol=1e-12 * expected.max())


def test_mel_power_is_that_of_librosa():
    samples = noise(3, 100000)  # more frames than one block holds
    expected = librosa.feature.melspectrogram(y=samples, sr=22050, pad_mode="constant")
    bank = mel_filter_bank(22050, n_fft=2048, n_mels=128, f_min=0.0, f_max=11025.0)
    power = mel_spectrogram(torch.from_numpy(samples), bank=bank, n_fft=2048, hop_length=512)
    np.testing.assert_allclose(power.numpy(), expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize("top_db", [80.0, 40.0, None])
def test_decibels_are_those_of_librosa_for_each_clip(top_db):
    power = np.random.default_rng(0).uniform(size=(3, 4, 5)).astype(np.float32) ** 20
    power *= np.array([1.0, 1e-6, 1e6], dtype=np.float32)[:, None, None]
    expected = [librosa.power_to_db(clip, ref=1.0, top_db=top_db) for clip in power]
    decibels = power_to_db(torch.from_numpy(power), top_db=top_db)
    np.testing.assert_allclose(decibels.numpy(), expected, rtol=0, atol=1e-4)


def test_silence_is_minus_100_decibels():
    decibels = power_to_db(torch.zeros(1, 2, 3), top_db=80.0)
    np.testing.assert_array_equal(decibels.numpy(), np.full((1, 2, 3), -100.0))
