"""genreclass demo."""

import pytest
from matplotlib import image


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        ("nowhere/demo.png", "there is no folder"),
        ("folder.png", "is not a regular file"),
        ("demo.jpg", "must end in .png"),
        ("", "must end in .png"),
    ],
)
def test_a_picture_that_cannot_be_written_is_named_at_once(
    run, picture, problem, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    result = run("demo", "--picture", picture)
    assert result.exit_code == 2
    assert picture in result.stderr
    assert problem in result.stderr


def test_demo_reports_on_real_clips_as_a_process(process, tmp_path):
    result = process("demo", "--picture", "demo.png")
    assert result.returncode == 0
    assert result.stderr == ""
    for words in (
        "24 clips of 10 s, 16 tracks",
        'The model "gtzan" comes along',
        "What it hears in 5 s at a time of chaos_god.040.ogg",
        "0:05.0 - 0:10.0",
        "Precision",
        "electronic",
        "16 groups",
        "Confusion matrix",
    ):
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    bars = [line for line in result.stdout.splitlines() if line.rstrip().endswith("█")]
    assert len(bars) == 6
    assert min(image.imread(tmp_path / "demo.png").shape[:2]) > 300
