"""What a row of values did over a clip, in seven numbers."""

from __future__ import annotations

import numpy as np
import torch

from genreclass.dsp.device import on_cpu

__all__ = ["STATISTICS", "summarize"]

#: Names of the statistics, in the order of `summarize`.
STATISTICS = ("kurtosis", "max", "mean", "median", "min", "skew", "std")


def summarize(rows: torch.Tensor) -> torch.Tensor:
    """Seven statistics of each row over its frames.

    Parameters
    ----------
    rows : Tensor of shape (batch, n_rows, n_frames)
        Finite values.

    Returns
    -------
    Tensor of shape (batch, 7, n_rows), float64
        In the order of `STATISTICS`. Skew and kurtosis are scipy's defaults: biased, and the
        kurtosis of a normal distribution is 0. A row that does not change has skew 0 and
        kurtosis -3, where scipy gives NaN today; scipy gave those when the table of the FMA data
        set was computed.

    Notes
    -----
    Moments are of float64: in float32 the kurtosis would be off by 2e-4.
    """
    values = rows.double()
    mean = values.mean(dim=-1, keepdim=True)
    deviation = values - mean
    square = deviation.square()
    variance = square.mean(dim=-1)
    third = (square * deviation).mean(dim=-1)
    fourth = square.square_().mean(dim=-1)
    n_frames = rows.shape[-1]
    if on_cpu(rows):  # numpy's sort is several times faster than torch's
        ordered = torch.from_numpy(np.sort(rows.numpy(), axis=-1))
    else:
        ordered = rows.sort(dim=-1).values
    smallest, largest = ordered[..., 0], ordered[..., -1]
    median = ordered[..., (n_frames - 1) // 2 : n_frames // 2 + 1].double().mean(dim=-1)
    constant = smallest == largest
    divisor = variance.masked_fill(constant, 1.0)
    skew = (third / divisor**1.5).masked_fill(constant, 0.0)
    kurtosis = (fourth / divisor**2 - 3.0).masked_fill(constant, -3.0)
    std = variance.sqrt().masked_fill(constant, 0.0)
    return torch.stack(
        [kurtosis, largest.double(), mean.squeeze(-1), median, smallest.double(), skew, std], dim=1
    )
