"""The Free Music Archive's data set, from the user's own copy."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_scalar

from genreclass.audio import FOREIGN_SUFFIXES
from genreclass.datasets._files import find_audio, resolve_root
from genreclass.datasets._fma_tables import (
    find_metadata,
    read_features,
    read_genres,
    read_tracks,
    top_level_genres,
)
from genreclass.datasets._labels import (
    describe_unknown,
    drop_genres,
    drop_rare_genres,
    take_clips,
)
from genreclass.exceptions import DatasetNotFoundError

__all__ = ["load_fma"]

_log = logging.getLogger(__name__)

# The subsets nest: a track of the small one is marked "small" and belongs to all of them.
_WITHIN = {
    "small": ("small",),
    "medium": ("small", "medium"),
    "large": ("small", "medium", "large"),
    "full": ("small", "medium", "large"),
}
# Where the audio of a subset may lie. fma_full holds whole tracks, the others clips of 30 s.
_AUDIO = {
    "small": ("fma_small", "fma_medium", "fma_large"),
    "medium": ("fma_medium", "fma_large", "fma_small"),
    "large": ("fma_large", "fma_medium", "fma_small"),
    "full": ("fma_full",),
}
_CHOICES = {
    "subset": tuple(_WITHIN),
    "split": ("train", "valid", "test", None),
    "source": ("features", "echonest", "audio"),
}
_TRACK_FILE = re.compile(r"\d{6}")
_N_PARTS = 10  # of a drawn split: one to test, one to validate, the rest to train, as FMA's own

_ABOUT = """\
FMA: A Dataset For Music Analysis (https://github.com/mdeff/fma). M. Defferrard, K. Benzi, \
P. Vandergheynst and X. Bresson, ISMIR 2017, arXiv:1612.01840.
The tables are CC BY 4.0; the audio of each track is under the licence in `licenses`. For research.
features.csv was computed by librosa 0.5.0 on whole tracks, taken as 22,050 Hz: what is learned \
from it holds for it, not for features computed otherwise."""


def load_fma(
    root: str | os.PathLike[str],
    *,
    subset: Literal["small", "medium", "large", "full"] = "small",
    split: Literal["train", "valid", "test"] | None = None,
    source: Literal["features", "echonest", "audio"] = "features",
    fill_missing: bool = True,
    drop: Iterable[str] = (),
    min_count: int = 1,
    split_seed: int | None = None,
    return_X_y: bool = False,
) -> Any:
    """Load FMA: published features or audio, genres, artists and splits.

    Parameters
    ----------
    root : str or path-like
        The folder that ``fma_metadata.zip`` unpacks to, or the one that holds it. Audio is looked
        for in folders ``fma_small``, ``fma_medium``, ``fma_large`` and ``fma_full`` in `root` and
        beside the tables: ``fma_small/000/000002.mp3``, or any format that can be read.
    subset : {"small", "medium", "large", "full"}, default="small"
        8,000 tracks of 8 genres, 1,000 each; 25,000 of 16; all 106,574. Each holds the one before.
        "full" has the tracks of "large", and whole recordings where the others have 30 s.
    split : {"train", "valid", "test"} or None, default=None
        A part of it, about 80, 10 and 10 %; None is every track.
    source : {"features", "echonest", "audio"}, default="features"
        What X is: the 518 columns of ``features.csv``; the eight audio features of
        ``echonest.csv``, which has 13,129 tracks; or paths of files.
    fill_missing : bool, default=True
        Give tracks without a top-level genre that of the first genre they list. Of all tracks,
        half have none; in the small and the medium subset none is missing.
    drop : iterable of str, default=()
        Top-level genres to leave out.
    min_count : int, default=1
        Leave out genres with fewer tracks in the subset. 1 leaves none out.
    split_seed : int or None, default=None
        None is FMA's own split. A number draws another from it, stratified by genre, no artist on
        two sides; the same number gives parts that do not overlap.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch
        Dictionary-like, with these attributes:

        data : DataFrame of shape (n_tracks, n_features), or list of str
            Features in float32, by track id, columns named as ``mfcc_mean_01`` in the order of
            the file; or paths. No audio file is opened.
        target : ndarray of shape (n_tracks,)
            Top-level genres.
        target_names : list of str
            Genres, sorted.
        groups : ndarray of shape (n_tracks,)
            Artists.
        feature_names : list of str
            Names of the columns; not there when X is audio.
        track_ids, titles, licenses : ndarray of shape (n_tracks,)
            Of each track; a title or licence that is not stated is "".
        splits : ndarray of shape (n_tracks,)
            The part each track belongs to.
        dropped : dict of str to int
            Genres dropped, and how many tracks of the subset each had.
        left_out : dict of str to str
            Tracks of the subset not taken, and why: no genre, no features, no file.
        DESCR : str
            Provenance, licences, citation, and how many tracks each step left.

    Raises
    ------
    DatasetNotFoundError
        A table is not there, or nothing of what was asked for.
    TypeError
        `min_count` or `split_seed` is no whole number.
    ValueError
        A parameter or a genre is unknown, no genre is left, or a table is damaged.

    See Also
    --------
    drop_genres, drop_rare_genres : The same steps for any data set.

    Notes
    -----
    The steps, in this order: the subset; genres filled in; tracks without one left out; `drop`;
    `min_count`; the split drawn; tracks without features (absent, empty or not finite) or file left
    out; the part taken. So a genre is there or not whatever the part and the source, and
    `dropped` and `left_out` count the subset: it has as many tracks as its three parts and these.

    The steps of the baseline that is common on Kaggle are ``subset="full", min_count=1000,
    drop=["International"]``, which leave ten genres; it splits at random, which puts
    artists on two sides.

    A few clips of the audio are shorter than 30 s; 99134, 108925 and 133297 of the small subset
    hold no sound.

    Examples
    --------
    >>> from genreclass.datasets import load_fma
    >>> train = load_fma("fma_metadata", subset="medium", split="train")  # doctest: +SKIP
    >>> train.data.shape  # doctest: +SKIP
    (19922, 518)
    """
    for name, value in (("subset", subset), ("split", split), ("source", source)):
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} must be one of {_CHOICES[name]}, got {value!r}")
    folder = resolve_root(root, "fma_metadata")
    metadata = find_metadata(folder)
    every_track, genres = read_tracks(metadata), read_genres(metadata)
    tracks = every_track[every_track["subset"].isin(_WITHIN[subset])]
    if tracks.empty:
        raise DatasetNotFoundError(f"{metadata / 'tracks.csv'} has no track of subset {subset!r}.")

    fma = _label(tracks, genres, fill_missing=fill_missing)
    fma.DESCR = f"{_ABOUT}\nSubset {subset}: {len(tracks)} tracks.\n{fma.DESCR}"
    fma = drop_rare_genres(_drop(fma, drop, genres), min_count)
    if split_seed is not None:
        fma.splits = _draw_splits(fma.target, fma.groups, split_seed)
    if source == "audio":
        fma = _take_audio(fma, folder, metadata, _AUDIO[subset])
    else:
        fma = _take_features(fma, metadata, source, every_track.index)
    fma = _take_part(fma, split, "FMA's own" if split_seed is None else f"drawn by {split_seed}")
    return (fma.data, fma.target) if return_X_y else fma


def _label(tracks: pd.DataFrame, genres: pd.DataFrame, *, fill_missing: bool) -> Bunch:
    """A data set of the tracks that have a genre, with track ids for data."""
    labels = tracks["genre_top"]
    if fill_missing:
        labels = labels.fillna(top_level_genres(tracks, genres))
    n_filled = int(labels.notna().sum() - tracks["genre_top"].notna().sum())
    alone = tracks.index.to_series().map("track {}".format)
    target = _text(labels).astype(str)
    fma = Bunch(
        data=tracks.index.to_numpy(),
        target=target,
        groups=_text(("artist " + tracks["artist"]).fillna(alone)).astype(str),
        track_ids=tracks.index.to_numpy(),
        titles=_text(tracks["title"]),
        licenses=_text(tracks["license"]),
        splits=_text(tracks["split"]).astype(str),
        left_out={},
        DESCR=f"Genres filled in from the first that a track lists: {n_filled}.",
    )
    return _leave_out(fma, np.where(target == "", "no genre in tracks.csv", ""))


def _text(column: pd.Series) -> np.ndarray:
    """A column as an array, "" where there is nothing.

    Of objects: in an array of numpy's own text every entry takes as much memory as the longest.
    """
    return column.fillna("").to_numpy(dtype=object)


def _drop(fma: Bunch, drop: Iterable[str], genres: pd.DataFrame) -> Bunch:
    if isinstance(drop, str) or not isinstance(drop, Iterable):
        raise ValueError(f"drop must be a list of genres, got {drop!r}")
    there = set(fma.target.tolist())
    known = there | set(genres["title"][genres.index == genres["top_level"]])
    named = set(drop)
    for genre in sorted(map(str, named - known)):
        raise ValueError(describe_unknown(genre, sorted(known)))
    return drop_genres(fma, named & there)  # a subset need not have every genre


def _draw_splits(target: np.ndarray, artists: np.ndarray, seed: int) -> np.ndarray:
    """The part of each track: stratified by genre, no artist on two sides."""
    from sklearn.model_selection import StratifiedGroupKFold

    if isinstance(seed, bool):
        raise TypeError(f"split_seed must be a whole number or None, got {seed}.")
    check_scalar(seed, "split_seed", Integral, min_val=0, max_val=2**32 - 1)
    genre, count = min(Counter(target.tolist()).items(), key=lambda item: item[1])
    if count < _N_PARTS or len(set(artists.tolist())) < _N_PARTS:
        raise ValueError(
            f"A drawn split needs {_N_PARTS} tracks of each genre and {_N_PARTS} artists, got "
            f"{count} of {genre!r} and {len(set(artists.tolist()))} artists. "
            f"Give min_count={_N_PARTS} or a larger subset."
        )
    folds = StratifiedGroupKFold(_N_PARTS, shuffle=True, random_state=seed)
    (_, test), (_, valid), *_ = folds.split(target, target, artists)
    splits = np.full(len(target), "train")
    splits[valid], splits[test] = "valid", "test"
    return splits


def _take_features(fma: Bunch, metadata: Path, source: str, every_track: pd.Index) -> Bunch:
    """The rows of a table for data, without the tracks that have none or a broken one."""
    table = read_features(metadata, source)
    unknown = int((~table.index.isin(every_track)).sum())
    if unknown:
        fma.DESCR += f"\nRows of {source}.csv that belong to no track of tracks.csv: {unknown}."
    absent = ~np.isin(fma.track_ids, table.index)
    table = table.reindex(fma.track_ids)
    fma.data = table.copy()  # in one block; as it was read, pandas calls the table fragmented
    fma.feature_names = list(table.columns)
    broken = ~np.isfinite(fma.data.to_numpy()).all(axis=1)
    n_lost = int(broken.sum())
    if n_lost:
        # Echonest's table has an eighth of the tracks as it is published.
        odd = source == "features" and 2 * n_lost > len(broken)
        _log.log(
            logging.WARNING if odd else logging.INFO,
            "%d of the %d tracks have no features in %s and are left out.",
            n_lost,
            len(broken),
            metadata / f"{source}.csv",
        )
    reasons = (f"no row in {source}.csv", f"a row in {source}.csv that is empty or not finite")
    return _leave_out(fma, np.select([absent, broken], reasons, default=""))


def _take_audio(fma: Bunch, folder: Path, metadata: Path, names: tuple[str, ...]) -> Bunch:
    """Paths for data, without the tracks that have no file."""
    places = [folder]
    if metadata == folder:  # the audio may lie beside the tables
        places.append(Path(os.path.abspath(folder)).parent)
    wanted = set(fma.track_ids.tolist())
    found: dict[int, Path] = {}
    for path in (path for name in names for place in places for path in find_audio(place / name)):
        readable = path.suffix.lower() not in FOREIGN_SUFFIXES
        if readable and _TRACK_FILE.fullmatch(path.stem) and int(path.stem) in wanted:
            found.setdefault(int(path.stem), path)
            if len(found) == len(wanted):
                break
    if not found:
        first = f"{fma.track_ids[0]:06}"
        raise DatasetNotFoundError(
            f"There is no audio of the {len(wanted)} tracks: looked for {first[:3]}/{first}.mp3 "
            f"and so on in {' or '.join(names)}, in {' and '.join(map(str, places))}. Unpack "
            f"{names[0]}.zip there."
        )
    fma.data = [str(found.get(track, "")) for track in fma.track_ids.tolist()]
    reason = f"no file in {' or '.join(names)}"
    return _leave_out(fma, np.array([reason if path == "" else "" for path in fma.data]))


def _leave_out(fma: Bunch, reasons: np.ndarray) -> Bunch:
    """The data set without the tracks that have a reason, which are named and counted."""
    kept = reasons == ""
    counts = Counter(reasons[~kept].tolist())
    if not kept.any():
        listed = ", ".join(f"{count} with {reason}" for reason, count in counts.items())
        raise DatasetNotFoundError(f"Every track of the subset is left out: {listed}.")
    left_out = {
        f"track {track}": reason
        for track, reason in zip(fma.track_ids[~kept], reasons[~kept].tolist(), strict=True)
    }
    taken = take_clips(fma, np.flatnonzero(kept))
    taken.left_out = {**fma.left_out, **left_out}
    lines = [f"Left out: {count} with {reason}." for reason, count in counts.items()]
    taken.DESCR = "\n".join([fma.DESCR, *lines]).strip()
    return taken


def _take_part(fma: Bunch, split: str | None, how: str) -> Bunch:
    rows = np.flatnonzero(fma.splits == split) if split else np.arange(len(fma.target))
    if not len(rows):
        raise DatasetNotFoundError(f"No track of the subset is in the {split} split.")
    part = take_clips(fma, rows)
    part.target_names = sorted(set(part.target.tolist()))
    n_genres = len(part.target_names)
    part.DESCR += f"\nHere: {len(rows)} tracks in {n_genres} genres, split {split} ({how}).\n"
    return part
