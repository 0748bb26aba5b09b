"""A piece of sound in memory."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

__all__ = ["Clip", "count_unusable"]

# The power of a sample this large still fits a float32; sound has full scale at 1.
_ABSURD = 1e15


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """A piece of sound in memory, with the rate it was sampled at.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        Mono samples, floating point, full scale at -1 and 1.
    sample_rate : int
        Samples per second, in hertz.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass.audio import Clip
    >>> Clip(np.zeros(22050, dtype="float32"), 22050)
    Clip(1.00 s at 22050 Hz)
    """

    samples: np.ndarray
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def __repr__(self) -> str:
        if isinstance(self.sample_rate, Integral) and self.sample_rate > 0:
            return f"Clip({self.duration:.2f} s at {self.sample_rate} Hz)"
        return f"Clip({np.size(self.samples)} samples at {self.sample_rate!r:.40} Hz)"


def count_unusable(samples: np.ndarray) -> int:
    """How many samples are NaN, infinite or absurdly large (float32 or float64)."""
    if len(samples) and samples.min() > -_ABSURD and samples.max() < _ABSURD:
        return 0  # a NaN would have failed both
    return int(np.count_nonzero(~(np.abs(samples) < _ABSURD)))
