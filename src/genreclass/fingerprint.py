"""A short name for what something was computed from: the same for equal values, on any machine."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "class_name",
    "digest",
    "digest_of_file",
    "fingerprint",
    "fingerprint_source",
    "mathematical_parameters",
]

# Parameters that say where and how to compute, not what.
_NOT_MATHEMATICAL = frozenset(
    {"checkpoint_dir", "checkpoint_minutes", "device", "n_jobs", "store_weights", "verbose"}
)

# What no other process is called.
_PROCESS = secrets.token_hex(8)

# 128 bits: two of a billion clips meet by chance once in 10**20 libraries.
_DIGITS = 32


def fingerprint(value: Any) -> str:
    """Name a value by its content.

    Parameters
    ----------
    value : object
        Numbers, text, None, arrays, estimators, and sequences and mappings of them. Sequences
        of equal items are equal, whether list, tuple or small array, and so are numbers of equal
        value.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    TypeError
        The value is, or holds, something else.
    """
    return digest(json.dumps(_canonical(value), separators=(",", ":")).encode())


def digest(content: bytes | memoryview) -> str:
    """Name bytes, or the memory of an array, by 32 hexadecimal digits of their SHA-256."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def digest_of_file(path: str | os.PathLike[str]) -> str:
    """Name a file by its bytes, as `digest` does."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]


def mathematical_parameters(estimator: Any) -> dict[str, Any]:
    """Those parameters of an estimator that decide what comes out of it."""
    return {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _NOT_MATHEMATICAL
    }


def fingerprint_source(parts: Iterable[str]) -> str:
    """Name the source of parts of this library, as "dsp".

    Its source rather than its version, so that nothing stale is found while it is worked on.
    """
    package = Path(__file__).parent
    paths = [path for part in parts for path in package.glob(f"{part}/*.py")]
    return fingerprint(
        {f"{path.parent.name}/{path.name}": digest(path.read_bytes()) for path in paths}
    )


def class_name(estimator: Any) -> str:
    """The full name of an estimator's class, and of one from elsewhere the source.

    A class of a user's own may be written anew under the name it had; where its source is not to
    be found, it is no other process's.
    """
    cls = type(estimator)
    name = f"{cls.__module__}.{cls.__qualname__}"
    if name.partition(".")[0] == __name__.partition(".")[0]:
        return name
    try:
        return f"{name} {digest(inspect.getsource(cls).encode())}"
    except (OSError, TypeError):
        return f"{name} {_PROCESS} {id(cls)}"


def _canonical(value: Any) -> Any:
    """As JSON that is the same for equal values."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic) and not isinstance(value, np.floating):
        return _canonical(value.item())
    if isinstance(value, int):
        return ["number", str(value)]
    if isinstance(value, Real):
        number = float(value)
        return ["number", str(int(number)) if number.is_integer() else repr(number)]
    if isinstance(value, np.ndarray):
        return _canonical_array(value)
    if isinstance(value, Sequence):
        return ["sequence", [_canonical(item) for item in value]]
    if isinstance(value, Mapping):
        items = [[_canonical(key), _canonical(item)] for key, item in value.items()]
        return ["mapping", sorted(items, key=json.dumps)]
    if isinstance(value, np.random.RandomState):
        return ["RandomState", _canonical(value.get_state())]
    if hasattr(value, "get_params"):
        return [class_name(value), _canonical(mathematical_parameters(value))]
    raise TypeError(f"a {type(value).__name__} has no fingerprint")


def _canonical_array(array: np.ndarray) -> Any:
    if array.dtype.kind not in "biuf":
        return _canonical(array.tolist())
    if array.ndim == 1 and len(array) <= 100:  # channels, say, which may be a list as well
        return _canonical(array.tolist())
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return ["array", native.dtype.str, list(array.shape), digest(native.data)]
