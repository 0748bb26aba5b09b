"""What the commands write: results to stdout, notes and progress to stderr."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import typer
from rich.console import Console

from genreclass.audio import AUDIO_SUFFIXES, FOREIGN_SUFFIXES, printable

__all__ = [
    "check_output",
    "counted",
    "duration_text",
    "note",
    "note_skipped",
    "quoted",
    "results",
    "shows_progress",
]

# Skipped files named before the rest is only counted.
_NAMED = 20

# Wide enough for any table: where nobody looks at it, nothing is folded.
_UNLIMITED = 10_000


def results() -> Console:
    """The console for results: as wide as the terminal, without limit into a file or pipe."""
    return Console(highlight=False, width=None if _is_terminal(sys.stdout) else _UNLIMITED)


def note(text: str) -> None:
    """Say something that is no result, in one line; nothing in it can steer the terminal."""
    line = " ".join(text.split("\n"))
    typer.echo("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), err=True)


def note_skipped(skipped: Mapping[str, str], unit: str = "file") -> None:
    """Name the files or rows that were passed over (name to reason), the first ones at least."""
    if not skipped:
        return
    note(f"{counted(len(skipped), unit)} {'was' if len(skipped) == 1 else 'were'} skipped:")
    for path, reason in list(skipped.items())[:_NAMED]:
        name = printable(path)
        note(f"  {reason if name in reason else f'{name}: {reason}'}")
    if len(skipped) > _NAMED:
        note(f"  and {len(skipped) - _NAMED} more")


def counted(number: int, unit: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def quoted(path: Path) -> str:
    """A path as it is typed into a shell."""
    return shlex.quote(str(path))


def shows_progress() -> bool:
    """Whether somebody watches: progress is for terminals."""
    return _is_terminal(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None where the stream was closed


def duration_text(seconds: float) -> str:
    """How long something took, as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def check_output(
    option: str, path: Path, *, suffixes: Sequence[str] = (), replace: bool = True
) -> None:
    """Find out before the work begins whether its result can be written.

    Raises
    ------
    typer.BadParameter
        The name has none of the endings `suffixes`, no file can be written there, or there is one
        and `replace` is not set.
    """
    place = Path(os.path.realpath(path))  # a link stays one, and what it points to is written
    problem = None
    if suffixes and path.suffix.lower() not in suffixes:
        problem = f"the name must end in {' or '.join(suffixes)}."
    elif not suffixes and path.suffix.lower() in AUDIO_SUFFIXES | FOREIGN_SUFFIXES:
        problem = "is the name of an audio file. Give another, as mine.genre."
    elif place.exists() and not place.is_file():
        problem = "is not a regular file. Give the name of a file."
    elif place.exists() and not os.access(place, os.W_OK):
        problem = "may not be written. Give another path."
    elif not place.parent.is_dir():
        problem = f"there is no folder {place.parent}. Make it first, or give another path."
    else:
        try:  # as replacing the file will have to
            with tempfile.TemporaryFile(dir=place.parent):
                pass
        except OSError as error:
            problem = f"nothing can be written in {place.parent} ({error.strerror})."
    if problem is None and place.exists() and not replace:
        problem = "is there already. Give another name, or --force to replace it."
    if problem:
        raise typer.BadParameter(f"{path}: {problem}", param_hint=option)
