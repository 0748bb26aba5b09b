"""Chroma: how much of each of the twelve notes, whatever the octave."""

from __future__ import annotations

import numpy as np
import torch

from genreclass.dsp._cache import made_once
from genreclass.dsp.convolve import convolve, make_blocks
from genreclass.dsp.descriptors import TINY
from genreclass.dsp.device import on_cpu
from genreclass.dsp.tuning import N_TUNINGS, TUNINGS

__all__ = ["chroma_bank", "chroma_banks", "chroma_cens", "fold_octaves", "normalize", "tonnetz"]

_N_NOTES = 12

# The width of the Gaussian over the octaves, and its centre, in octaves (librosa, after Ellis).
_WIDTH_OCTAVES, _CENTRE_OCTAVE = 2.0, 5.0

# Müller and Ewert 2011: steps of the quantiser, and frames of the smoothing Hann window.
_STEPS = (0.4, 0.2, 0.1, 0.05)
_SMOOTHING = 41


@made_once(N_TUNINGS)
def chroma_bank(sample_rate: int, *, n_fft: int, tuning: int) -> torch.Tensor:
    """Weights of the bins of a spectrum in each note.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    n_fft : int
        Transform length in samples.
    tuning : int
        Place in `TUNINGS`, of `estimate_tunings`.

    Returns
    -------
    Tensor of shape (12, 1 + n_fft // 2), float32
        From C to B. Equal to ``librosa.filters.chroma``. Shared between callers: do not write
        to it.
    """
    frequencies = np.arange(1, n_fft) * (sample_rate / n_fft)
    a0 = 440.0 * 2.0 ** (TUNINGS[tuning] / _N_NOTES) / 16.0
    notes = _N_NOTES * np.log2(frequencies / a0)
    # The bin of 0 Hz is put 1.5 octaves below the next, half a circle from it.
    notes = np.concatenate([[notes[0] - 1.5 * _N_NOTES], notes])
    widths = np.concatenate([np.maximum(np.diff(notes), 1.0), [1.0]])
    distance = notes - np.arange(_N_NOTES)[:, None]
    distance = np.remainder(distance + 10.5 * _N_NOTES, _N_NOTES) - _N_NOTES / 2
    weights = np.exp(-0.5 * (2.0 * distance / widths) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * ((notes / _N_NOTES - _CENTRE_OCTAVE) / _WIDTH_OCTAVES) ** 2)
    from_c = np.roll(weights, -3, axis=0)[:, : 1 + n_fft // 2]
    return torch.from_numpy(from_c.astype(np.float32))


def chroma_banks(tuning: torch.Tensor, *, sample_rate: int, n_fft: int) -> torch.Tensor:
    """The bank of each clip of a batch.

    Parameters
    ----------
    tuning : Tensor of shape (batch,), int64
        Of `estimate_tunings`, by power.
    sample_rate : int
        In hertz.
    n_fft : int
        Transform length in samples.

    Returns
    -------
    Tensor of shape (batch, 1 + n_fft // 2, 12), float32
        A power spectrum is multiplied with it from the right. On CUDA it is taken from a table
        of all tunings, without waiting for the device.
    """
    if not on_cpu(tuning):
        return _all_banks(sample_rate, n_fft, tuning.device)[tuning]
    banks = [chroma_bank(sample_rate, n_fft=n_fft, tuning=index).T for index in tuning.tolist()]
    return torch.stack(banks)


@made_once(4)
def _all_banks(sample_rate: int, n_fft: int, device: torch.device) -> torch.Tensor:
    banks = [chroma_bank(sample_rate, n_fft=n_fft, tuning=index).T for index in range(N_TUNINGS)]
    return torch.stack(banks).to(device)


def fold_octaves(notes: torch.Tensor) -> torch.Tensor:
    """Sum the notes of a constant-Q transform over its octaves.

    Parameters
    ----------
    notes : Tensor of shape (batch, n_frames, 12 * n_octaves)
        Magnitudes, from a C on.

    Returns
    -------
    Tensor of shape (batch, n_frames, 12)
        From C to B.
    """
    return notes.unflatten(-1, (-1, _N_NOTES)).sum(dim=-2)


def normalize(rows: torch.Tensor, *, norm: float) -> torch.Tensor:
    """Divide each frame by its norm; what is next to nothing stays as it is.

    Parameters
    ----------
    rows : Tensor of shape (batch, n_frames, n_rows)
        Any values.
    norm : float
        1, 2 or infinity.

    Returns
    -------
    Tensor of shape (batch, n_frames, n_rows)
        Equal to ``librosa.util.normalize``.
    """
    # Written out: torch.linalg.vector_norm is ten times slower over so few rows.
    if norm == 1:
        length = rows.abs().sum(dim=-1, keepdim=True)
    elif norm == 2:
        length = rows.square().sum(dim=-1, keepdim=True).sqrt_()
    else:
        length = rows.abs().amax(dim=-1, keepdim=True)
    return rows / length.masked_fill_(length < TINY, 1.0)


def chroma_cens(chroma: torch.Tensor) -> torch.Tensor:
    """Chroma energy normalised statistics: quantised and smoothed over 41 frames.

    Parameters
    ----------
    chroma : Tensor of shape (batch, n_frames, 12)
        Of `fold_octaves`, all frames of each clip.

    Returns
    -------
    Tensor of shape (batch, n_frames, 12)
        Each frame of norm 2. Equal to ``librosa.feature.chroma_cens``.

    References
    ----------
    Müller, Ewert: Chroma Toolbox (ISMIR 2011).
    """
    shares = normalize(chroma, norm=1)
    steps = torch.stack([shares > step for step in _STEPS])
    quantised = steps.to(shares).mean(dim=0)
    smoothed = convolve(quantised.transpose(1, 2), _smoothing_blocks(chroma.device))
    return normalize(smoothed.transpose(1, 2), norm=2)


@made_once(4)
def _smoothing_blocks(device: torch.device) -> torch.Tensor:
    window = np.hanning(_SMOOTHING + 2)
    return make_blocks(window / window.sum(), n_outputs=64).to(device)


def tonnetz(chroma: torch.Tensor) -> torch.Tensor:
    """Tonal centroids: where the notes of a frame meet on the circles of fifths and thirds.

    Parameters
    ----------
    chroma : Tensor of shape (batch, n_frames, 12)
        From C to B.

    Returns
    -------
    Tensor of shape (batch, n_frames, 6)
        Fifths x and y, minor thirds x and y, major thirds x and y. Equal to
        ``librosa.feature.tonnetz(chroma=...)``.

    References
    ----------
    Harte, Sandler, Gasser: Detecting harmonic change in musical audio (2006).
    """
    return normalize(chroma, norm=1) @ _tonal_circles(chroma.device)


@made_once(4)
def _tonal_circles(device: torch.device) -> torch.Tensor:
    """Places of the notes on the three circles: (12, 6), float32."""
    circles = ((7 / 6, 1.0), (3 / 2, 1.0), (2 / 3, 0.5))  # half turns a semitone, and radius
    notes = np.arange(_N_NOTES)
    columns = [
        radius * function(np.pi * turns * notes)
        for turns, radius in circles
        for function in (np.sin, np.cos)
    ]
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32)).to(device)
