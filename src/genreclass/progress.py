"""Progress bars on stderr, with the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["make_progress"]


def make_progress(unit: str, *, visible: bool) -> Progress:
    """A progress display, to be used in a ``with``; from a terminal it vanishes at the end.

    Parameters
    ----------
    unit : str
        What is counted, as "clips".
    visible : bool
        False shows nothing.

    Returns
    -------
    rich.progress.Progress
        Its tasks may have a field ``figures``, text shown behind the time left.
    """
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
        transient=console.is_terminal,  # in a log the full bar stays, as a line
        disable=not visible,
    )
