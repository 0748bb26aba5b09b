"""The one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from genreclass.exceptions import TrainingDivergedError
from genreclass.networks import Dropout
from genreclass.training._state import TrainingState

__all__ = ["Examples", "train"]

# Gradients longer than this are shortened to it (Pascanu et al. 2013).
_MAX_GRADIENT_NORM = 5.0


class Examples(Protocol):
    """Where the loop takes its batches from."""

    def __len__(self) -> int: ...

    def batch(
        self, indices: torch.Tensor, generator: torch.Generator
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
        Factor on the loss of each example of a class; the mean over the training examples should
        be 1, so that they do not change the learning rate.
    validate : callable or None
        Takes the network in evaluation mode, gives loss and accuracy on validation data. Without
        it the training loss is what schedule and early stopping watch.
    after_batch : callable or None
        Called with the state after every batch and at the end of every epoch; the state is
        whole at that moment, so that an exception raised here interrupts a run that can go on.

    Raises
    ------
    TrainingDivergedError
        The loss, or what the trained network puts out, is infinite or NaN.
    """
    if class_weights is not None:
        class_weights = class_weights.to(state.device)
    dropouts = [module for module in state.network.modules() if isinstance(module, Dropout)]
    try:
        for dropout in dropouts:
            dropout.generator = state.device_generator
        while not state.finished:
            _run_epoch(state, examples, class_weights, after_batch)
            _end_epoch(state, validate)
            if after_batch is not None:
                after_batch(state)
    finally:
        for dropout in dropouts:
            dropout.generator = None
    if state.early_stopping is not None:
        state.early_stopping.restore_best(state.network)
    state.network.eval()
    inputs, _ = examples.batch(state.order[: state.plan.batch_size], torch.Generator())
    with torch.inference_mode():
        if not torch.isfinite(state.network(inputs)).all():  # the last step went too far
            raise _diverged(state, "output is")


def _run_epoch(
    state: TrainingState,
    examples: Examples,
    class_weights: torch.Tensor | None,
    after_batch: Callable[[TrainingState], None] | None,
) -> None:
    """Train the batches that are left of the epoch under way."""
    state.network.train()
    batches = torch.tensor_split(state.order, state.n_batches)
    while state.batch < state.n_batches:
        _step(state, *examples.batch(batches[state.batch], state.generator), class_weights)
        state.batch += 1
        if after_batch is not None:
            after_batch(state)


def _step(
    state: TrainingState,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    class_weights: torch.Tensor | None,
) -> None:
    state.learning_rate = state.optimizer.param_groups[0]["lr"]
    scores = state.network(inputs)
    if class_weights is None:
        loss = F.cross_entropy(scores, targets)
    else:  # not torch's own weights, which it divides by their sum over the batch
        losses = F.cross_entropy(scores, targets, reduction="none")
        loss = (losses * class_weights[targets]).mean()
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), _MAX_GRADIENT_NORM)
    state.optimizer.step()
    is_last = state.epoch + 1 == state.plan.max_epochs and state.batch + 1 == state.n_batches
    if isinstance(state.schedule, OneCycleLR) and not is_last:
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
    if not (math.isfinite(loss) and math.isfinite(watched)):
        raise _diverged(state, "loss is")
    if isinstance(state.schedule, ReduceLROnPlateau):
        state.schedule.step(watched)
    if state.early_stopping is not None:
        state.early_stopping.update(watched, entry["epoch"], state.network)
    state.history.append(entry)
    state.epoch += 1
    state.batch = 0
    state.order = torch.randperm(len(state.order), generator=state.generator)
    state.sums.zero_()


def _diverged(state: TrainingState, what: str) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"Training diverged: the {what} infinite or NaN in epoch "
        f"{min(state.epoch + 1, state.plan.max_epochs)}. Lower "
        f"learning_rate (now {state.plan.learning_rate:g})."
    )
