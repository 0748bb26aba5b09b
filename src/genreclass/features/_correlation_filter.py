"""Columns that say what another one says already, dropped."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from genreclass.features._check_table import refuse_clips, refuse_gaps

__all__ = ["CorrelationFilter"]

# Columns compared at once: enough for BLAS, and a wide table never needs its whole matrix.
_BLOCK = 256


class CorrelationFilter(SelectorMixin, BaseEstimator):
    """Drop the later of each pair of correlated columns.

    Columns are looked at from the left: one is kept unless its correlation with a column kept
    before is beyond the threshold, or it is constant.

    Parameters
    ----------
    threshold : float, default=0.95
        Largest absolute Pearson correlation of two columns that are both kept, from 0 to 1. With
        1, constant columns alone are dropped.

    Attributes
    ----------
    stand_in_ : ndarray of shape (n_features,), int
        The column kept in place of each: of a kept column itself, of a dropped one the kept
        column that it correlates with most, and -1 of a constant one, which needs none.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X had names.

    Notes
    -----
    Of the columns kept, no two correlate beyond the threshold, and for each dropped one there is a
    kept one that does. The recipe that is often seen, ``corr().abs()`` and its upper triangle,
    also drops columns that correlate with a dropped column only: of a row of columns each like
    the next, it keeps the first, and what the last ones say is lost. Where no such chains are,
    both are the same.

    Correlations are computed in double precision, as products of matrices. The correlation of a
    constant column is not defined; it is dropped, as it tells no clips apart. Missing values are
    refused.

    What comes out is in double precision too. In single precision PCA rounds the numbers of a row
    otherwise in one batch than in another, and trees, which split at values of the rows they were
    grown on, would then answer otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass import CorrelationFilter
    >>> X = np.array([[0.0, 0.1, 5.0], [1.0, 1.1, 2.0], [2.0, 2.0, 4.0]])
    >>> corr_filter = CorrelationFilter(0.95).fit(X)
    >>> corr_filter.get_support()
    array([ True, False,  True])
    >>> corr_filter.stand_in_
    array([0, 0, 2])
    """

    def __init__(self, threshold: float = 0.95) -> None:
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> CorrelationFilter:
        """Find the columns to keep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table; two rows at least.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            X holds clips, missing values, one row, or constant columns only.
        """
        self._check_parameters()
        X = self._check_table(X, ensure_min_samples=2)
        stand_in = _find_stand_ins(_standardise(X), self.threshold)
        if stand_in.max() < 0:
            raise ValueError(
                f"X has {len(X)} equal rows, expected columns that vary. Look at how it was made."
            )
        self.stand_in_ = stand_in
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Take the columns to keep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_kept), float64
            Its columns that are kept.
        """
        check_is_fitted(self)
        X = self._check_table(X, reset=False)
        return X[:, self.get_support()].astype(np.float64, copy=False)

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.stand_in_ == np.arange(self.n_features_in_)

    def _check_table(self, X: Any, **options: Any) -> np.ndarray:
        refuse_clips(X)
        dtypes = [np.float64, np.float32]
        X = validate_data(self, X, dtype=dtypes, ensure_all_finite=False, **options)
        refuse_gaps(X, getattr(self, "feature_names_in_", None))
        return X

    def _check_parameters(self) -> None:
        check_scalar(self.threshold, "threshold", Real, min_val=0, max_val=1)


def _standardise(X: np.ndarray) -> np.ndarray:
    """Columns as rows of mean 0 and length 1, in double precision; constant ones are all 0."""
    rows = np.array(X.T, dtype=np.float64, order="C")
    low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    size = np.maximum(-low, high)
    rows /= np.where(size > 0, size, 1)  # so that no square is too large
    rows -= rows.mean(axis=1, keepdims=True)
    rows[(low == high)[:, 0]] = 0  # exactly, where a mean is rounded
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


def _find_stand_ins(rows: np.ndarray, threshold: float) -> np.ndarray:
    # (n_columns, n_samples), standardised -> (n_columns,)
    n_columns = len(rows)
    stand_in = np.full(n_columns, -1)
    kept: list[int] = []
    for start in range(0, n_columns, _BLOCK):
        block = rows[start : start + _BLOCK].copy()
        # Kept rows have moved to the front, so that this is one product.
        before = _correlate(rows[: len(kept)], block)
        within = _correlate(block, block)
        n_before = len(kept)
        new: list[int] = []  # kept out of this block
        for i in np.flatnonzero(block.any(axis=1)).tolist():
            strength = np.concatenate([before[:, i], within[new, i]])
            if len(strength) == 0 or strength.max() <= threshold:
                rows[n_before + len(new)] = block[i]
                new.append(i)
                kept.append(start + i)
                stand_in[start + i] = start + i
            else:
                stand_in[start + i] = kept[int(strength.argmax())]
    return stand_in


def _correlate(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    # Rounding must not carry a copy of a column past 1.
    return np.minimum(np.abs(rows @ others.T), 1.0)
