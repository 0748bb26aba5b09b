"""A folder of music, broken files in it, and a small model that was trained on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner, Result

from genreclass import MelCNNClassifier, MelSpectrogram, MusiCNNEncoder, save
from genreclass.cli import app
from genreclass.datasets import load_folder, make_clips


def _write_music(root: Path, *, n_clips: int = 12, seed: int = 0) -> Path:
    """Write synthetic clips of one second to ``root/genre/NN.wav``."""
    clips = make_clips(n_clips, n_genres=3, duration=1.0, random_state=seed)
    for index, (clip, genre) in enumerate(zip(clips.data, clips.target, strict=True)):
        (root / genre).mkdir(parents=True, exist_ok=True)
        soundfile.write(root / genre / f"{index:02}.wav", clip.samples, clip.sample_rate)
    return root


@pytest.fixture
def write_music():
    """Writes synthetic clips of three genres into a folder for each."""
    return _write_music


@pytest.fixture
def run():
    """Runs a command within this process: ``run("predict", path)``."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def process(tmp_path: Path):
    """Runs a command as a process of its own, in an empty folder."""

    def process(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "genreclass", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80", **options},
            capture_output=True,
            text=True,
            timeout=240,
        )

    return process


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder of three genres with four clips each."""
    return _write_music(tmp_path / "MUSIC")


@pytest.fixture
def broken(music: Path) -> Path:
    """A file under an audio name in the folder of music that holds no audio."""
    genre = sorted(music.iterdir())[0]
    path = genre / "broken.mp3"
    path.write_text("this is no music\n" * 50, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, trained on clips of the same kind."""
    folder = tmp_path_factory.mktemp("model")
    X, y = load_folder(_write_music(folder / "music", n_clips=24), return_X_y=True)
    clf = MelCNNClassifier(
        channels=(8,), mel=MelSpectrogram(duration=1.0), max_epochs=30, random_state=0
    )
    save(clf.fit(X, y), folder / "small.genre")
    return folder / "small.genre"


@pytest.fixture(scope="session")
def encoder_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small head on MusiCNN, trained on clips of the same kind."""
    folder = tmp_path_factory.mktemp("encoder")
    X, y = load_folder(_write_music(folder / "music", n_clips=12), return_X_y=True)
    clf = MusiCNNEncoder(head=(8,), max_epochs=20, random_state=0, verbose=1)
    save(clf.fit(X, y), folder / "encoder.genre")
    return folder / "encoder.genre"


@pytest.fixture
def hears_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence, and nothing else, is plainly not music."""
    monkeypatch.setattr(
        "genreclass.models._listener.sound_kind",
        lambda samples: None if np.any(samples) else "silence",
    )


@pytest.fixture
def silent(music: Path) -> Path:
    """A file in the folder of music in which nothing is to be heard."""
    path = sorted(music.iterdir())[0] / "silent.wav"
    soundfile.write(path, np.zeros(22050), 22050)
    return path


@pytest.fixture
def table() -> pd.DataFrame:
    """Sixty rows of eight features, three genres that can be told apart but for a few rows."""
    generator = np.random.default_rng(0)
    kinds = np.arange(60) % 3
    values = generator.normal(size=(60, 8)).astype(np.float32)
    values[:, :3] += 4 * np.eye(3, dtype=np.float32)[kinds]
    frame = pd.DataFrame(values, columns=[f"zcr_mean_{i:02}" for i in range(1, 9)])
    kinds[:3] = kinds[:3][::-1]
    frame.insert(0, "path", [f"clips/{i}.wav" for i in range(60)])
    frame.insert(1, "genre", np.array(["folk", "jazz", "rock"])[kinds])
    return frame


@pytest.fixture
def table_model(run, table: pd.DataFrame, tmp_path: Path) -> Path:
    """A baseline trained on the first forty rows."""
    table[:40].to_csv(tmp_path / "first.csv", index=False)
    out = tmp_path / "table.genre"
    result = run("train", tmp_path / "first.csv", "--model", "baseline", "--out", out)
    assert result.exit_code == 0, result.output
    return out
