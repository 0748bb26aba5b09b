"""PCA on tables that may be small."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

__all__ = ["CappedPCA"]

_log = logging.getLogger(__name__)


class CappedPCA(PCA):
    """PCA that makes as many components as a table holds, where more were asked for.

    The parameters are PCA's. `n_components_` is how many there are; that they are fewer than asked
    for is logged, at the level of information.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass.features._capped_pca import CappedPCA
    >>> CappedPCA(60).fit(np.eye(24, 57)).n_components_
    24
    """

    n_components: Any

    def fit(self, X: Any, y: Any = None) -> CappedPCA:
        """Find the components; y is ignored."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Find the components, and what the rows of X are in them; y is ignored."""
        asked, most = self.n_components, min(np.shape(X), default=0)
        if isinstance(asked, (int, np.integer)) and 0 < most < asked:
            _log.info("%d components instead of %d: X has shape %s.", most, asked, np.shape(X))
            self.n_components = most  # for as long as PCA looks at it
        try:
            return super().fit_transform(X)
        finally:
            self.n_components = asked

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the components as PCA's: pca0, pca1 and so on."""
        check_is_fitted(self)
        return np.array([f"pca{i}" for i in range(self.n_components_)], dtype=object)
