"""The parameters of training that every network estimator has."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.utils import check_scalar

from genreclass.training import PRECISIONS, SCHEDULES, TrainingPlan, resolve_precision

__all__ = ["check_training_parameters", "make_plan"]


def check_training_parameters(estimator: Any) -> None:
    """Look whether each of them is what it may be.

    Raises
    ------
    TypeError or ValueError
        One is not.
    """
    for name, value in estimator.get_params(deep=False).items():
        if isinstance(value, float) and math.isnan(value):  # which check_scalar lets through
            raise ValueError(f"{name} must be a number, got nan")
    check_scalar(estimator.max_epochs, "max_epochs", Integral, min_val=1)
    check_scalar(estimator.batch_size, "batch_size", Integral, min_val=1)
    minutes, folder = estimator.checkpoint_minutes, estimator.checkpoint_dir
    check_scalar(minutes, "checkpoint_minutes", Real, min_val=0)
    if folder is not None and not (isinstance(folder, (str, os.PathLike)) and str(folder)):
        raise ValueError(f"checkpoint_dir must be the path of a folder or None, got {folder!r}")
    check_scalar(
        estimator.learning_rate,
        "learning_rate",
        Real,
        min_val=0,
        max_val=math.inf,
        include_boundaries="neither",
    )
    check_scalar(estimator.weight_decay, "weight_decay", Real, min_val=0)
    check_scalar(
        estimator.label_smoothing,
        "label_smoothing",
        Real,
        min_val=0,
        max_val=1,
        include_boundaries="left",
    )
    schedule, precision = estimator.schedule, estimator.precision
    if schedule is not None and schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {SCHEDULES} or None, got {schedule!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}")
    if estimator.patience is not None:
        check_scalar(estimator.patience, "patience", Integral, min_val=1)
    if estimator.validation_fraction is not None:
        check_scalar(
            estimator.validation_fraction,
            "validation_fraction",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="neither",
        )


def make_plan(estimator: Any, device: torch.device) -> TrainingPlan:
    """What the training loop is asked to do by them."""
    return TrainingPlan(
        max_epochs=estimator.max_epochs,
        batch_size=estimator.batch_size,
        learning_rate=estimator.learning_rate,
        weight_decay=estimator.weight_decay,
        schedule=estimator.schedule,
        patience=estimator.patience,
        precision=resolve_precision(estimator.precision, device),
        label_smoothing=estimator.label_smoothing,
    )
