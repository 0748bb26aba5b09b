"""What labels, groups and probabilities may be: a column each, or a column a genre."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "check_classes",
    "check_column",
    "check_genres",
    "check_length",
    "check_proba",
    "join_genres",
]


def check_column(values: Any, name: str) -> np.ndarray:
    """One label a clip, none missing, text or not throughout.

    Returns
    -------
    ndarray of shape (n_clips,)
        Text of any make is text, an Enum that is text or a number its value, and a whole number
        an integer: no two labels become one.

    Raises
    ------
    ValueError
        `values` is no column, a label is missing, or some are text and some not; the message
        calls it `name`.
    """
    import pandas as pd

    if isinstance(values, (str, bytes)):
        raise ValueError(f"{name} is the string {values!r:.40}. Put labels in a list, one a clip.")
    column = np.asarray(values, dtype=object)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise ValueError(f"{name} must hold one label a clip, got shape {column.shape}.")
    if not len(column):
        raise ValueError(f"{name} is empty, so there is nothing to report.")
    missing = np.flatnonzero(pd.isna(column))
    if len(missing):
        raise ValueError(
            f"{name}[{missing[0]}] is missing ({column[missing[0]]}). Give it, or leave that clip "
            "out."
        )
    labels = [_plain(label) for label in column]
    text = [label for label in labels if isinstance(label, str)]
    if text and len(text) < len(labels):
        other = next(label for label in labels if not isinstance(label, str))
        raise ValueError(
            f"{name} mixes text, such as {text[0]!r:.40}, with other labels, such as "
            f"{other!r:.40}. Make all of them text."
        )
    if all(isinstance(label, int) for label in labels):
        # numpy would make float64 of int64 and uint64, and one of two large numbers.
        return np.array(labels, dtype=None if max(map(abs, labels)) < 2**63 else object)
    return np.asarray(labels)


def check_genres(values: Any, name: str) -> np.ndarray:
    """A column of text or whole numbers, as `check_column` returns it."""
    genres = check_column(values, name)
    if genres.dtype.kind not in "Ubi" and not all(isinstance(genre, int) for genre in genres):
        raise ValueError(
            f"Genres must be text or whole numbers, got {genres[0]!s:.40} of type {genres.dtype}."
        )
    return genres


def check_classes(values: Any, name: str) -> np.ndarray:
    """Genres of which none is named twice."""
    classes = check_genres(values, name)
    found, counts = np.unique(classes, return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"{name} holds {found.tolist()[counts.argmax()]!r:.40} twice.")
    return classes


def check_length(values: Any, name: str, n_clips: int, *, of: str = "y_true") -> None:
    """Refuse a column that is shorter or longer than that of the clips."""
    if len(values) != n_clips:
        raise ValueError(f"{name} has length {len(values)}, but {of} has length {n_clips}.")


def join_genres(
    y_true: np.ndarray, y_pred: np.ndarray, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All genres, sorted, and those of y_true that are not among classes.

    Raises
    ------
    ValueError
        Some are text and some are numbers.
    """
    known = y_pred if classes is None else classes
    for values in (y_pred, known):
        if (values.dtype.kind == "U") != (y_true.dtype.kind == "U"):
            raise ValueError(
                f"The clips have genres such as {y_true.tolist()[0]!r:.40}, the classifier such "
                f"as {values.tolist()[0]!r:.40}. Pass the labels that it was fitted with."
            )
    genres = np.unique(np.concatenate([y_true, y_pred, known]))
    unknown = np.setdiff1d(y_true, genres if classes is None else classes)
    return genres, unknown


def check_proba(proba: Any, n_clips: int, classes: np.ndarray, *, name: str) -> np.ndarray:
    """Probabilities of each clip, in float64 or less."""
    proba = np.asarray(proba)
    if proba.dtype.kind != "f" or proba.dtype.itemsize > 8:
        proba = proba.astype(float)
    if proba.shape != (n_clips, len(classes)):
        raise ValueError(
            f"{name} must have a row a clip and a column a genre, {(n_clips, len(classes))}, got "
            f"shape {proba.shape}."
        )
    # NaN fails both comparisons. A sum may be off by the rounding of 16-bit numbers.
    good = (proba >= 0).all(axis=1) & (np.abs(proba.sum(axis=1, dtype=float) - 1) < 1e-2)
    if not good.all():
        bad = int(np.argmin(good))
        raise ValueError(
            f"Probabilities of clip {bad} must be 0 or more and add up to 1, got "
            f"{np.array2string(proba[bad], precision=3, threshold=4, edgeitems=2)}."
        )
    return proba


def _plain(label: Any) -> Any:
    """A label as Python has it; 2.0 is 2."""
    if isinstance(label, str):
        return str.__str__(label)  # of an Enum its value, where str() is its name
    if isinstance(label, (bool, np.bool_)):
        return bool(label)
    if isinstance(label, (int, np.integer)):
        return int(label)
    if isinstance(label, (float, np.floating)) and label.is_integer():
        return int(label)
    return label
