"""The one training loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from genreclass.exceptions import TrainingDivergedError
from genreclass.training._state import TrainingState

__all__ = ["Examples", "train"]

# Gradients longer than this are shortened to it (Pascanu et al. 2013).
_MAX_GRADIENT_NORM = 5.0


class Examples(Protocol):
    """Where the loop takes its batches from."""

    def __len__(self) -> int: ...

    def batch(
        self, indices: torch.Tensor, generator: torch.Generator, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]: ...


def train(
    state: TrainingState,
    examples: Examples,
    *,
    class_weights: torch.Tensor | None = None,
    validate: Callable[[Any], tuple[float, float]] | None = None,
    after_batch: Callable[[TrainingState], None] | None = None,
) -> None:
    """Train from where `state` stands to the end of its plan.

    Parameters
    ----------
    state : TrainingState
        Changed in place; its network ends in evaluation mode, with its best weights where the
        plan asks for early stopping.
    examples : Examples
        Gives batches of inputs and class indices.
    class_weights : Tensor of shape (n_classes,) or None
        Weight of each class in the loss.
    validate : callable or None
        Takes the network in evaluation mode, gives loss and accuracy on validation data. Without
        it the training loss is what schedule and early stopping watch.
    after_batch : callable or None
        Called with the state after every batch and at the end of every epoch; the state is
        whole at that moment, so that an exception raised here interrupts a run that can go on.

    Raises
    ------
    TrainingDivergedError
        The loss became infinite or NaN.
    """
    if class_weights is not None:
        class_weights = class_weights.to(state.device)
    while not state.finished:
        state.network.train()
        batches = torch.tensor_split(state.order, state.n_batches)
        while state.batch < state.n_batches:
            inputs, targets = examples.batch(batches[state.batch], state.generator, state.device)
            _step(state, inputs, targets, class_weights)
            state.batch += 1
            if after_batch is not None:
                after_batch(state)
        _end_epoch(state, validate)
        if after_batch is not None:
            after_batch(state)
    if state.early_stopping is not None:
        state.early_stopping.restore_best(state.network)
    state.network.eval()


def _step(
    state: TrainingState,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    class_weights: torch.Tensor | None,
) -> None:
    scores = state.network(inputs)
    loss = F.cross_entropy(scores, targets, weight=class_weights)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), _MAX_GRADIENT_NORM)
    state.optimizer.step()
    if isinstance(state.schedule, OneCycleLR):
        state.schedule.step()
    n_correct = (scores.detach().argmax(dim=1) == targets).sum()
    state.sums += torch.stack([loss.detach() * len(targets), n_correct.to(loss.dtype)])


def _end_epoch(state: TrainingState, validate: Callable[[Any], tuple[float, float]] | None) -> None:
    loss, accuracy = (state.sums / len(state.order)).tolist()
    entry = {
        "epoch": state.epoch + 1,
        "learning_rate": state.learning_rate,
        "loss": loss,
        "accuracy": accuracy,
    }
    if validate is not None:
        state.network.eval()
        entry["val_loss"], entry["val_accuracy"] = validate(state.network)
    watched = entry.get("val_loss", loss)
    if not torch.isfinite(torch.tensor(watched)):
        raise TrainingDivergedError(
            f"The loss became {watched} in epoch {entry['epoch']}. Lower learning_rate "
            f"(now {state.plan.learning_rate:g})."
        )
    if isinstance(state.schedule, ReduceLROnPlateau):
        state.schedule.step(watched)
    if state.early_stopping is not None:
        state.early_stopping.update(watched, entry["epoch"], state.network)
    state.history.append(entry)
    state.epoch += 1
    state.batch = 0
    state.order = torch.randperm(len(state.order), generator=state.generator)
    state.sums.zero_()
