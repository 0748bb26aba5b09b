"""Dropout whose masks come from a generator of its own."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Dropout"]


class Dropout(nn.Module):
    """`torch.nn.Dropout` that draws from `generator` instead of torch's global one.

    A training run can so be repeated, and resumed in its middle, whatever else draws random
    numbers in the process.

    Parameters
    ----------
    p : float
        Probability of an element to be zeroed in training.

    Attributes
    ----------
    generator : torch.Generator or None
        Set by the training loop for the time of training, on the device of the input. None
        draws from torch's global generator.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # any shape -> the same
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"
