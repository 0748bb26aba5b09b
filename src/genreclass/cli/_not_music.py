"""Files that are plainly not music: what models say of them, and a word on it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genreclass.audio import printable
from genreclass.cli._terminal import counted, note
from genreclass.exceptions import NotMusicWarning

__all__ = ["classify", "note_not_music"]

# Files named before the rest is only counted.
_NAMED = 10


def classify(model: Any, X: Sequence[Any]) -> tuple[np.ndarray, dict[int, str]]:
    """Probabilities; and of clips that are plainly not music, by their place, what they are."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NotMusicWarning)
        proba = model.predict_proba(X)
    kinds: dict[int, str] = {}
    for warning in caught:
        if isinstance(warning.message, NotMusicWarning):
            kinds |= warning.message.kinds
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return proba, kinds


def note_not_music(
    not_music: Mapping[str, str], advice: str = "Genres said of such files mean nothing."
) -> None:
    """Name the files (to "silence", "noise" or "speech"), the first ones at least."""
    if not not_music:
        return
    named = [f"{printable(path)} ({kind})" for path, kind in list(not_music.items())[:_NAMED]]
    if len(not_music) > _NAMED:
        named.append(f"and {len(not_music) - _NAMED} more")
    are = "is" if len(not_music) == 1 else "are"
    note(f"{counted(len(not_music), 'file')} {are} plainly not music: {', '.join(named)}. {advice}")
