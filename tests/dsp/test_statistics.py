"""Statistics, against scipy and numpy."""

import numpy as np
import pytest
import scipy.stats
import torch

from genreclass import dsp

OF_NUMPY = {
    "kurtosis": scipy.stats.kurtosis,
    "max": np.max,
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "skew": scipy.stats.skew,
    "std": np.std,
}


@pytest.mark.parametrize("n_frames", [2, 3, 4, 1291, 1292])
def test_statistics_are_those_of_scipy_in_float64(n_frames):
    rows = np.random.default_rng(0).gamma(0.5, size=(3, 5, n_frames)).astype(np.float32) + 100
    summary = dsp.summarize(torch.from_numpy(rows))
    assert summary.shape == (3, 7, 5)
    for place, name in enumerate(dsp.STATISTICS):
        expected = OF_NUMPY[name](rows.astype(np.float64), axis=-1)
        np.testing.assert_allclose(summary[:, place], expected, rtol=1e-9, atol=1e-9)


def test_statistics_on_cuda_are_the_same(as_on_cuda):
    rows = torch.rand(2, 74, 101, generator=torch.Generator().manual_seed(0))
    expected = dsp.summarize(rows)
    as_on_cuda()
    assert torch.equal(dsp.summarize(rows), expected)


@pytest.mark.parametrize("value", [0.0, -100.0, 0.1, 1e-38])
@pytest.mark.parametrize("n_frames", [1, 7])
def test_a_row_that_does_not_change_has_documented_statistics(value, n_frames):
    rows = torch.full((1, 1, n_frames), value)
    summary = dict(zip(dsp.STATISTICS, dsp.summarize(rows)[0, :, 0].tolist(), strict=True))
    assert (summary["kurtosis"], summary["skew"], summary["std"]) == (-3.0, 0.0, 0.0)
    for name in ("max", "mean", "median", "min"):
        assert summary[name] == pytest.approx(value)
