"""How much memory this process takes, and how much more it may."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

__all__ = ["available_memory", "kept_memory", "process_memory"]

# Where Linux shows a container its own limits.
_CGROUP = Path("/sys/fs/cgroup")

# Limit, what is taken of it, and which line of memory.stat is file cache that gives way; in
# version 2 of control groups and in version 1.
_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)

# Parameters of glibc's mallopt, and what they are afterwards (malloc.h, mallopt(3)): the number of
# mappings by default, and the threshold that glibc by itself comes to as large arrays are freed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_DEFAULT_MMAP_MAX, _MMAP_THRESHOLD = 65536, 32 * 2**20
_NEVER = -1

# Who keeps memory just now.
_users: list[int] = []
_lock = threading.Lock()


def process_memory() -> int:
    """Bytes of main memory this process takes."""
    return int(psutil.Process().memory_info().rss)


def available_memory() -> int:
    """Bytes of main memory that may still be taken.

    Returns
    -------
    int
        What the machine has left without swapping, or what the limit of the container leaves
        where that is less.
    """
    return max(0, min([int(psutil.virtual_memory().available), *_left_by_container()]))


def _left_by_container() -> list[int]:
    """What each limit leaves; none where there is no limit, or no container."""
    left = []
    for limit, usage, statistics, reclaimable in _FILES:
        try:
            allowed = (_CGROUP / limit).read_text(encoding="ascii")
            used = int((_CGROUP / usage).read_text(encoding="ascii"))
            lines = (_CGROUP / statistics).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        if allowed.strip() != "max":
            cached = dict(line.split() for line in lines).get(reclaimable, "0")
            left.append(int(allowed) - used + int(cached))
    return left


@contextmanager
def kept_memory() -> Iterator[None]:
    """While the ``with`` lasts, memory that is freed stays with the process; then it is given back.

    A network frees the large tensors of one batch and takes as large ones for the next. glibc
    returns such memory to the system at once, and getting it anew, page by page, takes a large
    part of the time of training (``benchmarks/training.py``). Other systems keep it anyway, and
    where the environment sets up malloc, it is left at that.
    """
    malloc = _glibc()
    if malloc is None:
        yield
        return
    with _lock:
        _users.append(1)
        if len(_users) == 1:
            malloc.mallopt(_M_MMAP_MAX, 0)
            malloc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        with _lock:
            _users.pop()
            if not _users:
                malloc.mallopt(_M_MMAP_MAX, _DEFAULT_MMAP_MAX)
                malloc.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
                malloc.mallopt(_M_TRIM_THRESHOLD, 2 * _MMAP_THRESHOLD)
                malloc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc and nobody else has set it up."""
    is_set_up = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or is_set_up:
        return None
    return ctypes.CDLL(None)
