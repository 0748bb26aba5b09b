"""What every trained network estimator does in its ``fit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import nn

from genreclass.models._open_run import open_run
from genreclass.models._targets import loss_weights
from genreclass.models._training_data import TrainingData
from genreclass.models._training_parameters import make_plan
from genreclass.models._validation_split import split_validation
from genreclass.training import Augment, Examples, TrainingState, Validate

__all__ = ["Lesson", "fit_network"]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is trained, and with what.

    Attributes
    ----------
    network : torch.nn.Module
        On the CPU.
    examples : Examples
    augment : callable or None
    validate : callable or None
        As `genreclass.training.train` takes them.
    """

    network: nn.Module
    examples: Examples
    augment: Augment | None = None
    validate: Validate | None = None


def fit_network(
    estimator: Any,
    data: TrainingData,
    *,
    device: torch.device,
    parameters: Mapping[str, Any],
    prepare: Callable[[TrainingData, int], Lesson],
) -> tuple[Lesson, TrainingState]:
    """Train a network, or go on with a training that was interrupted.

    Parameters
    ----------
    estimator : estimator
        With the parameters of training.
    data : TrainingData
    device : torch.device
        Where to train.
    parameters : mapping of str to object
        As they are used, in place of the estimator's of these names: None there may mean a
        default.
    prepare : callable
        Takes the data, of which what validates was taken from what is learned, and a seed.

    Returns
    -------
    lesson : Lesson
        What `prepare` gave; its network is trained, on `device`, and in evaluation mode.
    state : TrainingState
    """
    random_state = check_random_state(estimator.random_state)
    run = open_run(estimator, data, parameters=parameters)
    drawn = int(random_state.randint(np.iinfo(np.int32).max))
    with run:
        seed = run.recall("seed", drawn)
        split = run.recall("split", None)
        fraction = estimator.validation_fraction
        watches = estimator.patience is not None or estimator.schedule == "plateau"
        if data.X_val is None and watches and fraction is not None:
            split = split or split_validation(
                data.targets, data.groups, fraction=fraction, seed=seed
            )
            data = _keep_aside(data, *(np.asarray(part) for part in split))
        lesson = prepare(data, seed)
        state = TrainingState(
            lesson.network.to(device),
            make_plan(estimator, device),
            n_examples=len(lesson.examples),
            seed=seed,
            split=split,
        )
        run.train(
            state,
            lesson.examples,
            class_weights=loss_weights(data.class_weights, data.targets),
            augment=lesson.augment,
            validate=lesson.validate,
            visible=estimator.verbose > 0,
        )
    return lesson, state


def _keep_aside(data: TrainingData, rows: np.ndarray, aside: np.ndarray) -> TrainingData:
    """The data with some clips to learn from, and others to validate on."""
    return replace(
        data,
        X=_take(data.X, rows),
        targets=data.targets[rows],
        X_val=_take(data.X, aside),
        val_targets=data.targets[aside],
    )


def _take(X: Any, rows: np.ndarray) -> Any:
    """Some clips, or spectrograms, of a checked X."""
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]
