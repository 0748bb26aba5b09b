"""Crops to learn from and windows to predict from."""

import numpy as np
import pytest
import torch

from genreclass.training import SpectrogramCrops, count_sounding_frames, predict_windows

CPU = torch.device("cpu")


def test_padding_at_the_end_is_not_counted():
    spectra = torch.randn(3, 4, 10)
    spectra[1, :, 6:] = spectra[1].min()
    assert count_sounding_frames(spectra).tolist() == [10, 6, 10]


def test_silence_in_the_middle_and_in_some_rows_counts():
    spectra = torch.randn(1, 4, 10)
    spectra[0, :, 3:5] = -100
    spectra[0, 1:, 9] = -100
    assert count_sounding_frames(spectra).tolist() == [10]


def test_a_silent_clip_counts_whole():
    assert count_sounding_frames(torch.full((1, 4, 10), -100.0)).tolist() == [10]


def test_crops_keep_out_of_the_padding_and_reach_every_place():
    spectra = np.tile(np.arange(1.0, 21, dtype=np.float32), (1, 3, 1))
    spectra[..., 12:] = 0
    spectra[0, 0, 0] = 0  # so that the minimum is that of the padding
    crops = SpectrogramCrops(torch.from_numpy(spectra), np.array([0]), crop_frames=5, device=CPU)
    starts = set()
    for place in np.linspace(0, 1, 200, endpoint=False):
        inputs, _ = crops.batch(torch.tensor([0]), torch.tensor([place]))
        assert inputs.shape == (1, 3, 5)
        starts.add(int(inputs[0, 1, 0]) - 1)
    assert starts == set(range(8))


def test_row_statistics_are_those_of_the_sounding_frames_of_clips_moved_to_a_mean_of_0():
    generator = np.random.default_rng(0)
    spectra = generator.normal(5, 3, size=(4, 6, 50)).astype(np.float32)
    lengths = [50, 20, 35, 10]
    for spectrum, length in zip(spectra, lengths, strict=True):
        spectrum[:, length:] = spectrum.min()
    parts = [s[:, :n] for s, n in zip(spectra, lengths, strict=True)]
    sounding = np.concatenate([part - part.mean() for part in parts], axis=1)
    mean, spread = SpectrogramCrops(
        torch.from_numpy(spectra), np.zeros(4, dtype=int), crop_frames=5, device=CPU
    ).row_statistics()
    np.testing.assert_allclose(mean, sounding.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(spread, sounding.std(axis=1), rtol=1e-5)


class _Recorder(torch.nn.Module):
    """Stands in for a network and notes which frames it is shown."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.shown = []

    def embed(self, windows):
        self.shown.append(windows[:, 0].tolist())
        return windows.mean(dim=2)

    def classify(self, embedding):
        return embedding[:, :2] * self.scale


@pytest.mark.parametrize(
    ("length", "starts"),
    [(12, [0, 4, 8]), (10, [0, 3, 6]), (8, [0, 4]), (5, [0, 1]), (4, [0]), (2, [0])],
)
def test_windows_cover_the_clip_end_to_end(length, starts):
    spectrum = np.full((1, 2, 12), -1.0, dtype=np.float32)
    spectrum[..., :length] = np.arange(length)
    network = _Recorder()
    predict_windows(network, torch.from_numpy(spectrum), crop_frames=4)
    assert [window[0] for window in network.shown[0]] == starts
    heard = {frame for window in network.shown[0] for frame in window if frame >= 0}
    assert heard == set(range(length))


def test_a_picture_narrower_than_a_window_is_padded_with_its_minimum():
    network = _Recorder()
    predict_windows(network, torch.tensor([[[3.0, 1.0], [2.0, 5.0]]]), crop_frames=4)
    assert network.shown[0] == [[3.0, 1.0, 1.0, 1.0]]


def test_probabilities_are_the_mean_over_windows():
    spectra = torch.randn(1, 3, 8)
    probabilities, embeddings = predict_windows(_Recorder(), spectra, crop_frames=4)
    halves = torch.stack([spectra[0, :, :4], spectra[0, :, 4:]]).mean(dim=2)
    expected = halves[:, :2].double().softmax(dim=1).mean(dim=0)
    torch.testing.assert_close(probabilities[0], expected)
    torch.testing.assert_close(embeddings[0], halves.mean(dim=0))
