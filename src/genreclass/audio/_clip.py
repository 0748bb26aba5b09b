"""A piece of sound in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Clip"]


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
        return f"Clip({self.duration:.2f} s at {self.sample_rate} Hz)"
