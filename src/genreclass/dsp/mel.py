"""Mel spectrograms and decibels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from genreclass.dsp._cache import made_once
from genreclass.dsp.device import on_cpu
from genreclass.dsp.stft import PadMode, power_blocks

__all__ = [
    "Band",
    "apply_bands",
    "mel_filter_bank",
    "mel_frequencies",
    "mel_rows",
    "mel_spectrogram",
    "mfcc",
    "power_to_db",
    "split_bank",
]

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

#: Power below which a decibel value is not told apart from silence (librosa's ``amin``): -100 dB.
AMIN = 1e-10

# Groups of filters multiplied at a time on a CPU: more would be sparser still, but small products
# cost more than they save.
_N_BANDS = 6


@made_once(16)
def mel_filter_bank(
    sample_rate: int, *, n_fft: int, n_mels: int, f_min: float, f_max: float
) -> torch.Tensor:
    """Triangular mel filters with Slaney's scale and area normalisation.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    n_fft : int
        Transform length in samples.
    n_mels : int
        Number of filters.
    f_min, f_max : float
        Lower edge of the first and upper edge of the last filter, in hertz.

    Returns
    -------
    Tensor of shape (n_mels, 1 + n_fft // 2), float32
        Shared between callers: do not write to it.

    Notes
    -----
    Equal to ``librosa.filters.mel(htk=False, norm="slaney")``. Computed in float64:
    torchaudio's ``melscale_fbanks`` works in float32 and is off by up to 1e-3 of a weight, which
    is 4e-3 dB.
    """
    bins = np.arange(1 + n_fft // 2) * sample_rate / n_fft
    edges = mel_frequencies(n_mels=n_mels, f_min=f_min, f_max=f_max)
    ramps = edges[:, None] - bins
    width = np.diff(edges)[:, None]
    rising, falling = -ramps[:-2] / width[:-1], ramps[2:] / width[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])[:, None]
    return torch.from_numpy((triangles * area).astype(np.float32))


def mel_frequencies(*, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Edges of mel filters, each of which reaches from the middle of the one before to the next's.

    Parameters
    ----------
    n_mels : int
        Number of filters.
    f_min, f_max : float
        Lower edge of the first and upper edge of the last filter, in hertz.

    Returns
    -------
    ndarray of shape (n_mels + 2,), float64
        In hertz. Without the first and the last, the middles of the filters.
    """
    return _mel_to_hz(np.linspace(_hz_to_mel(f_min), _hz_to_mel(f_max), n_mels + 2))


def mel_rows(frequencies: torch.Tensor, *, n_mels: int, f_min: float, f_max: float) -> torch.Tensor:
    """Where frequencies lie among the rows of a mel spectrogram.

    Parameters
    ----------
    frequencies : Tensor of any shape
        In hertz, above 0.
    n_mels, f_min, f_max : int, float, float
        As of `mel_frequencies`.

    Returns
    -------
    Tensor of the same shape
        Rows and fractions of rows, counted from the middle of the first; not limited to those
        there are.
    """
    low, high = _hz_to_mel(f_min), _hz_to_mel(f_max)
    mels = torch.where(
        frequencies < _BREAK_HZ,
        frequencies / _HZ_PER_MEL,
        _BREAK_MEL + torch.log(frequencies / _BREAK_HZ) / _LOG_STEP,
    )
    return (mels - low) * ((n_mels + 1) / (high - low)) - 1


def mel_spectrogram(
    samples: torch.Tensor,
    *,
    bank: torch.Tensor,
    n_fft: int,
    hop_length: int,
    pad_mode: PadMode = "constant",
) -> torch.Tensor:
    """Mel power spectrogram of a batch of clips.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples)
        Mono samples.
    bank : Tensor of shape (n_mels, 1 + n_fft // 2)
        Of `mel_filter_bank`.
    n_fft, hop_length : int
        In samples.
    pad_mode : {"constant", "reflect"}
        Beyond the ends are zeros, or the clip in a mirror.

    Returns
    -------
    Tensor of shape (batch, n_mels, 1 + n_samples // hop_length)
        Power, on the device of `samples`.
    """
    bands = split_bank(bank.to(samples))
    power = power_blocks(samples, n_fft=n_fft, hop_length=hop_length, pad_mode=pad_mode)
    return torch.cat([apply_bands(block, bands) for block in power], dim=1).transpose(1, 2)


#: Filters of neighbouring frequencies: their bins, and their weights, (n_bins_of_band, n_filters).
Band = tuple[slice, torch.Tensor]


def split_bank(bank: torch.Tensor) -> list[Band]:
    """A filter bank as bands to be multiplied one after the other, without most of its zeros.

    Parameters
    ----------
    bank : Tensor of shape (n_filters, n_bins)
        Filters in order of frequency.

    Returns
    -------
    list of (slice, Tensor of shape (n_bins_of_band, n_filters_of_band))
        For `apply_bands`. On CUDA a single band: there one large product is the fastest, and
        looking for zeros would wait for the device.
    """
    if not on_cpu(bank):
        return [(slice(None), bank.T)]
    bands = []
    for filters in bank.tensor_split(min(_N_BANDS, len(bank))):
        heard = np.flatnonzero(filters.numpy().any(axis=0))
        bins = slice(int(heard[0]), int(heard[-1]) + 1) if len(heard) else slice(0, 1)
        bands.append((bins, filters[:, bins].T.contiguous()))
    return bands


def apply_bands(power: torch.Tensor, bands: Sequence[Band]) -> torch.Tensor:
    """Multiply a spectrum with the filters of `split_bank`.

    Parameters
    ----------
    power : Tensor of shape (..., n_bins)
        Power spectrum.
    bands : list of (slice, Tensor)
        Of `split_bank`.

    Returns
    -------
    Tensor of shape (..., n_filters)
        ``power @ bank.T``.
    """
    return torch.cat([power[..., bins] @ weights for bins, weights in bands], dim=-1)


def mfcc(decibels: torch.Tensor, *, n_mfcc: int) -> torch.Tensor:
    """Mel-frequency cepstral coefficients of a mel spectrogram in decibels.

    Parameters
    ----------
    decibels : Tensor of shape (batch, n_frames, n_mels)
        Of `power_to_db`.
    n_mfcc : int
        Number of coefficients, the first of which goes with loudness.

    Returns
    -------
    Tensor of shape (batch, n_frames, n_mfcc)
        Orthonormal cosine transform (type 2). Equal to ``librosa.feature.mfcc(S=decibels)``.
    """
    return decibels @ _cosine_transform(decibels.shape[-1], n_mfcc, decibels.device)


@made_once(16)
def _cosine_transform(n_mels: int, n_mfcc: int, device: torch.device) -> torch.Tensor:
    """The first columns of the orthonormal cosine transform: (n_mels, n_mfcc), float32."""
    from scipy.fft import dct

    matrix = dct(np.eye(n_mels), type=2, norm="ortho", axis=1)[:, :n_mfcc]
    return torch.from_numpy(matrix.astype(np.float32)).to(device)


def power_to_db(power: torch.Tensor, *, top_db: float | None) -> torch.Tensor:
    """Power to decibels relative to 1.0, each clip limited to `top_db` below its own peak.

    Parameters
    ----------
    power : Tensor of shape (batch, n_rows, n_frames)
        Power, 0 or more.
    top_db : float or None
        Range in decibels; None does not limit.

    Returns
    -------
    Tensor of shape (batch, n_rows, n_frames)
        ``10 log10(max(power, 1e-10))``, for each clip at least its maximum less `top_db`.
        Silence is -100 dB. Equal to ``librosa.power_to_db(power, ref=1.0)`` for each clip.
    """
    decibels = 10.0 * torch.log10(power.clamp(min=AMIN))
    if top_db is None:
        return decibels
    return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - top_db)


def _hz_to_mel(frequency: float) -> float:
    if frequency < _BREAK_HZ:
        return frequency / _HZ_PER_MEL
    return _BREAK_MEL + np.log(frequency / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mels: np.ndarray) -> np.ndarray:
    return np.where(
        mels < _BREAK_MEL,
        mels * _HZ_PER_MEL,
        _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL)),
    )
