"""A fitted estimator as one file, and back: safetensors and JSON in a zip archive, no pickle."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genreclass.exceptions import ModelFileError
from genreclass.persistence._encode import decode, encode

__all__ = ["load", "save"]

# Raised when a file written now could not be read by the code before.
_FORMAT = 1
_MANIFEST, _TENSORS = "genreclass.json", "tensors.safetensors"
_PACKAGES = ("genreclass", "numpy", "scikit-learn", "torch")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator of this library as one file.

    Parameters
    ----------
    estimator : MelCNNClassifier or MelSpectrogram
        Fitted, where it needs to be.
    path : str or path-like
        Where to, by custom ``name.genre``. A file that is there is replaced, at once and only
        when the new one is whole.

    Raises
    ------
    NotFittedError
        The estimator has not been fitted.
    TypeError
        The estimator, or one of its parameters, is of a type that cannot be saved.

    Notes
    -----
    The file is a zip archive of ``genreclass.json`` (parameters, labels, versions) and
    ``tensors.safetensors`` (weights and arrays). Reading one runs no code from it.

    Examples
    --------
    >>> import tempfile
    >>> from genreclass import MelSpectrogram, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MelSpectrogram(n_mels=64), f"{folder}/mel.genre")
    ...     load(f"{folder}/mel.genre")
    MelSpectrogram(n_mels=64)
    """
    from safetensors.torch import save as to_bytes
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    tensors: dict[str, Any] = {}
    manifest = {
        "format": _FORMAT,
        "versions": {package: version(package) for package in _PACKAGES},
        "estimator": encode(estimator, tensors, "estimator"),
    }
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
            archive.writestr(_TENSORS, to_bytes(tensors))
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator
        It predicts as the one that was saved; one fitted on CUDA predicts on the CPU where there
        is none.

    Raises
    ------
    ModelFileError
        The file is damaged, no model file, or of a newer format than this version reads.
    FileNotFoundError
        There is no such file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            if manifest["format"] > _FORMAT:
                raise ModelFileError(
                    f"{path} was written by genreclass {manifest['versions']['genreclass']} in "
                    f"format {manifest['format']}; this version reads up to format {_FORMAT}. "
                    "Upgrade genreclass."
                )
            tensors = from_bytes(archive.read(_TENSORS))
        return decode(manifest["estimator"], tensors)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    except (
        zipfile.BadZipFile,
        SafetensorError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ModelFileError(
            f"{path} is no model file of this library, or is damaged ({type(error).__name__}: "
            f"{error!s:.200}). Copy it again, or save the model anew."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
