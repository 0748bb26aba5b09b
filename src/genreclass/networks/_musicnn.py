"""MusiCNN: a small convolutional network that was taught to tag music, and what it hears."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from genreclass.dsp import mel_filter_bank, mel_spectrogram

__all__ = ["PATCH_FRAMES", "MusiCNN", "MusiCNNOutput", "musicnn_picture", "patches_of"]

# In hertz. Of the front end, in samples; and a patch of it, 3 s, in bands and frames.
_SAMPLE_RATE, _N_FFT, _HOP_LENGTH = 16000, 512, 256
_N_MELS, PATCH_FRAMES = 96, 187

# What a half-precision number holds at most.
_LARGEST = 65504.0


def musicnn_picture(samples: torch.Tensor) -> torch.Tensor:
    """What the network hears of a clip.

    Parameters
    ----------
    samples : Tensor of shape (n_samples,), float32
        Mono, at 16,000 Hz; not normalised.

    Returns
    -------
    Tensor of shape (n_frames, 96)
        Log mel spectrogram, a frame every 16 ms. A clip shorter than a patch, of 187 frames, is
        repeated to its length.

    Notes
    -----
    Mel power of 96 bands from 0 to 8,000 Hz (Slaney's), frames of 512 samples every 256, the clip
    in a mirror beyond its ends; rounded to half precision; ``log10(10000 x + 1)``. As in musicnn
    0.1.0, but that it fails on shorter clips; those are repeated as in its training.
    """
    bank = mel_filter_bank(_SAMPLE_RATE, n_fft=_N_FFT, n_mels=_N_MELS, f_min=0.0, f_max=8000.0)
    power = mel_spectrogram(
        samples[None], bank=bank, n_fft=_N_FFT, hop_length=_HOP_LENGTH, pad_mode="reflect"
    )[0]
    picture = torch.log10(10000.0 * power.clamp(max=_LARGEST).half().float() + 1.0).T
    n_frames = len(picture)
    if n_frames < PATCH_FRAMES:
        picture = picture.repeat(-(-PATCH_FRAMES // n_frames), 1)[:PATCH_FRAMES]
    return picture


def patches_of(picture: torch.Tensor, *, hop: int) -> torch.Tensor:
    """The patches of a clip, of three seconds each; what is left behind the last is dropped.

    Parameters
    ----------
    picture : Tensor of shape (n_frames, 96)
        Of `musicnn_picture`.
    hop : int
        Frames from one patch to the next; 187 is end to end.

    Returns
    -------
    Tensor of shape (n_patches, 187, 96)
        A view: patches that overlap share memory.
    """
    return picture.unfold(0, PATCH_FRAMES, hop).transpose(1, 2)


class MusiCNNOutput(NamedTuple):
    """What the network makes of patches.

    Attributes
    ----------
    taggram : Tensor of shape (batch, 50)
        Probability of each tag.
    penultimate : Tensor of shape (batch, 200)
    mean_pool, max_pool : Tensor of shape (batch, 753)
        Mean and maximum over time of all that the convolutions give.
    """

    taggram: torch.Tensor
    penultimate: torch.Tensor
    mean_pool: torch.Tensor
    max_pool: torch.Tensor


class MusiCNN(nn.Module):
    """Convolutions shaped as musicians speak of sound: timbre across bands, rhythm along time.

    For inference; its batch norms keep the statistics they were trained with.

    Attributes
    ----------
    widths : dict of str to int
        How many numbers each field of its output has.

    References
    ----------
    Pons, Serra: musicnn: pre-trained convolutional neural networks for music audio tagging (2019),
    arXiv 1909.06654.
    """

    widths: ClassVar[dict[str, int]] = {
        "taggram": 50,
        "penultimate": 200,
        "mean_pool": 753,
        "max_pool": 753,
    }

    def __init__(self) -> None:
        super().__init__()
        self.input_norm = _Norm(1)
        # Seven frames by 0.4 and 0.7 of the bands; then one band by 2, 1 and half a second.
        self.timbral = nn.ModuleList(_Convolution(204, 7, height) for height in (38, 67))
        self.temporal = nn.ModuleList(_Convolution(51, length, 1) for length in (128, 64, 32))
        n_front = 2 * 204 + 3 * 51
        self.mid = nn.ModuleList(_MidConvolution(n_in) for n_in in (n_front, 64, 64))
        self.pool_norm = _Norm(2 * (n_front + 3 * 64))
        self.penultimate = _Dense(2 * (n_front + 3 * 64), 200)
        self.output = nn.Linear(200, 50)

    def forward(self, patches: torch.Tensor) -> MusiCNNOutput:
        # (batch, 187, 96) -> ...
        pictures = self.input_norm(patches[:, None])
        parts = [part(pictures) for part in (*self.timbral, *self.temporal)]
        return self._conclude(torch.cat(parts, dim=1))

    def hear(self, picture: torch.Tensor, *, hop: int) -> MusiCNNOutput:
        """What `forward` gives of the patches of a clip, sooner where they overlap.

        Four fifths of the work is timbre, which sees no further than three frames: it is done
        once for all patches, and anew only for the six frames at the ends of each, beyond which a
        patch sees zeros.
        """
        # (n_frames, 96) -> (n_patches, ...)
        normed = self.input_norm(picture[None, None])
        pictures = patches_of(normed[0, 0], hop=hop)[:, None]
        parts = [_hear_timbre(part, normed, pictures, hop) for part in self.timbral]
        parts += [part(pictures) for part in self.temporal]
        return self._conclude(torch.cat(parts, dim=1))

    def _conclude(self, front: torch.Tensor) -> MusiCNNOutput:
        """All that comes behind the first convolutions."""  # (batch, 561, 187) -> ...
        first = self.mid[0](front)
        second = first + self.mid[1](first)
        third = second + self.mid[2](second)
        maps = torch.cat([front, first, second, third], dim=1)  # (batch, 753, 187)
        mean_pool, max_pool = maps.mean(dim=2), maps.amax(dim=2)
        pooled = torch.stack([max_pool, mean_pool], dim=2).flatten(1)
        penultimate = self.penultimate(self.pool_norm(pooled))
        taggram = self.output(penultimate).sigmoid()
        return MusiCNNOutput(taggram, penultimate, mean_pool, max_pool)


def _hear_timbre(
    part: nn.Module, picture: torch.Tensor, pictures: torch.Tensor, hop: int
) -> torch.Tensor:
    """A timbral convolution of overlapping patches."""
    # (1, 1, n_frames, 96), (n_patches, 1, 187, 96) -> (n_patches, n_out, 187)
    shared = part(picture)[0].unfold(1, PATCH_FRAMES, hop).transpose(0, 1)
    begin, end = part(pictures[:, :, :6]), part(pictures[:, :, -6:])
    return torch.cat([begin[..., :3], shared[..., 3:-3], end[..., 3:]], dim=2)


class _Norm(nn.Module):
    """Batch norm over channels, the second axis, with the statistics of training."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_var", torch.ones(n_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (batch, n_channels, ...) -> the same
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=1e-3
        )


class _Convolution(nn.Module):
    """A convolution over time and bands, of which the best band is kept."""

    def __init__(self, n_out: int, length: int, height: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, n_out, (length, height))
        self.norm = _Norm(n_out)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        # (batch, 1, n_frames, n_bands) -> (batch, n_out, n_frames)
        length = self.conv.kernel_size[0]
        padded = F.pad(picture, (0, 0, (length - 1) // 2, length // 2))
        # The best band is known before bias, ReLU and norm, none of which turns back: the largest,
        # or the smallest where the norm's weight is negative.
        sign = torch.where(self.norm.weight > 0, 1.0, -1.0)
        turned = F.conv2d(padded, self.conv.weight * sign[:, None, None, None])
        best = turned.amax(dim=3) * sign[:, None] + self.conv.get_parameter("bias")[:, None]
        return self.norm(best.relu())


class _MidConvolution(nn.Module):
    """A convolution over seven frames."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, 64, 7, padding=3)
        self.norm = _Norm(64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (batch, n_in, n_frames) -> (batch, 64, .)
        return self.norm(self.conv(x).relu())


class _Dense(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.norm = _Norm(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (batch, n_in) -> (batch, n_out)
        return self.norm(self.linear(x).relu())
