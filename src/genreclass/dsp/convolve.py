"""Filters in time, as products of matrices."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["convolve", "make_blocks"]


def make_blocks(kernel: np.ndarray, *, n_outputs: int, stride: int = 1) -> torch.Tensor:
    """A filter at `n_outputs` places, `stride` apart, as a matrix.

    Parameters
    ----------
    kernel : ndarray of shape (n_taps,)
        An odd number of taps; in the order of the samples that they multiply.
    n_outputs : int
        Values of the result that are computed by one product.
    stride : int, default=1
        Samples from one value of the result to the next.

    Returns
    -------
    Tensor of shape ((n_outputs - 1) * stride + n_taps, n_outputs), float32
        For `convolve`.
    """
    blocks = np.zeros(((n_outputs - 1) * stride + len(kernel), n_outputs), dtype=np.float32)
    for place in range(n_outputs):
        blocks[place * stride : place * stride + len(kernel), place] = kernel
    return torch.from_numpy(blocks)


def convolve(rows: torch.Tensor, blocks: torch.Tensor, *, stride: int = 1) -> torch.Tensor:
    """Filter rows of samples, with zeros beyond their ends.

    Parameters
    ----------
    rows : Tensor of shape (..., n_samples)
        What to filter.
    blocks : Tensor
        Of `make_blocks`, with the same stride.
    stride : int, default=1
        Samples from one value of the result to the next.

    Returns
    -------
    Tensor of shape (..., ceil(n_samples / stride))
        The middle tap is on samples 0, `stride`, and so on.

    Notes
    -----
    A product in float32 is exact on CUDA as well, where convolutions are rounded to TF32.
    """
    n_inputs, n_outputs = blocks.shape
    half = (n_inputs - 1 - (n_outputs - 1) * stride) // 2
    length = -(-rows.shape[-1] // stride)
    n_blocks = -(-length // n_outputs)
    padded = rows.new_zeros(*rows.shape[:-1], (n_blocks - 1) * n_outputs * stride + n_inputs)
    padded[..., half : half + rows.shape[-1]] = rows
    filtered = padded.unfold(-1, n_inputs, n_outputs * stride) @ blocks
    return filtered.flatten(-2)[..., :length]
