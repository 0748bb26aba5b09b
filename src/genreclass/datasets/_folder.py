"""A folder for each genre."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from genreclass.audio import FOREIGN_SUFFIXES
from genreclass.datasets._files import find_audio, log_left_out, resolve_root
from genreclass.exceptions import DatasetNotFoundError

__all__ = ["load_folder"]


def load_folder(root: str | os.PathLike[str], *, return_X_y: bool = False) -> Any:
    """Load music of your own: a folder that holds a folder for each genre.

    Parameters
    ----------
    root : str or path-like
        ``root/jazz/anything/at/any/depth.mp3`` is a clip of genre "jazz". Hidden files are
        passed over.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch
        Dictionary-like, with these attributes:

        data : list of str
            Paths, sorted by genre and name. No file is opened.
        target : ndarray of shape (n_clips,)
            Genres, the names of the folders.
        target_names : list of str
            Genres, sorted.
        groups : None
            Which clips share an artist is not known.
        left_out : dict of str to str
            Audio files not taken, and why.
        DESCR : str
            What the clips are.

    Raises
    ------
    DatasetNotFoundError
        There is no such folder, or no genre with a readable format in it.

    Examples
    --------
    >>> import pathlib
    >>> from genreclass.datasets import load_demo, load_folder
    >>> demo = pathlib.Path(load_demo().data[0]).parents[1]
    >>> load_folder(demo).target_names
    ['electronic', 'metal', 'rock']
    """
    folder = resolve_root(root, "a folder for each genre")
    data: list[str] = []
    target: list[str] = []
    left_out: dict[str, str] = {}
    taken: dict[str, Path] = {}
    for path in find_audio(folder, left_out):
        genre, *rest = path.relative_to(folder).parts
        if not rest:
            left_out[str(path)] = "it lies beside the genre folders, so it has no genre"
        elif path.suffix.lower() in FOREIGN_SUFFIXES:
            left_out[str(path)] = f"{path.suffix} files cannot be read; convert it to flac"
        elif (first := taken.setdefault(os.path.realpath(path), path)) != path:
            left_out[str(path)] = f"it is the same file as {first}"
        else:
            data.append(str(path))
            target.append(genre)
    if not data:
        raise DatasetNotFoundError(
            f"{folder} holds no genre folders with audio files"
            + (
                f" ({len(left_out)} audio files were left out: {next(iter(left_out.values()))})"
                if left_out
                else ""
            )
            + f". Expected files such as {folder / 'jazz' / 'song.mp3'}."
        )
    log_left_out(left_out)
    if return_X_y:
        return data, np.array(target)
    names = sorted(set(target))
    return Bunch(
        data=data,
        target=np.array(target),
        target_names=names,
        groups=None,
        left_out=left_out,
        DESCR=(
            f"{len(data)} clips in {len(names)} genres, the folders of {folder}. Artists are not "
            "known: where clips share one, a random split of them over-reports accuracy."
        ),
    )
