"""A word on clips that no genre can be said of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from genreclass.audio import ClipSource, printable
from genreclass.exceptions import NotMusicWarning

__all__ = ["warn_of_others"]

# Clips that are named before the rest is only counted.
_NAMED = 5


def warn_of_others(kinds: Mapping[int, str], sources: Sequence[ClipSource]) -> None:
    """Warn of clips that are plainly not music.

    Parameters
    ----------
    kinds : mapping of int to str
        Place among `sources` of such a clip to what it is.
    sources : sequence of ClipSource
        All clips that were heard; they are named by their places in X.

    Warns
    -----
    NotMusicWarning
        There are some.
    """
    if not kinds:
        return
    named = [
        f"clip {sources[place].index}{_in_brackets(sources[place])} is {kind}"
        for place, kind in list(kinds.items())[:_NAMED]
    ]
    if len(kinds) > _NAMED:
        named.append(f"and {len(kinds) - _NAMED} more")
    message = (
        f"{len(kinds)} of {len(sources)} clips {'is' if len(kinds) == 1 else 'are'} plainly not "
        f"music: {', '.join(named)}. What is said of their genre means nothing; leave them out."
    )
    of_places = {sources[place].index: kind for place, kind in kinds.items()}
    warnings.warn(NotMusicWarning(message, of_places), stacklevel=2)


def _in_brackets(source: ClipSource) -> str:
    return "" if source.path is None else f" ({printable(source.path)})"
