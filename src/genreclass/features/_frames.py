"""The rows that the hand-crafted features are statistics of: one value a frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from genreclass import dsp
from genreclass.dsp._cache import made_once

__all__ = [
    "FAMILIES",
    "NARROWEST_BAND",
    "Family",
    "check_lowest_rate",
    "compute_rows",
    "group_by_length",
]

_N_MELS, _N_MFCC = 128, 20


@dataclass(frozen=True)
class Family:
    """Rows that are computed together and share a name."""

    n_rows: int
    #: Below this sample rate in hertz its bands would lie beyond the Nyquist frequency.
    lowest_rate: int = 1_000


_CQT_RATE, _CONTRAST_RATE = dsp.lowest_rate(), int(2 * dsp.CONTRAST_EDGES[-2]) + 1

#: Families of the FMA data set's table, in its order.
FAMILIES = {
    "chroma_cens": Family(12, _CQT_RATE),
    "chroma_cqt": Family(12, _CQT_RATE),
    "chroma_stft": Family(12),
    "mfcc": Family(_N_MFCC),
    "rmse": Family(1),
    "spectral_bandwidth": Family(1),
    "spectral_centroid": Family(1),
    "spectral_contrast": Family(len(dsp.CONTRAST_EDGES) - 1, _CONTRAST_RATE),
    "spectral_rolloff": Family(1),
    "tonnetz": Family(6, _CQT_RATE),
    "zcr": Family(1),
}

#: Width in hertz of the narrowest band: every window needs a bin in it.
NARROWEST_BAND = int(dsp.CONTRAST_EDGES[1])

_OF_NOTES = frozenset({"chroma_cens", "chroma_cqt", "tonnetz"})


def check_lowest_rate(families: Sequence[str], sample_rate: int, *, parameter: str) -> None:
    """Raise ValueError where a rate in hertz is too low for one of `families`.

    The message names the one that needs the most, and the `parameter` that asks for it.
    """
    highest = max(families, key=lambda family: FAMILIES[family].lowest_rate)
    if sample_rate < FAMILIES[highest].lowest_rate:
        raise ValueError(
            f"sample_rate={sample_rate} is too low for {highest}, which needs "
            f"{FAMILIES[highest].lowest_rate} or more. Raise it, or leave that out of {parameter}."
        )


def compute_rows(
    samples: torch.Tensor,
    families: Iterable[str],
    *,
    sample_rate: int,
    n_fft: int = 2048,
    hop_length: int = 512,
) -> dict[str, torch.Tensor]:
    """Compute families of rows; the spectrum that they share is transformed once.

    Parameters
    ----------
    samples : Tensor of shape (batch, n_samples), float32
        Mono samples of clips of one length.
    families : iterable of str
        Names in `FAMILIES`.
    sample_rate : int
        In hertz.
    n_fft : int, default=2048
        Window and transform length in samples; a multiple of `hop_length`.
    hop_length : int, default=512
        Samples from one frame to the next; a multiple of 64.

    Returns
    -------
    dict of str to Tensor of shape (batch, n_rows, n_frames), float32
        In the order of `families`. Those of the constant-Q transform may have a frame more.
    """
    names = tuple(families)
    rows: dict[str, torch.Tensor] = {}
    if "zcr" in names:
        rate = dsp.zero_crossing_rate(samples, frame_length=n_fft, hop_length=hop_length)
        rows["zcr"] = rate[..., None]
    if set(names) - {"zcr"}:
        spectrum = _Spectrum(frozenset(names), sample_rate, n_fft)
        for magnitude in dsp.magnitude_blocks(samples, n_fft=n_fft, hop_length=hop_length):
            spectrum.add(magnitude)
        rows.update(spectrum.rows())
        if _OF_NOTES & set(names):
            notes = dsp.constant_q(
                samples, spectrum.tuning[0], sample_rate=sample_rate, hop_length=hop_length
            )
            rows.update(_note_rows(notes))
    return {name: rows[name].transpose(1, 2).float() for name in names}


class _Spectrum:
    """What is taken from a clip's spectrum, block by block, and made rows of at its end."""

    def __init__(self, families: frozenset[str], sample_rate: int, n_fft: int) -> None:
        self.families = families
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.parts: dict[str, list[torch.Tensor]] = defaultdict(list)

    def add(self, magnitude: torch.Tensor) -> None:
        """Take what is needed from a block: (batch, n_frames_of_block, n_bins)."""
        families, parts, rate = self.families, self.parts, self.sample_rate
        power = magnitude.square()
        if "mfcc" in families:
            bands = _mel_bands(rate, self.n_fft, power.device)
            parts["mel"].append(dsp.apply_bands(power, bands))
        if "rmse" in families:
            parts["rmse"].append(dsp.root_mean_square(power)[..., None])
        if {"spectral_bandwidth", "spectral_centroid", "spectral_rolloff"} & families:
            moments = dsp.group_moments(magnitude)
            parts["moments"].append(moments)
        if "spectral_contrast" in families:
            peak, valley = dsp.band_extremes(magnitude, sample_rate=rate)
            parts["peak"].append(peak)
            parts["valley"].append(valley)
        if "spectral_rolloff" in families:
            rolloff = dsp.spectral_rolloff(magnitude, moments, sample_rate=rate)
            parts["spectral_rolloff"].append(rolloff[..., None])
        if families & (_OF_NOTES | {"chroma_stft"}):
            pitches = dsp.tuning_bins(rate, n_fft=self.n_fft)
            parts["pitches"].append(magnitude[..., pitches].clone())  # not to keep all of it
            parts["loudest"].append(magnitude.amax(dim=-1))
        if "chroma_stft" in families:
            parts["power"].append(power)

    def rows(self) -> dict[str, torch.Tensor]:
        """All rows of the spectrum: (batch, n_frames, n_rows) each."""
        power = self.parts.pop("power", None)
        whole = {name: torch.cat(blocks, dim=1) for name, blocks in self.parts.items()}
        if "mel" in whole:
            whole["mfcc"] = dsp.mfcc(dsp.power_to_db(whole["mel"], top_db=80.0), n_mfcc=_N_MFCC)
        if "moments" in whole:
            centroid, bandwidth = dsp.spectral_centroid_bandwidth(
                whole["moments"], sample_rate=self.sample_rate, n_fft=self.n_fft
            )
            whole["spectral_centroid"] = centroid[..., None]
            whole["spectral_bandwidth"] = bandwidth[..., None]
        if "peak" in whole:
            whole["spectral_contrast"] = dsp.spectral_contrast(whole["peak"], whole["valley"])
        if "pitches" in whole:
            self.tuning = dsp.estimate_tunings(
                whole["pitches"], whole["loudest"], sample_rate=self.sample_rate, n_fft=self.n_fft
            )
        if power is not None:
            banks = dsp.chroma_banks(self.tuning[1], sample_rate=self.sample_rate, n_fft=self.n_fft)
            chroma = torch.cat([block @ banks for block in power], dim=1)
            whole["chroma_stft"] = dsp.normalize(chroma, norm=np.inf)
        return whole


