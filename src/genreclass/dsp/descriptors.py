"""What one frame of a spectrum sounds like: loud or soft, bright or dark, tone or noise."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from genreclass.dsp._cache import made_once
from genreclass.dsp.device import on_cpu
from genreclass.dsp.mel import Band, apply_bands, power_to_db, split_bank

__all__ = [
    "CONTRAST_EDGES",
    "band_extremes",
    "group_moments",
    "root_mean_square",
    "spectral_centroid_bandwidth",
    "spectral_contrast",
    "spectral_rolloff",
    "zero_crossing_rate",
]

# Samples this close to zero are zero to a zero crossing (librosa's threshold).
_ZERO = 1e-10

# What is less than the smallest normal float32 is not divided by, as in librosa.normalize.
TINY = float(np.finfo(np.float32).tiny)

#: Edges of the bands of the spectral contrast in hertz: an octave each, from 200 Hz on.
CONTRAST_EDGES = (0.0, *(200.0 * 2.0**octave for octave in range(7)))

# Share of a band's bins that makes its peak and its valley (Jiang et al. 2002).
_CONTRAST_QUANTILE = 0.02

# Bins whose moments are taken together, at most: float32 is exact enough for so few.
_GROUP = 64


def zero_crossing_rate(
    samples: torch.Tensor, *, frame_length: int, hop_length: int
) -> torch.Tensor:
    """Share of samples of each frame at which the sign changes.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples)
        Mono samples.
    frame_length, hop_length : int
        In samples; `frame_length` is a multiple of `hop_length`.

    Returns
    -------
    Tensor of shape (batch, 1 + n_samples // hop_length), float32
        Between 0 and 1. Frames are centred; beyond the ends the first and last sample go on.

    Notes
    -----
    Equal to ``librosa.feature.zero_crossing_rate``.
    """
    half, n_samples = frame_length // 2, samples.shape[-1]
    n_frames, n_hops = 1 + n_samples // hop_length, frame_length // hop_length
    shape = (len(samples), n_frames + n_hops, hop_length)
    crosses = torch.zeros(shape, dtype=torch.bool, device=samples.device)
    between = crosses.flatten(1)[:, half + 1 : half + n_samples]
    if on_cpu(samples):  # where numpy is several times faster with truth values
        negative = samples.numpy() < -_ZERO
        np.not_equal(negative[:, 1:], negative[:, :-1], out=between.numpy())
        hops = torch.from_numpy(crosses.numpy().view(np.uint8).sum(axis=-1, dtype=np.int32))
    else:
        signs = samples < -_ZERO
        torch.ne(signs[:, 1:], signs[:, :-1], out=between)
        hops = crosses.sum(-1, dtype=torch.int32)
    counts = hops.unfold(-1, n_hops, 1).sum(-1)[:, :n_frames]
    # Within a frame the first sample has none before it.
    return (counts - crosses[:, :n_frames, 0].int()).float() / frame_length


def root_mean_square(power: torch.Tensor) -> torch.Tensor:
    """Root mean square of each windowed frame, from its power spectrum (Parseval).

    Parameters
    ----------
    power : Tensor of shape (batch, n_frames, 1 + n_fft // 2)
        Squared magnitude.

    Returns
    -------
    Tensor of shape (batch, n_frames)
        Equal to ``librosa.feature.rms(S=magnitude)``.
    """
    return (power @ _parseval_weights(power.shape[-1], power.device)).sqrt_()


@made_once(4)
def _parseval_weights(n_bins: int, device: torch.device) -> torch.Tensor:
    """All but the bins of 0 Hz and Nyquist stand for two."""
    weights = torch.full((n_bins,), 2.0)
    weights[[0, -1]] = 1.0
    return (weights / (2 * (n_bins - 1)) ** 2).to(device)


def group_moments(magnitude: torch.Tensor) -> torch.Tensor:
    """Sums of groups of neighbouring bins, weighted by their distance from the group's middle.

    Parameters
    ----------
    magnitude : Tensor of shape (batch, n_frames, 1 + n_fft // 2)
        Magnitude spectrum.

    Returns
    -------
    Tensor of shape (batch, n_frames, n_groups, 3)
        Moments 0, 1 and 2 of each group, in bins; the bin of the Nyquist frequency is a group of
        its own. For `spectral_centroid_bandwidth` and `spectral_rolloff`.
    """
    bands = _moment_bands(magnitude.shape[-1], magnitude.device)
    return apply_bands(magnitude, bands).unflatten(-1, (-1, 3))


@lru_cache(maxsize=8)
def _group_size(n_bins: int) -> int:
    return next(size for size in range(_GROUP, 0, -1) if (n_bins - 1) % size == 0)


@made_once(8)
def _group_middles(n_bins: int, device: torch.device) -> torch.Tensor:
    """Middle of each group, in bins: (n_groups,), float64."""
    size = _group_size(n_bins)
    middles = np.append(np.arange(0, n_bins - 1, size) + (size - 1) / 2, n_bins - 1)
    return torch.from_numpy(middles).to(device)


@made_once(8)
def _moment_bands(n_bins: int, device: torch.device) -> list[Band]:
    """The moments of `group_moments` as a bank of filters, three a group."""
    bins = np.arange(n_bins)
    middles = _group_middles(n_bins, torch.device("cpu")).numpy()
    inside = bins // _group_size(n_bins) == np.arange(len(middles))[:, None]
    distance = (bins - middles[:, None]) * inside
    moments = np.stack([inside, distance, distance**2], axis=1).reshape(-1, n_bins)
    return split_bank(torch.from_numpy(moments.astype(np.float32)).to(device))


def spectral_centroid_bandwidth(
    moments: torch.Tensor, *, sample_rate: int, n_fft: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the frequencies in each frame, weighted by magnitude.

    Parameters
    ----------
    moments : Tensor of shape (batch, n_frames, n_groups, 3)
        Of `group_moments`.
    sample_rate : int
        In hertz.
    n_fft : int
        Transform length in samples.

    Returns
    -------
    centroid, bandwidth : Tensor of shape (batch, n_frames), float64
        In hertz; 0 for silence. Equal to ``librosa.feature.spectral_centroid`` and
        ``spectral_bandwidth``.
    """
    sums, firsts, seconds = moments.double().unbind(-1)
    middles = _group_middles(1 + n_fft // 2, moments.device)
    total = sums.sum(-1, keepdim=True)
    silent = total < TINY
    total = total.masked_fill(silent, 1.0)
    centroid = (firsts + middles * sums).sum(-1, keepdim=True) / total
    # About the centroid group by group: the difference of two large squares would lose the width
    # of a narrow band far up.
    away = middles - centroid
    spread = (seconds + away * (2.0 * firsts + away * sums)).sum(-1, keepdim=True) / total
    hz_per_bin = sample_rate / n_fft
    bandwidth = spread.clamp(min=0.0).sqrt() * hz_per_bin
    centroid = (centroid * hz_per_bin).masked_fill(silent, 0.0)
    return centroid.squeeze(-1), bandwidth.masked_fill(silent, 0.0).squeeze(-1)


def spectral_rolloff(
    magnitude: torch.Tensor, moments: torch.Tensor, *, sample_rate: int, share: float = 0.85
) -> torch.Tensor:
    """Frequency below which `share` of each frame's magnitude lies.

    Parameters
    ----------
    magnitude : Tensor of shape (batch, n_frames, 1 + n_fft // 2)
        Magnitude spectrum.
    moments : Tensor of shape (batch, n_frames, n_groups, 3)
        Of `group_moments`.
    sample_rate : int
        In hertz.
    share : float
        Between 0 and 1.

    Returns
    -------
    Tensor of shape (batch, n_frames)
        In hertz, the frequency of a bin; 0 for silence. Equal to
        ``librosa.feature.spectral_rolloff``, but for a frame or two in a thousand where librosa's
        rounding of a running sum of float32 decides for the next bin.
    """
    n_bins = magnitude.shape[-1]
    size = _group_size(n_bins)
    sums = moments[..., 0]
    up_to = sums.cumsum(-1)
    threshold = share * up_to[..., -1:]
    # A running sum is made in one group only; the last bin, a group of its own, has none.
    group = (up_to[..., :-1] < threshold).sum(-1, keepdim=True).clamp(max=sums.shape[-1] - 2)
    before = up_to.gather(-1, group) - sums.gather(-1, group)
    places = group[..., None].expand(*group.shape, size)
    bins = magnitude[..., :-1].unflatten(-1, (-1, size)).gather(-2, places).squeeze(-2)
    place = group * size + (bins.cumsum(-1) + before < threshold).sum(-1, keepdim=True)
    return place.squeeze(-1).float() * (sample_rate / (2 * (n_bins - 1)))


def band_extremes(
    magnitude: torch.Tensor, *, sample_rate: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Peak and valley of each octave band: the mean of its few largest and smallest bins.

    Parameters
    ----------
    magnitude : Tensor of shape (batch, n_frames, 1 + n_fft // 2)
        Magnitude spectrum.
    sample_rate : int
        In hertz; more than twice 6,400, where the last band begins.

    Returns
    -------
    peak, valley : Tensor of shape (batch, n_frames, 7)
        For `spectral_contrast`.
    """
    n_fft = 2 * (magnitude.shape[-1] - 1)
    bands = _contrast_bands(sample_rate, n_fft)
    peak = magnitude.new_empty(*magnitude.shape[:2], len(bands))
    valley = torch.empty_like(peak)
    for number, (low, high, n_extreme) in enumerate(bands):
        band = magnitude[..., low:high]
        if on_cpu(magnitude):  # where numpy's sort is many times faster than topk
            ordered = np.sort(band.numpy(), axis=-1)
            np.add.reduce(ordered[..., -n_extreme:], axis=-1, out=peak.numpy()[..., number])
            np.add.reduce(ordered[..., :n_extreme], axis=-1, out=valley.numpy()[..., number])
        else:
            peak[..., number] = band.topk(n_extreme, sorted=False).values.sum(-1)
            smallest = band.topk(n_extreme, largest=False, sorted=False).values
            valley[..., number] = smallest.sum(-1)
    counts = _extreme_counts(sample_rate, n_fft, peak.device)
    return peak / counts, valley / counts


@lru_cache(maxsize=16)
def _contrast_bands(sample_rate: int, n_fft: int) -> list[tuple[int, int, int]]:
    """First bin, bin after the last, and bins of a peak, for each band (librosa's rounding)."""
    frequencies = np.arange(1 + n_fft // 2) * (sample_rate / n_fft)
    bands = []
    for band, (low, high) in enumerate(pairwise(CONTRAST_EDGES)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        first, last = int(inside[0]) - (band > 0), int(inside[-1])
        is_highest = band == len(CONTRAST_EDGES) - 2
        if is_highest:
            last = len(frequencies) - 1
        n_extreme = max(1, int(np.rint(_CONTRAST_QUANTILE * (last + 1 - first))))
        # All bands but the highest leave their upper edge to the next.
        bands.append((first, last + is_highest, n_extreme))
    return bands


@made_once(16)
def _extreme_counts(sample_rate: int, n_fft: int, device: torch.device) -> torch.Tensor:
    counts = [n_extreme for _, _, n_extreme in _contrast_bands(sample_rate, n_fft)]
    return torch.tensor(counts, dtype=torch.float32).to(device)


def spectral_contrast(peak: torch.Tensor, valley: torch.Tensor) -> torch.Tensor:
    """Decibels between peak and valley of each octave band.

    Parameters
    ----------
    peak, valley : Tensor of shape (batch, n_frames, 7)
        Of `band_extremes`, all frames of a clip.

    Returns
    -------
    Tensor of shape (batch, n_frames, 7)
        Large for clear tones, small for noise. Equal to ``librosa.feature.spectral_contrast``:
        peaks and valleys are limited to 80 dB below their own maximum over the clip.

    References
    ----------
    Jiang, Lu, Zhang, Tao, Cai: Music type classification by spectral contrast feature (2002).
    """
    return power_to_db(peak, top_db=80.0) - power_to_db(valley, top_db=80.0)
