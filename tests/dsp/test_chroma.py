"""Chroma, against librosa."""

import librosa
import numpy as np
import pytest
import torch

from genreclass import dsp
from genreclass.dsp.chroma import chroma_bank
from genreclass.dsp.tuning import TUNINGS


@pytest.mark.parametrize(("rate", "n_fft"), [(22050, 2048), (44100, 2048), (16000, 1024)])
@pytest.mark.parametrize("place", [0, 37, 50, 99])
def test_the_bank_is_that_of_librosa(rate, n_fft, place):
    expected = librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=TUNINGS[place])
    bank = chroma_bank(rate, n_fft=n_fft, tuning=place)
    np.testing.assert_allclose(bank, expected, rtol=0, atol=1e-6)


def test_banks_of_a_batch_are_each_of_its_clip(as_on_cuda):
    tuning = torch.tensor([3, 50, 3])
    banks = dsp.chroma_banks(tuning, sample_rate=22050, n_fft=2048)
    expected = torch.stack([chroma_bank(22050, n_fft=2048, tuning=i).T for i in tuning.tolist()])
    assert torch.equal(banks, expected)
    as_on_cuda()
    assert torch.equal(dsp.chroma_banks(tuning, sample_rate=22050, n_fft=2048), expected)


@pytest.fixture
def notes(song):
    return np.abs(librosa.cqt(song, tuning=0.0))


def as_ours(rows):
    return torch.from_numpy(np.ascontiguousarray(rows.T))[None]


def test_chroma_of_notes_is_that_of_librosa(notes):
    expected = librosa.feature.chroma_cqt(C=notes, bins_per_octave=12)
    chroma = dsp.normalize(dsp.fold_octaves(as_ours(notes)), norm=np.inf)
    np.testing.assert_allclose(chroma[0].T, expected, rtol=0, atol=1e-6)


def test_cens_is_that_of_librosa(notes):
    expected = librosa.feature.chroma_cens(C=notes, bins_per_octave=12)
    cens = dsp.chroma_cens(dsp.fold_octaves(as_ours(notes)))
    np.testing.assert_allclose(cens[0].T, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_frames", [1, 2, 20, 41, 42])
def test_cens_of_few_frames_is_that_of_librosa(notes, n_frames):
    expected = librosa.feature.chroma_cens(C=notes[:, :n_frames], bins_per_octave=12)
    cens = dsp.chroma_cens(dsp.fold_octaves(as_ours(notes[:, :n_frames])))
    np.testing.assert_allclose(cens[0].T, expected, rtol=0, atol=1e-6)


def test_tonnetz_is_that_of_librosa(notes):
    chroma = librosa.feature.chroma_cens(C=notes, bins_per_octave=12)
    expected = librosa.feature.tonnetz(chroma=chroma)
    np.testing.assert_allclose(dsp.tonnetz(as_ours(chroma))[0].T, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_normalize_is_that_of_librosa(norm):
    rows = np.random.default_rng(0).normal(size=(12, 50)).astype(np.float32)
    rows[:, 3], rows[:, 4], rows[:, 5] = 0.0, 1e-39, 1e-20
    expected = librosa.util.normalize(rows, norm=norm, axis=0)
    # The squares of 1e-20 are below float32, so that frame stays as it is.
    frames = np.arange(50) != 5 if norm == 2 else slice(None)
    normalized = dsp.normalize(as_ours(rows), norm=norm)[0].T.numpy()
    np.testing.assert_allclose(normalized[:, frames], expected[:, frames], rtol=2e-6)
