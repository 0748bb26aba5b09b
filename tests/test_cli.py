"""The command line, through typer's runner and as a real process."""

import os
import subprocess
import sys

import pytest
from matplotlib import image
from typer.testing import CliRunner

import genreclass
from genreclass.cli import app


def _run(*arguments):
    return CliRunner().invoke(app, arguments)


def test_no_command_shows_the_help():
    result = _run()
    assert "demo" in result.output
    assert "Classify music by genre" in result.output


def test_version():
    assert _run("--version").output == f"genreclass {genreclass.__version__}\n"


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        ("nowhere/demo.png", "there is no folder"),
        ("folder.png", "is not a regular file"),
        ("demo.jpg", "must end in .png"),
        ("", "must end in .png"),
    ],
)
def test_a_picture_that_cannot_be_written_is_named_at_once(picture, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    result = _run("demo", "--picture", picture)
    assert result.exit_code == 2
    assert picture in result.output
    assert problem in result.output.replace("\n", " ")


def test_demo_reports_on_real_clips_as_a_process(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "genreclass", "demo", "--picture", "demo.png"],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert result.stderr == ""
    for words in ("24 clips of 10 s, 16 tracks", "precision", "electronic", "Confusion matrix"):
        assert words in result.stdout
    assert max(len(line) for line in result.stdout.splitlines() if "┃" in line) <= 80
    assert image.imread(tmp_path / "demo.png").shape[:2] == (750, 825)
