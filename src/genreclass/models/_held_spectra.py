"""Where the spectrograms of a training run are held: the nearest place that they fit."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import torch

from genreclass.features import MelSpectrogram
from genreclass.memory import available_memory
from genreclass.training import Spectra

__all__ = ["hold_spectra"]

_log = logging.getLogger(__name__)

# Share of what is free that spectrograms may take: the network wants some, and so do others.
_SHARE = 0.5


def hold_spectra(X: Any, mel: MelSpectrogram | None, device: torch.device) -> Spectra:
    """Spectrograms on the device where they fit, in memory where they do not, or else on disk.

    Parameters
    ----------
    X : list of ClipSource, or ndarray of shape (n_clips, n_rows, n_frames), float32
        Clips, or with no `mel` spectrograms, which are in memory already.
    mel : MelSpectrogram or None
        What computes them.
    device : torch.device
        Where training runs.

    Returns
    -------
    Spectra of shape (n_clips, n_rows, n_frames), float32
        The same numbers wherever they are.
    """
    shape = X.shape if mel is None else (len(X), mel.n_rows, mel.n_frames)
    n_bytes = math.prod(shape) * np.dtype(np.float32).itemsize
    fits_on_device = device.type == "cuda" and n_bytes < _SHARE * _free_on(device)
    if mel is None:
        spectra = torch.from_numpy(X)
        return spectra.to(device) if fits_on_device else spectra
    if not fits_on_device and n_bytes > _SHARE * available_memory():
        _log.info("%.1f GB of spectrograms do not fit in memory, and stay on disk.", n_bytes / 1e9)
        return mel.transform_to_disk(X)
    spectra = torch.empty(shape, device=device if fits_on_device else "cpu")
    for place, spectrum in enumerate(mel.transform_each(X)):
        spectra[place] = torch.from_numpy(spectrum)
    return spectra


def _free_on(device: torch.device) -> int:
    """Bytes of a GPU that can be taken: what is free, and what torch keeps and does not use."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
