"""What the commands write: results to stdout, notes and progress to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

__all__ = [
    "check_output",
    "duration_text",
    "note",
    "note_skipped",
    "print_table",
    "results",
    "shows_progress",
]

# Skipped files named before the rest is only counted.
_NAMED = 20

# Wide enough for any table: where nobody looks at it, nothing is folded.
_UNLIMITED = 10_000


def results() -> Console:
    """The console for results: as wide as the terminal, without limit into a file or pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED)


def print_table(table: Table) -> None:
    """Print a table, folded to the terminal's width."""
    results().print(table)


def note(text: str) -> None:
    """Say something that is no result."""
    typer.echo(text, err=True)


def note_skipped(skipped: Mapping[str, str]) -> None:
    """Name the files that were passed over (path to reason), the first ones at least."""
    if not skipped:
        return
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    note(f"{files} skipped:")
    for path, reason in list(skipped.items())[:_NAMED]:
        note(f"  {reason if path in reason else f'{path}: {reason}'}")
    if len(skipped) > _NAMED:
        note(f"  and {len(skipped) - _NAMED} more")


def shows_progress() -> bool:
    """Whether somebody watches: progress is for terminals."""
    return sys.stderr.isatty()


def duration_text(seconds: float) -> str:
    """How long something took, as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def check_output(option: str, path: Path, *, suffix: str | None = None) -> None:
    """Find out before the work begins whether its result can be written.

    Raises
    ------
    typer.BadParameter
        The name has another ending than `suffix`, or no file can be written there.
    """
    folder = path.absolute().parent
    problem = None
    if suffix is not None and path.suffix.lower() != suffix:
        problem = f"the name must end in {suffix}."
    elif path.is_dir() or (path.exists() and not path.is_file()):
        problem = "is not a regular file. Give the name of a file."
    elif not folder.is_dir():
        problem = f"there is no folder {folder}. Make it first, or give another path."
    elif not os.access(path if path.exists() else folder, os.W_OK):
        problem = "may not be written. Give another path."
    if problem:
        raise typer.BadParameter(f"{path}: {problem}", param_hint=option)
