"""What the training loop may change about a clip, as one object."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["Augmentation"]

# What each parameter may be: the least and the greatest value. Ranges first, then single numbers.
_RANGES = {
    "time_stretch": (0.5, 2.0),
    "pitch_shift": (-12.0, 12.0),
    "noise": (-20.0, 100.0),
    "gain": (-60.0, 60.0),
}
_NUMBERS = {
    "equalizer": (0.0, 60.0),
    "time_mask": (0.0, 1.0),
    "frequency_mask": (0.0, 1.0),
    "mixup": (0.01, 100.0),
}


class Augmentation(BaseEstimator):
    """Random changes to the crops that a network learns from.

    Each happens to a crop with a probability, `p` or one of its own, and by an amount drawn from
    its range; ``Augmentation(p=0, noise_p=0.5)`` makes noise alone. It is no transformer: clips are
    changed while a network trains, anew in every epoch, and never those it validates on or
    predicts.
    Give it to ``MelCNNClassifier(augment=...)``; its parameters can be searched there
    (``augment__noise_p``).

    All of it is computed on the spectrogram, on the device that trains, so that nothing is decoded
    or transformed anew. The Notes say how near that comes to a change of the sound itself.

    Parameters
    ----------
    time_stretch : (float, float), default=(0.9, 1.1)
        Range of the factor on the tempo, at the same pitch. A crop is made no faster than the clip
        goes on for: where clips are no longer than crops, they are only made slower.
    pitch_shift : (float, float), default=(-2.0, 2.0)
        Range of the change of pitch in semitones, at the same tempo.
    noise : (float, float), default=(10.0, 40.0)
        Range of the ratio of the crop's power, within the mel bands, to that of the white noise
        added, in decibels.
    gain : (float, float), default=(-6.0, 6.0)
        Range of the change of level in decibels. To `MelCNNClassifier`, which does not hear how
        loud a clip is, it changes nothing.
    equalizer : float, default=6.0
        Greatest change of level at each of four frequencies, spread evenly over the mel scale, in
        decibels; between them it goes straight from one to the next (FilterAugment, Nam et al.
        2022). Much of what recordings of one artist share is of this kind.
    time_mask : float, default=0.2
        Widest stretch of time that is hidden, as a share of the crop (SpecAugment, Park et al.
        2019). What is hidden takes the level that each row has in the mean of the clips, which
        tells the network nothing.
    frequency_mask : float, default=0.2
        Widest band of mel rows that is hidden, as a share of all.
    mixup : float, default=0.4
        Two crops are mixed, in decibels, and their labels with them, by a share drawn from a beta
        distribution whose two parameters are this number (Zhang et al. 2018): the smaller it is,
        the less is seen of the second.
    p : float, default=0.5
        Probability of each kind of change, where it has none of its own.
    time_stretch_p, pitch_shift_p, noise_p, gain_p, equalizer_p : float or None, default=None
    time_mask_p, frequency_mask_p, mixup_p : float or None, default=None
        Probability of this kind; None is `p`.

    Notes
    -----
    The changes are made in the order of the parameters. What they are drawn from is
    the generator of the training run: the same `random_state` gives the same network, and a run
    that is resumed draws what it would have drawn.

    * Stretch and shift interpolate frames and mel rows, in decibels. From a phase vocoder on the
      sound they differ by 2 to 3 decibels in the mean, and the vocoder's own shift up and down
      again differs from the sound by 3 (``benchmarks/augmentation.py``). Rows shifted in from
      beyond the lowest or the highest repeat that row.
    * Noise adds to each mel band the power that white noise has there, with nearly the spread it
      has there; of neighbouring frames, which share samples, the noise is drawn apart.
    * Gain and masks are exact. The equalizer is as exact as its curve is flat within a mel band;
      what `top_db` cut off goes up and down with the curve.
    * Padding of clips shorter than a crop stays padding.
    * Rows of `MelSpectrogram.extra` are stretched, masked in time, made louder and mixed
      as the others are; noise, equalizer and frequency masks leave them alone, and with
      `pitch_shift`, which they could not follow, they are refused. With ``mel="passthrough"`` the
      rows are taken to be mel rows of the default frequencies.

    Examples
    --------
    >>> from genreclass import Augmentation, MelCNNClassifier
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=12, n_genres=2, random_state=0)
    >>> clf = MelCNNClassifier(
    ...     channels=(8,), max_epochs=4, augment=Augmentation(pitch_shift_p=0), random_state=0
    ... )
    >>> clf.fit(clips.data, clips.target).predict(clips.data[:2]).shape
    (2,)
    """

    def __init__(
        self,
        *,
        time_stretch: tuple[float, float] = (0.9, 1.1),
        pitch_shift: tuple[float, float] = (-2.0, 2.0),
        noise: tuple[float, float] = (10.0, 40.0),
        gain: tuple[float, float] = (-6.0, 6.0),
        equalizer: float = 6.0,
        time_mask: float = 0.2,
        frequency_mask: float = 0.2,
        mixup: float = 0.4,
        p: float = 0.5,
        time_stretch_p: float | None = None,
        pitch_shift_p: float | None = None,
        noise_p: float | None = None,
        gain_p: float | None = None,
        equalizer_p: float | None = None,
        time_mask_p: float | None = None,
        frequency_mask_p: float | None = None,
        mixup_p: float | None = None,
    ) -> None:
        self.time_stretch = time_stretch
        self.pitch_shift = pitch_shift
        self.noise = noise
        self.gain = gain
        self.equalizer = equalizer
        self.time_mask = time_mask
        self.frequency_mask = frequency_mask
        self.mixup = mixup
        self.p = p
        self.time_stretch_p = time_stretch_p
        self.pitch_shift_p = pitch_shift_p
        self.noise_p = noise_p
        self.gain_p = gain_p
        self.equalizer_p = equalizer_p
        self.time_mask_p = time_mask_p
        self.frequency_mask_p = frequency_mask_p
        self.mixup_p = mixup_p

    def check(self) -> None:
        """Look whether every parameter is what it may be.

        Raises
        ------
        ValueError
            One is not.
        """
        for name, (least, greatest) in _RANGES.items():
            value = getattr(self, name)
            if not _is_range(value, least, greatest):
                raise ValueError(
                    f"Augmentation: {name} must be a pair (low, high) within {least:g} to "
                    f"{greatest:g}, got {value!r}"
                )
        probabilities = {f"{kind}_p": (0.0, 1.0) for kind in self.probabilities}
        for name, (least, greatest) in {**_NUMBERS, "p": (0.0, 1.0), **probabilities}.items():
            value = getattr(self, name)
            is_left_out = value is None and name in probabilities
            if not (is_left_out or _is_between(value, least, greatest)):
                raise ValueError(
                    f"Augmentation: {name} must be a number from {least:g} to {greatest:g}, got "
                    f"{value!r}"
                )

    @property
    def longest_source(self) -> float:
        """How much of a clip a crop may be made of, as a multiple of its own length."""
        return max(1.0, self.time_stretch[1]) if self.probabilities["time_stretch"] else 1.0

    @property
    def probabilities(self) -> dict[str, float]:
        """Of each kind of change, by its name."""
        own = {kind: getattr(self, f"{kind}_p") for kind in (*_RANGES, *_NUMBERS)}
        return {kind: self.p if value is None else value for kind, value in own.items()}


def _is_range(value: Any, least: float, greatest: float) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    return all(_is_between(end, least, greatest) for end in value) and value[0] <= value[1]


def _is_between(value: Any, least: float, greatest: float) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and least <= value <= greatest
