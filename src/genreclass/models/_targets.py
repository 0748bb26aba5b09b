"""Labels as the training loop wants them: class indices and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

__all__ = ["encode_targets", "loss_weights", "make_class_weights"]


def encode_targets(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes of y, sorted, and the index of each label among them.

    Raises
    ------
    ValueError
        y is no classification target, or holds fewer than two classes.
    """
    check_classification_targets(y)
    classes, targets = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds {len(classes)} class ({', '.join(map(str, classes))}); a classifier needs "
            "two or more."
        )
    return classes, targets


def make_class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Weight of each class by scikit-learn's `class_weight` parameter; None for None.

    Raises
    ------
    ValueError
        A weight is negative or not finite, or a class named is not in y.
    """
    if class_weight is None:
        return None
    weights = compute_class_weight(class_weight, classes=classes, y=y)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(f"class_weight must be finite and 0 or more, got {class_weight}")
    return weights


def loss_weights(class_weights: np.ndarray | None, targets: np.ndarray) -> torch.Tensor | None:
    """Class weights scaled to a mean of 1 over the training clips, as `train` wants them."""
    if class_weights is None:
        return None
    return torch.from_numpy(class_weights / class_weights[targets].mean()).float()
