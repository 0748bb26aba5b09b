"""Pretrained networks, read once a process and shared: nobody may change them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Generic, TypeVar

from safetensors import safe_open
from torch import nn

from genreclass.audio import expand_path
from genreclass.fingerprint import fingerprint
from genreclass.networks import JMLAAudioEncoder, MusiCNN, load_weights, without_memory
from genreclass.weights import OPENJMLA, download_weights, read_weights

__all__ = ["MUSICNN_MODELS", "JMLASize", "Pretrained", "load_jmla", "load_musicnn"]

#: What MusiCNN was trained on: the Million Song Dataset, or MagnaTagATune.
MUSICNN_MODELS = ("msd", "mtt")

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Pretrained(Generic[_Network]):
    """A network, on the CPU and in evaluation mode.

    Attributes
    ----------
    network : torch.nn.Module
    digest : str
        Names its weights, whatever the format of their file.
    tags : tuple of str
        What its outputs mean, where they mean something.
    """

    network: _Network
    digest: str
    tags: tuple[str, ...] = ()


@cache
def load_musicnn(model: str) -> Pretrained[MusiCNN]:
    """One of `MUSICNN_MODELS`, which come with this library."""
    path = files("genreclass.networks") / "musicnn" / f"{model}_musicnn.safetensors"
    with safe_open(str(path), framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tags = json.loads(file.metadata()["tags"])
    network = load_weights(without_memory(MusiCNN), weights)
    return Pretrained(network, digest_of_network(network), tuple(tags))


@dataclass(frozen=True)
class JMLASize:
    """Arguments of a JMLAAudioEncoder; by default those of the released one."""

    width: int = 768
    n_heads: int = 12
    n_layers: int = 12

    def build(self) -> JMLAAudioEncoder:
        """A network without memory."""
        return without_memory(
            lambda: JMLAAudioEncoder(width=self.width, n_heads=self.n_heads, n_layers=self.n_layers)
        )


_RELEASED = JMLASize()


def load_jmla(weights: str | os.PathLike[str], size: JMLASize) -> Pretrained[JMLAAudioEncoder]:
    """The audio encoder of OpenJMLA, with weights from the hub or from a file.

    Raises
    ------
    WeightsError or WeightsNotFoundError
        As `read_weights`.
    """
    source: str | Path
    if isinstance(weights, str) and weights == OPENJMLA.name:
        # At once, or what is read would be known by a file that was not there yet.
        source, path = weights, download_weights(OPENJMLA, expected=jmla_shapes(size))
    else:
        source = path = expand_path(weights)
    try:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
    except OSError:  # read_weights says what is wrong
        state = (0, 0, 0)
    return _load_jmla(source, state, size)


# Two, as 346 MB each are held.
@lru_cache(2)
def _load_jmla(
    source: str | Path, state: tuple[int, int, int], size: JMLASize
) -> Pretrained[JMLAAudioEncoder]:
    found = read_weights(source, published=OPENJMLA, expected=jmla_shapes(size))
    # Copied, as they may be mapped from a file that somebody replaces.
    network = load_weights(size.build(), {name: tensor.clone() for name, tensor in found.items()})
    return Pretrained(network, digest_of_network(network))


@cache
def jmla_shapes(size: JMLASize = _RELEASED) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight of a JMLAAudioEncoder."""
    return {name: tuple(tensor.shape) for name, tensor in size.build().state_dict().items()}


def digest_of_network(network: nn.Module) -> str:
    """Name the weights of a network that is on the CPU."""
    return fingerprint({name: t.numpy() for name, t in network.state_dict().items()})
