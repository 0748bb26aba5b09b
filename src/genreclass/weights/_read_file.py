"""A file of weights, read without running code from it."""

from __future__ import annotations

import re
import stat
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from genreclass.audio import printable
from genreclass.exceptions import WeightsError

__all__ = ["first_line", "read_file"]

# What tools for training put around the weights, and in front of their names.
_WRAPPERS = ("state_dict", "model")
_PREFIXES = ("module.", "model.backbone.", "backbone.", "encoder.")

# Parts of larger models that hold the network.
_OTHER_PARTS = ("neck.", "samplers.", "adapter.", "norm.", "head.", "decoder")

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_file(
    path: Path, expected: Mapping[str, tuple[int, ...]], advice: str
) -> dict[str, torch.Tensor]:
    """The expected weights of a file; nothing is copied or cast before names and shapes fit."""
    try:
        _check_is_file(path)
        found = _rename(_unwrap(_load(path)), expected)
        _check_names(found, expected)
        for name, shape in expected.items():
            _check_tensor(name, found[name], shape)
        return {name: _cast(name, found[name]) for name in expected}
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {error}. {advice}") from error.__cause__


def _check_is_file(path: Path) -> None:
    """Find out what a reader of weights would have misleading words for."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise WeightsError("is a folder, not a file of weights")
        if not stat.S_ISREG(mode):
            raise WeightsError("is not a regular file")
        with path.open("rb") as file:
            begin = file.read(32)
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror})") from error
    if not begin:
        raise WeightsError("is empty")
    if begin.startswith(b"version https://git-lfs"):
        raise WeightsError("is a pointer of Git LFS to the file, not the file; git lfs pull has it")


def _load(path: Path) -> Any:
    """What is in a file, mapped from it where its format allows; no code in it is run."""
    from safetensors import safe_open

    try:
        with path.open("rb") as file:
            begins = file.read(9)[8:]  # where safetensors have the JSON of their header
        if begins == b"{" or path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as tensors:
                return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        is_zip = zipfile.is_zipfile(path)
        if is_zip:
            _refuse_compressed(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except WeightsError:
        raise
    except Exception as error:  # a damaged file can fail anywhere, in any way
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code:
            raise WeightsError(
                f"holds more than weights: {code[1]:.80} would have to run, which is never done"
            ) from error
        raise WeightsError(
            f"is no file of weights, or is damaged ({type(error).__name__}: {first_line(error)})"
        ) from error


def _refuse_compressed(path: Path) -> None:
    """Refuse what would be a thousand times as large in memory as it is on disk."""
    with zipfile.ZipFile(path) as archive:
        packed = [m.filename for m in archive.filelist if m.compress_type != zipfile.ZIP_STORED]
    # TorchScript compresses its source, and is refused for what it is.
    if any("/code/" not in name for name in packed):
        raise WeightsError("is compressed, which torch never does")


def _unwrap(content: Any) -> dict[Any, Any]:
    """The weights within what was saved around them."""
    for wrapper in _WRAPPERS * 2:  # one may be within the other, either way
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"holds a {type(content).__name__}, expected weights by name")
    return dict(content)


def _rename(found: dict[Any, Any], expected: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Weights by the names they have in the network alone, without the other parts of a model."""
    renamed: dict[str, Any] = {}
    for stored, tensor in found.items():
        name = str(stored)
        while name not in expected and name.startswith(_PREFIXES):
            name = next(name.removeprefix(p) for p in _PREFIXES if name.startswith(p))
        if name not in expected and name.startswith(_OTHER_PARTS):
            continue
        if name in renamed:
            raise WeightsError(f"holds {name!r:.80} twice, once as {stored!r:.80}")
        renamed[name] = tensor
    return renamed


def _check_names(found: dict[str, Any], expected: Mapping[str, tuple[int, ...]]) -> None:
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {len(expected)} weights missing, as {missing[0]!r:.80}")
    if unexpected:
        problems.append(f"{len(unexpected)} unexpected, as {unexpected[0]!r:.80}")
    if problems:
        raise WeightsError(f"is of another network: {', '.join(problems)}")


def _check_tensor(name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    plain = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided
    if not plain or tensor.is_meta or tensor.is_nested:
        raise WeightsError(f"holds no plain tensor under {name!r}")
    if tuple(tensor.shape) != tuple(shape):
        raise WeightsError(
            f"is of another network: {name!r} has shape {tuple(tensor.shape)}, expected "
            f"{tuple(shape)}"
        )
    if tensor.dtype not in _FLOATS:
        kind = str(tensor.dtype).removeprefix("torch.")
        raise WeightsError(f"holds {kind} under {name!r}, expected floating-point numbers")


def _cast(name: str, tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().to(torch.float32)
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"is damaged: {name!r} holds NaN or infinity")
    return tensor


def first_line(error: Exception) -> str:
    """What an error says first, as it may be shown in a line."""
    text = str(error).rpartition("WeightsUnpickler error:")[2]  # torch's advice is in front
    line = next(iter(text.strip().splitlines()), "")
    return printable(f"{line:.150}")
