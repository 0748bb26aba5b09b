"""The training run of an estimator, known again by its data and parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from genreclass.features import MelSpectrogram
from genreclass.fingerprint import class_name, mathematical_parameters
from genreclass.models._validation_split import number_groups
from genreclass.training import CheckpointedRun, Run

__all__ = ["open_run"]


def open_run(
    estimator: Any,
    *,
    X: Any,
    targets: np.ndarray,
    classes: np.ndarray,
    groups: Any,
    X_val: Any,
    val_targets: np.ndarray | None,
    mel: MelSpectrogram | None,
) -> Run:
    """The run that an estimator's ``checkpoint_dir`` holds of these data; to be used in a ``with``.

    Parameters
    ----------
    estimator : estimator
        With the parameters ``checkpoint_dir``, ``checkpoint_minutes`` and ``random_state``, the
        last not yet drawn from.
    X, X_val : list of ClipSource, or ndarray; X_val may be None
    targets, val_targets : ndarray of shape (n_clips,)
        Class indices.
    classes : ndarray of shape (n_classes,)
    groups : array-like of shape (n_clips,) or None
    mel : MelSpectrogram or None
        As it is used, in place of the parameter of that name: None there may mean the default.
    """
    if estimator.checkpoint_dir is None:
        return Run()
    # numpy's own module stands for its global generator, as None does.
    random_state = None if estimator.random_state is np.random else estimator.random_state
    parameters = {**mathematical_parameters(estimator), "random_state": random_state, "mel": mel}
    parts = {
        "estimator": class_name(estimator),
        "parameters": parameters,
        "clips": _content(X),
        "labels": [[str(label) for label in classes], targets],
        "groups": None if groups is None else number_groups(groups),
        "validation": None if X_val is None else [_content(X_val), val_targets],
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
