"""Rows to learn from, one a clip, wherever they are held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["HeldExamples", "HeldRows", "RowExamples", "RowValidation", "score_probabilities"]

# Probabilities below this count as this in a logarithm.
_TINY = 1e-12


class HeldRows(Protocol):
    """What was computed of clips, on a device, in memory or on disk: a tensor, or like one."""

    @property
    def shape(self) -> Sequence[int]:
        """(n_clips, ...)."""

    def __len__(self) -> int: ...

    def __getitem__(self, clip: int, /) -> torch.Tensor: ...


class HeldExamples:
    """Training examples, and where they lie.

    Parameters
    ----------
    rows : HeldRows of shape (n_clips, ...), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    device : torch.device
        Where training runs.
    """

    def __init__(self, rows: HeldRows, targets: np.ndarray, *, device: torch.device) -> None:
        self._rows = rows
        self._device = device
        self._targets = torch.from_numpy(targets).to(self.home)

    def __len__(self) -> int:
        return len(self._targets)

    @property
    def are_far(self) -> bool:
        """Whether they have to be fetched from disk, or brought to another device."""
        rows = self._rows
        return not isinstance(rows, torch.Tensor) or rows.device.type != self._device.type

    @property
    def home(self) -> torch.device:
        """Where they lie, and where `batch` wants its indices and places."""
        return torch.device("cpu") if self.are_far else self._device


class RowExamples(HeldExamples):
    """Training examples that are taken whole: embeddings, say."""

    def batch(
        self, indices: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows and targets, on the device.

        Parameters
        ----------
        indices : Tensor of shape (batch,), int64
            Which examples; at home.
        places : ignored

        Returns
        -------
        rows : Tensor of shape (batch, ...), float32
        targets : Tensor of shape (batch,), int64
        """
        if isinstance(self._rows, torch.Tensor):
            rows = self._rows[indices]
        else:
            rows = torch.stack([self._rows[index] for index in indices.tolist()])
        return rows.to(self._device), self._targets[indices].to(self._device)


class RowValidation:
    """Loss and accuracy on validation clips, each a row.

    Parameters
    ----------
    rows : HeldRows of shape (n_clips, ...), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    batch_size : int
        Rows that go through the network together.
    device : torch.device
        Where the network is.
    """

    def __init__(
        self, rows: HeldRows, targets: np.ndarray, *, batch_size: int, device: torch.device
    ) -> None:
        self._examples = RowExamples(rows, targets, device=device)
        self._targets = torch.from_numpy(targets)
        places = torch.arange(len(targets), device=self._examples.home)
        self._batches = places.split(batch_size)

    @torch.inference_mode()
    def __call__(self, network: nn.Module, meanwhile: Callable[[], None]) -> tuple[float, float]:
        """Mean negative log-likelihood and share of correct answers.

        `meanwhile` is called after every batch.
        """
        parts = []
        for indices in self._batches:
            rows, _ = self._examples.batch(indices, indices)
            parts.append(network(rows).double().softmax(dim=1))
            meanwhile()
        return score_probabilities(torch.cat(parts), self._targets)


def score_probabilities(probabilities: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Mean negative log-likelihood and share of correct answers.

    Parameters
    ----------
    probabilities : Tensor of shape (n_clips, n_classes), float64
    targets : Tensor of shape (n_clips,)
        Class indices, on the CPU.
    """
    probabilities = probabilities.cpu()
    loss = F.nll_loss(probabilities.clamp(min=_TINY).log(), targets)
    accuracy = (probabilities.argmax(dim=1) == targets).double().mean()
    return float(loss), float(accuracy)
