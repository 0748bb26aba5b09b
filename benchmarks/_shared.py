"""What the benchmarks share: on which machine, with which versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import sklearn
import torch

import genreclass

# What is timed is computed.
os.environ["GENRECLASS_CACHE_GB"] = "0"


def describe_machine(*, threads: int, device: str) -> str:
    """Processor or GPU, threads and versions, in a line."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    if device != "cpu" and torch.cuda.is_available():
        name = torch.cuda.get_device_name(device)
    return (
        f"{name}, {threads} thread{'s' * (threads > 1)}; genreclass {genreclass.__version__}, "
        f"torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
