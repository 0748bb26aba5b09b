"""What is no table of numbers, in words: clips in place of features, and gaps."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from genreclass.audio import Clip

__all__ = ["refuse_clips", "refuse_gaps"]


def refuse_clips(X: Any) -> None:
    """Refuse sound where a table of features is expected; raises ValueError."""
    if isinstance(X, (list, tuple)) or getattr(X, "ndim", 0) == 1:
        first = next(iter(X), None)
        ragged = isinstance(first, np.ndarray) and len({np.shape(row) for row in X}) > 1
    else:
        first, ragged = X, False
    if isinstance(first, (str, os.PathLike, Clip)) or ragged:
        what = "arrays of different lengths" if ragged else f"a {type(first).__name__}"
        raise ValueError(
            f"X holds {what} where a table of numbers was expected. Give it the 518 columns that "
            "HandcraftedFeatures makes of clips, or put HandcraftedFeatures() in front: "
            "make_pipeline(HandcraftedFeatures(), make_fma_baseline())."
        )


def refuse_gaps(X: np.ndarray, names: Any) -> None:
    """Refuse NaN and infinity, by the place of the first; raises ValueError.

    `names` are those of the columns, or None.
    """
    finite = np.isfinite(X)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0].tolist()
    n_rows = int((~finite.all(axis=1)).sum())
    value = "NaN" if np.isnan(X[row, column]) else f"infinity, or more than {X.dtype} holds,"
    raise ValueError(
        f"X holds {value} in row {row}, column {column if names is None else names[column]!s:.80}; "
        f"rows with such gaps: {n_rows} of {len(X)}. Leave them out, or put scikit-learn's "
        "SimpleImputer in front."
    )
