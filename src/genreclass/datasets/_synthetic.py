"""Synthetic genres: small, free, and told apart by ear."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import lfilter
from sklearn.utils import Bunch, check_random_state

from genreclass.audio import Clip

__all__ = ["make_clips"]


def make_clips(
    n_clips: int = 60,
    *,
    n_genres: int = 3,
    duration: float = 2.0,
    sample_rate: int = 22050,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    """Make clips of synthetic genres that an ear could tell apart.

    Parameters
    ----------
    n_clips : int, default=60
        Clips altogether, the same number of each genre to within one.
    n_genres : int, default=3
        2 to 8 of, in this order: "drone" (a low, slowly moving chord), "techno" (a kick on every
        beat, hi-hats between), "bells" (high, inharmonic, ringing), "arpeggio" (plucked notes),
        "noise" (gusts of filtered noise), "organ" (a chord on every bar), "whistle" (one gliding
        high voice), "metal" (distorted, fast chords).
    duration : float, default=2.0
        Length of a clip in seconds.
    sample_rate : int, default=22050
        In hertz.
    random_state : int, RandomState or None, default=None
        Of keys, tempi and noise.

    Returns
    -------
    Bunch
        Dictionary-like, with these attributes:

        data : list of Clip
            In memory, peak at 0.5.
        target : ndarray of shape (n_clips,)
            Genres.
        target_names : list of str
            Genres, sorted.
        groups : ndarray of shape (n_clips,)
            Tracks: each two clips of a genre share key and tempo.
        DESCR : str
            What the clips are.

    Examples
    --------
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=6, random_state=0)
    >>> clips.target_names
    ['bells', 'drone', 'techno']
    >>> clips.data[0]
    Clip(2.00 s at 22050 Hz)
    """
    if not 2 <= n_genres <= len(_GENRES):
        raise ValueError(f"n_genres must be 2 to {len(_GENRES)}, got {n_genres!r}")
    if n_clips < n_genres:
        raise ValueError(f"n_clips must be at least n_genres ({n_genres}), got {n_clips!r}")
    if not duration > 0 or not sample_rate > 0:
        raise ValueError(f"duration and sample_rate must be above 0, got {duration}, {sample_rate}")
    generator = check_random_state(random_state)
    time = np.arange(max(1, round(duration * sample_rate))) / sample_rate
    genres = list(_GENRES)[:n_genres]
    tracks: dict[str, tuple[float, float]] = {}
    data, target, groups = [], [], []
    for index in range(n_clips):
        genre, track = genres[index % n_genres], index // (2 * n_genres)
        if index // n_genres % 2 == 0:  # the first of a track's two clips
            tracks[genre] = generator.uniform(0.75, 1.5), generator.uniform(0.8, 1.25)
        sound = _GENRES[genre](time, *tracks[genre], generator)
        sound = sound + 0.01 * np.abs(sound).max() * generator.normal(size=len(time))
        peak = np.abs(sound).max() or 1.0
        data.append(Clip((0.5 * sound / peak).astype(np.float32), sample_rate))
        target.append(genre)
        groups.append(f"{genre} {track}")
    return Bunch(
        data=data,
        target=np.array(target),
        target_names=sorted(genres),
        groups=np.array(groups),
        DESCR=f"{n_clips} synthetic clips of {duration:g} s in {n_genres} genres; no rights.",
    )


# Each recipe: time in seconds (n_samples,), a factor on pitch, a factor on tempo, and a generator,
# to sound (n_samples,) of any level.


def _drone(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    sound = np.zeros_like(time)
    for ratio in (1.0, 1.5, 2.0):
        phase = generator.uniform(0, 2 * np.pi)
        swell = 1 + 0.3 * np.sin(2 * np.pi * 0.4 * tempo * ratio * time + phase)
        sound += swell * _tone(time, 65 * key * ratio, harmonics=4)
    return sound


def _techno(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    beat = 0.5 / tempo
    start = generator.uniform(0, beat)
    since_kick = (time + start) % beat
    since_hat = (time + start + beat / 2) % beat
    kick = np.exp(-12 * since_kick) * np.sin(
        2 * np.pi * (50 * key * since_kick + 4 * np.exp(-30 * since_kick))
    )
    hat = np.exp(-50 * since_hat) * np.diff(generator.normal(size=len(time) + 1))
    return kick + 0.25 * hat


def _bells(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    sound = np.zeros_like(time)
    for onset in np.arange(-1.0, time[-1], 0.7 / tempo):
        since = np.maximum(0, time - onset)
        pitch = key * generator.choice([700, 880, 1050, 1320])
        for ratio, decay in ((1.0, 2.0), (2.76, 3.0), (5.4, 5.0)):  # a struck bar's partials
            sound += (
                (time >= onset) * np.exp(-decay * since) * np.sin(2 * np.pi * pitch * ratio * since)
            )
    return sound


def _arpeggio(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    step = 0.16 / tempo
    since = time % step
    notes = generator.permutation([1.0, 1.25, 1.5, 2.0])
    pitch = 220 * key * notes[(time // step).astype(int) % len(notes)]
    return np.exp(-18 * since) * sum(
        np.sin(2 * np.pi * h * pitch * since) / h for h in (1, 2, 3, 4, 5)
    )


def _noise(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    white = generator.normal(size=len(time))
    smooth = lfilter(np.ones(12) / 12, 1.0, white)
    gust = 0.6 + 0.4 * np.sin(2 * np.pi * 0.5 * tempo * time + generator.uniform(0, 2 * np.pi))
    return gust * (smooth + 0.1 * key * white)


def _organ(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    bar = (time / (1.2 / tempo)).astype(int)
    roots = generator.permutation([1.0, 4 / 3, 1.5, 9 / 8])
    root = 131 * key * roots[bar % len(roots)]
    phase = np.cumsum(root) * (time[1] - time[0] if len(time) > 1 else 0.0)
    orders = np.outer((1.0, 1.25, 1.5), (1, 2, 3, 4, 6, 8)).ravel()  # a chord, its drawbars
    return np.sin(2 * np.pi * orders[:, None] * phase).sum(axis=0)


def _whistle(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    glide = np.sin(2 * np.pi * 0.5 * tempo * time + generator.uniform(0, 2 * np.pi))
    vibrato = 0.02 * np.sin(2 * np.pi * 5.5 * time)
    pitch = 1500 * key * 2 ** (0.5 * glide + vibrato)
    return np.sin(2 * np.pi * np.cumsum(pitch) * (time[1] - time[0] if len(time) > 1 else 0.0))


def _metal(
    time: np.ndarray, key: float, tempo: float, generator: np.random.RandomState
) -> np.ndarray:
    step = 0.11 / tempo
    muted = np.exp(-6 * (time % step))
    chord = sum(_tone(time, 82 * key * ratio, harmonics=6) for ratio in (1.0, 1.5, 2.0))
    grit = 0.2 * generator.normal(size=len(time))
    return np.tanh(6 * muted * chord + grit)


def _tone(time: np.ndarray, pitch: float, *, harmonics: int) -> np.ndarray:
    orders = np.arange(1, harmonics + 1)[:, None]
    return (np.sin(2 * np.pi * pitch * orders * time) / orders).sum(axis=0)


_GENRES = {
    "drone": _drone,
    "techno": _techno,
    "bells": _bells,
    "arpeggio": _arpeggio,
    "noise": _noise,
    "organ": _organ,
    "whistle": _whistle,
    "metal": _metal,
}
