"""What the audio encoder of OpenJMLA hears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from genreclass.audio import ClipSource
from genreclass.features import FeatureCache
from genreclass.models._listener import Listener
from genreclass.networks import JMLAAudioEncoder, TunedJMLA, jmla_pictures, pool_tokens

__all__ = ["JMLAListener", "JMLATokens", "TunedJMLAListener"]

# Windows a GPU is given together: their tokens take some 60 MB each while a layer works.
_ON_CUDA = 64

# 2,992 frames of 160, and in seconds.
_WINDOW_SAMPLES, _WINDOW_S = 2992 * 160, 29.92


class JMLAListener(Listener):
    """Embeddings by a JMLAAudioEncoder, averaged over windows of 29.92 s.

    Parameters
    ----------
    network : JMLAAudioEncoder
    pooling : {"mean", "cls"}
    precision : {"float32", "bfloat16"}
        What is multiplied.
    **common
        As of a Listener.
    """

    _cuda_samples = _ON_CUDA * _WINDOW_SAMPLES

    def __init__(
        self,
        network: JMLAAudioEncoder,
        *,
        pooling: str,
        precision: str,
        **common: Any,
    ) -> None:
        super().__init__(network, **common)
        self.pooling = pooling
        self.precision = precision
        self.n_embedding = network.width

    def _inputs(self, samples: torch.Tensor) -> torch.Tensor:
        return jmla_pictures(samples)

    def _hear(self, network: Any, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        windows = torch.cat(list(inputs))
        at_once = 1 if windows.device.type == "cpu" else _ON_CUDA
        with self._autocast(windows):
            heard = torch.cat([self._embed(network, few) for few in windows.split(at_once)])
        return torch.stack([part.mean(0) for part in heard.split([len(part) for part in inputs])])

    def _embed(self, network: Any, windows: torch.Tensor) -> torch.Tensor:
        """An embedding of each window: (n_windows, n_embedding)."""
        return pool_tokens(network(windows), self.pooling)

    def _autocast(self, windows: torch.Tensor) -> torch.autocast:
        is_mixed = self.precision == "bfloat16"
        return torch.autocast(windows.device.type, dtype=torch.bfloat16, enabled=is_mixed)

    def _facts(self) -> Sequence[Any]:
        return [self.pooling]

    def _how(self) -> Sequence[Any]:
        return [self.precision]


class JMLATokens(JMLAListener):
    """The tokens behind the first layers, of one window in the middle of each clip.

    What is computed of a clip is a table of shape (936, width), to train the last layers on.
    """

    def __init__(self, network: JMLAAudioEncoder, *, n_layers: int, **common: Any) -> None:
        super().__init__(network, **common)
        self.n_layers = n_layers
        self.duration = min(_WINDOW_S, self.duration or _WINDOW_S)

    def _load(self, source: ClipSource) -> tuple[np.ndarray, float]:
        return self._read(source), 0.0

    def _rows_of(
        self, clips: Sequence[tuple[np.ndarray, float]], network: nn.Module, device: torch.device
    ) -> list[np.ndarray]:
        return list(self._numbers_of(clips, network, device))

    def _embed(self, network: Any, windows: torch.Tensor) -> torch.Tensor:
        return network.begin(windows, n_layers=self.n_layers).float()

    @property
    def _row_shape(self) -> tuple[int, ...]:
        return tuple(self.network.pos_embed.shape[1:])

    def _facts(self) -> Sequence[Any]:
        return [*super()._facts(), self.n_layers]


class TunedJMLAListener(JMLAListener):
    """Embeddings by an encoder whose last layers were trained further; never kept in a cache."""

    def __init__(self, network: JMLAAudioEncoder, *, tuned: TunedJMLA, **common: Any) -> None:
        super().__init__(network, **common)
        self.network = nn.ModuleList([network, tuned])

    def _embed(self, network: Any, windows: torch.Tensor) -> torch.Tensor:
        encoder, tuned = network
        n_frozen = len(encoder.layers) - len(tuned.layers)
        return tuned.embed(encoder.begin(windows, n_layers=n_frozen))

    def _find_cache(self, n_clips: int) -> FeatureCache | None:
        return None
