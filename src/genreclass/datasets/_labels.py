"""Genres left out of a data set before anything is learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_consistent_length, check_scalar

__all__ = ["describe_unknown", "drop_genres", "drop_rare_genres", "take_clips"]


def drop_rare_genres(bunch: Bunch, min_count: int = 1000) -> Bunch:
    """Leave out the genres with too few clips to be learned.

    Parameters
    ----------
    bunch : Bunch
        A data set as the loaders return it; it is not changed.
    min_count : int, default=1000
        Genres with fewer clips are dropped.

    Returns
    -------
    Bunch
        The data set without the clips of those genres, in the order they had: `data`, `target`,
        `target_names`, `groups` and any other array with an entry for each clip follow, anything
        else is carried over, and

        dropped : dict of str to int
            Genres dropped, by this call and those before it, and how many clips each had.
        DESCR : str
            With a line on what was dropped and why.

    Raises
    ------
    TypeError
        `bunch` is no data set, or `min_count` no whole number.
    ValueError
        `min_count` is below 1, or no genre would be left.

    See Also
    --------
    drop_genres : Leave out genres by name.

    Notes
    -----
    Drop before splitting, or a genre may be rare on one side only.

    Examples
    --------
    >>> from genreclass.datasets import drop_rare_genres, make_clips
    >>> clips = make_clips(n_clips=5, n_genres=3, random_state=0)
    >>> common = drop_rare_genres(clips, min_count=2)
    >>> common.target_names, common.dropped
    (['drone', 'techno'], {'bells': 1})
    """
    counts = _count_clips(bunch)
    if isinstance(min_count, bool):
        raise TypeError(f"min_count must be a whole number, got {min_count}.")
    check_scalar(min_count, "min_count", Integral, min_val=1)
    rare = [genre for genre, count in counts.items() if count < min_count]
    if len(rare) == len(counts):
        genre = max(counts, key=lambda genre: counts[genre])
        raise ValueError(
            f"No genre has {min_count} clips: the largest, {genre!r}, has {counts[genre]}. "
            "Lower min_count."
        )
    return _without(bunch, rare, counts, reason=f"for having fewer than {min_count} clips")


def drop_genres(bunch: Bunch, genres: Iterable[str]) -> Bunch:
    """Leave out genres by name.

    Parameters
    ----------
    bunch : Bunch
        A data set as the loaders return it; it is not changed.
    genres : iterable of str
        Genres to drop.

    Returns
    -------
    Bunch
        The data set without the clips of those genres, as `drop_rare_genres` returns it.

    Raises
    ------
    TypeError
        `bunch` is no data set.
    ValueError
        A genre is not in the data set, `genres` is not a list, or no genre would be left.

    See Also
    --------
    drop_rare_genres : Leave out the genres with too few clips.

    Examples
    --------
    >>> from genreclass.datasets import drop_genres, make_clips
    >>> clips = make_clips(n_clips=6, n_genres=3, random_state=0)
    >>> fewer = drop_genres(clips, ["bells"])
    >>> fewer.target_names, fewer.dropped
    (['drone', 'techno'], {'bells': 2})
    >>> print(fewer.DESCR)
    6 synthetic clips of 2 s in 3 genres; no rights.
    Dropped by name: bells (2). Left: 4 clips in 2 genres.
    """
    counts = _count_clips(bunch)
    if isinstance(genres, str) or not isinstance(genres, Iterable):
        raise ValueError(f"genres must be a list of genres, got {genres!r}")
    named = set(genres)
    unknown = sorted(map(str, named - set(counts)))
    if unknown:
        raise ValueError(describe_unknown(unknown[0], counts))
    if len(named) == len(counts):
        raise ValueError(f"No genre would be left: {', '.join(map(str, counts))} are all named.")
    return _without(bunch, [genre for genre in counts if genre in named], counts, reason="by name")


def _count_clips(bunch: Bunch) -> dict[Any, int]:
    """Clips of each genre, genres sorted; raises what is wrong with a data set."""
    if not isinstance(bunch, Bunch) or not {"data", "target"} <= set(bunch):
        hint = " Load it without return_X_y=True." if isinstance(bunch, tuple) else ""
        raise TypeError(
            "bunch must be a data set as load_gtzan and the other loaders return it, got "
            f"{type(bunch).__name__}.{hint}"
        )
    check_consistent_length(bunch["data"], bunch["target"], bunch.get("groups"))
    counts = Counter(np.asarray(bunch["target"]).tolist())
    if not counts:
        raise ValueError("The data set holds no clips.")
    return {genre: counts[genre] for genre in sorted(counts)}


def describe_unknown(genre: str, genres: Iterable[Any]) -> str:
    """Say that `genre` is none of `genres`, and which of them may have been meant."""
    folded = {str(name).casefold(): name for name in genres}
    near = get_close_matches(genre.casefold(), folded, n=1)
    guess = f" Did you mean {folded[near[0]]!r}?" if near else ""
    names = ", ".join(map(str, folded.values()))
    return f"The data set has no genre {genre!r}.{guess} Its genres are {names}."


def take_clips(bunch: Bunch, rows: np.ndarray) -> Bunch:
    """A new data set of the clips at `rows`: whatever has an entry for each clip follows."""
    n_clips = len(bunch["target"])
    return Bunch(
        **{
            name: _take(value, rows) if _is_by_clip(name, value, n_clips) else value
            for name, value in bunch.items()
        }
    )


def _is_by_clip(name: str, value: Any, n_clips: int) -> bool:
    if name in ("data", "target", "groups"):
        return True
    # Names of genres or features may be as many as the clips by chance.
    return getattr(value, "shape", ())[:1] == (n_clips,) and not name.endswith("_names")


def _without(bunch: Bunch, genres: list[Any], counts: dict[Any, int], *, reason: str) -> Bunch:
    """A new data set without the clips of `genres`; `reason` ends the sentence "Dropped ..."."""
    kept = [genre for genre in counts if genre not in genres]
    rows = np.flatnonzero([genre in kept for genre in np.asarray(bunch["target"]).tolist()])
    fewer = take_clips(bunch, rows)
    fewer.target_names = kept
    before = bunch.get("dropped") or {}
    fewer.dropped = {**before, **{genre: counts[genre] for genre in genres}}
    if genres:
        listed = ", ".join(f"{genre} ({counts[genre]})" for genre in genres)
        left = f"Left: {len(rows)} clips in {len(kept)} genre{'s' * (len(kept) > 1)}."
        lines = [bunch.get("DESCR", "").rstrip(), f"Dropped {reason}: {listed}. {left}"]
        fewer.DESCR = "\n".join(line for line in lines if line)
    return fewer


def _take(values: Any, rows: np.ndarray) -> Any:
    if values is None:
        return None
    if isinstance(values, (list, tuple)):
        return type(values)(values[row] for row in rows)
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]
