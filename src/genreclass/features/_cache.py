"""What was computed of a clip, kept in a folder under the content it was computed from."""

from __future__ import annotations

import io
import logging
import os
import re
import time
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from genreclass.durable import remove_leftovers, replacing
from genreclass.fingerprint import fingerprint, fingerprint_source
from genreclass.home import find_home

__all__ = ["FeatureCache", "code_fingerprint", "find_cache", "find_held"]

_log = logging.getLogger(__name__)

_DEFAULT_LIMIT_GB = 10.0

# How long what no memory holds stays on disk after it was last used.
_HELD_S = 24 * 3600.0

# A name as `fingerprint` gives it.
_KEY = re.compile(r"[0-9a-f]{32}")

_CHECKSUM_BYTES = 4


class FeatureCache:
    """Arrays in a folder, that is kept below a limit; the folder may be deleted at any time.

    Parameters
    ----------
    folder : Path
        Made when it is first written to.
    limit : int
        Bytes at most, but for what was used lately; the least recently used entries are removed.
    lately_s : float
        How many seconds ago that is: a training may be reading what was used since.

    Notes
    -----
    An entry is a ``.npy`` file with a checksum behind it. Nothing is written with a sync: an entry
    that a power cut has torn fails its checksum, and is computed again. Several processes may
    use a folder at once.
    """

    def __init__(self, folder: Path, *, limit: int, lately_s: float = 3600.0) -> None:
        self.folder = folder
        self.limit = limit
        self._lately_s = lately_s
        # Bytes written before somebody looks at the size of the whole; at once the first time.
        self._until_trim = 0
        self._has_warned = False

    def path(self, key: str) -> Path:
        """Where the entry of a key is, or would be."""
        return self.folder / key[:2] / f"{key}.npy"

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def get(self, key: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """What was put under a key, of this shape; None where there is none, or a damaged one."""
        path = self.path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        _touch(path)
        content, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
        if zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") == checksum:
            with suppress(ValueError, MemoryError):  # whole, but not ours
                array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
                if array.shape == shape and array.dtype == np.float32:
                    return array
        with suppress(OSError):
            path.unlink()
        return None

    def open(self, key: str) -> np.ndarray | None:
        """As `get`, but mapped from disk, and not checked again; changes to it are not kept."""
        try:
            array = np.load(self.path(key), mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        _touch(self.path(key))
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
        content += zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little")
        try:
            self._write(path, content)
        except FileNotFoundError:  # somebody has just removed the folder
            self._write(path, content)
        self._until_trim -= len(content)
        if self._until_trim < 0:
            size = self.trim()
            self._until_trim = max(self.limit // 20, size // 10)

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
            if _KEY.fullmatch(path.stem) and path == self.path(path.stem):
                with suppress(OSError):  # removed by another process
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return found

    def trim(self) -> int:
        """Remove the least recently used entries until a tenth of the limit is free.

        Returns
        -------
        int
            Bytes that are left.
        """
        for folder in self.folder.glob("??"):
            remove_leftovers(folder, older_than_s=self._lately_s)
        entries = self.entries()
        size = sum(n_bytes for _, n_bytes, _ in entries)
        if size <= self.limit:
            return size
        now = time.time()
        # What a clock that went wrong has dated into the future is not kept for that.
        ages = [(now - used if used < now + 60 else now, n, path) for used, n, path in entries]
        for age, n_bytes, path in sorted(ages, reverse=True):
            if age < self._lately_s or size <= 0.9 * self.limit:
                break
            with suppress(OSError):
                path.unlink()
                size -= n_bytes
        return size

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=False) as file:
            file.write(content)


def _touch(path: Path) -> None:
    """Date a file to now, as it was used, where that is allowed."""
    with suppress(OSError):
        os.utime(path)


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
    return None if n_bytes == 0 else _make_cache(find_home(), n_bytes)


def find_held() -> FeatureCache | None:
    """Where sets lie that no memory holds, for a day after their last use; None without a cache."""
    return None if find_cache() is None else _make_held(find_home())


@cache
def _make_cache(home: Path, limit: int) -> FeatureCache:
    return FeatureCache(home / "features", limit=limit)


@cache
def _make_held(home: Path) -> FeatureCache:
    return FeatureCache(home / "held", limit=0, lately_s=_HELD_S)


# When it is imported: what is written into the files later does not compute.
_SOURCE = fingerprint_source(("audio", "dsp", "features"))


@cache
def code_fingerprint() -> str:
    """Name what turns sound into numbers: this library's source, and the packages it leans on."""
    import soundfile
    import soxr
    import torch

    versions = [np.__version__, torch.__version__, soxr.__version__]
    versions += [soundfile.__version__, soundfile.__libsndfile_version__]
    return fingerprint([versions, _SOURCE])
