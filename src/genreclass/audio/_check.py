"""What X may be: the only place that inspects the types of clips."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from genreclass.audio._clip import Clip, count_unusable
from genreclass.audio._read import (
    expand_path,
    is_sample_rate,
    middle,
    read_clip,
    read_middle,
    resample,
)
from genreclass.exceptions import AudioReadError, InvalidClipError
from genreclass.fingerprint import digest, digest_of_file, fingerprint

__all__ = ["ClipSource", "check_clips", "check_sequence"]


class ClipSource(Protocol):
    """One checked clip of X, its sound still unread or still at its own rate."""

    @property
    def index(self) -> int:
        """Its place in X, also where only some of X is at hand."""

    @property
    def path(self) -> Path | None:
        """The file, where it is one."""

    def load(self, sample_rate: int, *, duration: float | None) -> np.ndarray:
        """At most the middle `duration` seconds, at `sample_rate` hertz: (n_samples,), float32.

        None is all of it.
        """

    def digest(self) -> str | None:
        """The content of the file, or of the samples and their rate, by name.

        None where there is no such file, or none that can be read: `load` says why.
        """


def check_clips(
    X: Any, *, sample_rate: int | None, estimator: Any = None, reset: bool = False
) -> Sequence[ClipSource]:
    """Turn X, in any of its forms, into a sequence of clips that can be loaded one by one.

    Parameters
    ----------
    X : sequence of clips, or array-like of shape (n_clips, n_samples)
        A clip is a path (str or path-like), a `Clip`, or a 1-D floating point array. Forms may
        be mixed. A 2-D array is a batch of clips of one length; whole numbers in it are taken as
        they are, not scaled.
    sample_rate : int or None
        The rate in hertz at which bare arrays are declared to be; None takes none.
    estimator : estimator or None, default=None
        On whose behalf X is checked: 2-D arrays go through scikit-learn's ``validate_data``, so
        that an estimator fitted on one refuses a 2-D array of another width.
    reset : bool, default=False
        Whether this is `estimator`'s ``fit``.

    Returns
    -------
    list of ClipSource
        One a clip, in order. No file has been opened.

    Raises
    ------
    InvalidClipError
        A clip is none of the forms above, is empty, or holds NaN or infinity; or it is a bare array
        of a rate that nobody declared.
    ValueError, TypeError
        A 2-D array that scikit-learn refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass.audio import Clip, check_clips
    >>> ragged = [np.zeros(22050), Clip(np.zeros(8000), 16000)]
    >>> [len(c.load(22050, duration=30.0)) for c in check_clips(ragged, sample_rate=22050)]
    [22050, 11025]
    """
    clips = check_sequence(X)
    if _is_table(X):
        return _check_table(X, sample_rate, estimator, reset)
    if not len(clips):
        raise InvalidClipError(
            "X holds no clips: found 0 sample(s) while a minimum of 1 is required."
        )
    sources = [_check_clip(clip, index, sample_rate) for index, clip in enumerate(clips)]
    if reset and estimator is not None:
        for learned in ("n_features_in_", "feature_names_in_"):  # of an earlier fit on a table
            estimator.__dict__.pop(learned, None)
    return sources


def check_sequence(X: Any) -> Any:
    """X as something that has a length: a table or an array as it is, all else as a list.

    Raises
    ------
    InvalidClipError
        X is one clip, a whole data set, or nothing that can be gone through.
    """
    if isinstance(X, (str, bytes, os.PathLike, Clip, set, frozenset)):
        raise InvalidClipError(
            f"X must be a sequence of clips, got a {type(X).__name__}. Put clips in a list: [X]."
        )
    if isinstance(X, tuple) and len(X) == 2 and isinstance(X[1], Real):
        raise InvalidClipError("X is a tuple of samples and a rate. Write [Clip(samples, rate)].")
    if _is_table(X) or hasattr(X, "shape"):
        return X  # scipy's dok_array is a Mapping, too
    if isinstance(X, Mapping):
        raise InvalidClipError(
            f"X must be a sequence of clips, got a {type(X).__name__}. Pass its clips: X.data of a "
            "loaded data set."
        )
    try:
        return list(X)
    except TypeError as error:
        raise InvalidClipError(f"X must be a sequence of clips, got {X!r:.80}.") from error


@dataclass(frozen=True)
class _File:
    index: int
    path: Path

    def load(self, sample_rate: int, *, duration: float | None) -> np.ndarray:
        try:
            if duration is None:
                return read_clip(self.path, sample_rate=sample_rate).samples
            return read_middle(self.path, sample_rate=sample_rate, duration=duration).samples
        except AudioReadError as error:
            raise AudioReadError(f"Clip {self.index}: {error}") from error

    def digest(self) -> str | None:
        try:
            return digest_of_file(self.path) if self.path.is_file() else None
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class _Samples:
    index: int
    clip: Clip
    path: None = None

    def load(self, sample_rate: int, *, duration: float | None) -> np.ndarray:
        rate, samples = self.clip.sample_rate, self.clip.samples
        if duration is not None:
            samples = middle(samples, max(1, round(duration * rate)))
        return resample(samples, rate, sample_rate)

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        samples = np.ascontiguousarray(self.clip.samples)
        return fingerprint([self.clip.sample_rate, digest(samples.data)])


def _is_table(X: Any) -> bool:
    """Whether scikit-learn should judge X: any array, frame or matrix that is no list of clips."""
    if isinstance(X, list):
        return len(X) > 0 and all(isinstance(clip, list) for clip in X)
    if isinstance(X, np.ndarray):
        return X.ndim != 1 or X.dtype.kind not in "OUT"
    if getattr(X, "ndim", None) == 1:  # a pandas Series of paths, say
        return False
    return any(hasattr(X, name) for name in ("__array__", "toarray", "__dataframe__"))


def _check_table(X: Any, sample_rate: int | None, estimator: Any, reset: bool) -> list[ClipSource]:
    from sklearn.utils.validation import check_array, validate_data

    if getattr(X, "ndim", None) == 3:
        raise InvalidClipError(
            f"X has shape {X.shape}; expected clips, or a 2-D array of them. Found array with dim "
            '3: spectrograms are for estimators with mel="passthrough".'
        )
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) == 1:
        raise InvalidClipError(
            f"X is one array of {shape[0]} samples. For one clip, write [X] or [Clip(X, rate)]. "
            "Reshape your data only if it holds several."
        )
    if len(shape) == 2 and shape[0] > 1000 >= 100 * shape[1]:
        raise InvalidClipError(
            f"X has shape {shape}: {shape[0]} clips of {shape[1]} samples. For one recording of "
            f"{shape[1]} channels, write [Clip(X.mean(axis=1), rate)]."
        )
    try:
        if estimator is None:
            table = check_array(X, dtype=np.float32)
        else:
            table = validate_data(estimator, X, dtype=np.float32, reset=reset)
    except ValueError as error:
        if "could not convert string" in str(error):
            raise InvalidClipError(
                "X is a table of text, not of samples. Pass its column of paths as a list, as "
                'list(X["path"]).'
            ) from error
        raise
    return [_declared(row, index, sample_rate) for index, row in enumerate(table)]


def _declared(samples: Any, index: int, sample_rate: int | None) -> ClipSource:
    """A bare array, at the rate that is declared for such."""
    samples = _check_samples(samples, index)
    if sample_rate is None:
        raise InvalidClipError(
            f"Clip {index} is a bare array, whose rate nobody says. Write Clip(samples, rate), or "
            "declare the rate of all bare arrays by the estimator's sample_rate."
        )
    return _Samples(index, Clip(samples, sample_rate))


def _check_clip(clip: Any, index: int, sample_rate: int | None) -> ClipSource:
    if isinstance(clip, (_File, _Samples)):  # checked before
        return clip
    if isinstance(clip, (str, os.PathLike)):
        return _File(index, _check_path(clip, index))
    if isinstance(clip, Clip):
        rate = clip.sample_rate
        if not is_sample_rate(rate):
            raise InvalidClipError(
                f"Clip {index} has sample_rate {rate!r:.40}, expected a whole number of hertz "
                "above 0. Write Clip(samples, sample_rate), in this order."
            )
        return _Samples(index, Clip(_check_samples(clip.samples, index), int(rate)))
    return _declared(clip, index, sample_rate)


def _check_path(path: str | os.PathLike[str], index: int) -> Path:
    if not os.fspath(path):
        raise InvalidClipError(f"Clip {index} is an empty path. Give the path of an audio file.")
    if "://" in str(path):
        raise InvalidClipError(f"Clip {index} is an address ({path!s:.80}). Download it first.")
    return expand_path(path)


def _check_samples(samples: Any, index: int) -> np.ndarray:
    if isinstance(samples, tuple):
        raise InvalidClipError(
            f"Clip {index} is a tuple. For samples with a rate, write Clip(samples, rate)."
        )
    try:
        samples = np.asarray(samples)
    except ValueError as error:
        raise InvalidClipError(f"Clip {index} cannot be made an array: {error}") from error
    if samples.dtype == object:
        raise InvalidClipError(
            f"Clip {index} is a {type(samples.item(0) if samples.size else samples).__name__}; "
            "expected a path, a 1-D floating point array of mono samples, or Clip(samples, "
            "sample_rate)."
        )
    if samples.ndim != 1 or samples.dtype.kind not in "fiu":
        raise InvalidClipError(
            f"Clip {index} is an array of shape {samples.shape} and type {samples.dtype}; expected "
            "a path, a 1-D floating point array of mono samples, or Clip(samples, sample_rate)."
        )
    if samples.dtype.kind in "iu":
        raise InvalidClipError(
            f"Clip {index} holds whole numbers ({samples.dtype}); expected floating point samples "
            "between -1 and 1. For 16-bit audio, divide by 32768."
        )
    if len(samples) == 0:
        raise InvalidClipError(f"Clip {index} is empty; expected at least one sample. Remove it.")
    with np.errstate(over="ignore"):
        samples = samples.astype(np.float32, copy=False)
    n_bad = count_unusable(samples)
    if n_bad:
        raise InvalidClipError(
            f"Clip {index} holds NaN, infinity or absurd values in {n_bad} of {len(samples)} "
            "samples. Mend or remove it."
        )
    return samples
