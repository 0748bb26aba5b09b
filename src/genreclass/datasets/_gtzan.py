"""The GTZAN Genre Collection, from the user's own copy."""

from __future__ import annotations

import csv
import logging
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch

from genreclass.audio import FOREIGN_SUFFIXES, read_clip
from genreclass.datasets._files import find_audio, log_left_out, resolve_root
from genreclass.exceptions import AudioReadError, DatasetNotFoundError

__all__ = ["gtzan_artists", "load_gtzan"]

_log = logging.getLogger(__name__)

_GENRES = (
    "blues",
    "classical",
    "country",
    "disco",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)
_SPLITS = ("train", "valid", "test")
_CLIP_NAME = re.compile(rf"({'|'.join(_GENRES)})\.\d{{5}}")
_FAULTY = "jazz.00054"  # of the popular copy: raw samples under a .wav name


def load_gtzan(
    root: str | os.PathLike[str],
    *,
    split: Literal["train", "valid", "test"] | None = None,
    genres: Sequence[str] | None = None,
    return_X_y: bool = False,
) -> Any:
    """Load GTZAN: paths, genres and artists of the fault-filtered splits, or of all clips.

    Parameters
    ----------
    root : str or path-like
        A copy of the collection, whole or partial, in any layout: clips are known by their
        names, such as ``jazz.00012.wav`` (or .au, .ogg, .mp3, .flac), at any depth.
    split : {"train", "valid", "test"} or None, default=None
        A fault-filtered list (443, 197, 290 clips; artists apart, as far as they are known, but
        for one disco clip); None is every clip,
        with the collection's known repeats and wrong labels.
    genres : sequence of str or None, default=None
        Only these genres; None is all that are there.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch
        Dictionary-like, with these attributes:

        data : list of str
            Paths, sorted by clip name. No file is opened, but for one that is known to be faulty.
        target : ndarray of shape (n_clips,)
            Genres.
        target_names : list of str
            Genres, sorted.
        groups : ndarray of shape (n_clips,)
            Artists; a clip without an artist id is a group of its own.
        left_out : dict of str to str
            Files not taken, and why.
        DESCR : str
            Provenance, licence, citations, known faults, and how many clips are here.

    Raises
    ------
    DatasetNotFoundError
        There is no such folder, or no clip of the selection in it.
    ValueError
        `split` or a genre is unknown.

    Notes
    -----
    Splits: C. Kereliuk, B. L. Sturm and J. Larsen, "Deep learning and music adversaries", 2015.
    Artists: J. H. Foleis and T. F. Tavares, "Texture selection for automatic music genre
    classification", 2020.
    """
    if split is not None and split not in _SPLITS:
        raise ValueError(f"split must be one of {_SPLITS} or None, got {split!r}")
    genres = _GENRES if genres is None else _check_genres(genres)
    paths, left_out = _find_clips(resolve_root(root, "GTZAN"), genres)
    names = sorted(paths)
    if split is not None:
        listed = [name for name in _split_names(split) if _genre(name) in genres]
        names = [name for name in listed if name in paths]
        if len(names) < len(listed):
            _log.warning(
                "%s holds %d of the %d clips of the %s split of %s.",
                root,
                len(names),
                len(listed),
                split,
                ", ".join(genres),
            )
    if not names:
        raise DatasetNotFoundError(
            f"{root} holds no GTZAN clips of {', '.join(genres)}"
            + (f" in the {split} split" if split else "")
            + ". Expected files such as genres_original/jazz/jazz.00012.wav below it."
        )
    log_left_out(left_out)
    data = [str(paths[name]) for name in names]
    target = np.array([_genre(name) for name in names])
    if return_X_y:
        return data, target
    artists = gtzan_artists()
    return Bunch(
        data=data,
        target=target,
        target_names=sorted(set(target.tolist())),
        groups=np.array([artists.get(name, f"clip {name}") for name in names]),
        left_out=left_out,
        DESCR=f"{_resource('README.md')}\nHere: {len(data)} clips of {root}, split {split}.\n",
    )


def _check_genres(genres: Sequence[str]) -> Sequence[str]:
    if isinstance(genres, str):
        raise ValueError(f"genres must be a list of genres, got the string {genres!r}")
    for genre in genres:
        if genre not in _GENRES:
            raise ValueError(f"GTZAN has no genre {genre!r}; its genres are {', '.join(_GENRES)}")
    return sorted(set(genres))


def _find_clips(folder: Path, genres: Sequence[str]) -> tuple[dict[str, Path], dict[str, str]]:
    clips: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for path in find_audio(folder):
        name = path.stem
        if not _CLIP_NAME.fullmatch(name) or _genre(name) not in genres:
            continue
        if name in clips:
            left_out[str(path)] = f"{name} is already taken from {clips[name]}"
        elif path.suffix.lower() in FOREIGN_SUFFIXES:
            left_out[str(path)] = f"{path.suffix} files cannot be read"
        elif name == _FAULTY and not _is_readable(path):
            left_out[str(path)] = "a known fault of the popular copy: it is not an audio file"
        else:
            clips[name] = path
    return clips, left_out


def _is_readable(path: Path) -> bool:
    try:
        read_clip(path, duration=0.1)
    except AudioReadError:
        return False
    return True


def _genre(name: str) -> str:
    return name.partition(".")[0]


def _split_names(split: str) -> list[str]:
    return sorted(Path(line).stem for line in _resource(f"{split}_filtered.txt").split())


def gtzan_artists() -> dict[str, str]:
    """Artists of GTZAN's clips, as far as they are known: for folds of tables of its features.

    Returns
    -------
    dict of str to str
        Of 948 clips, as ``jazz.00012``, what names the artist.

    Notes
    -----
    By Foleis and Tavares, as in `load_gtzan`.

    Examples
    --------
    >>> from genreclass.datasets import gtzan_artists
    >>> len(set(gtzan_artists().values()))
    412
    """
    rows = csv.DictReader(_resource("artists.csv").splitlines())
    return {row["clip"]: f"artist {row['artist']}" for row in rows}


def _resource(name: str) -> str:
    return (files("genreclass.datasets") / "gtzan" / name).read_text(encoding="utf-8")