@made_once(8)
def _mel_bands(sample_rate: int, n_fft: int, device: torch.device) -> list[dsp.Band]:
    bank = dsp.mel_filter_bank(
        sample_rate, n_fft=n_fft, n_mels=_N_MELS, f_min=0.0, f_max=sample_rate / 2
    )
    return dsp.split_bank(bank.to(device))


def _note_rows(notes: torch.Tensor) -> dict[str, torch.Tensor]:
    """Rows of a constant-Q transform, (batch, n_frames, 84)."""
    chroma = dsp.fold_octaves(notes)
    cens = dsp.chroma_cens(chroma)
    return {
        "chroma_cqt": dsp.normalize(chroma, norm=np.inf),
        "chroma_cens": cens,
        "tonnetz": dsp.tonnetz(cens),
    }


def group_by_length(clips: Sequence[np.ndarray], *, at_most: float = np.inf) -> Iterator[list[int]]:
    """Places of clips of one length, which can be computed together.

    Parameters
    ----------
    clips : sequence of ndarray of shape (n_samples,)
        Samples of each clip.
    at_most : float, default=inf
        Samples in a group, but for a clip that is longer.

    Yields
    ------
    list of int
        Places in `clips`; together, each place once.
    """
    places = defaultdict(list)
    for place, clip in enumerate(clips):
        places[len(clip)].append(place)
    for length, alike in places.items():
        size = int(max(1, min(len(alike), at_most // length)))
        for first in range(0, len(alike), size):
            yield alike[first : first + size]
