"""Files that are whole or not there: written beside their place, then moved to it."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["remove_leftovers", "replacing", "sync_folder"]

# What unfinished files are called.
_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.tmp")


@contextmanager
def replacing(path: str | os.PathLike[str], *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when the ``with`` ends well.

    Parameters
    ----------
    path : str or path-like
        A file that is there is replaced, at once and only when the new one is whole; a link
        stays one.
    sync : bool
        See that it survives a power cut, which takes milliseconds; not so for what can be computed
        again.

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        There is no such folder, `path` is of no regular file, or the file cannot be written.
        Nothing has changed then.
    """
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise FileNotFoundError(f"{place.parent} is no folder. Make it first.")
    if place.exists() and not place.is_file():
        raise OSError(f"{place} is not a regular file. Give the name of a file.")
    temporary = place.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        file = temporary.open("xb")
    except OSError as error:
        raise type(error)(
            f"{path} cannot be written: {error.strerror}, in {place.parent}. Give another path."
        ) from error
    try:
        with file:
            if place.exists():
                temporary.chmod(place.stat().st_mode)  # what was private stays private
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(place.parent)


def remove_leftovers(folder: Path, *, older_than_s: float = 0.0) -> None:
    """Remove the unfinished files that a killed `replacing` has left in a folder."""
    newest = time.time() - older_than_s
    for leftover in folder.glob(".*.tmp"):
        with suppress(OSError):  # another process has removed it, or it is not ours to remove
            if _LEFTOVER.fullmatch(leftover.name) and leftover.stat().st_mtime <= newest:
                leftover.unlink()


def sync_folder(folder: Path) -> None:
    """See that the folder itself, and so the new name, survives a power cut."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
