"""``genreclass info``: what is installed, and what it runs on."""

from __future__ import annotations

import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated, Any

import typer
from rich.table import Table

import genreclass
from genreclass.cli._app import DebugOption, plain_errors
from genreclass.cli._terminal import results

__all__ = ["info"]


@plain_errors
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show versions, devices and what is kept where: what a report of a fault should hold."""
    facts = _facts()
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    table = Table.grid("", "", padding=(0, 2))
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        table.add_row(name, str(shown) if shown not in (None, "") else "none")
    results().print(table)


def _facts() -> dict[str, Any]:
    import soundfile
    import torch

    from genreclass.audio import AUDIO_SUFFIXES
    from genreclass.dsp import resolve_device

    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "genreclass": genreclass.__version__,
        **{package: _version(package) for package in _needed_packages()},
        "libsndfile": soundfile.__libsndfile_version__,
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "CUDA": torch.version.cuda,
        "CUDA devices": devices,
        "device": str(resolve_device("auto")),
        **_cache_facts(),
        **_weights_facts(),
        "audio files": sorted(AUDIO_SUFFIXES),
    }


def _cache_facts() -> dict[str, Any]:
    from genreclass.features import find_cache

    cache = find_cache()
    if cache is None:
        return {"cache": None}
    taken = sum(n_bytes for _, n_bytes, _ in cache.entries())
    return {
        "cache": str(cache.folder),
        "cache takes": f"{taken / 1e9:.2f} of {cache.limit / 1e9:g} GB",
    }


def _weights_facts() -> dict[str, Any]:
    from genreclass.weights import OPENJMLA, converted_path

    path = converted_path(OPENJMLA)
    there = f"downloaded, {path.stat().st_size / 1e6:.0f} MB" if path.is_file() else None
    return {
        "weights": str(path.parent),
        "weights of MusiCNN": "come with genreclass",
        "weights of OpenJMLA": there or "not downloaded: genreclass download openjmla",
    }


def _needed_packages() -> list[str]:
    """Names of the packages that the installed genreclass asks for, and of those of large tables.

    Extras for developers are left out.
    """
    needed = [
        line
        for line in requires("genreclass") or []
        if "extra ==" not in line or re.search(r"extra == .scale\b", line)
    ]
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
