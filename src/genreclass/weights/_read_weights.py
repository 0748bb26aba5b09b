"""The weights of a network, wherever they are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from genreclass.audio import expand_path, printable
from genreclass.exceptions import WeightsNotFoundError
from genreclass.weights._download import download_weights
from genreclass.weights._published import PublishedWeights
from genreclass.weights._read_file import read_file

__all__ = ["read_weights"]


def read_weights(
    weights: str | os.PathLike[str],
    *,
    published: PublishedWeights,
    expected: Mapping[str, tuple[int, ...]],
) -> dict[str, torch.Tensor]:
    """Read the weights of a network, from a file or from the hub.

    Parameters
    ----------
    weights : str or path-like
        The name of `published`, as a str: downloaded at the first use, and never asked for again.
        Or the path of a ``.pth``, ``.pt`` or ``.safetensors`` file.
    published : PublishedWeights
        The weights that have a name.
    expected : mapping from str to tuple of int
        Name and shape of every weight of the network.

    Returns
    -------
    dict from str to torch.Tensor
        As `expected`, in its order, float32 and on the CPU. They may be mapped from the file: copy
        them, as ``load_state_dict`` does.

    Raises
    ------
    WeightsError
        The file is damaged, of another network, not finite, or would have to run code.
    WeightsNotFoundError
        There is no such file, or it could not be downloaded.
    OSError
        What was downloaded cannot be kept.

    Notes
    -----
    Files of the tools for training are read as well: weights within ``state_dict`` or ``model``,
    with ``module.``, ``backbone.`` or ``encoder.`` in front of their names, beside the other parts
    of a larger model, or in half precision.
    """
    if isinstance(weights, str) and weights == published.name:
        path = download_weights(published, expected=expected)
        return read_file(path, expected, "Remove it, and it is downloaded again.")
    path = _find_local(weights, published)
    advice = f"Give {published.filename} of {published.name}, or the name {published.name!r}."
    return read_file(path, expected, advice)


def _find_local(weights: str | os.PathLike[str], published: PublishedWeights) -> Path:
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            f"weights must be {published.name!r} or the path of a file, got "
            f"{type(weights).__name__}"
        )
    path = expand_path(weights)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise WeightsNotFoundError(
            f"{printable(path)} does not exist, and is not the name of weights that can be "
            f"downloaded. Give {published.name!r}, or the path of a .pth or .safetensors file."
        ) from None
    except OSError:  # it is there, but cannot be read
        pass
    return path
