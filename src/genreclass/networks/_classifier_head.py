"""What makes genres of embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from genreclass.networks._build import load_weights, without_memory
from genreclass.networks._dropout import Dropout

__all__ = ["ClassifierHead"]


class ClassifierHead(nn.Module):
    """Linear layers, each but the last with ReLU and dropout, on standardised embeddings.

    Parameters
    ----------
    n_embedding : int
        Length of an embedding.
    n_classes : int
        Number of genres.
    hidden : sequence of int
        Width of each hidden layer; none makes a linear classifier.
    dropout : float
        Probability of dropping an element of a hidden layer in training.
    generator : torch.Generator or None
        Source of the initial weights; None takes no memory for them yet (see `from_weights`).

    Attributes
    ----------
    config : dict
        The arguments that build the same network again.
    """

    config: dict[str, Any]
    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self,
        n_embedding: int,
        n_classes: int,
        *,
        hidden: Sequence[int],
        dropout: float,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.config = {
            "n_embedding": n_embedding,
            "n_classes": n_classes,
            "hidden": tuple(hidden),
            "dropout": dropout,
        }
        widths = (n_embedding, *hidden, n_classes)
        self.layers = without_memory(
            lambda: nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths))
        )
        self.dropout = Dropout(dropout)
        self.register_buffer("mean", torch.zeros(n_embedding))
        self.register_buffer("scale", torch.ones(n_embedding))
        if generator is not None:
            self._initialise(generator)

    @classmethod
    def from_weights(
        cls, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
    ) -> ClassifierHead:
        """Build the network that has this `config` and these weights, in evaluation mode.

        Raises
        ------
        RuntimeError
            The weights are not those of such a network.
        """
        if len(config["hidden"]) > len(weights):  # before as many are made
            raise RuntimeError(f"{len(config['hidden'])} layers, of {len(weights)} weights")
        return load_weights(without_memory(lambda: cls(**config, generator=None)), weights)

    def set_input_statistics(self, embeddings: torch.Tensor) -> None:
        """Standardise by the mean and the spread of these from now on: (n_clips, n_embedding)."""
        # (n_embedding,) each; a number that never changes keeps its scale
        spread, mean = torch.std_mean(embeddings.double(), dim=0, correction=0)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        # (batch, n_embedding) -> (batch, n_classes)
        x = (embeddings - self.mean) / self.scale
        *hidden, output = self.layers
        for layer in hidden:
            x = self.dropout(layer(x).relu())
        return output(x)

    def _initialise(self, generator: torch.Generator) -> None:
        self.layers.to_empty(device="cpu")
        for layer in self.layers.modules():
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.zeros_(layer.bias)
