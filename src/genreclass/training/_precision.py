"""In which numbers a network is trained."""

from __future__ import annotations

from typing import Literal, get_args

import torch

__all__ = ["PRECISIONS", "Precision", "resolve_precision"]

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[str, ...] = ("auto", *get_args(Precision))


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """Turn a `precision` parameter into one: "auto" is bfloat16 where the device computes with it.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    device : torch.device
        Where training runs.
    """
    if precision != "auto":
        return "bfloat16" if precision == "bfloat16" else "float32"
    if device.type == "cuda":
        is_native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        # Elsewhere oneDNN emulates it, more slowly than float32.
        is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if is_native else "float32"
