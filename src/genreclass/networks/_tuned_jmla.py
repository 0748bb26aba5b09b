"""The last layers of the audio encoder of OpenJMLA under a head, to be trained together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from genreclass.networks._build import load_weights, without_memory
from genreclass.networks._classifier_head import ClassifierHead
from genreclass.networks._jmla_audio_encoder import (
    EncoderLayer,
    JMLAAudioEncoder,
    layer_norm,
    pool_tokens,
)

__all__ = ["TunedJMLA"]


class TunedJMLA(nn.Module):
    """From the tokens behind an encoder's frozen layers to genres.

    Parameters
    ----------
    width, n_heads : int
        Of the encoder.
    n_layers : int
        How many of its last layers these are.
    pooling : {"mean", "cls"}
        As of `pool_tokens`.
    head : mapping
        The ``config`` of a ClassifierHead.
    generator : torch.Generator or None
        Source of the head's initial weights; None takes no memory for any yet.

    Attributes
    ----------
    config : dict
        The arguments that build the same network again.
    """

    config: dict[str, Any]
    head: ClassifierHead

    def __init__(
        self,
        *,
        width: int,
        n_heads: int,
        n_layers: int,
        pooling: str,
        head: Mapping[str, Any],
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.config = {
            "width": width,
            "n_heads": n_heads,
            "n_layers": n_layers,
            "pooling": pooling,
            "head": dict(head),
        }
        self.pooling = pooling
        self.layers = without_memory(
            lambda: nn.ModuleList(EncoderLayer(width, n_heads) for _ in range(n_layers))
        )
        self.ln1 = without_memory(lambda: layer_norm(width))
        self.head = ClassifierHead(**head, generator=generator)

    @classmethod
    def from_weights(
        cls, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
    ) -> TunedJMLA:
        """Build the network that has this `config` and these weights, in evaluation mode.

        Raises
        ------
        RuntimeError
            The weights are not those of such a network.
        """
        n_layers = config["n_layers"] + len(config["head"]["hidden"])
        if n_layers > len(weights):  # before as many are made
            raise RuntimeError(f"{n_layers} layers, of {len(weights)} weights")
        return load_weights(without_memory(lambda: cls(**config, generator=None)), weights)

    def take_over(self, encoder: JMLAAudioEncoder) -> None:
        """Begin where the last layers of an encoder are: with copies of their weights."""
        n_frozen = len(encoder.layers) - len(self.layers)
        for layer, theirs in zip(self.layers, encoder.layers[n_frozen:], strict=True):
            load_weights(layer, _copies(theirs))
        load_weights(self.ln1, _copies(encoder.ln1))

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the head sees."""  # (batch, n_tokens, width) -> (batch, width)
        for layer in self.layers:
            tokens = layer(tokens)
        return pool_tokens(self.ln1(tokens), self.pooling)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        # (batch, n_tokens, width) -> (batch, n_classes)
        return self.head(self.embed(tokens))


def _copies(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.detach().cpu().clone() for name, weight in module.state_dict().items()}
