"""What transformers of clips have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin

from genreclass.audio import ClipSource, check_clips
from genreclass.dsp import resolve_device

__all__ = ["ClipTransformer"]

# Clips a thread decodes before they are computed with: 30-s clips take 2.6 MB each.
_CLIPS_AHEAD = 8


class ClipTransformer(TransformerMixin, BaseEstimator):
    """A transformer of clips that has nothing to learn.

    A subclass has the parameters named below, and ``_check_parameters``.
    """

    sample_rate: int
    duration: float | None
    device: str | torch.device
    n_jobs: int | None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the clips; nothing is learned.

        Parameters
        ----------
        X : sequence of clips, or array-like of shape (n_clips, n_samples)
            Paths, Clips, 1-D arrays, or a 2-D array.
        y : ignored

        Returns
        -------
        self
        """
        self._check_parameters()
        resolve_device(self.device)
        check_clips(X, sample_rate=self.sample_rate, estimator=self, reset=True)
        return self

    def _load_ahead(self, sources: Sequence[ClipSource]) -> Iterator[list[np.ndarray]]:
        """Samples of some clips at a time, in order; decoded by `n_jobs` threads."""
        ahead = _CLIPS_AHEAD * effective_n_jobs(self.n_jobs)
        with Parallel(n_jobs=self.n_jobs, prefer="threads") as parallel:
            for first in range(0, len(sources), ahead):
                yield parallel(
                    delayed(source.load)(self.sample_rate, duration=self.duration)
                    for source in sources[first : first + ahead]
                )

    def _check_parameters(self) -> None:
        """Raise ValueError for what cannot be."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags
