"""A table of many features as a few components."""

from __future__ import annotations

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from genreclass.features._capped_pca import CappedPCA
from genreclass.features._correlation_filter import CorrelationFilter

__all__ = ["make_feature_reducer"]


def make_feature_reducer(n_components: float | None = 60, threshold: float = 0.95) -> Pipeline:
    """Correlation filter, standardisation and principal components, as a Pipeline.

    Parameters
    ----------
    n_components : int, float or None, default=60
        As PCA takes it: a number of components, the share of variance they must hold (between 0
        and 1), or all of them. Of a number, a table of fewer rows or columns gets as many as it
        holds, which is logged.
    threshold : float, default=0.95
        As CorrelationFilter takes it.

    Returns
    -------
    Pipeline
        With the steps ``filter``, ``scaler`` and ``pca``.

    Notes
    -----
    PCA by the eigenvectors of the covariance matrix: exact, and several times as fast as the
    singular values of a table that is much longer than wide. The table is standardised before,
    so that what that loses, components of next to no variance, is noise.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass import make_feature_reducer
    >>> X = np.random.default_rng(0).normal(size=(200, 518))
    >>> make_feature_reducer(n_components=60).fit_transform(X).shape
    (200, 60)
    """
    return Pipeline(
        [
            ("filter", CorrelationFilter(threshold)),
            ("scaler", StandardScaler()),
            ("pca", CappedPCA(n_components, svd_solver="covariance_eigh")),
        ]
    )
