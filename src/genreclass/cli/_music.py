"""Music to learn from: which genres and files of it are taken."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from genreclass.audio import printable
from genreclass.cli._terminal import note, note_skipped
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.utils import Bunch

__all__ = ["check_genres", "count_genres", "drop_rare", "drop_unreadable", "drop_unwanted"]


def drop_unwanted(clips: Bunch, music: Path, *, drop: list[str], min_count: int) -> Bunch:
    """The data set without the genres that are not to be learned, and a word on them."""
    from genreclass.datasets import drop_genres

    if drop:
        try:
            clips = drop_genres(clips, drop)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--drop") from error
    clips = drop_rare(clips, min_count)
    check_genres(clips, music)
    return clips


def drop_rare(clips: Bunch, min_count: int) -> Bunch:
    """The data set without the genres of few clips, and a word on them."""
    from genreclass.datasets import drop_rare_genres

    try:
        frequent = drop_rare_genres(clips, min_count=min_count)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--min-count") from error
    rare = [genre for genre in clips.target_names if genre not in frequent.target_names]
    if rare:
        note(f"Genres left out, of fewer than {min_count}: {', '.join(map(printable, rare))}")
    return frequent


def drop_unreadable(clips: Bunch, unreadable: Mapping[str, str], root: Path) -> Bunch:
    """The data set without the files that cannot be read, which go to its `left_out`."""
    from sklearn.utils import Bunch

    kept = [index for index, path in enumerate(clips.data) if path not in unreadable]
    left_out = {**unreadable, **clips.left_out}
    if not kept:
        note_skipped(left_out)
        raise DatasetNotFoundError(f"None of the {len(clips.data)} files in {root} could be read.")
    target = clips.target[kept]
    names = sorted(set(target.tolist()))
    lost = [genre for genre in clips.target_names if genre not in names]
    if lost:
        note(f"Genres without a readable file: {', '.join(map(printable, lost))}")
    readable = Bunch(
        **{**clips, "data": [clips.data[index] for index in kept], "target": target},
    )
    readable.update(target_names=names, left_out=left_out)
    return readable


def check_genres(clips: Bunch, music: Path) -> None:
    """One genre cannot be told apart; raises DatasetNotFoundError."""
    if len(clips.target_names) < 2:
        raise DatasetNotFoundError(
            f"{printable(music)} holds music of one genre to learn, "
            f"{printable(clips.target_names[0])}; two are the least. Add music of others: each "
            "genre has a folder of its own, or a name of its own in the column of a table."
        )


def count_genres(clips: Bunch) -> str:
    """How many clips there are of each genre, in words."""
    counts = Counter(clips.target.tolist())
    return ", ".join(f"{printable(genre)} {n}" for genre, n in sorted(counts.items()))
