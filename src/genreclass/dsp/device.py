"""Where tensor work runs."""

from __future__ import annotations

import logging

import torch

__all__ = ["resolve_device"]

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
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        resolved = torch.device("meta")
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f'device must be "auto", "cpu", "cuda" or "cuda:N", got {device!r}')
    if resolved.type == "cuda" and not torch.cuda.is_available():
        if not fall_back:
            raise ValueError(
                f'device="{device}", but no CUDA device is available. Use device="auto".'
            )
        _log.warning('device="%s", but no CUDA device is available: using the CPU.', device)
        return torch.device("cpu")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f'device="{device}", but there are {torch.cuda.device_count()} CUDA devices, '
            "counted from 0."
        )
    return resolved
