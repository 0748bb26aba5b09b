"""When to stop, and which weights were the best."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Keeps the weights of the best epoch and counts the epochs since.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which training ends.

    Attributes
    ----------
    best_loss : float
        Lowest loss seen.
    best_epoch : int
        Its epoch, counted from 1; 0 before the first.
    waited : int
        Epochs since.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = float("inf")
        self.best_epoch = 0
        self.waited = 0
        self._best_weights: dict[str, torch.Tensor] = {}

    @property
    def should_stop(self) -> bool:
        return self.waited >= self.patience

    def update(self, loss: float, epoch: int, network: nn.Module) -> None:
        """Take note of the loss at the end of an epoch."""
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self.waited = loss, epoch, 0
            self._best_weights = {k: v.detach().clone() for k, v in network.state_dict().items()}
        else:
            self.waited += 1

    def restore_best(self, network: nn.Module) -> None:
        """Give the network the weights of its best epoch."""
        if self._best_weights:
            network.load_state_dict(self._best_weights)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on from here."""
        return {
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "best_weights": dict(self._best_weights),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.best_loss = state["best_loss"]
        self.best_epoch = state["best_epoch"]
        self.waited = state["waited"]
        self._best_weights = dict(state["best_weights"])
