"""Constant-Q transform: a spectrum whose bins are notes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from genreclass.dsp._cache import made_once
from genreclass.dsp.convolve import convolve, make_blocks
from genreclass.dsp.device import on_cpu
from genreclass.dsp.stft import absolute, centred_frames
from genreclass.dsp.tuning import N_TUNINGS, TUNINGS

__all__ = ["constant_q", "lowest_rate"]

# Octaves of the transform, from C1 on, and notes of an octave.
_N_OCTAVES, _N_NOTES = 7, 12
_C1 = 440.0 * 2.0 ** (-45 / 12)

# Filters are as long as the notes of an octave can be told apart by.
_ALPHA = (2.0 ** (2 / _N_NOTES) - 1.0) / (2.0 ** (2 / _N_NOTES) + 1.0)
_Q = 1.0 / _ALPHA

# Equivalent noise bandwidth of a Hann window in bins, as librosa tabulates it.
_HANN_BANDWIDTH = 1.50018310546875

# Share of each filter's spectral weight that librosa leaves out to keep it sparse.
_SPARSITY = 0.01

# soxr's response is below 1e-9 beyond this many output samples to either side of an impulse.
_REACH = 420


def lowest_rate() -> int:
    """Lowest sample rate in hertz at which all notes, however tuned, can be heard."""
    return int(np.ceil(2.0 * max(_highest_frequency(index) for index in (0, N_TUNINGS - 1))))


def constant_q(
    samples: torch.Tensor, tuning: torch.Tensor, *, sample_rate: int, hop_length: int
) -> torch.Tensor:
    """Magnitude of 84 notes, seven octaves from C1 on, as they are tuned.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples), float32
        Mono samples.
    tuning : Tensor of shape (batch,), int64
        Of `estimate_tunings`, by magnitude.
    sample_rate : int
        In hertz; at least `lowest_rate`.
    hop_length : int
        Samples from one frame to the next; a multiple of 64.

    Returns
    -------
    Tensor of shape (batch, n_frames, 84)
        Equal to ``abs(librosa.cqt(y, tuning=...))``. Where the sample rate is so high that the
        samples are halved at once, there may be a frame more than a spectrogram has, as there.

    Notes
    -----
    Octave by octave the samples are halved and filtered with the same twelve filters. The
    halving is soxr's on a CPU; on CUDA it is done by soxr's impulse response. Clips go one by one
    on CUDA too at rates where their tunings decide how often samples are halved first (32,038 to
    33,923 Hz and octaves above), and are halved on the CPU where that is more than once.
    """
    halvings = {_early_halvings(sample_rate, index, hop_length) for index in (0, N_TUNINGS - 1)}
    if not on_cpu(samples) and len(halvings) == 1:
        return _transform(samples, tuning, None, sample_rate, hop_length)
    # One clip at a time: its tuning chooses its filters.
    transformed = [
        _transform(clip[None], index[None], int(index), sample_rate, hop_length)
        for clip, index in zip(samples, tuning, strict=True)
    ]
    n_frames = min(clip.shape[1] for clip in transformed)  # where tunings halve differently
    return torch.cat([clip[:, :n_frames] for clip in transformed])


def _transform(
    samples: torch.Tensor, tuning: torch.Tensor, index: int | None, sample_rate: int, hop: int
) -> torch.Tensor:
    """As `constant_q`; `index` is the tuning of the batch, None for one each."""
    early = _early_halvings(sample_rate, index or 0, hop)
    signal, hop = _decimate(samples, 2**early), hop // 2**early
    octaves: list[torch.Tensor] = []
    for octave in range(_N_OCTAVES):
        if octave:
            signal, hop = _decimate(signal, 2), hop // 2
        if index is None:
            filters = _all_filters(sample_rate, early, octave, samples.device)[tuning]
        else:
            filters = _filters(sample_rate, early, octave, index).to(samples)
        n_fft = filters.shape[-2]
        frames = centred_frames(signal, frame_length=n_fft, hop_length=hop)
        if hop < n_fft:  # BLAS takes no rows that overlap
            frames = frames.contiguous()
        parts = (frames @ filters).unflatten(-1, (_N_NOTES, 2))
        octaves.append(absolute(torch.view_as_complex(parts)))
    n_frames = min(octave.shape[1] for octave in octaves)
    return torch.cat([octave[:, :n_frames] for octave in reversed(octaves)], dim=-1)


def _decimate(samples: torch.Tensor, factor: int) -> torch.Tensor:
    """One in `factor` samples, as soxr gives them: (batch, ceil(n_samples / factor))."""
    if factor == 1:
        return samples
    length = -(-samples.shape[-1] // factor)
    if on_cpu(samples) or factor > 2:
        # At higher factors soxr works in stages that end with the clip: no one response is all.
        clips = [_resample(clip, factor, length) for clip in samples.cpu().numpy()]
        together = np.stack(clips) if len(clips) > 1 else clips[0][None]  # one without a copy
        return torch.from_numpy(together).to(samples.device)
    return convolve(samples, _halving_blocks(samples.device), stride=2)


def _resample(clip: np.ndarray, factor: int, length: int) -> np.ndarray:
    """One in `factor` samples; soxr may leave out the last, which is then 0 as in librosa."""
    import soxr

    resampled = soxr.resample(clip, factor, 1, quality="HQ")
    missing = length - len(resampled)
    return np.pad(resampled, (0, missing)) if missing else resampled


@made_once(4)
def _halving_blocks(device: torch.device) -> torch.Tensor:
    """The halving filter of soxr, read off its answers to two impulses."""
    import soxr

    reach = 2 * _REACH
    response = np.zeros(2 * reach + 1)
    for impulse_at in (2 * reach, 2 * reach + 1):
        impulse = np.zeros(4 * reach)
        impulse[impulse_at] = 1.0
        answer = soxr.resample(impulse, 2, 1, quality="HQ")
        taps = impulse_at - 2 * np.arange(len(answer))
        inside = np.abs(taps) <= reach
        response[taps[inside] + reach] = answer[inside]
    return make_blocks(response, n_outputs=1024, stride=2).to(device)


def _highest_frequency(index: int) -> float:
    """Upper end of the highest note's filter in hertz."""
    highest = _C1 * 2.0 ** ((_N_OCTAVES * _N_NOTES - 1 + TUNINGS[index]) / _N_NOTES)
    return float(highest * (1.0 + 0.5 * _HANN_BANDWIDTH / _Q))


