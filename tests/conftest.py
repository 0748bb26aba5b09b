"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genreclass.audio import Clip

# Networks this small gain nothing from threads, and on a busy machine threads that wait for each
# other cost minutes. Before torch is first imported, so that child processes take it over too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is tested is computed; tests of the cache turn it on, in a folder of their own.
os.environ["GENRECLASS_CACHE_GB"] = "0"

SAMPLE_RATE = 22050

#: Real recordings and reference outputs that lie beside a developer's checkout, not in it.
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings that may be tested with, but not shipped."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, recordings that are not part of the project")
    return SHARED


@pytest.fixture(scope="session")
def gtzan(shared: Path) -> Path:
    """A partial copy of GTZAN, in Ogg Vorbis."""
    return shared / "data" / "gtzan"


@pytest.fixture
def tones() -> tuple[list[np.ndarray], np.ndarray]:
    """Twelve half-second clips of two kinds an ear tells apart, and their labels."""
    generator = np.random.default_rng(0)
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    clips, labels = [], []
    for index in range(12):
        low = index % 2 == 0
        tone = np.sin(2 * np.pi * (200.0 if low else 3000.0) * time)
        clips.append((0.5 * tone + 0.05 * generator.normal(size=len(time))).astype(np.float32))
        labels.append("low" if low else "high")
    return clips, np.array(labels)


@pytest.fixture(params=["paths", "strings", "ragged list", "Clips", "2-D array", "object array"])
def as_input(request: pytest.FixtureRequest, tmp_path: Path):
    """Turns a list of equally long 1-D arrays into each of the forms X may have."""

    def convert(clips: list[np.ndarray]):
        form = request.param
        if form in ("paths", "strings"):
            paths = []
            for index, clip in enumerate(clips):
                path = tmp_path / f"{index:03}.wav"
                soundfile.write(path, clip, SAMPLE_RATE, subtype="FLOAT")
                paths.append(path if form == "paths" else str(path))
            return paths
        if form == "ragged list":
            return [clip[: len(clip) - index] for index, clip in enumerate(clips)]
        if form == "Clips":
            return [Clip(clip, SAMPLE_RATE) for clip in clips]
        if form == "2-D array":
            return np.stack(clips)
        objects = np.empty(len(clips), dtype=object)
        objects[:] = clips
        return objects

    return convert


@pytest.fixture
def as_on_cuda(monkeypatch: pytest.MonkeyPatch):
    """Once called, every function of dsp takes the way on a CPU that it takes on CUDA."""
    from genreclass.dsp import chroma, cqt, descriptors, mel, statistics, stft, tuning
    from genreclass.features import _frames

    def forget() -> None:  # filters that were made for the other way
        descriptors._moment_bands.cache_clear()
        _frames._mel_bands.cache_clear()

    def switch() -> None:
        forget()
        for module in (chroma, cqt, descriptors, mel, statistics, stft, tuning):
            monkeypatch.setattr(module, "on_cpu", lambda tensor: False)

    yield switch
    forget()
