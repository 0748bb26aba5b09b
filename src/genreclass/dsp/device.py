"""Where tensor work runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["on_cpu", "one_thread", "resolve_device"]

_log = logging.getLogger(__name__)


def resolve_device(device: str | torch.device, *, fall_back: bool = False) -> torch.device:
    """Turn a `device` parameter into a device: "auto" is CUDA where there is one, else the CPU.

    Parameters
    ----------
    device : str or torch.device
        "auto", "cpu", "cuda" or "cuda:N".
    fall_back : bool
        Take the CPU, and log it, where CUDA is asked for and not available.

    Raises
    ------
    ValueError
        The name is unknown, or CUDA is asked for and not available.
    """
    if isinstance(device, str) and device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        resolved = torch.device("meta")
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "cuda:N", got {device!r}')
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if resolved.type == "cuda" and resolved.index is None and n_devices:
        # By number, as threads that fetch for it may stand at another.
        return torch.device("cuda", torch.cuda.current_device())
    if resolved.type == "cpu" or (resolved.index or 0) < n_devices:
        return resolved
    state = f"there are {n_devices} of them" if n_devices else "no CUDA device is available"
    if not fall_back:
        raise ValueError(f'device="{device}", but {state}. Use device="auto".')
    _log.warning('device="%s", but %s: using the CPU.', device, state)
    return torch.device("cpu")


def on_cpu(tensor: torch.Tensor) -> bool:
    """Whether numpy may compute with the tensor's memory, as it sorts and compares the faster."""
    return tensor.device.type == "cpu"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread, and with as many as before after that.

    For work of many small steps, which gain nothing from threads: on a machine that is busy
    with something else, threads that wait for each other at every step take twenty times as long.
    Clips are what to share among processors. The number is that of the calling thread alone.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
