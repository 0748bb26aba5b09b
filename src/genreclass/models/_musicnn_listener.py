"""What MusiCNN hears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from genreclass.dsp import STATISTICS, summarize
from genreclass.models._listener import Listener
from genreclass.networks import PATCH_FRAMES, MusiCNN, musicnn_picture, patches_of

__all__ = ["MusiCNNListener"]

# Patches heard together: as many as overlap much, and few enough that what is made of them, some 5
# MB a patch, stays near a CPU.
_TOGETHER = 16


class MusiCNNListener(Listener):
    """Statistics, over the patches of a clip, of what MusiCNN makes of them.

    Parameters
    ----------
    network : MusiCNN
    features : str
        A field of `MusiCNNOutput`.
    statistics : sequence of str
        Of `genreclass.dsp.STATISTICS`.
    hop : int
        Frames from one patch to the next.
    **common
        As of a Listener.
    """

    def __init__(
        self,
        network: MusiCNN,
        *,
        features: str,
        statistics: Sequence[str],
        hop: int,
        **common: Any,
    ) -> None:
        super().__init__(network, **common)
        self.features = features
        self.statistics = tuple(statistics)
        self.hop = hop
        self.n_embedding = len(self.statistics) * network.widths[features]

    def _inputs(self, samples: torch.Tensor) -> torch.Tensor:
        return musicnn_picture(samples)

    def _hear(self, network: Any, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.stack([self._summarise(network, picture) for picture in inputs])

    def _summarise(self, network: Any, picture: torch.Tensor) -> torch.Tensor:
        """Statistics of a clip: (n_embedding,)."""
        n_patches = len(patches_of(picture, hop=self.hop))
        parts = []
        for first in range(0, n_patches, _TOGETHER):
            last = min(first + _TOGETHER, n_patches) - 1
            piece = picture[first * self.hop : last * self.hop + PATCH_FRAMES]
            parts.append(getattr(network.hear(piece, hop=self.hop), self.features))
        summary = summarize(torch.cat(parts).T[None])[0]  # (n_statistics, width)
        return summary[[STATISTICS.index(name) for name in self.statistics]].flatten()

    def _facts(self) -> Sequence[Any]:
        return [self.features, self.statistics, self.hop]
