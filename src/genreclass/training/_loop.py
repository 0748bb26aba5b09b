"""The one training loop."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from genreclass.ahead import map_ahead
from genreclass.exceptions import TrainingDivergedError
from genreclass.memory import kept_memory
from genreclass.networks import Dropout
from genreclass.training._state import TrainingState

__all__ = ["Augment", "Examples", "Validate", "train"]

# Takes the network and something to call meanwhile, gives loss and accuracy.
Validate = Callable[[Any, Callable[[], None]], tuple[float, float]]

# Takes inputs, class indices and a generator on their device; gives changed inputs, and the
# indices or, of shape (batch, n_classes), the share of each class.
Augment = Callable[[torch.Tensor, torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]]

_log = logging.getLogger(__name__)

# Batches made ahead where the examples are far.
_BATCHES_AHEAD = 2

# Gradients longer than this are shortened to it (Pascanu et al. 2013).
_MAX_GRADIENT_NORM = 5.0


class Examples(Protocol):
    """Where the loop takes its batches from."""

    def __len__(self) -> int: ...

    @property
    def are_far(self) -> bool:
        """Whether they have to be fetched from disk, or brought to another device."""

    @property
    def home(self) -> torch.device:
        """Where they lie, and where `batch` wants its indices and places."""

    def batch(
        self, indices: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and class indices of these examples, cropped at these places, on the device."""


