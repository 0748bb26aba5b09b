"""A fitted estimator as one file, and back: safetensors and JSON in a zip archive, no pickle."""

from __future__ import annotations

import json
import os
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from genreclass.durable import replacing
from genreclass.exceptions import ModelFileError
from genreclass.persistence._encode import decode, encode

__all__ = ["load", "save"]

# Raised when a file means something else than before: 2 since pictures are moved to a mean of 0.
_FORMAT = 2
_MANIFEST, _TENSORS = "genreclass.json", "tensors.safetensors"
_PACKAGES = ("genreclass", "numpy", "scikit-learn", "torch")

# How deep the manifest may be nested: a Pipeline in a Pipeline takes a dozen levels.
_DEEPEST = 64


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator of this library as one file.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Fitted, where it needs to be: an estimator of this library, or a Pipeline of them, such as
        `make_fma_baseline` gives, with StandardScaler and PCA among its steps.
    path : str or path-like
        Where to, by custom ``name.genre``. A file that is there is replaced, at once and only
        when the new one is whole.

    Raises
    ------
    NotFittedError
        The estimator has not been fitted.
    TypeError
        The estimator, or one of its parameters, is of a type that cannot be saved.
    OSError
        There is no such folder, or the path is of no regular file.

    Notes
    -----
    The file is a zip archive of ``genreclass.json`` (parameters, labels, versions) and
    ``tensors.safetensors`` (weights and arrays; trees as XGBoost's UBJSON). Reading one runs no
    code from it. Requests of scikit-learn's metadata routing, the ``memory`` of a Pipeline and the
    ``checkpoint_dir`` of a network are not saved: they matter to ``fit`` only.

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

    check_is_fitted(estimator)
    tensors: dict[str, Any] = {}
    manifest = {
        "format": _FORMAT,
        "versions": {package: version(package) for package in _PACKAGES},
        "estimator": encode(estimator, tensors, "estimator"),
    }
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        archive.writestr(_TENSORS, to_bytes(tensors))


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
    from safetensors.torch import load as from_bytes

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. Give the path of a saved model.")
    if not path.is_file():
        raise ModelFileError(f"{path} is not a regular file. Give the path of a saved model.")
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.filelist):
                    raise ModelFileError("it is compressed, which save does not do")
                manifest = json.loads(archive.read(_MANIFEST))
                _check_format(manifest)
                _check_depth(manifest)
                tensors = from_bytes(archive.read(_TENSORS))
            estimator = decode(manifest["estimator"], tensors)
            if not isinstance(estimator, BaseEstimator):
                raise ModelFileError("it holds no estimator")
            return estimator
        except ModelFileError as error:
            raise ModelFileError(f"{path} cannot be loaded: {error}.") from error
        except Exception as error:  # a damaged file can fail anywhere, in any way
            raise ModelFileError(
                f"{path} is no model file of this library, or is damaged "
                f"({type(error).__name__}: {error!s:.200}). Copy it again, or save the model anew."
            ) from error


def _check_format(manifest: dict[str, Any]) -> None:
    if manifest["format"] != _FORMAT:
        newer = manifest["format"] > _FORMAT
        raise ModelFileError(
            f"it was written by genreclass {manifest['versions']['genreclass']} in format "
            f"{manifest['format']}, and this version reads format {_FORMAT}; "
            + ("upgrade genreclass" if newer else "train it again")
        )


def _check_depth(manifest: Any) -> None:
    """Refuse what is nested too deep: estimators ask each other whether they are fitted."""
    level = [manifest]
    for _ in range(_DEEPEST):
        children = [part.values() if isinstance(part, dict) else part for part in level]
        level = [part for some in children for part in some if isinstance(part, (dict, list))]
        if not level:
            return
    raise ModelFileError("it is nested too deep")
