"""The training run of an estimator, known again by its data and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genreclass.fingerprint import class_name, mathematical_parameters
from genreclass.models._training_data import TrainingData
from genreclass.models._validation_split import number_groups
from genreclass.training import CheckpointedRun, Run

__all__ = ["open_run"]


def open_run(estimator: Any, data: TrainingData, *, parameters: Mapping[str, Any]) -> Run:
    """The run that an estimator's ``checkpoint_dir`` holds of these data; to be used in a ``with``.

    Parameters
    ----------
    estimator : estimator
        With the parameters ``checkpoint_dir``, ``checkpoint_minutes`` and ``random_state``, the
        last not yet drawn from.
    data : TrainingData
    parameters : mapping of str to object
        As they are used, in place of the estimator's of these names.
    """
    if estimator.checkpoint_dir is None:
        return Run()
    # numpy's own module stands for its global generator, as None does.
    random_state = None if estimator.random_state is np.random else estimator.random_state
    used = {**mathematical_parameters(estimator), "random_state": random_state, **parameters}
    validation = None if data.X_val is None else [_content(data.X_val), data.val_targets]
    parts = {
        "estimator": class_name(estimator),
        "parameters": used,
        "clips": _content(data.X),
        "labels": [[str(label) for label in data.classes], data.targets],
        "groups": None if data.groups is None else number_groups(data.groups),
        "validation": validation,
    }
    return CheckpointedRun(
        estimator.checkpoint_dir,
        parts,
        minutes=estimator.checkpoint_minutes,
        starts_anew=random_state is None,
    )


def _content(X: Any) -> Any:
    if isinstance(X, np.ndarray):
        return X
    digests = [source.digest() for source in X]
    if None in digests:  # loading it says why
        X[digests.index(None)].load(1, duration=None)
    return digests
