"""What a model hears in one part of a clip after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from genreclass.audio import printable
from genreclass.cli._not_music import classify

if TYPE_CHECKING:
    from genreclass.audio import Clip

__all__ = ["Part", "find_timeline", "timeline_table"]

# Seconds of a part, and up to which length of a clip parts begin a second after each other.
_WINDOW, _SHORT = 5.0, 30.0

# Characters of a bar that says 100 %.
_BAR = 40


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a clip.

    Attributes
    ----------
    start, end : float
        In seconds.
    proba : ndarray of shape (n_classes,)
    not_music : str or None
        "silence", "noise" or "speech" where it is plainly that.
    """

    start: float
    end: float
    proba: np.ndarray
    not_music: str | None


def find_timeline(
    model: Any, clip: Clip, *, window: float = _WINDOW, step: float | None = None
) -> list[Part]:
    """Classify overlapping parts of a clip.

    Parameters
    ----------
    model : classifier
        Of clips, fitted.
    clip : Clip
        One shorter than `window` is a part by itself.
    window : float
        Seconds of a part.
    step : float or None
        Seconds from one part to the next; None is 1 in clips up to 30 s, and 2.5 in longer ones.
    """
    from genreclass.audio import Clip

    if step is None:
        step = 1.0 if clip.duration <= _SHORT else 2.5
    rate, length = clip.sample_rate, round(window * clip.sample_rate)
    n_parts = 1 + max(0, len(clip.samples) - length) // round(step * rate)
    starts = [round(step * rate) * index for index in range(n_parts)]
    parts = [Clip(clip.samples[start : start + length], rate) for start in starts]
    proba, kinds = classify(model, parts)
    return [
        Part(start / rate, start / rate + part.duration, row, kinds.get(place))
        for place, (start, part, row) in enumerate(zip(starts, parts, proba, strict=True))
    ]


def timeline_table(parts: Sequence[Part], classes: Sequence[Any], *, ascii_only: bool) -> Table:
    """A line for each part: when, the most probable genre, and how probable it is."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for part in parts:
        best = int(part.proba.argmax())
        share = float(part.proba[best])
        bar = ("#" if ascii_only else "█") * max(1, round(share * _BAR))
        heard = part.not_music or printable(str(classes[best]))
        cells = (f"{_clock(part.start)} - {_clock(part.end)}", heard, f"{share:.0%}", bar)
        table.add_row(*map(Text, cells))
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"
