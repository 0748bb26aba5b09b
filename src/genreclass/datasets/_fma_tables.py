"""The tables of FMA's ``fma_metadata``, whose headers are several lines high."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genreclass.exceptions import DatasetNotFoundError

__all__ = ["find_metadata", "read_features", "read_genres", "read_tracks", "top_level_genres"]

_ANEW = "Unpack fma_metadata.zip anew."
# What is taken of the 52 columns of tracks.csv, and what it is called from there on.
_TRACK_COLUMNS = {
    "artist_id": "artist",
    "set_split": "split",
    "set_subset": "subset",
    "track_genre_top": "genre_top",
    "track_genres": "genres",
    "track_license": "license",
    "track_title": "title",
}
_OFFICIAL_SPLITS = {"training": "train", "validation": "valid", "test": "test"}


def find_metadata(root: Path) -> Path:
    """The folder of the tables: `root`, or ``fma_metadata`` in it."""
    places = (root, root / "fma_metadata")
    for place in places:
        if (place / "tracks.csv").is_file():
            return place
    raise DatasetNotFoundError(
        f"There is no tracks.csv in {places[0]} or {places[1]}. Give the folder that "
        "fma_metadata.zip unpacks to, or the one that holds it."
    )


def read_tracks(metadata: Path) -> pd.DataFrame:
    """Artist, split, subset, genre, licence and title of every track, by track id."""
    path = _existing(metadata, "tracks.csv")
    tracks = _read(path, levels=2, pick=_TRACK_COLUMNS.__contains__, dtype=str)
    missing = sorted(set(_TRACK_COLUMNS) - set(tracks.columns))
    if missing:
        raise ValueError(f"{path} has no column {missing[0].replace('_', '/', 1)}. {_ANEW}")
    tracks = tracks.rename(columns=_TRACK_COLUMNS)
    for column, known in (("split", _OFFICIAL_SPLITS), ("subset", ("small", "medium", "large"))):
        odd = tracks.index[~tracks[column].isin(list(known))]
        if len(odd):
            value = tracks[column][odd[0]]
            raise ValueError(
                f"{path} is damaged: the {column} of track {odd[0]} is {value!r}, expected one of "
                f"{', '.join(known)}. {_ANEW}"
            )
    tracks["split"] = tracks["split"].map(_OFFICIAL_SPLITS)
    return tracks


def read_genres(metadata: Path) -> pd.DataFrame:
    """Title and top-level parent of every genre, by genre id."""
    path = _existing(metadata, "genres.csv")
    _check_end(path)
    types = {"genre_id": int, "title": str, "top_level": int}
    try:
        genres = pd.read_csv(path, index_col="genre_id", usecols=list(types), dtype=types)
    except ValueError as error:
        raise _damaged(path, error) from error
    _check_unique(path, genres.index, "genre")
    return genres


def top_level_genres(tracks: pd.DataFrame, genres: pd.DataFrame) -> pd.Series:
    """The top-level parent of the first genre of each track; missing where it has none."""
    first = pd.to_numeric(tracks["genres"].str.extract(r"^\[(\d+)", expand=False))
    titles = genres["title"].reindex(genres["top_level"]).set_axis(genres.index)
    return first.map(titles)


def read_features(metadata: Path, source: str) -> pd.DataFrame:
    """The numbers of ``features.csv`` or ``echonest.csv`` in float32, by track id."""
    path = _existing(metadata, f"{source}.csv")
    if source == "features":
        return _read(path, levels=3, pick=lambda name: True, dtype=np.float32)
    # The others are names, ranks and popularity, not of the sound, and 224 numbers without a name.
    kind = "echonest_audio_features_"
    table = _read(path, levels=3, pick=lambda name: name.startswith(kind), dtype=np.float32)
    return table.rename(columns=lambda name: name.removeprefix(kind))


def _existing(metadata: Path, name: str) -> Path:
    path = metadata / name
    if not path.is_file():
        raise DatasetNotFoundError(f"There is no {name} in {metadata}. {_ANEW}")
    return path


def _read(path: Path, *, levels: int, pick: Callable[[str], bool], dtype: Any) -> pd.DataFrame:
    """The picked columns of a table, named by the `levels` lines of its header joined by "_"."""
    columns = _read_header(path, levels)
    picked = [name for name in columns if pick(name)]
    if not picked:
        raise ValueError(f"{path} has none of the columns expected in it. {_ANEW}")
    _check_end(path)
    try:
        # pandas' own parser takes a gigabyte of features in 5 s and 0.5 GB of memory, on one core.
        # pyarrow's took 2 GB, and between 3 and 10 s on two cores.
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
            table = pd.read_csv(
                path,
                skiprows=levels + 1,
                names=["track_id", *columns],
                # Told which columns to take, pandas passes over what a line has too many.
                usecols=None if picked == columns else ["track_id", *picked],
                index_col="track_id",
                dtype={"track_id": np.int64, **dict.fromkeys(picked, dtype)},
                # A song may be called "None" or "NA".
                keep_default_na=dtype is not str,
                na_values="",
            )
    except ValueError as error:  # pandas' own errors are of this kind too
        raise _damaged(path, error) from error
    _check_unique(path, table.index, "track")
    return table


def _read_header(path: Path, levels: int) -> list[str]:
    """Names of the columns after the track id; all lines up to the first track are looked at."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(islice(csv.reader(file), levels + 2))
    except (csv.Error, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    # pandas writes a column index of several levels, then a line with the name of the row index.
    if len(lines) < levels + 2 or not lines[levels] or lines[levels][0] != "track_id":
        raise ValueError(
            f"{path} is not FMA's: expected {levels} header lines, a line that begins with "
            f"track_id and a line for each track. {_ANEW}"
        )
    if len({len(line) for line in lines}) > 1:
        raise ValueError(f"{path} is damaged: its first lines differ in length. {_ANEW}")
    return ["_".join(parts) for parts in zip(*(line[1:] for line in lines[:levels]), strict=True)]


def _check_end(path: Path) -> None:
    """Refuse a table that was cut: pandas would fill the rest of its last line in silence."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        if file.read() != b"\n":
            raise ValueError(f"{path} is cut off: its last line does not end. {_ANEW}")


def _check_unique(path: Path, ids: pd.Index, what: str) -> None:
    if not ids.is_unique:
        twice = ids[ids.duplicated()][0]
        raise ValueError(f"{path} is damaged: {what} {twice} is in it twice. {_ANEW}")


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is damaged: {' '.join(str(error).split())} {_ANEW}")
