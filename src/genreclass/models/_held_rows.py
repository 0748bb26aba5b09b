"""Where what a training run learns from is held: the nearest place that it fits."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import torch

from genreclass.features import ClipTransformer
from genreclass.memory import available_memory
from genreclass.training import HeldRows

__all__ = ["hold_rows"]

_log = logging.getLogger(__name__)

# Share of what is free that they may take: the network wants some, and so do others.
_SHARE = 0.5


def hold_rows(X: Any, transformer: ClipTransformer | None, device: torch.device) -> HeldRows:
    """Spectrograms, or the like, on the device, in memory where they do not fit, or else on disk.

    Parameters
    ----------
    X : list of ClipSource, or ndarray of shape (n_clips, ...), float32
        Clips, or with no `transformer` what is learned from, which is in memory already.
    transformer : ClipTransformer or None
        What computes it.
    device : torch.device
        Where training runs.

    Returns
    -------
    HeldRows of shape (n_clips, ...), float32
        The same numbers wherever they are.
    """
    shape = X.shape if transformer is None else (len(X), *transformer._row_shape)
    n_bytes = math.prod(shape) * np.dtype(np.float32).itemsize
    fits_on_device = device.type == "cuda" and n_bytes < _SHARE * _free_on(device)
    if transformer is None:
        given = torch.from_numpy(X)
        return given.to(device) if fits_on_device else given
    if not fits_on_device and n_bytes > _SHARE * available_memory():
        _log.info("%.1f GB to learn from do not fit in memory, and stay on disk.", n_bytes / 1e9)
        return transformer.transform_to_disk(X)
    rows = torch.empty(shape, device=device if fits_on_device else "cpu")
    for place, row in enumerate(transformer.transform_each(X)):
        rows[place] = torch.from_numpy(row)
    return rows


def _free_on(device: torch.device) -> int:
    """Bytes of a GPU that can be taken: what is free, and what torch keeps and does not use."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
