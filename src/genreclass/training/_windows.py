"""Pieces of spectrograms: random crops to learn from, evenly spaced windows to predict from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from genreclass.networks import MelCNN

__all__ = [
    "Spectra",
    "SpectrogramCrops",
    "WindowedValidation",
    "count_sounding_frames",
    "predict_windows",
]

# Probabilities below this count as this in a logarithm.
_TINY = 1e-12

# Windows of a clip that go through the network together.
_CHUNK = 32


def count_sounding_frames(spectra: torch.Tensor) -> torch.Tensor:
    """Frames of each spectrogram before its padding.

    Parameters
    ----------
    spectra : Tensor of shape (n_clips, n_rows, n_frames)

    Returns
    -------
    Tensor of shape (n_clips,), int64
        Padding (and silence at the end) is the run of last frames in which every row is at the
        clip's minimum. A clip that is nothing else counts whole.
    """
    sounding = (spectra > spectra.amin(dim=(1, 2), keepdim=True)).any(dim=1)
    n_frames = spectra.shape[-1]
    trailing = sounding.flip(1).int().argmax(dim=1)  # 0 also where nothing sounds
    return n_frames - trailing


class Spectra(Protocol):
    """Spectrograms of clips, on a device, in memory or on disk: a tensor, or like one."""

    @property
    def shape(self) -> Sequence[int]:
        """(n_clips, n_rows, n_frames)."""

    def __len__(self) -> int: ...

    def __getitem__(self, clip: int, /) -> torch.Tensor: ...


class SpectrogramCrops:
    """Training examples: from each clip, one crop at a random place.

    Parameters
    ----------
    spectra : Spectra of shape (n_clips, n_rows, n_frames), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    crop_frames : int
        Width of a crop; less where no clip sounds that long.
    device : torch.device
        Where training runs.

    Attributes
    ----------
    crop_frames : int
        Width of a crop.
    n_rows : int
        Its height.
    """

    def __init__(
        self,
        spectra: Spectra,
        targets: np.ndarray,
        *,
        crop_frames: int,
        device: torch.device,
    ) -> None:
        self.n_rows = spectra.shape[1]
        self._spectra = spectra
        self._targets = torch.from_numpy(targets)
        self._device = device
        lengths = []
        sums = torch.zeros(2, self.n_rows, dtype=torch.float64)
        for clip in range(len(spectra)):  # once, as they may come from disk
            spectrum = spectra[clip]
            lengths.append(int(count_sounding_frames(spectrum[None])))
            sounding = spectrum[:, : lengths[-1]].double()
            sounding = sounding - sounding.mean()
            sums += torch.stack([sounding.sum(dim=1), sounding.square().sum(dim=1)]).cpu()
        self._mean_and_mean_square = sums / sum(lengths)
        self.crop_frames = min(crop_frames, max(lengths))
        # A crop ends before the padding starts, where the clip is long enough.
        self._n_starts = (torch.tensor(lengths) - self.crop_frames).clamp(min=0) + 1

    def __len__(self) -> int:
        return len(self._targets)

    def row_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and spread of each row over all sounding frames, every clip moved to a mean of 0.

        Returns
        -------
        mean, spread : Tensor of shape (n_rows,), float32
        """
        mean, mean_square = self._mean_and_mean_square
        return mean.float(), (mean_square - mean.square()).clamp(min=0).sqrt().float()

    @property
    def are_far(self) -> bool:
        """Whether they have to be fetched from disk, or brought to another device."""
        spectra = self._spectra
        return not isinstance(spectra, torch.Tensor) or spectra.device.type != self._device.type

    def batch(
        self, indices: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops and targets: (batch, n_rows, crop_frames) and (batch,), on the device."""
        starts = (places * self._n_starts[indices]).long()
        pieces = [
            self._spectra[index][:, start : start + self.crop_frames]
            for index, start in zip(indices.tolist(), starts.tolist(), strict=True)
        ]
        if pieces[0].device.type == "cpu":  # for which torch would take threads, too
            crops = torch.from_numpy(np.stack([piece.numpy() for piece in pieces]))
        else:
            crops = torch.stack(pieces)
        return crops.to(self._device), self._targets[indices].to(self._device)


class WindowedValidation:
    """Loss and accuracy on validation clips, each classified by its windows.

    Parameters
    ----------
    spectra : Spectra of shape (n_clips, n_rows, n_frames), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    crop_frames : int
        Width of a window.
    """

    def __init__(self, spectra: Spectra, targets: np.ndarray, *, crop_frames: int) -> None:
        self._spectra = spectra
        self._targets = torch.from_numpy(targets)
        self._crop_frames = crop_frames

    def __call__(self, network: MelCNN, meanwhile: Callable[[], None]) -> tuple[float, float]:
        """Mean negative log-likelihood and share of correct answers.

        `meanwhile` is called after every clip.
        """
        rows = []
        for clip in range(len(self._spectra)):
            spectrum = self._spectra[clip][None]
            rows.append(predict_windows(network, spectrum, crop_frames=self._crop_frames)[0])
            meanwhile()
        probabilities = torch.cat(rows).cpu()
        loss = F.nll_loss(probabilities.clamp(min=_TINY).log(), self._targets)
        accuracy = (probabilities.argmax(dim=1) == self._targets).double().mean()
        return float(loss), float(accuracy)


@torch.inference_mode()
def predict_windows(
    network: MelCNN, spectra: torch.Tensor, *, crop_frames: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Class probabilities and embeddings of clips, averaged over windows.

    Parameters
    ----------
    network : MelCNN
        In evaluation mode.
    spectra : Tensor of shape (n_clips, n_rows, n_frames)
    crop_frames : int
        Width of a window.

    Returns
    -------
    probabilities : Tensor of shape (n_clips, n_classes), float64
    embeddings : Tensor of shape (n_clips, n_embedding), float32
        Both on the device of the network.

    Notes
    -----
    Windows cover the sounding part of a clip end to end, evenly spaced, overlapping where they
    must. Each clip is a batch of its own, so that its result does not depend on its company.
    """
    device = next(network.parameters()).device
    n_sounding = count_sounding_frames(spectra).tolist()
    probabilities, embeddings = [], []
    for spectrum, length in zip(spectra, n_sounding, strict=True):
        windows = _windows(spectrum, length, crop_frames).to(device)
        # In chunks, so that the memory a song takes does not grow with its length.
        embedding = torch.cat([network.embed(chunk) for chunk in windows.split(_CHUNK)])
        embeddings.append(embedding.mean(dim=0))
        scores = network.classify(embedding).double()
        probabilities.append(scores.softmax(dim=1).mean(dim=0))
    return torch.stack(probabilities), torch.stack(embeddings)


def _windows(spectrum: torch.Tensor, length: int, width: int) -> torch.Tensor:
    # (n_rows, n_frames) -> (n_windows, n_rows, width)
    if spectrum.shape[-1] < width:
        spectrum = F.pad(spectrum, (0, width - spectrum.shape[-1]), value=float(spectrum.min()))
    n_windows = max(1, -(-length // width))
    last = max(0, length - width)
    starts: Sequence[int] = [round(i * last / max(1, n_windows - 1)) for i in range(n_windows)]
    return torch.stack([spectrum[:, start : start + width] for start in starts])
