"""What ``genreclass train --model baseline`` does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from genreclass.audio import printable
from genreclass.cli._files import compute_features
from genreclass.cli._music import (
    check_genres,
    count_genres,
    drop_rare,
    drop_unreadable,
    drop_unwanted,
)
from genreclass.cli._tables import LENGTH, list_some, read_table
from genreclass.cli._terminal import counted, duration_text, note, note_skipped
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

__all__ = ["train_on_audio", "train_on_table"]

# Seconds from the middle of a song, as the network takes: the recordings that such features were
# made for are excerpts of 30 s, and extremes over a whole song are of another size.
_DURATION = 30.0

# Components of the recipe; fewer where the data hold no more.
_N_COMPONENTS = 60


def train_on_audio(
    music: Path, *, drop: list[str], min_count: int, strict: bool, parameters: Mapping[str, Any]
) -> tuple[Pipeline, dict[str, str]]:
    """A baseline trained on a folder for each genre; and what was skipped."""
    from sklearn.pipeline import Pipeline

    from genreclass import HandcraftedFeatures
    from genreclass.datasets import load_folder

    clips = drop_unwanted(load_folder(music), music, drop=drop, min_count=min_count)
    features = HandcraftedFeatures(duration=_DURATION, device=parameters["device"])
    done = compute_features(features, clips.data, strict=strict)
    if done.interrupted:
        raise KeyboardInterrupt
    clips = drop_rare(drop_unreadable(clips, done.skipped, music), min_count)
    check_genres(clips, music)
    note(f"{len(clips.data)} files in {len(clips.target_names)} genres: {count_genres(clips)}")
    row_of = dict(zip(done.names, done.rows, strict=True))
    baseline = _fit(np.stack([row_of[path] for path in clips.data]), clips.target, parameters)
    return Pipeline([("features", features), *baseline.steps]), clips.left_out


def train_on_table(
    path: Path,
    *,
    target: str,
    ignore: list[str],
    drop: list[str],
    min_count: int,
    parameters: Mapping[str, Any],
) -> tuple[Pipeline, dict[str, str]]:
    """A baseline trained on a table of features and genres; and what was skipped."""
    from sklearn.utils import Bunch

    table = read_table(path, target=target, ignore=ignore)
    if not table.names:
        note_skipped(table.skipped, "row")
        raise DatasetNotFoundError(
            f"All rows of {printable(path)} have gaps. Write it again, or leave out the columns "
            "that are empty: --ignore COLUMN."
        )
    _check_genres(table.target, target)
    clips = Bunch(
        data=table.features, target=table.target, target_names=sorted(set(table.target.tolist()))
    )
    clips = drop_unwanted(clips, path, drop=drop, min_count=min_count)
    note(f"{len(clips.data)} rows in {len(clips.target_names)} genres: {count_genres(clips)}")
    if table.other_columns:
        note(f"Columns left out: {', '.join(map(printable, table.other_columns))}")
    if LENGTH in table.other_columns and LENGTH not in ignore:
        note(f"{LENGTH} is left out as it tells of the file, not of its sound.")
    X = _drop_constant(clips.data, path)
    note(f"{counted(X.shape[1], 'feature')}: {list_some(list(X))}")
    return _fit(X, clips.target, parameters), table.skipped


def _check_genres(target: np.ndarray, name: str) -> None:
    """Ids and measurements are no genres; raises typer.BadParameter."""
    import pandas as pd

    values = pd.Series(target.astype(object))
    numbers = pd.to_numeric(values, errors="coerce")
    fractions = values[numbers % 1 != 0]
    alone = values[~values.duplicated(keep=False)]
    if numbers.notna().all() and len(fractions):
        fault = f"holds numbers that are not whole, such as {fractions.iloc[0]}"
    elif 2 * len(alone) > len(values):
        fault = (
            f"has a value of its own in {len(alone)} of {len(values)} rows, such as "
            f"{alone.iloc[0]!r:.40}"
        )
    else:
        return
    raise typer.BadParameter(
        f"column {name!r} {fault}. Expected genres that recur: name the column that holds them.",
        param_hint="--target",
    )


def _drop_constant(X: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The columns that vary, and a word on the others."""
    varies = X.min() < X.max()
    if not varies.any():
        raise ValueError(
            f"All rows of {printable(path)} are equal but for their genres, expected columns that "
            "vary. Look at how it was made."
        )
    constant = X.columns[~varies].tolist()
    if constant:
        note(f"Constant columns left out: {list_some(constant)}")
    return X.loc[:, varies]


def _fit(X: Any, y: np.ndarray, parameters: Mapping[str, Any]) -> Pipeline:
    from genreclass import make_fma_baseline

    started = time.perf_counter()
    baseline = make_fma_baseline(n_components=_N_COMPONENTS, **parameters).fit(X, y)
    pca = baseline["reducer"]["pca"]
    if pca.n_components_ < _N_COMPONENTS:
        note(
            f"{counted(pca.n_components_, 'component')} instead of {_N_COMPONENTS}: more do not "
            f"fit {counted(len(X), 'clip')} and {counted(pca.n_features_in_, 'column')} that "
            f"{'differs' if pca.n_features_in_ == 1 else 'differ'}."
        )
    note(f"Trained in {duration_text(time.perf_counter() - started)}")
    return baseline
