"""Pieces of spectrograms: random crops to learn from, evenly spaced windows to predict from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from genreclass.networks import MelCNN
from genreclass.training._rows import HeldExamples, HeldRows, score_probabilities

__all__ = [
    "SpectrogramCrops",
    "WindowedValidation",
    "count_sounding_frames",
    "predict_windows",
]

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


class SpectrogramCrops(HeldExamples):
    """Training examples: from each clip, one crop at a random place.

    Parameters
    ----------
    spectra : HeldRows of shape (n_clips, n_rows, n_frames), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    crop_frames : int
        Width of a crop; less where no clip sounds that long.
    device : torch.device
        Where training runs.
    longest_source : float
        How wide a batch is, as a multiple of a crop, as far as clips sound that long: what is
        played faster takes more than its own length.

    Attributes
    ----------
    crop_frames : int
        Width of a crop.
    n_rows : int
        Its height.
    """

    def __init__(
        self,
        spectra: HeldRows,
        targets: np.ndarray,
        *,
        crop_frames: int,
        device: torch.device,
        longest_source: float = 1.0,
    ) -> None:
        super().__init__(spectra, targets, device=device)
        self.n_rows = spectra.shape[1]
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
        # From the first frame to the last there is one step less than there are frames.
        wanted = math.ceil(longest_source * (self.crop_frames - 1)) + 1
        self._width = min(wanted, max(lengths))
        # A crop ends before the padding starts, where the clip is long enough.
        n_starts = (torch.tensor(lengths) - self._width).clamp(min=0) + 1
        self._n_starts = n_starts.to(self.home)

    def row_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and spread of each row over all sounding frames, every clip moved to a mean of 0.

        Returns
        -------
        mean, spread : Tensor of shape (n_rows,), float32
        """
        mean, mean_square = self._mean_and_mean_square
        return mean.float(), (mean_square - mean.square()).clamp(min=0).sqrt().float()

    def batch(
        self, indices: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops and targets, on the device.

        Parameters
        ----------
        indices : Tensor of shape (batch,), int64
            Which examples; at home, as the next.
        places : Tensor of shape (batch,), float
            Where each is cropped, from 0, at the first possible place, to 1.

        Returns
        -------
        crops : Tensor of shape (batch, n_rows, width), float32
            `crop_frames` wide, or as many times that as the longest source is.
        targets : Tensor of shape (batch,), int64
        """
        starts = (places * self._n_starts[indices]).long()
        targets = self._targets[indices]
        spectra = self._rows
        if isinstance(spectra, torch.Tensor) and spectra.device.type != "cpu":
            # In one step, in which the host waits for nothing.
            columns = starts[:, None] + torch.arange(self._width, device=spectra.device)
            rows = torch.arange(self.n_rows, device=spectra.device)
            return spectra[indices[:, None, None], rows[:, None], columns[:, None, :]], targets
        pieces = [
            spectra[index][:, start : start + self._width]
            for index, start in zip(indices.tolist(), starts.tolist(), strict=True)
        ]
        # Of numpy, as torch would take threads for it.
        crops = torch.from_numpy(np.stack([piece.numpy() for piece in pieces]))
        return crops.to(self._device), targets.to(self._device)


class WindowedValidation:
    """Loss and accuracy on validation clips, each classified by its windows.

    Parameters
    ----------
    spectra : HeldRows of shape (n_clips, n_rows, n_frames), float32
    targets : ndarray of shape (n_clips,)
        Class indices.
    crop_frames : int
        Width of a window.
    """

    def __init__(self, spectra: HeldRows, targets: np.ndarray, *, crop_frames: int) -> None:
        self._spectra = spectra
        self._targets = torch.from_numpy(targets)
        self._crop_frames = crop_frames
        # Once, as the answer of a GPU is waited for.
        lengths = [count_sounding_frames(spectra[clip][None]) for clip in range(len(spectra))]
        self._lengths = torch.cat(lengths).tolist()

    def __call__(self, network: MelCNN, meanwhile: Callable[[], None]) -> tuple[float, float]:
        """Mean negative log-likelihood and share of correct answers.

        `meanwhile` is called after every clip.
        """
        rows = []
        for clip, length in enumerate(self._lengths):
            probabilities, _ = predict_windows(
                network,
                self._spectra[clip][None],
                crop_frames=self._crop_frames,
                lengths=[length],
            )
            rows.append(probabilities)
            meanwhile()
        return score_probabilities(torch.cat(rows), self._targets)


@torch.inference_mode()
def predict_windows(
    network: MelCNN,
    spectra: torch.Tensor,
    *,
    crop_frames: int,
    lengths: Sequence[int] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Class probabilities and embeddings of clips, averaged over windows.

    Parameters
    ----------
    network : MelCNN
        In evaluation mode.
    spectra : Tensor of shape (n_clips, n_rows, n_frames)
    crop_frames : int
        Width of a window.
    lengths : sequence of int or None
        Of `count_sounding_frames`, where they are known.

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
    if lengths is None:
        lengths = count_sounding_frames(spectra).tolist()
    probabilities, embeddings = [], []
    for spectrum, length in zip(spectra, lengths, strict=True):
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
