"""Filters and tables that are made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import TypeVar

import torch

__all__ = ["made_once"]

_Result = TypeVar("_Result")


def made_once(
    maxsize: int,
) -> Callable[[Callable[..., _Result]], _lru_cache_wrapper[_Result]]:
    """Keep the tensors that a function made, for `maxsize` sets of arguments.

    As `functools.lru_cache`; but what is first asked for under ``torch.inference_mode`` can be
    learned through later.
    """

    def decorate(function: Callable[..., _Result]) -> _lru_cache_wrapper[_Result]:
        return lru_cache(maxsize)(torch.inference_mode(False)(function))

    return decorate