def _early_halvings(sample_rate: int, index: int, hop_length: int) -> int:
    """How often librosa halves the samples before the highest octave."""
    by_rate = int(np.ceil(np.log2(sample_rate / 2 / _highest_frequency(index)))) - 2
    by_hop = (hop_length & -hop_length).bit_length() - _N_OCTAVES
    return max(0, min(by_rate, by_hop))


@made_once(_N_OCTAVES * N_TUNINGS)
def _filters(sample_rate: int, early: int, octave: int, index: int) -> torch.Tensor:
    """The filters of an octave, 0 the highest: (n_fft, 24), float32; real part, imaginary part.

    librosa applies its filters to spectra, where it leaves out their weakest bins; these are the
    same filters, so thinned, applied to samples. They also make up for the energy that goes
    whenever the samples are halved: `early` times before the highest octave, once an octave after.
    """
    rate = sample_rate / 2 ** (early + octave)
    notes = (_N_OCTAVES - 1 - octave) * _N_NOTES + np.arange(_N_NOTES)
    frequencies = _C1 * 2.0 ** ((notes + TUNINGS[index]) / _N_NOTES)
    lengths = _Q * rate / frequencies
    n_fft = int(2.0 ** np.ceil(np.log2(lengths.max())))
    response = np.empty((_N_NOTES, n_fft), dtype=np.complex128)
    for note, (length, frequency) in enumerate(zip(lengths, frequencies, strict=True)):
        spectrum = _thin(np.fft.fft(_wavelet(length, frequency / rate, n_fft)))
        response[note] = np.fft.fft(spectrum, n_fft) * np.sqrt(length) / n_fft
    response *= np.sqrt(2.0 ** (early + octave))
    parts = np.stack([response.real, response.imag], axis=1).reshape(-1, n_fft)
    return torch.from_numpy(parts.T.astype(np.float32))


def _wavelet(length: float, frequency: float, n_fft: int) -> np.ndarray:
    """A note under a Hann window, its values summing to 1; `frequency` is in cycles a sample."""
    places = np.arange(-length // 2, length // 2)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(len(places)) / len(places))
    wavelet = window * np.exp(2j * np.pi * frequency * places)
    wavelet /= np.abs(wavelet).sum()
    before = (n_fft - len(places)) // 2
    return np.pad(wavelet, (before, n_fft - len(places) - before))


def _thin(spectrum: np.ndarray) -> np.ndarray:
    """The bins up to Nyquist, without the weakest that make up 1 % of their sum."""
    spectrum = spectrum[: len(spectrum) // 2 + 1]
    ordered = np.sort(np.abs(spectrum))
    weakest = int(np.argmin(np.cumsum(ordered) / ordered.sum() < _SPARSITY))
    return np.where(np.abs(spectrum) >= ordered[weakest], spectrum, 0.0)


@made_once(4 * _N_OCTAVES)
def _all_filters(sample_rate: int, early: int, octave: int, device: torch.device) -> torch.Tensor:
    """The filters of an octave for every tuning: (100, n_fft, 24)."""
    filters = [_filters(sample_rate, early, octave, index) for index in range(N_TUNINGS)]
    longest = max(len(bank) for bank in filters)
    centred = [F.pad(bank, (0, 0, *[(longest - len(bank)) // 2] * 2)) for bank in filters]
    return torch.stack(centred).to(device)
