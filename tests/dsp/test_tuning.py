"""Tuning, against librosa."""

import librosa
import numpy as np
import pytest
import torch

from genreclass import dsp
from genreclass.dsp.tuning import TUNINGS


def tunings(samples, rate=22050):
    """By magnitude and by power, in semitones, of each of a batch of clips."""
    blocks = dsp.magnitude_blocks(torch.from_numpy(samples), n_fft=2048, hop_length=512)
    magnitude = torch.cat(list(blocks), dim=1)
    bins = dsp.tuning_bins(rate, n_fft=2048)
    found = dsp.estimate_tunings(
        magnitude[..., bins], magnitude.amax(-1), sample_rate=rate, n_fft=2048
    )
    return [TUNINGS[places.numpy()] for places in found]


def of_librosa(samples, rate=22050):
    magnitude = np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))
    return [
        librosa.estimate_tuning(S=spectrum, sr=rate, bins_per_octave=12)
        for spectrum in (magnitude, magnitude**2)
    ]


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_tuning_of_a_song_is_that_of_librosa(song, rate):
    np.testing.assert_allclose(np.ravel(tunings(song[None], rate)), of_librosa(song, rate))


def detuned(cents):
    """Two seconds of a chord, so many hundredths of a semitone above A = 440 Hz."""
    notes = 440.0 * 2.0 ** ((np.array([-12, -5, 0, 4, 7]) + cents / 100) / 12)
    time = np.arange(2 * 22050) / 22050
    return np.sin(2 * np.pi * notes[:, None] * time).sum(axis=0).astype(np.float32) / 5


@pytest.mark.parametrize("cents", [-40, -23, 0, 17, 44])
def test_a_detuned_chord_is_heard_as_detuned(cents):
    found = np.ravel(tunings(detuned(cents)[None]))
    np.testing.assert_allclose(found, of_librosa(detuned(cents)))
    np.testing.assert_allclose(found, cents / 100, atol=0.1)


def test_clips_of_a_batch_are_tuned_each_for_itself():
    clips = np.stack([detuned(-30), detuned(10), np.zeros(2 * 22050, dtype=np.float32)])
    together = tunings(clips)
    for place, clip in enumerate(clips):
        assert [found[place] for found in together] == np.ravel(tunings(clip[None])).tolist()


def test_silence_is_in_tune():
    assert np.ravel(tunings(np.zeros((1, 5000), dtype=np.float32))).tolist() == [0.0, 0.0]


def test_the_way_of_cuda_finds_the_same(song, as_on_cuda):
    clips = np.stack([song[:44100], detuned(-30), detuned(44), np.zeros_like(song[:44100])])
    expected = tunings(clips)
    as_on_cuda()
    np.testing.assert_array_equal(tunings(clips), expected)
