"""What transformers of clips have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin

from genreclass.ahead import map_ahead
from genreclass.audio import ClipSource, check_clips
from genreclass.dsp import resolve_device
from genreclass.features._cache import FeatureCache, code_fingerprint, find_cache
from genreclass.features._rows_on_disk import RowsOnDisk
from genreclass.fingerprint import fingerprint
from genreclass.progress import make_progress

__all__ = ["ClipTransformer"]

_Row = TypeVar("_Row")

# Clips a thread decodes while as many are computed with: 30-s clips take 2.6 MB each.
_CLIPS_AHEAD = 4

# Clips looked up in the cache together, of each job: what is missing of them is computed together.
_LOOKED_UP = 32


class ClipTransformer(TransformerMixin, BaseEstimator):
    """A transformer of clips that has nothing to learn, and computes no clip twice.

    A subclass has the parameters named below, ``_check_parameters``, ``_row_shape``, ``_doing``
    and ``_compute``.
    """

    sample_rate: int
    duration: float | None
    device: str | torch.device
    n_jobs: int | None
    verbose: int

    # What the progress bar says.
    _doing: str

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

    def transform_each(self, X: Any) -> Iterator[np.ndarray]:
        """Compute one clip after the other, for data sets larger than memory.

        Parameters
        ----------
        X : sequence of clips, or array-like of shape (n_clips, n_samples)
            As for `transform`.

        Yields
        ------
        ndarray, float32
            What was computed of a clip, in the order of X; together, what `transform` returns.
        """
        self._check_parameters()
        yield from self._rows(check_clips(X, sample_rate=self.sample_rate, estimator=self))

    def transform_to_disk(self, X: Any) -> RowsOnDisk:
        """Compute all clips, and leave what was computed on disk.

        Parameters
        ----------
        X : sequence of clips, or array-like of shape (n_clips, n_samples)
            As for `transform`.

        Returns
        -------
        RowsOnDisk of shape (n_clips, ...)
            What `transform` returns, read a clip at a time.
        """
        self._check_parameters()
        sources = check_clips(X, sample_rate=self.sample_rate, estimator=self)
        return RowsOnDisk(self, sources)

    def _rows(self, sources: Sequence[ClipSource]) -> Iterator[np.ndarray]:
        """What there is to be computed of each clip, in order; from the cache where it is there."""
        device = resolve_device(self.device, fall_back=True)
        cache = self._find_cache(len(sources))
        if cache is None:
            rows = _in_order(self._compute(sources, device))
        else:
            found = self._look_up(sources, device, cache=cache, put=cache.put_if_possible)
            rows = (row for _, row in found)
        return self._watch(rows, len(sources))

    def _look_up(
        self,
        sources: Sequence[ClipSource],
        device: torch.device,
        *,
        cache: FeatureCache,
        put: Callable[[str, np.ndarray], None],
    ) -> Iterator[tuple[str | None, np.ndarray]]:
        """Key and row of each clip, in order; what is missing in the cache is put there."""
        prefix = self._key_of_parameters(device)
        together = _LOOKED_UP * effective_n_jobs(self.n_jobs)
        for first in range(0, len(sources), together):
            some = sources[first : first + together]
            keys = [_key_of_clip(prefix, source) for source in some]
            found = [None if key is None else cache.get(key, self._row_shape) for key in keys]
            missing = [source for source, row in zip(some, found, strict=True) if row is None]
            computed = _in_order(self._compute(missing, device)) if missing else iter(())
            for source, key, row in zip(some, keys, found, strict=True):
                if row is None:
                    row = next(computed)
                    # A file that was written to meanwhile is of no content that is known.
                    if key is not None and key == _key_of_clip(prefix, source):
                        put(key, row)
                yield key, row

    def _watch(self, rows: Iterator[_Row], n_rows: int) -> Iterator[_Row]:
        """The rows, with a progress bar where that is asked for."""
        with make_progress("clips", visible=self.verbose > 0) as progress:
            task = progress.add_task(self._doing, total=n_rows, figures="")
            for row in rows:
                yield row
                progress.update(task, advance=1)

    def _find_cache(self, n_clips: int) -> FeatureCache | None:
        """The cache, where so many clips are no more than half of what it holds."""
        cache = find_cache()
        n_bytes = n_clips * int(np.prod(self._row_shape)) * np.dtype(np.float32).itemsize
        return None if cache is None or n_bytes > cache.limit / 2 else cache

    def _key_of_parameters(self, device: torch.device) -> str:
        # GPUs round otherwise than CPUs.
        return fingerprint([self, device.type, code_fingerprint()])

    def _load_ahead(self, sources: Sequence[ClipSource]) -> Iterator[list[Any]]:
        """What `_load` gives of some clips at a time, in order.

        They are decoded by `n_jobs` threads, while those before them are computed with.
        """
        at_once = _CLIPS_AHEAD * effective_n_jobs(self.n_jobs)
        with Parallel(n_jobs=self.n_jobs, prefer="threads") as parallel:

            def load(first: int) -> list[Any]:
                return parallel(
                    delayed(self._load)(source) for source in sources[first : first + at_once]
                )

            yield from map_ahead(load, range(0, len(sources), at_once), n_ahead=1)

    def _load(self, source: ClipSource) -> Any:
        """The samples of a clip; a subclass may add to them what a thread can find out."""
        return source.load(self.sample_rate, duration=self.duration)

    @property
    def _row_shape(self) -> tuple[int, ...]:
        """Of what is computed of a clip, float32."""
        raise NotImplementedError

    def _compute(
        self, sources: Sequence[ClipSource], device: torch.device
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The place and what is computed of each clip, in any order."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Raise ValueError for what cannot be."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _in_order(rows: Iterator[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Rows by their places, each as soon as those before it are there."""
    waiting: dict[int, np.ndarray] = {}
    place = 0
    for place_of_row, row in rows:
        waiting[place_of_row] = row
        while place in waiting:
            yield waiting.pop(place)
            place += 1


def _key_of_clip(prefix: str, source: ClipSource) -> str | None:
    """Where a clip is kept in a cache, for a transformer's prefix; None where it cannot be read."""
    digest = source.digest()
    return None if digest is None else fingerprint([prefix, digest])
