"""The audio encoder of OpenJMLA: a vision transformer on mel spectrograms, and what it hears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from genreclass.dsp import mel_filter_bank, mel_spectrogram
from genreclass.networks._build import load_weights, without_memory

__all__ = [
    "EncoderLayer",
    "JMLAAudioEncoder",
    "jmla_pictures",
    "layer_norm",
    "pool_tokens",
]

# In hertz and samples; and the picture the encoder was trained on, 80 bands by 29.92 s.
_SAMPLE_RATE, _N_FFT, _HOP_LENGTH = 16000, 400, 160
_N_MELS, _N_FRAMES = 80, 2992

_PATCH = 16
_N_TOKENS = 1 + (_N_MELS // _PATCH) * (_N_FRAMES // _PATCH)

# What is added to power, so that silence has a logarithm; then a mean and a spread.
_FLOOR = 1.1920929e-07
_MEAN, _SPREAD = -4.5, 4.5


def jmla_pictures(samples: torch.Tensor) -> torch.Tensor:
    """What the encoder sees of a clip: windows of 29.92 s, one after the other from its start.

    Parameters
    ----------
    samples : Tensor of shape (n_samples,), float32
        Mono, at 16,000 Hz; not normalised.

    Returns
    -------
    Tensor of shape (n_windows, 80, 2992)
        Log mel spectrograms, low bands first, on the device of `samples`. What is left behind the
        last full window is dropped where it is less than half a window; otherwise, and where it
        is all there is, it is repeated to the length of one.

    Notes
    -----
    Mel power of 80 bands from 50 to 8,000 Hz (Slaney's), frames of 400 samples every 160, the clip
    in a mirror beyond its ends; natural logarithm; ``(x + 4.5) / 4.5``. A transcription of the
    front end that was released with the weights.
    """
    bank = mel_filter_bank(_SAMPLE_RATE, n_fft=_N_FFT, n_mels=_N_MELS, f_min=50.0, f_max=8000.0)
    power = mel_spectrogram(
        samples[None], bank=bank, n_fft=_N_FFT, hop_length=_HOP_LENGTH, pad_mode="reflect"
    )[0]
    picture = (torch.log(power + _FLOOR) - _MEAN) / _SPREAD
    n_frames = picture.shape[1]
    pieces = picture.split(_N_FRAMES, dim=1)
    if n_frames > _N_FRAMES and n_frames % _N_FRAMES < _N_FRAMES // 2:
        pieces = pieces[: n_frames // _N_FRAMES]
    return torch.stack([_repeat(piece) for piece in pieces])


def _repeat(picture: torch.Tensor) -> torch.Tensor:
    """Repeat a picture to the width of a window, its middle in the window's middle."""
    # (n_mels, n_frames) -> (n_mels, 2992)
    n_frames = picture.shape[1]
    if n_frames == _N_FRAMES:
        return picture
    n_times = _N_FRAMES // n_frames + 1
    n_times += n_times % 2 == 0
    first = (n_times * n_frames - _N_FRAMES + 1) // 2
    return picture.repeat(1, n_times)[:, first : first + _N_FRAMES]


class JMLAAudioEncoder(nn.Module):
    """ViT-B/16 on pictures of 80 x 2992, as the encoder of OpenJMLA was trained.

    Parameters
    ----------
    width : int, default=768
        Numbers a token.
    n_heads : int, default=12
        Of attention.
    n_layers : int, default=12
        Layers of attention and feed-forward.

    Attributes
    ----------
    width, n_heads : int
    config : dict
        The arguments that build the same network again.

    Notes
    -----
    Names and shapes of the weights are those of the released checkpoint: 150 tensors. Tokens
    stand in order of frequency, then time, while the table of positions was built in order of time,
    then frequency; it was trained so, and is used as it is, never interpolated.

    References
    ----------
    Du, Yu, Lin, Zhu, Kong: Joint Music and Language Attention Models for Zero-shot Music Tagging
    (2023), arXiv 2310.10159. Dosovitskiy et al.: An Image is Worth 16x16 Words (2021).
    """

    config: dict[str, Any]

    def __init__(self, *, width: int = 768, n_heads: int = 12, n_layers: int = 12) -> None:
        super().__init__()
        self.width, self.n_heads = width, n_heads
        self.config = {"width": width, "n_heads": n_heads, "n_layers": n_layers}
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, _N_TOKENS, width))
        projection = nn.Conv2d(3, width, kernel_size=_PATCH, stride=_PATCH)
        self.patch_embed = nn.ModuleDict({"projection": projection})
        self.layers = nn.ModuleList(EncoderLayer(width, n_heads) for _ in range(n_layers))
        self.ln1 = layer_norm(width)

    @classmethod
    def from_weights(
        cls, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
    ) -> JMLAAudioEncoder:
        """Build the network that has this `config` and these weights, in evaluation mode.

        Raises
        ------
        RuntimeError
            The weights are not those of such a network.
        """
        if config["n_layers"] > len(weights):  # before as many are made
            raise RuntimeError(f"{config['n_layers']} layers, of {len(weights)} weights")
        return load_weights(without_memory(lambda: cls(**config)), weights)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The tokens: the class token, then patches, low bands first, each in order of time."""
        # (batch, 80, 2992) -> (batch, 936, width)
        return self.ln1(self.begin(pictures, n_layers=len(self.layers)))

    def begin(self, pictures: torch.Tensor, *, n_layers: int) -> torch.Tensor:
        """The tokens behind the first `n_layers` layers."""
        # (batch, 80, 2992) -> (batch, 936, width)
        of_three_channels = pictures[:, None].expand(-1, 3, -1, -1)
        patches = self.patch_embed["projection"](of_three_channels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        tokens = tokens + self.pos_embed
        for layer in self.layers[:n_layers]:
            tokens = layer(tokens)
        return tokens


def pool_tokens(tokens: torch.Tensor, pooling: str) -> torch.Tensor:
    """An embedding of each window.

    Parameters
    ----------
    tokens : Tensor of shape (batch, n_tokens, width)
        Of the encoder.
    pooling : {"mean", "cls"}
        The mean of all patches, or the class token, which was trained without a target.

    Returns
    -------
    Tensor of shape (batch, width), float32
    """
    return tokens[:, 0].float() if pooling == "cls" else tokens[:, 1:].float().mean(dim=1)


class EncoderLayer(nn.Module):
    """Attention, then two linear layers, each on normalised tokens and added to them."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.ln1 = layer_norm(width)
        self.attn = _Attention(width, n_heads)
        self.ln2 = layer_norm(width)
        self.ffn = _FeedForward(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:  # (batch, n_tokens, width)
        tokens = tokens + self.attn(self.ln1(tokens))
        return tokens + self.ffn(self.ln2(tokens))


class _Attention(nn.Module):
    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:  # (batch, n_tokens, width)
        of_heads = self.qkv(tokens).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = of_heads  # (batch, n_heads, n_tokens, width / n_heads)
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.proj(attended.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU()), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:  # (batch, n_tokens, width)
        return self.layers(tokens)


def layer_norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=1e-6)
