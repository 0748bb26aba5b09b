"""How much memory this process takes, and how much more it may."""

from __future__ import annotations

from pathlib import Path

import psutil

__all__ = ["available_memory", "process_memory"]

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
    for limit, usage, statistics, cache in _FILES:
        try:
            allowed = (_CGROUP / limit).read_text(encoding="ascii")
            used = int((_CGROUP / usage).read_text(encoding="ascii"))
            lines = (_CGROUP / statistics).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        if allowed.strip() != "max":
            reclaimable = dict(line.split() for line in lines).get(cache, "0")
            left.append(int(allowed) - used + int(reclaimable))
    return left
