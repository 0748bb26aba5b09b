"""Short-time Fourier transform of batches of clips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch

from genreclass.dsp._cache import made_once
from genreclass.dsp.device import on_cpu

__all__ = [
    "PadMode",
    "absolute",
    "centred_frames",
    "count_frames",
    "magnitude_blocks",
    "power_blocks",
]

#: What stands beyond the ends of a clip: zeros, or the clip in a mirror (numpy's names).
PadMode = Literal["constant", "reflect"]

# Frames transformed at a time: 128 frames of 2048 samples stay in a core's cache, which is twice
# as fast as transforming a 30-s clip at once.
_BLOCK = 128

# Frames whose magnitudes are yielded together, and frames transformed at a time. In float64 a few
# fill the cache; what is computed from them is better done for more. A GPU takes some minutes.
_CPU_FRAMES, _CUDA_FRAMES = (512, 32), (2**15, 2**15)


def count_frames(n_samples: int, *, hop_length: int) -> int:
    """Number of frames of a centred STFT over `n_samples` samples (librosa's ``center=True``)."""
    return 1 + n_samples // hop_length


def centred_frames(
    samples: torch.Tensor, *, frame_length: int, hop_length: int, pad_mode: PadMode = "constant"
) -> torch.Tensor:
    """Frames whose middles are multiples of `hop_length`.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples)
        Mono samples.
    frame_length : int
        In samples; even.
    hop_length : int
        Samples from one frame to the next.
    pad_mode : {"constant", "reflect"}
        Beyond the ends are zeros, or the clip in a mirror.

    Returns
    -------
    Tensor of shape (batch, count_frames(n_samples), frame_length)
        A view: frames that overlap share memory.
    """
    pad = _pad if pad_mode == "constant" else _reflect
    return pad(samples, frame_length // 2).unfold(-1, frame_length, hop_length)


def _pad(samples: torch.Tensor, half: int) -> torch.Tensor:
    """The samples with `half` zeros before and after them."""
    # Zeros need no minimum length, and keep a clip's frames as they are when it stands in a batch
    # with longer ones. (torch's own padding of a constant is several times slower on a CPU.)
    padded = samples.new_zeros(len(samples), samples.shape[-1] + 2 * half)
    padded[:, half : half + samples.shape[-1]] = samples
    return padded


def _reflect(samples: torch.Tensor, half: int) -> torch.Tensor:
    """The samples with `half` of their own before and after them, as in a mirror.

    As numpy's padding, and unlike torch's, that of clips shorter than `half` goes to and fro.
    """
    n_samples = samples.shape[-1]
    period = max(1, 2 * (n_samples - 1))
    before = torch.arange(-half, 0, device=samples.device).remainder(period)
    after = torch.arange(n_samples, n_samples + half, device=samples.device).remainder(period)
    mirrored = [samples[:, torch.minimum(at, period - at)] for at in (before, after)]
    return torch.cat([mirrored[0], samples, mirrored[1]], dim=1)


def power_blocks(
    samples: torch.Tensor, *, n_fft: int, hop_length: int, pad_mode: PadMode = "constant"
) -> Iterator[torch.Tensor]:
    """Power spectrum, a block of frames at a time, so that the whole never lies in memory.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples)
        Mono samples; the result is on their device and of their precision.
    n_fft : int
        Window and transform length in samples; even.
    hop_length : int
        Samples from one frame to the next.
    pad_mode : {"constant", "reflect"}
        Beyond the ends are zeros, or the clip in a mirror.

    Yields
    ------
    Tensor of shape (batch, n_frames_of_block, 1 + n_fft // 2)
        Squared magnitude. The blocks together have ``count_frames(n_samples)`` frames.

    Notes
    -----
    Equal to ``abs(librosa.stft(y, window="hann", center=True, pad_mode=pad_mode)) ** 2``: a
    periodic Hann window, frames centred on multiples of `hop_length`.
    """
    window = _hann_window(n_fft, samples.device).to(samples.dtype)
    frames = centred_frames(samples, frame_length=n_fft, hop_length=hop_length, pad_mode=pad_mode)
    for some in frames.split(_BLOCK, dim=1):
        spectrum = torch.view_as_real(torch.fft.rfft(some * window))
        yield spectrum[..., 0].square() + spectrum[..., 1].square()


def magnitude_blocks(
    samples: torch.Tensor, *, n_fft: int, hop_length: int
) -> Iterator[torch.Tensor]:
    """Magnitude spectrum, transformed in float64, a block of frames at a time.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples)
        Mono samples.
    n_fft : int
        Window and transform length in samples; even.
    hop_length : int
        Samples from one frame to the next.

    Yields
    ------
    Tensor of shape (batch, n_frames_of_block, 1 + n_fft // 2), float32
        Magnitude. The blocks together have ``count_frames(n_samples)`` frames.

    Notes
    -----
    Equal to ``abs(librosa.stft(y, window="hann", center=True, pad_mode="constant"))``, whose
    transform is of float64 too. In float32 the rounding of the strong bins would cover what is
    weak by 140 dB, and a spectral contrast is made of the weakest.
    """
    padded = _pad(samples, n_fft // 2)
    window = _hann_window(n_fft, samples.device)
    n_frames = count_frames(samples.shape[-1], hop_length=hop_length)
    n_together, n_at_once = _CPU_FRAMES if on_cpu(samples) else _CUDA_FRAMES
    for first in range(0, n_frames, n_together):
        last = min(first + n_together, n_frames)
        # Samples are made float64 once, not with every frame that holds them.
        exact = padded[:, first * hop_length : (last - 1) * hop_length + n_fft].double()
        frames = exact.unfold(-1, n_fft, hop_length)
        magnitude = samples.new_empty(len(samples), last - first, 1 + n_fft // 2)
        for few, out in zip(
            frames.split(n_at_once, dim=1), magnitude.split(n_at_once, dim=1), strict=True
        ):
            absolute(torch.fft.rfft(few * window).to(torch.complex64), out=out)
        yield magnitude


def absolute(values: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Absolute values of complex numbers, which numpy takes several times faster than torch."""
    if not on_cpu(values):
        return torch.abs(values, out=out)
    magnitude = np.abs(values.numpy(), out=None if out is None else out.numpy())
    return torch.from_numpy(magnitude) if out is None else out


@made_once(4)
def _hann_window(n_fft: int, device: torch.device) -> torch.Tensor:
    return torch.hann_window(n_fft, periodic=True, dtype=torch.float64).to(device)
