"""What X may be for a network: clips, or spectrograms where these are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from genreclass.audio import check_clips
from genreclass.features import MelSpectrogram

__all__ = ["check_input"]


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
