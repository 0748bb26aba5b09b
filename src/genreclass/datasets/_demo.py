"""The clips that come with the library."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from genreclass.datasets._files import find_audio

__all__ = ["load_demo"]


def load_demo(*, return_X_y: bool = False) -> Any:
    """Load the 24 real clips that come with the library: 10 s each, 3 genres, 16 tracks.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch
        Dictionary-like, with these attributes:

        data : list of str
            Paths of Ogg files, mono, 22,050 Hz.
        target : ndarray of shape (24,)
            "electronic", "metal" or "rock", 8 each.
        target_names : list of str
            Genres, sorted.
        groups : ndarray of shape (24,)
            Tracks: metal and rock have two clips of each, which must not be split.
        DESCR : str
            Authors and licences (CC BY-SA 3.0, MIT), which let the clips be passed on.

    Notes
    -----
    The set shows the tool; it is too small to measure anything.

    Examples
    --------
    >>> from genreclass.datasets import load_demo
    >>> demo = load_demo()
    >>> len(demo.data), len(set(demo.groups))
    (24, 16)
    """
    folder = Path(str(files("genreclass.datasets") / "demo"))
    paths = list(find_audio(folder))
    target = np.array([path.parent.name for path in paths])
    if return_X_y:
        return [str(path) for path in paths], target
    return Bunch(
        data=[str(path) for path in paths],
        target=target,
        target_names=sorted(set(target.tolist())),
        # A clip's name is its track, then the second it starts at.
        groups=np.array([f"{path.parent.name}/{path.name.split('.')[0]}" for path in paths]),
        DESCR=(folder / "README.md").read_text(encoding="utf-8"),
    )
