"""What is wanted next, made while what is there is worked with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["map_ahead"]

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def map_ahead(
    make: Callable[[_Item], _Made], items: Iterable[_Item], *, n_ahead: int
) -> Iterator[_Made]:
    """What `make` gives for each item, in order, made in a thread before it is asked for.

    Parameters
    ----------
    make : callable
        An error it raises is raised where the item is asked for.
    items : iterable
    n_ahead : int
        How many are made, or being made, beside the one that is worked with.

    Yields
    ------
    object
        ``make(item)``.
    """
    with ThreadPoolExecutor(1) as maker:
        coming: deque[Future[_Made]] = deque()
        for item in items:
            coming.append(maker.submit(make, item))
            if len(coming) > n_ahead:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
