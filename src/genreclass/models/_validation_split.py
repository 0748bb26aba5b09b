"""Which clips a network keeps aside to watch itself."""

from __future__ import annotations

import logging

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

__all__ = ["split_validation"]

_log = logging.getLogger(__name__)


def split_validation(
    y: np.ndarray, groups: np.ndarray | None, *, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and to validate on, stratified, and by group where groups are given.

    Raises
    ------
    ValueError
        There are too few clips or groups to keep `fraction` of them aside.
    """
    advice = "Give more clips, X_val and y_val, or validation_fraction=None."
    if groups is None:
        _log.info(
            "Validation clips are drawn without groups: clips of one artist may fall on both "
            "sides. Pass groups= to fit (in a Pipeline or search, by metadata routing)."
        )
        splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
        try:
            return next(splitter.split(y, y))
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={fraction} of {len(y)} clips cannot be kept aside: "
                f"{str(error).rstrip('.')}. {advice}"
            ) from error
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(f"All clips are of one group, so none can be kept aside. {advice}")
    n_folds = min(n_groups, max(2, round(1 / fraction)))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return min(folds.split(y, y, groups), key=lambda fold: abs(len(fold[1]) - fraction * len(y)))
