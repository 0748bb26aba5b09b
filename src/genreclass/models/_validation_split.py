"""Which clips a network keeps aside to watch itself."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.utils import column_or_1d

__all__ = ["number_groups", "split_validation"]

_log = logging.getLogger(__name__)


def split_validation(
    targets: np.ndarray, groups: Any, *, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and to validate on, stratified, and by group where groups are given.

    Parameters
    ----------
    targets : ndarray of shape (n_clips,)
        Class indices.
    groups : array-like of shape (n_clips,) or None
        Clips of one group stay on one side.
    fraction : float
        Share to validate on, kept as nearly as the groups allow; at most half with groups.
    seed : int
        Of the draw.

    Raises
    ------
    ValueError
        There are too few clips or groups to keep `fraction` of them aside.
    """
    if groups is None:
        _log.info(
            "Validation clips are drawn without groups: clips of one artist may fall on both "
            "sides. Pass groups= to fit (in a Pipeline or search, by metadata routing)."
        )
        splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
        try:
            return next(splitter.split(targets, targets))
        except ValueError as error:
            raise _too_few(fraction, len(targets), str(error).rstrip(".")) from error
    groups = number_groups(groups)
    n_folds = min(max(2, round(1 / fraction)), groups.max() + 1, np.bincount(targets).max())
    if n_folds < 2:
        raise _too_few(fraction, len(targets), "they are all of one group")
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # of classes rarer than folds, which the next line looks after
        warnings.simplefilter("ignore", UserWarning)
        folds = [
            (learned, aside)
            for learned, aside in splitter.split(targets, targets, groups)
            if len(aside) and set(targets[learned]) == set(targets)
        ]
    if not folds:
        raise _too_few(fraction, len(targets), "every split by group loses a class or is empty")
    return min(folds, key=lambda fold: abs(len(fold[1]) - fraction * len(targets)))


def number_groups(groups: Any) -> np.ndarray:
    """The groups as numbers, by their first appearance; raises ValueError for missing ones."""
    groups = column_or_1d(groups)
    if any(group is None or group != group for group in groups.tolist()):
        raise ValueError("groups holds missing values. Give each clip without one its own group.")
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups.tolist()))}
    return np.array([numbers[group] for group in groups.tolist()])


def _too_few(fraction: float, n_clips: int, reason: str) -> ValueError:
    return ValueError(
        f"validation_fraction={fraction} of {n_clips} clips cannot be kept aside: {reason}. "
        "Give more clips, X_val and y_val, or validation_fraction=None."
    )
