"""What a frozen network hears in clips."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from genreclass.audio import ClipSource
from genreclass.dsp import SOUND_KINDS, sound_kind
from genreclass.features import ClipTransformer, code_fingerprint
from genreclass.fingerprint import fingerprint, fingerprint_source
from genreclass.memory import kept_memory

__all__ = ["Listener", "on_device"]

_SOURCE = fingerprint_source(("networks", "models"))

# Copies of networks on GPUs, as long as the networks themselves: a library is heard some files at
# a time, and 346 MB would go there for each.
_COPIES: WeakKeyDictionary[nn.Module, dict[torch.device, nn.Module]] = WeakKeyDictionary()


def on_device(network: nn.Module, device: torch.device) -> nn.Module:
    """The network itself on the CPU, and a copy of it elsewhere, always the same one.

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU; nobody may change it.
    device : torch.device
    """
    if device.type == "cpu":
        return network
    copies = _COPIES.setdefault(network, {})
    if device not in copies:
        copies[device] = copy.deepcopy(network).to(device)
    return copies[device]


class Listener(ClipTransformer):
    """Clips to rows of numbers: an embedding, and behind it what kind of sound the clip is.

    A subclass has the attribute ``n_embedding`` and the methods ``_inputs``, ``_hear`` and
    ``_facts``.

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU, in evaluation mode.
    digest : str
        Names its weights.
    duration : float or None
        Seconds to take from the middle of longer clips.
    device, n_jobs, verbose
        As of a ClipTransformer.
    """

    # Of every encoder here, in hertz.
    sample_rate = 16000
    n_embedding: int

    # How many samples at least a GPU is given together.
    _cuda_samples = 1

    def __init__(
        self,
        network: nn.Module,
        *,
        digest: str,
        duration: float | None,
        device: str | torch.device,
        n_jobs: int | None,
        verbose: int,
    ) -> None:
        self.network: Any = network
        self.digest = digest
        self.duration = duration
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    _doing = "Listening"

    def listen(self, sources: Sequence[ClipSource]) -> tuple[np.ndarray, dict[int, str]]:
        """Embeddings, and of clips that are plainly no music the kind of sound.

        Parameters
        ----------
        sources : list of ClipSource

        Returns
        -------
        embeddings : ndarray of shape (n_clips, n_embedding), float32
        kinds : dict of int to str
            Place of a clip to one of `SOUND_KINDS`.
        """
        embeddings = np.empty((len(sources), self.n_embedding), dtype=np.float32)
        kinds = {}
        for place, row in enumerate(self._rows(sources)):
            embeddings[place] = row[:-1]
            if row[-1] > 0:
                kinds[place] = SOUND_KINDS[int(row[-1]) - 1]
        return embeddings, kinds

    def _compute(
        self, sources: Sequence[ClipSource], device: torch.device
    ) -> Iterator[tuple[int, np.ndarray]]:
        network = on_device(self.network, device)
        # On a CPU each clip by itself, so that it does not depend on its company.
        at_least = 1 if device.type == "cpu" else self._cuda_samples
        place = n_samples = 0
        waiting: list[tuple[np.ndarray, float]] = []
        with kept_memory():
            for clip in chain.from_iterable(self._load_ahead(sources)):
                waiting.append(clip)
                n_samples += len(clip[0])
                if n_samples >= at_least:
                    yield from enumerate(self._rows_of(waiting, network, device), place)
                    place += len(waiting)
                    waiting, n_samples = [], 0
            if waiting:
                yield from enumerate(self._rows_of(waiting, network, device), place)

    def _rows_of(
        self, clips: Sequence[tuple[np.ndarray, float]], network: nn.Module, device: torch.device
    ) -> list[np.ndarray]:
        """Rows of clips that are given by their samples and kinds of sound."""
        kinds = np.array([kind for _, kind in clips], dtype=np.float32)
        return list(np.column_stack([self._numbers_of(clips, network, device), kinds]))

    @torch.inference_mode()
    def _numbers_of(
        self, clips: Sequence[tuple[np.ndarray, float]], network: nn.Module, device: torch.device
    ) -> np.ndarray:
        """What the network makes of such clips: (n_clips, ...), float32."""
        # What a caller has said of precision is not in the key of what is kept.
        with torch.autocast(device.type, enabled=False):
            inputs = [self._inputs(torch.from_numpy(samples).to(device)) for samples, _ in clips]
            return self._hear(network, inputs).float().cpu().numpy()

    def _load(self, source: ClipSource) -> tuple[np.ndarray, float]:
        """Samples, and the kind of sound: 0, or its place in `SOUND_KINDS` counted from 1."""
        samples = self._read(source)
        kind = sound_kind(samples)
        return samples, 0.0 if kind is None else 1.0 + SOUND_KINDS.index(kind)

    def _read(self, source: ClipSource) -> np.ndarray:
        samples = source.load(self.sample_rate, duration=self.duration)
        return np.require(samples, requirements=["C", "W"])  # as torch wants them

    @property
    def _row_shape(self) -> tuple[int, ...]:
        return (self.n_embedding + 1,)

    @property
    def embedding_digest(self) -> str:
        """What names how clips become embeddings, but for the weights and how they are computed."""
        return fingerprint(self._facts())

    def _key_of_parameters(self, device: torch.device) -> str:
        facts = [self.digest, self.embedding_digest, self.duration, *self._how()]
        return fingerprint([type(self).__name__, facts, device.type, code_fingerprint(), _SOURCE])

    def _check_parameters(self) -> None:
        pass  # which those who make a listener have done

    def _inputs(self, samples: torch.Tensor) -> torch.Tensor:
        """What the network takes of a clip, on the device."""
        raise NotImplementedError

    def _hear(self, network: Any, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Embeddings of clips that are given by their inputs: (n_clips, n_embedding)."""
        raise NotImplementedError

    def _facts(self) -> Sequence[Any]:
        """What decides what an embedding means, beside the weights."""
        raise NotImplementedError

    def _how(self) -> Sequence[Any]:
        """What decides how well it is computed."""
        return ()
