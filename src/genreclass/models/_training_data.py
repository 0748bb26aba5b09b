"""What the ``fit`` of a network is given, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from genreclass.models._targets import encode_targets, make_class_weights

__all__ = ["TrainingData", "check_training_data"]


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
