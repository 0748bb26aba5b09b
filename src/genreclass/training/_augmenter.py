"""Random changes to batches of spectrograms, on the device they are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from genreclass.dsp import mel_filter_bank, mel_frequencies, mel_rows
from genreclass.features import MelSpectrogram
from genreclass.training._augmentation import Augmentation
from genreclass.training._windows import count_sounding_frames

__all__ = ["Augmenter"]

# Frequencies at which the equalizer draws a level.
_N_EQUALIZER_POINTS = 4

# Quantiles of mixup's beta distribution, between which it is interpolated.
_N_QUANTILES = 1025

# How the squared spectra of a Hann window's neighbouring bins go together, in white noise.
_HANN_CORRELATION = (1.0, 4 / 9, 1 / 36)


class Augmenter:
    """`Augmentation` as the training loop calls it, for spectrograms of one kind.

    Parameters
    ----------
    augmentation : Augmentation
        Whose parameters are in order.
    mel : MelSpectrogram
        Of which the spectrograms are.
    n_frames : int
        Width of the crops it makes.
    row_mean : Tensor of shape (n_rows,)
        Mean of each row over the training clips, every clip moved to a mean of 0: what a mask
        leaves, as it tells a network nothing.
    n_classes : int
    device : torch.device
        Where training runs. No batch waits for it.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        *,
        mel: MelSpectrogram,
        n_frames: int,
        row_mean: torch.Tensor,
        n_classes: int,
        device: torch.device,
    ) -> None:
        self._chosen = augmentation
        self._p = augmentation.probabilities
        self._n_mels = mel.n_mels
        self._n_frames = n_frames
        self._row_mean = row_mean.to(device)
        self._n_classes = n_classes
        self._device = device
        self._scale: dict[str, Any] = {
            "n_mels": mel.n_mels,
            "f_min": mel.f_min,
            "f_max": mel.sample_rate / 2 if mel.f_max is None else mel.f_max,
        }
        edges = torch.from_numpy(mel_frequencies(**self._scale)).float()
        self._middles = edges[1:-1].to(device)
        widths = edges[2:] - edges[:-2]
        self._widths = (widths / widths.sum()).to(device)
        bank = mel_filter_bank(mel.sample_rate, n_fft=mel.n_fft, **self._scale)
        self._noise_bins = _independent_bins(bank).to(device)
        # 1, but where a filter is as narrow as the bins, or between two and empty.
        self._noise_level = (bank.sum(dim=1) * (mel.sample_rate / mel.n_fft)).to(device)
        self._equalizer = _ramps(mel.n_mels, _N_EQUALIZER_POINTS).to(device)
        self._shares = _beta_quantiles(augmentation.mixup).to(device)

    def __call__(
        self, spectra: torch.Tensor, targets: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change a batch.

        Parameters
        ----------
        spectra : Tensor of shape (batch, n_rows, n_source_frames), float32
            `n_frames` wide, or wider, so that it can be played faster; left as it is.
        targets : Tensor of shape (batch,), int64
            Class indices.
        generator : torch.Generator
            On the device.

        Returns
        -------
        spectra : Tensor of shape (batch, n_rows, n_frames)
        targets : Tensor of shape (batch, n_classes), float32
            The share of each class; of shape (batch,) as they came where nothing is ever mixed.
        """
        chosen = self._chosen
        spectra, lengths = self._stretch_and_shift(spectra, generator)
        columns = torch.arange(spectra.shape[2], device=self._device)
        sounding = (columns < lengths[:, None])[:, None, :]
        if self._p["noise"]:
            spectra = self._add_noise(spectra, sounding, generator)
        if self._p["gain"]:
            happens = self._happens(self._p["gain"], spectra, generator)
            gain = self._uniform(len(spectra), chosen.gain, generator) * happens
            spectra = spectra + gain[:, None, None]
        if self._p["equalizer"]:
            happens = self._happens(self._p["equalizer"], spectra, generator)
            ends = (-chosen.equalizer, chosen.equalizer)
            levels = self._uniform((len(spectra), _N_EQUALIZER_POINTS), ends, generator)
            curve = (levels * happens[:, None]) @ self._equalizer
            spectra = spectra + self._beside_extra_rows(curve, spectra)[:, :, None]
        spectra = self._mask(spectra, generator)
        # Padding is at a clip's minimum, whatever was done to the clip.
        minimum = spectra.where(sounding, torch.inf).amin(dim=(1, 2), keepdim=True)
        spectra = spectra.where(sounding, minimum)
        if self._p["mixup"]:
            return self._mix(spectra, targets, generator)
        return spectra, targets

    def _stretch_and_shift(
        self, source: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Interpolate frames for another tempo, and mel rows for another pitch.

        Gives the crops, and how many frames of each are no padding.
        """
        chosen = self._chosen
        batch, n_rows, n_source = source.shape
        n_frames = min(self._n_frames, n_source)
        lengths = count_sounding_frames(source)
        if not (self._p["time_stretch"] or self._p["pitch_shift"]):
            return source[:, :, :n_frames], lengths.clamp(max=n_frames)
        is_stretched = self._happens(self._p["time_stretch"], source, generator)
        tempo = self._uniform(batch, chosen.time_stretch, generator)
        # No faster than there is sound for, nor slower for the lack of it.
        fastest = ((lengths - 1) / max(1, n_frames - 1)).clamp(min=1)
        tempo = torch.where(is_stretched, tempo.minimum(fastest), 1.0)
        # Anywhere in what was fetched, so that what is not played faster is not its start alone.
        n_spare = (lengths - tempo * (n_frames - 1)).floor().clamp(min=1)
        first = (self._uniform(batch, (0.0, 1.0), generator) * n_spare).long()
        steps = torch.arange(n_frames, device=self._device)
        whole = (first[:, None] + steps).clamp(max=n_source - 1)
        untouched = source.gather(2, whole[:, None, :].expand(-1, n_rows, -1))
        columns = first[:, None] + tempo[:, None] * steps

        is_shifted = self._happens(self._p["pitch_shift"], source, generator)
        semitones = self._uniform(batch, chosen.pitch_shift, generator) * is_shifted
        heard_before = self._middles / torch.exp2(semitones / 12)[:, None]
        rows = mel_rows(heard_before, **self._scale).clamp(0, self._n_mels - 1)
        extra = torch.arange(self._n_mels, n_rows, device=self._device)
        rows = torch.cat([rows, extra.expand(batch, -1)], dim=1)

        # grid_sample counts from -1 to 1.
        x = (2 * columns / max(1, n_source - 1) - 1)[:, None, :].expand(-1, n_rows, -1)
        y = (2 * rows / max(1, n_rows - 1) - 1)[:, :, None].expand(-1, -1, n_frames)
        changed = F.grid_sample(
            source[:, None],
            torch.stack([x, y], dim=-1),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )[:, 0]
        changed = torch.where((is_stretched | is_shifted)[:, None, None], changed, untouched)
        return changed, (columns <= lengths[:, None] - 1).sum(dim=1)

    def _add_noise(
        self, spectra: torch.Tensor, sounding: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Add the power of white noise to mel rows in decibels."""
        mel = spectra[:, : self._n_mels]
        power = 10 ** (mel / 10)
        happens = self._happens(self._p["noise"], spectra, generator)
        decibels = self._uniform(len(spectra), self._chosen.noise, generator)
        # A mel band's value is its mean power for each hertz, which of white noise is the same in
        # all, so that powers compare once they are weighted by the bands' widths.
        mean_power = (power * sounding).sum(dim=2) / sounding.sum(dim=2)
        mean_power = (mean_power * self._widths).sum(dim=1)
        level = (mean_power * 10 ** (-decibels / 10))[:, None] * self._noise_level
        # Power of noise over k bins is gamma distributed; a cube of a normal number nearly is
        # (Wilson and Hilferty 1931).
        ninth = 1 / (9 * self._noise_bins[:, None])
        normal = torch.empty_like(mel).normal_(generator=generator)
        noise = (1 - ninth + normal * ninth.sqrt()).clamp(min=0) ** 3
        noisy = 10 * torch.log10(power + level[:, :, None] * noise)
        noisy = torch.where(happens[:, None, None], noisy, mel)
        return torch.cat([noisy, spectra[:, self._n_mels :]], dim=1)

    def _mask(self, spectra: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Put what is average over some frames and mel rows of each crop."""
        chosen = self._chosen
        mean = spectra.mean(dim=(1, 2), keepdim=True) + self._row_mean[:, None]
        if self._p["time_mask"]:
            happens = self._happens(self._p["time_mask"], spectra, generator)
            hidden = self._draw_band(happens, spectra.shape[2], chosen.time_mask, generator)
            spectra = torch.where(hidden[:, None, :], mean, spectra)
        if self._p["frequency_mask"]:
            happens = self._happens(self._p["frequency_mask"], spectra, generator)
            hidden = self._draw_band(happens, self._n_mels, chosen.frequency_mask, generator)
            hidden = self._beside_extra_rows(hidden, spectra)
            spectra = torch.where(hidden[:, :, None], mean, spectra)
        return spectra

    def _mix(
        self, spectra: torch.Tensor, targets: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mix each crop with the one before it, which the order of the epoch drew."""
        happens = self._happens(self._p["mixup"], spectra, generator)
        place = torch.rand(len(spectra), generator=generator, device=self._device)
        lower = (place * (_N_QUANTILES - 1)).long()
        fraction = place * (_N_QUANTILES - 1) - lower
        drawn = torch.lerp(self._shares[lower], self._shares[lower + 1], fraction)
        # Of two mixed crops the first is the one there is more of.
        share = torch.where(happens, torch.maximum(drawn, 1 - drawn), 1.0)
        shares = F.one_hot(targets, self._n_classes).float()
        mixed = torch.lerp(spectra.roll(1, dims=0), spectra, share[:, None, None])
        return (
            torch.where(happens[:, None, None], mixed, spectra),
            torch.lerp(shares.roll(1, dims=0), shares, share[:, None]),
        )

    def _draw_band(
        self, happens: torch.Tensor, length: int, widest: float, generator: torch.Generator
    ) -> torch.Tensor:
        """Which of `length` places are within a band drawn for each example: (batch, length)."""
        ends = (0.0, min(widest * length, length - 1))  # something is left
        width = self._uniform(len(happens), ends, generator) * happens
        start = self._uniform(len(happens), (0.0, 1.0), generator) * (length - width)
        middles = torch.arange(length, device=self._device) + 0.5
        return (middles >= start[:, None]) & (middles < (start + width)[:, None])

    def _beside_extra_rows(self, of_mel: torch.Tensor, spectra: torch.Tensor) -> torch.Tensor:
        """Zeros (False) for the extra rows after what is of the mel rows: (batch, n_rows)."""
        return F.pad(of_mel, (0, spectra.shape[1] - self._n_mels))

    def _happens(
        self, probability: float, spectra: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        return torch.rand(len(spectra), generator=generator, device=self._device) < probability

    def _uniform(
        self, shape: int | tuple[int, ...], ends: Sequence[float], generator: torch.Generator
    ) -> torch.Tensor:
        low, high = ends
        drawn = torch.rand(shape, generator=generator, device=self._device)
        return low + (high - low) * drawn


def _independent_bins(bank: torch.Tensor) -> torch.Tensor:
    """How many bins of white noise with no correlation would spread as each filter's do.

    (n_mels, n_bins) -> (n_mels,), 1 or more.
    """
    weights = bank.double().numpy()
    covariance = sum(
        correlation
        * (1 if lag == 0 else 2)
        * (weights[:, lag:] * weights[:, : weights.shape[1] - lag]).sum(axis=1)
        for lag, correlation in enumerate(_HANN_CORRELATION)
    )
    total = weights.sum(axis=1)
    bins = np.divide(total**2, covariance, out=np.ones(len(weights)), where=covariance > 0)
    return torch.from_numpy(np.maximum(bins, 1.0)).float()


def _ramps(n_rows: int, n_points: int) -> torch.Tensor:
    """Weights that interpolate from evenly spread points to rows: (n_points, n_rows)."""
    at = np.linspace(0, n_points - 1, n_rows)
    ramps = [np.interp(at, np.arange(n_points), point) for point in np.eye(n_points)]
    return torch.tensor(np.array(ramps), dtype=torch.float32)


def _beta_quantiles(parameter: float) -> torch.Tensor:
    from scipy.stats import beta

    quantiles = beta.ppf(np.linspace(0, 1, _N_QUANTILES), parameter, parameter)
    return torch.from_numpy(quantiles).float()
