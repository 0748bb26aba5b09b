"""The states of a run on disk: safetensors and JSON, whole or not there."""

from __future__ import annotations

import json
import logging
import math
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from genreclass.audio import printable
from genreclass.durable import remove_leftovers, replacing
from genreclass.exceptions import CheckpointError
from genreclass.fingerprint import digest

__all__ = ["Checkpoints"]

_log = logging.getLogger(__name__)

# Raised when a checkpoint means something else than before.
_FORMAT = "1"

# The newest, and the one before in case the newest is torn.
_KEPT = 2

# Epoch, batch, and the digest of all bytes of the file.
_NAME = re.compile(r"checkpoint-(\d{6,})-(\d{6,})-([0-9a-f]{32})\.safetensors")


class Checkpoints:
    """The checkpoints of one run, in a folder of its name.

    Parameters
    ----------
    folder : Path
        Is there. Unfinished files of a process that was killed are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._whole: list[Path] = []  # as was seen or written, the newest last
        remove_leftovers(folder)

    def write(self, state: dict[str, Any]) -> None:
        """Write a state; when it is whole, all but it and the one before are removed.

        Raises
        ------
        OSError
            It cannot be written. What was there is still there.
        """
        from safetensors.torch import save

        tensors: dict[str, torch.Tensor] = {}
        text = json.dumps(_pack(state, tensors))
        metadata = {"format": _FORMAT, "run": self.folder.name, "state": text}
        content = save(tensors, metadata=metadata)
        epoch, batch = state["epoch"], state["batch"]
        path = self.folder / f"checkpoint-{epoch:06}-{batch:06}-{digest(content)}.safetensors"
        self.folder.mkdir(parents=True, exist_ok=True)  # should somebody have removed it
        with replacing(path) as file:
            file.write(content)
        self._whole = [*(old for old in self._whole if old != path), path][-_KEPT:]
        self._remove_others()

    def read(self) -> dict[str, Any] | None:
        """The newest whole state; None where there is none.

        Raises
        ------
        CheckpointError
            It is whole, and of a format that this version does not read.
        """
        found = self._newest_first()
        for path in found:
            state = self._read_if_whole(path)
            if state is not None:
                self._whole = [path]
                return state
        if found:
            _log.warning("No whole checkpoint is left in %s: begun anew.", printable(self.folder))
        return None

    def keep_newest(self) -> None:
        """Remove all but the newest that is known to be whole."""
        self._whole = self._whole[-1:]
        self._remove_others()

    def remove(self) -> None:
        """Remove all of them."""
        for path in self._newest_first():
            path.unlink(missing_ok=True)

    def _remove_others(self) -> None:
        for path in self._newest_first():
            if self._whole and path not in self._whole:
                with suppress(OSError):
                    path.unlink()

    def _newest_first(self) -> list[Path]:
        """By epoch and batch."""
        found = []
        for path in self.folder.glob("checkpoint-*.safetensors"):
            match = _NAME.fullmatch(path.name)
            if match and path.is_file():
                found.append((int(match[1]), int(match[2]), path.stat().st_mtime_ns, path))
        return [path for *_, path in sorted(found, reverse=True)]

    def _read_if_whole(self, path: Path) -> dict[str, Any] | None:
        from safetensors import safe_open
        from safetensors.torch import load

        try:
            content = path.read_bytes()
        except (OSError, MemoryError) as error:
            _log.warning("Checkpoint %s cannot be read (%r).", printable(path), error)
            return None
        if not path.stem.endswith(digest(content)):
            _log.warning(
                "Checkpoint %s is torn (%d bytes) and passed over.",
                printable(path),
                len(content),
            )
            return None
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise CheckpointError(
                    f"{printable(path)} is of format {metadata.get('format')!r:.20}, and this "
                    f"version of genreclass reads format {_FORMAT!r}. Go on with the version that "
                    "wrote it, or give another checkpoint_dir."
                )
            if metadata["run"] != self.folder.name:
                raise CheckpointError(
                    f"{printable(path)} is of another run, {metadata['run']:.40}. Remove it."
                )
            state: dict[str, Any] = _unpack(json.loads(metadata["state"]), load(content))
            if not all(isinstance(state[name], int) for name in ("epoch", "batch", "seed")):
                raise TypeError("an epoch, a batch or a seed is no whole number")
        except CheckpointError:
            raise
        except Exception as error:  # whole, but not ours: it can fail anywhere, in any way
            raise CheckpointError(
                f"{printable(path)} is no checkpoint of genreclass ({type(error).__name__}: "
                f"{error!s:.100}). Remove it, or give another checkpoint_dir."
            ) from error
        return state


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """A JSON value that stands for `value`, whose tensors go into `tensors`."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_pack(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_pack(item, tensors) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be part of a checkpoint")


def _unpack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """What `_pack` was given."""
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "dict":
            return {key: _unpack(item, tensors) for key, item in content}
        case "tuple":
            return tuple(_unpack(item, tensors) for item in content)
        case "float":
            return float(content)
    raise ValueError(f"unknown kind {kind!r}")
