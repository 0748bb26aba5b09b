"""What X may be for a network: clips, or spectrograms where these are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from genreclass.audio import check_clips
from genreclass.features import MelSpectrogram

__all__ = ["check_input", "check_validation", "take"]


def check_input(estimator: Any, X: Any, mel: MelSpectrogram | None, *, reset: bool = False) -> Any:
    """X as clips to be loaded, or as spectrograms where there is no `mel` to compute them.

    Parameters
    ----------
    estimator : estimator
        Learns with `reset` how wide X is, and is asked for it otherwise.
    X : sequence of clips, or array-like
    mel : MelSpectrogram or None

    Returns
    -------
    list of ClipSource, or ndarray of shape (n_clips, n_rows, n_frames), float32

    Raises
    ------
    ValueError
        X holds neither, or spectrograms of other rows than those that were fitted on.
    """
    if mel is not None:
        return check_clips(X, sample_rate=mel.sample_rate, estimator=estimator, reset=reset)
    try:
        X = validate_data(
            estimator, X, dtype=np.float32, ensure_2d=False, allow_nd=True, reset=reset
        )
    except ValueError as error:
        raise ValueError(
            f'mel="passthrough" takes spectrograms; for clips, leave mel at None. {error}'
        ) from error
    if X.ndim != 3 or 0 in X.shape:
        raise ValueError(
            'mel="passthrough" takes spectrograms, an array of shape (n_clips, n_rows, '
            f"n_frames), got shape {X.shape}. For clips, leave mel at None."
        )
    if reset:
        estimator.n_features_in_ = X.shape[1]
    elif X.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has spectrograms of {X.shape[1]} rows, but this network was fitted on "
            f"{estimator.n_features_in_}. Compute them with the same MelSpectrogram."
        )
    return np.require(X, requirements=["C", "W"])  # as torch wants it


def check_validation(
    estimator: Any, X_val: Any, y_val: Any, mel: MelSpectrogram | None, classes: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Validation clips as `check_input` gives them, and the class indices of their labels.

    Raises
    ------
    ValueError
        One of the two is missing, or y_val holds a label that is not in `classes`.
    """
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val go together: pass both, or neither.")
    X_val = check_input(estimator, X_val, mel)
    y_val = column_or_1d(y_val)
    check_consistent_length(X_val, y_val)
    unknown = sorted(set(y_val.tolist()) - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"y_val holds {unknown[0]!r}, which is not in y. Leave its clips out of X_val."
        )
    return X_val, np.searchsorted(classes, y_val)


def take(X: Any, rows: np.ndarray) -> Any:
    """Some clips, or spectrograms, of a checked X."""
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]
