"""How far a recording is tuned from A = 440 Hz."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from genreclass.dsp._cache import made_once
from genreclass.dsp.device import on_cpu

__all__ = ["N_TUNINGS", "TUNINGS", "estimate_tunings", "tuning_bins"]

_EDGES = np.linspace(-0.5, 0.5, 101)
#: The tunings told apart, in semitones: a hundredth each, from -0.5 on.
TUNINGS = _EDGES[:-1]
N_TUNINGS = len(TUNINGS)
_IN_TUNE = int(np.argmin(np.abs(TUNINGS)))

# Where librosa.piptrack looks for pitches, and how far below a frame's maximum.
_F_MIN, _F_MAX, _THRESHOLD = 150.0, 4000.0, 0.1

# A0 as the octaves are counted from it.
_A0 = 27.5


@lru_cache(maxsize=16)
def tuning_bins(sample_rate: int, *, n_fft: int) -> slice:
    """The bins `estimate_tunings` needs: those of possible pitches, and one more at either end."""
    frequencies = np.arange(1 + n_fft // 2) * (sample_rate / n_fft)
    inside = (frequencies >= _F_MIN) & (frequencies < min(_F_MAX, sample_rate / 2))
    pitches = np.flatnonzero(inside)
    return slice(int(pitches[0]) - 1, int(pitches[-1]) + 2)


def estimate_tunings(
    magnitude: torch.Tensor, loudest: torch.Tensor, *, sample_rate: int, n_fft: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Estimate a clip's tuning, once from its magnitude and once from its power spectrum.

    Parameters
    ----------
    magnitude : Tensor of shape (batch, n_frames, n_bins)
        Magnitude at the bins of `tuning_bins`, all frames of each clip.
    loudest : Tensor of shape (batch, n_frames)
        The maximum of each frame over all bins.
    sample_rate : int
        In hertz.
    n_fft : int
        Transform length in samples.

    Returns
    -------
    by_magnitude, by_power : Tensor of shape (batch,), int64
        Places in `TUNINGS`; a clip without pitches is in tune. Equal to
        ``librosa.estimate_tuning(S=..., bins_per_octave=12)`` of magnitude, as a constant-Q
        transform is tuned by, and of power, as chroma_stft is.
    """
    first = tuning_bins(sample_rate, n_fft=n_fft).start
    estimate = _estimate_compacted if on_cpu(magnitude) else _estimate_masked
    return estimate(magnitude, loudest, first, sample_rate / n_fft)


def _estimate_compacted(
    magnitude: torch.Tensor, loudest: torch.Tensor, first: int, hz_per_bin: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """On a CPU: the peaks, a few in a hundred bins, are picked out and only they computed with."""
    tunings = np.empty((2, len(magnitude)), dtype=np.int64)
    for clip, (spectrum, peak) in enumerate(zip(magnitude.numpy(), loudest.numpy(), strict=True)):
        left, middle, right = spectrum[:, :-2], spectrum[:, 1:-1], spectrum[:, 2:]
        found = (middle > _THRESHOLD * peak[:, None]) & (middle > left) & (middle >= right)
        places = np.flatnonzero(found)
        frames, bins = np.divmod(places, found.shape[1])
        places = frames * spectrum.shape[1] + bins
        neighbours = [spectrum.ravel()[places + shift] for shift in range(3)]
        tunings[0, clip] = _estimate_from_peaks(neighbours, bins + (first + 1), hz_per_bin)
        left, middle, right = (values * values for values in neighbours)
        strong = middle > _THRESHOLD * (peak * peak)[frames]
        strong &= (middle > left) & (middle >= right)
        kept = np.flatnonzero(strong)
        neighbours = [values[kept] for values in (left, middle, right)]
        tunings[1, clip] = _estimate_from_peaks(neighbours, bins[kept] + (first + 1), hz_per_bin)
    by_magnitude, by_power = torch.from_numpy(tunings)
    return by_magnitude, by_power


def _estimate_from_peaks(neighbours: list[np.ndarray], bins: np.ndarray, hz_per_bin: float) -> int:
    """Place in `TUNINGS` of one clip's peaks: values left of, at and right of each; their bins."""
    if not len(bins):
        return _IN_TUNE
    shift, height = _interpolate(*(torch.from_numpy(values) for values in neighbours))
    strong = np.flatnonzero(height.numpy() >= np.median(height.numpy()))
    pitch = ((bins[strong] + shift.numpy()[strong]) * hz_per_bin).astype(np.float32)
    counts, _ = np.histogram(_residual(torch.from_numpy(pitch)).numpy(), _EDGES)
    return int(np.argmax(counts))


def _estimate_masked(
    magnitude: torch.Tensor, loudest: torch.Tensor, first: int, hz_per_bin: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """On CUDA: every bin is computed with and most are masked, so that nothing is waited for."""
    by_magnitude, by_power = (
        _estimate_from_spectrum(spectrum, peak, first, hz_per_bin)
        for spectrum, peak in ((magnitude, loudest), (magnitude.square(), loudest.square()))
    )
    return by_magnitude, by_power


def _estimate_from_spectrum(
    spectrum: torch.Tensor, peak: torch.Tensor, first: int, hz_per_bin: float
) -> torch.Tensor:
    left, middle, right = spectrum[..., :-2], spectrum[..., 1:-1], spectrum[..., 2:]
    found = (middle > _THRESHOLD * peak[..., None]) & (middle > left) & (middle >= right)
    shift, height = _interpolate(left, middle, right)
    bins = torch.arange(first + 1, first + 1 + middle.shape[-1], device=spectrum.device)
    pitch = ((bins + shift.double()) * hz_per_bin).float().flatten(1)
    found, height = found.flatten(1), height.flatten(1)
    ordered = height.masked_fill(~found, torch.inf).sort(dim=1).values
    n_found = found.sum(dim=1, keepdim=True)
    middles = torch.cat([(n_found - 1).clamp(min=0) // 2, n_found // 2], dim=1)
    median = ordered.gather(1, middles).mean(dim=1, keepdim=True)
    strong = found & (height >= median)
    places = torch.bucketize(_residual(pitch).double(), _edges(pitch.device), right=True) - 1
    counts = torch.zeros(len(spectrum), N_TUNINGS, dtype=torch.int64, device=spectrum.device)
    counts.scatter_add_(1, places.clamp(0, N_TUNINGS - 1), strong.long())
    # torch's argmax may take any of equal counts, numpy's and ours takes the first.
    order = torch.arange(N_TUNINGS, 0, -1, device=spectrum.device)
    best = (counts * N_TUNINGS + order).argmax(dim=1)
    return torch.where(n_found[:, 0] > 0, best, _IN_TUNE)


@made_once(4)
def _edges(device: torch.device) -> torch.Tensor:
    return torch.from_numpy(_EDGES).to(device)


def _interpolate(
    left: torch.Tensor, middle: torch.Tensor, right: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Place, in bins from the middle, and height of the parabola's top through three bins."""
    curvature = right + left - 2.0 * middle
    slope = (right - left) / 2.0
    flat = slope.abs() >= curvature.abs()
    shift = torch.where(flat, 0.0, -slope / torch.where(flat, 1.0, curvature))
    return shift, middle + 0.5 * slope * shift


def _residual(pitch: torch.Tensor) -> torch.Tensor:
    """Semitones from the nearest note, -0.5 to 0.5, of pitches in hertz."""
    semitones = 12.0 * torch.log2(pitch / _A0)
    return semitones - torch.floor(semitones + 0.5)
