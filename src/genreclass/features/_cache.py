"""What was computed of a clip, kept in a folder under the content it was computed from."""

from __future__ import annotations

import io
import logging
import os
import time
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from genreclass.durable import remove_leftovers, replacing
from genreclass.fingerprint import digest, fingerprint

__all__ = ["FeatureCache", "code_fingerprint", "find_cache"]

_log = logging.getLogger(__name__)

_DEFAULT_LIMIT_GB = 10.0

# Entries used within this time are never removed: a training may be reading them.
_IN_USE_S = 3600.0

_CHECKSUM_BYTES = 4

# Parts of this library that turn sound into numbers.
_PARTS = ("audio", "dsp", "features")


class FeatureCache:
    """Arrays in a folder, that is kept below a limit; the folder may be deleted at any time.

    Parameters
    ----------
    folder : Path
        Made when it is first written to.
    limit : int or None
        Bytes at most, but for what was used in the last hour; the least recently used entries are
        removed. None is no limit.

    Notes
    -----
    An entry is a ``.npy`` file with a checksum behind it. Nothing is written with a sync: an entry
    that a power cut has torn fails its checksum, and is computed again. Several processes may
    use a folder at once.
    """

    def __init__(self, folder: Path, *, limit: int | None) -> None:
        self.folder = folder
        self.limit = limit
        # Bytes written before somebody looks at the size of the whole; at once the first time.
        self._until_trim = 0
        self._has_warned = False

    def path(self, key: str) -> Path:
        """Where the entry of a key is, or would be."""
        return self.folder / key[:2] / f"{key}.npy"

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def get(self, key: str) -> np.ndarray | None:
        """The array that was put under a key; None where there is none, or a damaged one."""
        path = self.path(key)
        try:
            content = path.read_bytes()
            os.utime(path)  # recently used
        except OSError:
            return None
        content, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
        if zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") != checksum:
            with suppress(OSError):
                path.unlink()
            return None
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)

    def open(self, key: str) -> np.ndarray | None:
        """As `get`, but mapped from disk, and not checked again; changes to it are not kept."""
        try:
            array = np.load(self.path(key), mmap_mode="c", allow_pickle=False)
            os.utime(self.path(key))
        except (OSError, ValueError, EOFError):
            return None
        return array

    def put(self, key: str, array: np.ndarray) -> None:
        """Keep an array.

        Raises
        ------
        OSError
            The disk is full, or the folder may not be written.
        """
        path = self.path(key)
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        content = buffer.getvalue()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=False) as file:
            file.write(content)
            file.write(zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little"))
        self._until_trim -= len(content)
        if self.limit is not None and self._until_trim < 0:
            self._until_trim = self.limit // 20
            self.trim()

    def put_if_possible(self, key: str, array: np.ndarray) -> None:
        """As `put`; but where that fails, what was computed is lost, and that is logged, once."""
        try:
            self.put(key, array)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "Computed features cannot be kept for next time in %s (%s). Set "
                    "GENRECLASS_HOME to another folder, or GENRECLASS_CACHE_GB to 0.",
                    self.folder,
                    error.strerror or error,
                )

    def entries(self) -> list[tuple[float, int, Path]]:
        """When each entry was last used, its bytes and its file."""
        found = []
        for path in self.folder.glob("??/*.npy"):
            with suppress(FileNotFoundError):  # removed by another process
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def trim(self) -> None:
        """Remove the least recently used entries until a tenth of the limit is free."""
        for folder in self.folder.glob("??"):
            remove_leftovers(folder, older_than_s=_IN_USE_S)
        entries = self.entries()
        size = sum(n_bytes for _, n_bytes, _ in entries)
        if self.limit is None or size <= self.limit:
            return
        newest = time.time() - _IN_USE_S
        for used, n_bytes, path in sorted(entries):
            if used > newest or size <= 0.9 * self.limit:
                break
            with suppress(OSError):
                path.unlink()
                size -= n_bytes


def find_cache() -> FeatureCache | None:
    """The cache that the user's environment names; None for none.

    ``GENRECLASS_HOME`` is the folder of all that this library keeps, by default
    ``~/.cache/genreclass`` (``XDG_CACHE_HOME`` is heeded). ``GENRECLASS_CACHE_GB`` is the limit of
    the cache in gigabytes, by default 10; 0 is no cache.

    Raises
    ------
    ValueError
        The limit is no number of 0 or more.
    """
    limit = os.environ.get("GENRECLASS_CACHE_GB", "") or str(_DEFAULT_LIMIT_GB)
    try:
        n_bytes = int(float(limit) * 1e9)
    except (ValueError, OverflowError):
        n_bytes = -1
    if n_bytes < 0:
        raise ValueError(f"GENRECLASS_CACHE_GB must be a number of gigabytes, got {limit!r}")
    if n_bytes == 0:
        return None
    return _make_cache(os.environ.get("GENRECLASS_HOME") or _default_home(), n_bytes)


@cache
def _make_cache(folder: str, limit: int) -> FeatureCache:
    return FeatureCache(Path(folder).expanduser() / "features", limit=limit)


def _default_home() -> str:
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "genreclass")


@cache
def code_fingerprint() -> str:
    """Name what turns sound into numbers: this library's own source, and the packages it leans on.

    Its source rather than its version, so that nothing stale is found while it is worked on.
    """
    import soundfile
    import soxr
    import torch

    package = Path(__file__).parents[1]
    sources = [path for part in _PARTS for path in package.glob(f"{part}/*.py")]
    versions: list[Any] = [np.__version__, torch.__version__, soxr.__version__]
    versions += [soundfile.__version__, soundfile.__libsndfile_version__]
    contents = {f"{path.parent.name}/{path.name}": digest(path.read_bytes()) for path in sources}
    return fingerprint([versions, contents])
