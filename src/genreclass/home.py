"""Where this library keeps what it has computed or downloaded."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_home", "find_user_cache"]


def find_home() -> Path:
    """The folder of all that this library keeps, as the environment says now.

    ``GENRECLASS_HOME``, by default ``genreclass`` in the user's folder of caches.
    """
    home = os.environ.get("GENRECLASS_HOME")
    return Path(home).expanduser() if home else find_user_cache() / "genreclass"


def find_user_cache() -> Path:
    """The user's folder of caches: ``XDG_CACHE_HOME``, by default ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
