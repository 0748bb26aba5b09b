"""Feature rows on the scale of decibels, to stand beside mel rows in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from genreclass.features._frames import FAMILIES

__all__ = ["place_beside"]

# What a typical standard deviation of an extra row becomes, in decibels: that of a mel row.
_SPREAD_DB = 10.0

# Loudness has no typical values: the clip's own mean and deviation are taken.
_OWN = float("nan")

# Typical mean and standard deviation of each row's values: over all frames of 195 clips of GTZAN
# (classical, jazz, rock), rounded. They only put rows beside decibels; a network standardises all
# rows over its training clips.
_TYPICAL: dict[str, tuple[Any, Any]] = {
    "chroma_cens": (0.25, 0.14),
    "chroma_cqt": (0.47, 0.27),
    "chroma_stft": (0.32, 0.30),
    "mfcc": ([_OWN, 120, *[0] * 18], [_OWN, 40, 30, 20, *[12] * 16]),
    "rmse": (_OWN, _OWN),
    "spectral_bandwidth": (1900, 550),
    "spectral_centroid": (1800, 750),
    "spectral_contrast": ([*[20] * 6, 44], [*[6] * 6, 22]),
    "spectral_rolloff": (3600, 1700),
    "tonnetz": (0, [0.03, 0.03, 0.12, 0.12, 0.03, 0.03]),
    "zcr": (0.09, 0.05),
}


def place_beside(
    decibels: torch.Tensor, rows: torch.Tensor, families: Sequence[str]
) -> torch.Tensor:
    """Put rows on the scale of the decibels of their clips.

    A network moves a picture to a mean of 0 decibels and reads a clip's end from the frames at
    its minimum: it may do so without knowing which rows are of mel.

    Parameters
    ----------
    decibels : Tensor of shape (batch, n_mels, n_frames)
        Of `power_to_db`; frames at a clip's minimum are padding or silence.
    rows : Tensor of shape (batch, n_rows, n_frames)
        Of `compute_rows`.
    families : sequence of str
        Whose rows they are, in order.

    Returns
    -------
    Tensor of shape (batch, n_rows, n_frames), float32
        Around the clip's mean level, and at its minimum where nothing sounds.
    """
    centre, spread = (
        np.concatenate(
            [np.broadcast_to(_TYPICAL[name][i], FAMILIES[name].n_rows) for name in families]
        )
        for i in (0, 1)
    )
    floor = decibels.amin(dim=(1, 2), keepdim=True)
    sounding = (decibels > floor).any(dim=1, keepdim=True)
    n_sounding = sounding.sum(dim=2, keepdim=True).clamp(min=1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return values.double().where(sounding, 0.0).sum(dim=2, keepdim=True) / n_sounding

    centres, spreads = (torch.from_numpy(v).to(rows.device)[:, None] for v in (centre, spread))
    deviation = rows - centres.where(centres.isfinite(), mean(rows))
    own_spread = mean(deviation.square()).sqrt()
    own_spread = own_spread.where(own_spread > 0, 1.0)  # of a clip of one frame
    scores = deviation / spreads.where(spreads.isfinite(), own_spread)
    level = mean(decibels).mean(dim=1, keepdim=True)
    placed = (level + _SPREAD_DB * scores).float()
    return torch.maximum(placed, floor).where(sounding, floor)