def train(
    state: TrainingState,
    examples: Examples,
    *,
    class_weights: torch.Tensor | None = None,
    augment: Augment | None = None,
    validate: Validate | None = None,
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
    augment : callable or None
        Takes the inputs and class indices of a batch, and the state's generator for the device;
        gives what is learned from instead.
    validate : callable or None
        Takes the network in evaluation mode, and something to call now and then meanwhile; gives
        loss and accuracy on validation data. Without it the training loss is what schedule and
        early stopping watch.
    after_batch : callable or None
        Called with the state after every batch, now and then during validation, and at the end of
        every epoch; the state is whole at that moment, so that an exception raised here interrupts
        a run that can go on.

    Raises
    ------
    TrainingDivergedError
        The loss, or what the trained network puts out, is infinite or NaN.
    """
    if class_weights is not None:
        class_weights = class_weights.to(state.device)
    after_batch = after_batch or _do_nothing
    with kept_memory(), _own_dropout(state):
        while not state.finished:
            _run_epoch(state, examples, class_weights, augment, after_batch)
            _end_epoch(state, validate, after_batch)
            after_batch(state)
    if state.early_stopping is not None:
        state.early_stopping.restore_best(state.network)
    state.network.eval()
    first = torch.zeros(1, device=examples.home)
    inputs, _ = examples.batch(first.long(), first)
    with torch.inference_mode():
        if not torch.isfinite(state.network(inputs)).all():  # the last step went too far
            raise _diverged(state, "output is")


@contextmanager
def _own_dropout(state: TrainingState) -> Iterator[None]:
    """Let the network's dropout draw from the run's generator."""
    dropouts = [module for module in state.network.modules() if isinstance(module, Dropout)]
    try:
        for dropout in dropouts:
            dropout.generator = state.device_generator
        yield
    finally:
        for dropout in dropouts:
            dropout.generator = None


def _run_epoch(
    state: TrainingState,
    examples: Examples,
    class_weights: torch.Tensor | None,
    augment: Augment | None,
    after_batch: Callable[[TrainingState], None],
) -> None:
    """Train the batches that are left of the epoch under way."""
    state.network.train()
    for inputs, targets in _batches_left(state, examples):
        if augment is not None:
            inputs, targets = augment(inputs, targets, state.device_generator)
        _step(state, inputs, targets, class_weights)
        state.batch += 1
        after_batch(state)


def _batches_left(
    state: TrainingState, examples: Examples
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches left of an epoch; from afar, each is fetched while the one before is learned."""
    # To the device by the epoch, as the host would wait for each batch of them.
    indices, places = (
        torch.tensor_split(of_epoch.to(examples.home), state.n_batches)[state.batch :]
        for of_epoch in (state.order, state.places)
    )
    left = zip(indices, places, strict=True)
    if examples.are_far:
        return map_ahead(lambda batch: examples.batch(*batch), left, n_ahead=_BATCHES_AHEAD)
    return (examples.batch(*batch) for batch in left)


def _step(
    state: TrainingState,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    class_weights: torch.Tensor | None,
) -> None:
    state.learning_rate = state.optimizer.param_groups[0]["lr"]
    sums = None
    while sums is None:
        sums = _compute_gradients(state, inputs, targets, class_weights)
    nn.utils.clip_grad_norm_(state.network.parameters(), _MAX_GRADIENT_NORM)
    state.optimizer.step()
    is_last = state.epoch + 1 == state.plan.max_epochs and state.batch + 1 == state.n_batches
    if isinstance(state.schedule, OneCycleLR) and not is_last:
        state.schedule.step()
    state.sums += sums


def _compute_gradients(
    state: TrainingState,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    class_weights: torch.Tensor | None,
) -> torch.Tensor | None:
    """Loss and correct answers summed over a batch; None: try again, in smaller parts."""
    dropout_before = state.device_generator.get_state()
    state.optimizer.zero_grad(set_to_none=True)
    sums = torch.zeros_like(state.sums)
    n_parts = min(state.n_parts, len(inputs))
    is_mixed = state.plan.precision == "bfloat16"
    try:
        for part, targets_of_part in zip(
            inputs.tensor_split(n_parts), targets.tensor_split(n_parts), strict=True
        ):
            with torch.autocast(state.device.type, dtype=torch.bfloat16, enabled=is_mixed):
                scores = state.network(part)
            scores = scores.float()
            loss = _loss(scores, targets_of_part, class_weights, state.plan.label_smoothing)
            (loss * (len(part) / len(inputs))).backward()
            named = targets_of_part if targets_of_part.ndim == 1 else targets_of_part.argmax(dim=1)
            n_correct = (scores.detach().argmax(dim=1) == named).sum()
            sums += torch.stack([loss.detach() * len(part), n_correct.to(loss.dtype)])
    except torch.OutOfMemoryError:
        if n_parts == len(inputs):
            raise
    else:
        return sums
    state.n_parts = 2 * n_parts
    state.device_generator.set_state(dropout_before)
    torch.cuda.empty_cache()
    _log.warning(
        "The device ran out of memory: batches of %d go through it in %d parts from here on.",
        state.plan.batch_size,
        state.n_parts,
    )
    return None


def _loss(
    scores: torch.Tensor,
    targets: torch.Tensor,
    class_weights: torch.Tensor | None,
    label_smoothing: float,
) -> torch.Tensor:
    if class_weights is None:
        return F.cross_entropy(scores, targets, label_smoothing=label_smoothing)
    if targets.ndim == 1:  # not torch's own weights, which it divides by their sum over the batch
        losses = F.cross_entropy(scores, targets, reduction="none", label_smoothing=label_smoothing)
        return (losses * class_weights[targets]).mean()
    of_class = -scores.log_softmax(dim=1)
    of_class = torch.lerp(of_class, of_class.mean(dim=1, keepdim=True), label_smoothing)
    return (targets * class_weights * of_class).sum(dim=1).mean()


def _end_epoch(
    state: TrainingState,
    validate: Validate | None,
    after_batch: Callable[[TrainingState], None],
) -> None:
    loss, accuracy = (state.sums / len(state.order)).tolist()
    entry = {
        "epoch": state.epoch + 1,
        "learning_rate": state.learning_rate,
        "loss": loss,
        "accuracy": accuracy,
    }
    if state.n_parts > 1:
        entry["batch_size"] = -(-state.plan.batch_size // state.n_parts)
    if validate is not None:
        state.network.eval()
        meanwhile = partial(after_batch, state)
        entry["val_loss"], entry["val_accuracy"] = validate(state.network, meanwhile)
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
    state.draw_epoch()
    state.sums.zero_()


def _do_nothing(state: TrainingState) -> None:
    pass


def _diverged(state: TrainingState, what: str) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"Training diverged: the {what} infinite or NaN in epoch "
        f"{min(state.epoch + 1, state.plan.max_epochs)}. Lower "
        f"learning_rate (now {state.plan.learning_rate:g})."
    )
