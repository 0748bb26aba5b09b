"""What every trained network estimator does in its ``fit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data
from torch import nn

from genreclass.models._open_run import open_run
from genreclass.models._targets import encode_targets, loss_weights, make_class_weights
from genreclass.models._training_parameters import make_plan
from genreclass.models._validation_split import split_validation
from genreclass.training import Augment, Examples, TrainingState, Validate

__all__ = ["Lesson", "TrainingData", "check_training_data", "fit_network"]


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What ``fit`` was given, checked.

    Attributes
    ----------
    X, X_val : list of ClipSource, or ndarray; X_val may be None
    targets, val_targets : ndarray of shape (n_clips,)
        Class indices.
    classes : ndarray of shape (n_classes,)
    class_weights : ndarray of shape (n_classes,) or None
    groups : array-like of shape (n_clips,) or None
    """

    X: Any
    targets: np.ndarray
    classes: np.ndarray
    class_weights: np.ndarray | None
    groups: Any
    X_val: Any
    val_targets: np.ndarray | None


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


class CheckX(Protocol):
    """How an estimator checks its X."""

    def __call__(self, X: Any, *, reset: bool = False) -> Any:
        """X as it is worked with; `reset` is for that of ``fit``."""


def check_training_data(
    estimator: Any, X: Any, y: Any, groups: Any, X_val: Any, y_val: Any, *, check: CheckX
) -> TrainingData:
    """Look at all that can be wrong, before hours of audio are decoded.

    Raises
    ------
    ValueError
        Lengths differ, y is no classification target, a class weight is none, one of X_val and
        y_val is missing, or y_val holds a label that is not in y; and what `check` raises.
    """
    y = validate_data(estimator, X="no_validation", y=y)
    classes, targets = encode_targets(y)
    class_weights = make_class_weights(estimator.class_weight, classes, y)
    X = check(X, reset=True)
    check_consistent_length(X, y, groups)
    val_targets = None
    if X_val is not None or y_val is not None:
        X_val, val_targets = _check_validation(X_val, y_val, classes, check)
    return TrainingData(
        X=X,
        targets=targets,
        classes=classes,
        class_weights=class_weights,
        groups=groups,
        X_val=X_val,
        val_targets=val_targets,
    )


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


def _check_validation(
    X_val: Any, y_val: Any, classes: np.ndarray, check: CheckX
) -> tuple[Any, np.ndarray]:
    """Validation clips, and the class indices of their labels."""
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val go together: pass both, or neither.")
    X_val = check(X_val)
    y_val = column_or_1d(y_val)
    check_consistent_length(X_val, y_val)
    unknown = sorted(set(y_val.tolist()) - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"y_val holds {unknown[0]!r}, which is not in y. Leave its clips out of X_val."
        )
    return X_val, np.searchsorted(classes, y_val)


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
