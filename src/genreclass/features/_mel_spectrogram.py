"""Clips to mel spectrograms in decibels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from genreclass.audio import ClipSource, check_clips
from genreclass.dsp import (
    count_frames,
    mel_filter_bank,
    mel_spectrogram,
    power_to_db,
)
from genreclass.features._clip_transformer import ClipTransformer
from genreclass.features._extra_rows import place_beside
from genreclass.features._frames import (
    FAMILIES,
    NARROWEST_BAND,
    check_lowest_rate,
    compute_rows,
    group_by_length,
)

__all__ = ["MelSpectrogram"]

# Clips transformed together. On a CPU one clip fills the cache; a GPU wants more at a time.
_CPU_BATCH, _CUDA_BATCH = 1, 32


class MelSpectrogram(ClipTransformer):
    """Mel spectrograms of clips, in decibels.

    Every clip gives a picture of the same size: of a longer clip the middle `duration` seconds
    are taken (the first seconds of a song say little of its genre), a shorter one is padded with
    silence. Equal to ``librosa.power_to_db(librosa.feature.melspectrogram(y, pad_mode=
    "constant"), ref=1.0)`` on clips of that duration.

    Parameters
    ----------
    sample_rate : int, default=22050
        Rate of analysis in hertz. Files and Clips of another rate are resampled to it; bare
        arrays are declared to be at it.
    n_fft : int, default=2048
        Window and transform length in samples; even.
    hop_length : int, default=512
        Samples from one frame to the next.
    n_mels : int, default=128
        Number of mel filters (Slaney's scale and normalisation).
    f_min : float, default=0.0
        Lower edge of the filters in hertz.
    f_max : float or None, default=None
        Upper edge of the filters in hertz; None is ``sample_rate / 2``.
    duration : float, default=30.0
        Length of every picture in seconds.
    top_db : float or None, default=80.0
        Range of every clip below its own maximum, in decibels, taken before padding.
    extra : tuple of str, default=()
        Feature rows to append after the mel rows, in this order: "chroma_cens", "chroma_cqt" and
        "chroma_stft" (12 rows each), "mfcc" (20), "spectral_contrast" (7), "tonnetz" (6), "rmse",
        "spectral_bandwidth", "spectral_centroid", "spectral_rolloff" and "zcr" (1). They want a
        `hop_length` that is a multiple of 64, and an `n_fft` that is a multiple of that.
    device : str or torch.device, default="auto"
        Where to compute: "auto" takes CUDA when there is one. After a fit on CUDA, `transform`
        uses the CPU where there is none, and logs it.
    n_jobs : int or None, default=None
        Threads that decode files ahead of the computation. None is 1 unless in a
        ``joblib.parallel_config`` context; -1 is all processors.
    verbose : int, default=0
        1 shows the progress of `transform`, with the time left, on stderr.

    Attributes
    ----------
    n_features_in_ : int
        Samples a clip, after a fit on a 2-D array only.

    Notes
    -----
    There is nothing to learn: `transform` works without `fit`. The output is 3-D, for networks;
    it has no feature names, and scikit-learn's 2-D estimators refuse it.

    Extra rows are librosa's values on the scale of the clip's decibels: what is average in music
    is at the clip's mean level, a standard deviation of music is 10 dB, and nothing is below the
    clip's minimum. Loudness, the first row of "mfcc" and "rmse", is standardised over the clip's
    own frames. So a louder copy of a clip gives the same picture, some decibels higher in all
    rows, and a network may standardise rows over its training clips without knowing which are of
    mel, as MelCNNClassifier does. Frames in which all mel rows are at the clip's minimum (padding,
    silence) are at the minimum in all extra rows too, and are no part of the clip's mean.

    Examples
    --------
    >>> from genreclass import MelSpectrogram
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=4, n_genres=2, random_state=0).data
    >>> MelSpectrogram(duration=2.0).fit_transform(clips).shape
    (4, 128, 87)
    >>> MelSpectrogram(duration=2.0, extra=("mfcc", "spectral_centroid")).transform(clips).shape
    (4, 149, 87)
    """

    duration: float

    _doing = "Computing spectrograms"

    def __init__(
        self,
        *,
        sample_rate: int = 22050,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        f_min: float = 0.0,
        f_max: float | None = None,
        duration: float = 30.0,
        top_db: float | None = 80.0,
        extra: Sequence[str] = (),
        device: str | torch.device = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = f_max
        self.duration = duration
        self.top_db = top_db
        self.extra = extra
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    def transform(self, X: Any) -> np.ndarray:
        """Compute the spectrograms.

        Parameters
        ----------
        X : sequence of clips, or array-like of shape (n_clips, n_samples)
            Paths, Clips, 1-D arrays, or a 2-D array.

        Returns
        -------
        ndarray of shape (n_clips, n_rows, n_frames), float32
            Decibels, `n_mels` rows of them, then those of `extra`;
            ``n_frames = 1 + duration * sample_rate // hop_length``.

        Raises
        ------
        AudioReadError
            A file cannot be read; the message names it and its place in X.
        """
        self._check_parameters()
        sources = check_clips(X, sample_rate=self.sample_rate, estimator=self)
        spectra = np.empty((len(sources), *self._row_shape), dtype=np.float32)
        for place, spectrum in enumerate(self._rows(sources)):
            spectra[place] = spectrum
        return spectra

    def _compute(
        self, sources: Sequence[ClipSource], device: torch.device
    ) -> Iterator[tuple[int, np.ndarray]]:
        batch_size = _CPU_BATCH if device.type == "cpu" else _CUDA_BATCH
        clips = chain.from_iterable(self._load_ahead(sources))
        pictures = (
            self._pictures(batch, device).cpu().numpy() for batch in _batches(clips, batch_size)
        )
        yield from enumerate(chain.from_iterable(pictures))

    @property
    def _row_shape(self) -> tuple[int, int]:
        return self.n_rows, self.n_frames

    @property
    def n_rows(self) -> int:
        """Rows of every picture: `n_mels`, and those of `extra`."""
        return self.n_mels + sum(FAMILIES[name].n_rows for name in self.extra)

    @property
    def n_frames(self) -> int:
        """Frames of every picture."""
        return count_frames(self._n_samples, hop_length=self.hop_length)

    @property
    def _n_samples(self) -> int:
        return max(1, round(self.duration * self.sample_rate))

    def _pictures(self, clips: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
        """Pictures of a batch of clips of any lengths: (batch, n_rows, n_frames)."""
        clips = [clip[: self._n_samples] for clip in clips]
        samples = torch.zeros(len(clips), max(len(clip) for clip in clips))
        for row, clip in zip(samples, clips, strict=True):
            row.numpy()[: len(clip)] = clip  # also of read-only and reversed arrays
        samples = samples.to(device)
        n_frames = [count_frames(len(clip), hop_length=self.hop_length) for clip in clips]
        decibels = self._decibels(samples, n_frames)
        if not self.extra:
            return decibels
        rows = self._extra_rows(samples, clips, n_frames)
        return torch.cat([decibels, place_beside(decibels, rows, self.extra)], dim=1)

    def _decibels(self, samples: torch.Tensor, n_frames: Sequence[int]) -> torch.Tensor:
        """Mel rows of clips that have so many frames each: (batch, n_mels, n_frames)."""
        bank = mel_filter_bank(
            self.sample_rate,
            n_fft=self.n_fft,
            n_mels=self.n_mels,
            f_min=self.f_min,
            f_max=self.sample_rate / 2 if self.f_max is None else self.f_max,
        )
        power = mel_spectrogram(samples, bank=bank, n_fft=self.n_fft, hop_length=self.hop_length)
        picture = power.new_zeros(len(samples), self.n_mels, self.n_frames)
        for row, clip_power, length in zip(picture, power, n_frames, strict=True):
            row[:, :length] = clip_power[:, :length]
        return power_to_db(picture, top_db=self.top_db)

    def _extra_rows(
        self, samples: torch.Tensor, clips: Sequence[np.ndarray], n_frames: Sequence[int]
    ) -> torch.Tensor:
        """Values of the extra rows, 0 in padding: (batch, n_extra_rows, n_frames)."""
        rows = samples.new_zeros(len(samples), self.n_rows - self.n_mels, self.n_frames)
        for places in group_by_length(clips):
            families = compute_rows(
                samples[places, : len(clips[places[0]])],
                self.extra,
                sample_rate=int(self.sample_rate),
                n_fft=int(self.n_fft),
                hop_length=int(self.hop_length),
            )
            length = n_frames[places[0]]  # a constant-Q transform may have a frame more
            parts = [family[..., :length] for family in families.values()]
            rows[places, :, :length] = torch.cat(parts, dim=1)
        return rows

    def _check_parameters(self) -> None:
        for name in ("sample_rate", "n_fft", "hop_length", "n_mels"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more, got {value!r}")
        if self.n_fft % 2:
            raise ValueError(f"n_fft must be even, got {self.n_fft!r}")
        if not isinstance(self.duration, Real) or not 0 < self.duration < float("inf"):
            raise ValueError(f"duration must be a number of seconds above 0, got {self.duration!r}")
        if self.top_db is not None and not (isinstance(self.top_db, Real) and self.top_db > 0):
            raise ValueError(f"top_db must be None or above 0, got {self.top_db!r}")
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        if not (isinstance(self.f_min, Real) and isinstance(f_max, Real)):
            raise ValueError(f"f_min and f_max must be in hertz, got {self.f_min!r}, {f_max!r}")
        if not 0 <= self.f_min < f_max <= self.sample_rate / 2:
            raise ValueError(
                f"expected 0 <= f_min < f_max <= sample_rate / 2, got f_min={self.f_min!r}, "
                f"f_max={self.f_max!r}, sample_rate={self.sample_rate!r}"
            )
        self._check_extra()

    def _check_extra(self) -> None:
        if not isinstance(self.extra, (list, tuple)):
            raise ValueError(f'extra must be a tuple, as ("mfcc",), got {self.extra!r}')
        for name in self.extra:
            if not isinstance(name, str) or name not in FAMILIES:
                raise ValueError(f"extra must be of {', '.join(FAMILIES)}; got {name!r}")
        if len(set(self.extra)) < len(self.extra):
            raise ValueError(f"extra must name each family once, got {self.extra!r}")
        if self.extra:
            check_lowest_rate(self.extra, self.sample_rate, parameter="extra")
        if self.extra and self.hop_length % 64:
            raise ValueError(
                f"hop_length must be a multiple of 64 where there are extra rows, got "
                f"{self.hop_length!r}"
            )
        if self.extra and self.n_fft % self.hop_length:
            raise ValueError(
                f"n_fft must be a multiple of hop_length={self.hop_length!r} where there are extra "
                f"rows, got {self.n_fft!r}"
            )
        if self.extra and self.n_fft * NARROWEST_BAND < self.sample_rate:
            raise ValueError(
                f"n_fft={self.n_fft!r} is too short for extra rows, which need "
                f"sample_rate / {NARROWEST_BAND} or more"
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"extra": (), **state})  # as pickled before there were extra rows


def _batches(items: Iterable[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
