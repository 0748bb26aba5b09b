"""Audio files under a folder, and what is left out of a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from genreclass.audio import AUDIO_SUFFIXES, FOREIGN_SUFFIXES, expand_path
from genreclass.exceptions import DatasetNotFoundError

__all__ = ["find_audio", "log_left_out", "resolve_root"]

_log = logging.getLogger(__name__)


def resolve_root(root: str | os.PathLike[str], what: str) -> Path:
    """The folder of a data set; raises DatasetNotFoundError where there is none."""
    if not str(root):
        raise DatasetNotFoundError(f'The path is empty. Give the folder that holds {what}, or ".".')
    root = expand_path(root)
    if not root.is_dir():
        state = "is a file" if root.exists() else f"does not exist (looked from {Path.cwd()})"
        raise DatasetNotFoundError(f"{root} {state}. Give the folder that holds {what}.")
    return root


def find_audio(folder: Path, unreadable: dict[str, str] | None = None) -> Iterator[Path]:
    """Audio files at any depth, sorted, readable or not.

    Hidden ones are passed over; links to folders are followed at the first level. Folders that
    cannot be looked into are put into `unreadable`, path to reason.
    """

    def note(error: OSError) -> None:
        if unreadable is not None:
            reason = f"the folder cannot be looked into ({error.strerror})"
            unreadable[os.fsdecode(error.filename)] = reason

    links = [path for path in folder.glob("*") if path.is_symlink() and path.is_dir()]
    found = []
    for root in (folder, *links):
        for parent, _, names in os.walk(root, onerror=note):
            found += [Path(parent, name) for name in names]
    for path in sorted(found):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_audio = path.suffix.lower() in AUDIO_SUFFIXES | FOREIGN_SUFFIXES
        if is_audio and not hidden and os.path.isfile(path):
            yield path


def log_left_out(left_out: dict[str, str]) -> None:
    """Say which files a data set leaves out, in one line."""
    if left_out:
        path, reason = next(iter(left_out.items()))
        more = f" and {len(left_out) - 1} more (see left_out)" if len(left_out) > 1 else ""
        _log.warning("Left out: %s (%s)%s.", path, reason, more)
