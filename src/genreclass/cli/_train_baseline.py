"""What ``genreclass train --model baseline`` does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclass.audio import printable
from genreclass.cli._files import compute_features
from genreclass.cli._music import (
    check_genres,
    count_genres,
    drop_rare,
    drop_unreadable,
    drop_unwanted,
)
from genreclass.cli._tables import read_table
from genreclass.cli._terminal import duration_text, note, note_skipped
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
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
    drop: list[str],
    min_count: int,
    parameters: Mapping[str, Any],
) -> tuple[Pipeline, dict[str, str]]:
    """A baseline trained on a table of features and genres; and what was skipped."""
    from sklearn.utils import Bunch

    table = read_table(path, target=target)
    if not table.names:
        note_skipped(table.skipped, "row")
        raise DatasetNotFoundError(f"All rows of {printable(path)} have gaps. Write it again.")
    clips = Bunch(
        data=table.features, target=table.target, target_names=sorted(set(table.target.tolist()))
    )
    clips = drop_unwanted(clips, path, drop=drop, min_count=min_count)
    note(
        f"{len(clips.data)} rows in {len(clips.target_names)} genres: {count_genres(clips)}; "
        f"{clips.data.shape[1]} features"
    )
    if table.other_columns:
        note(f"Columns left out: {', '.join(map(printable, table.other_columns))}")
    return _fit(clips.data, clips.target, parameters), table.skipped


def _fit(X: Any, y: np.ndarray, parameters: Mapping[str, Any]) -> Pipeline:
    from genreclass import make_fma_baseline

    started = time.perf_counter()
    baseline = make_fma_baseline(n_components=_N_COMPONENTS, **parameters)
    reducer = baseline["reducer"]
    n_kept = int(reducer["filter"].fit(X).get_support().sum())
    n_components = min(_N_COMPONENTS, len(X), n_kept)
    if n_components < _N_COMPONENTS:
        note(
            f"{n_components} components instead of {_N_COMPONENTS}: more do not fit "
            f"{len(X)} clips and {n_kept} columns that differ."
        )
    reducer.set_params(pca__n_components=n_components)
    baseline.fit(X, y)
    note(f"Trained in {duration_text(time.perf_counter() - started)}")
    return baseline
