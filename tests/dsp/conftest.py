"""Real sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genreclass.audio import read_clip
from genreclass.datasets import load_demo
from genreclass.dsp import stft


@pytest.fixture(scope="session")
def song() -> np.ndarray:
    """Six seconds of rock at 22,050 Hz, mono."""
    demo = load_demo()
    path = demo.data[list(demo.target).index("rock")]
    return read_clip(path, sample_rate=22050, duration=6.0).samples


@pytest.fixture
def spectrum(song: np.ndarray) -> torch.Tensor:
    """Magnitudes of the song: (1, n_frames, 1025)."""
    blocks = stft.magnitude_blocks(torch.from_numpy(song)[None], n_fft=2048, hop_length=512)
    return torch.cat(list(blocks), dim=1)
