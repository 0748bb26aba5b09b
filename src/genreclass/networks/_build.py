"""Networks from weights that are there already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import nn

__all__ = ["load_weights", "without_memory"]

_Network = TypeVar("_Network", bound=nn.Module)


def without_memory(build: Callable[[], _Network]) -> _Network:
    """Build a network that has no memory yet.

    torch's own initialisation would take time, and draw from (and advance) the global generator.
    """
    with torch.device("meta"):
        return build()


def load_weights(network: _Network, weights: Mapping[str, torch.Tensor]) -> _Network:
    """Give a network these weights, as they lie in memory, and put it in evaluation mode.

    Raises
    ------
    RuntimeError
        They are not those of such a network.
    """
    for name, expected in network.state_dict().items():
        if name in weights and weights[name].dtype != expected.dtype:
            raise RuntimeError(
                f"weight {name!r} is {weights[name].dtype}, expected {expected.dtype}"
            )
    network.load_state_dict(weights, assign=True)
    return network.eval()
