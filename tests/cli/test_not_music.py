"""What is said of files that are plainly not music."""

import json
import warnings

import numpy as np
import pytest

from genreclass.cli._files import classify_files
from genreclass.cli._not_music import classify, note_not_music
from genreclass.exceptions import NotMusicWarning

pytestmark = pytest.mark.usefixtures("hears_silence")


def test_what_is_no_music_is_marked_and_named_at_the_end(run, encoder_model, music, silent):
    result = run("predict", music, "--model", encoder_model, "--json")
    assert result.exit_code == 0
    marks = {entry["file"]: entry["not_music"] for entry in json.loads(result.stdout)}
    assert marks.pop(str(silent)) == "silence"
    assert set(marks.values()) == {None}
    assert f"1 file is plainly not music: {silent} (silence)." in result.stderr


def test_pythons_own_warning_is_not_shown(process, encoder_model, tmp_path):
    # A process, in which pytest has no hand in warnings; its clip is silent by any measure.
    import soundfile

    soundfile.write(tmp_path / "silent.wav", np.zeros(5 * 16000), 16000)
    result = process("predict", "silent.wav", "--model", encoder_model)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert "━" not in result.stderr  # nor the bars the model was trained with


def test_evaluate_names_it_as_well(run, encoder_model, music, silent):
    result = run("evaluate", encoder_model, music)
    assert result.exit_code == 0
    assert f"{silent} (silence)" in result.stderr


def test_a_broken_neighbour_changes_nothing(run, encoder_model, music, silent, broken):
    result = run("predict", music, "--model", encoder_model, "--json")
    assert result.exit_code == 3
    marks = {entry["file"]: entry["not_music"] for entry in json.loads(result.stdout)}
    assert [file for file, mark in marks.items() if mark] == [str(silent)]


class _Model:
    """Warns of the second clip that it is given, and of something else."""

    def predict_proba(self, X):
        warnings.warn(NotMusicWarning("of one", {1: "speech"}), stacklevel=2)
        warnings.warn("the model is old", DeprecationWarning, stacklevel=2)
        return np.full((len(X), 2), 0.5)


def test_places_are_those_of_the_files_and_other_warnings_pass():
    paths = [f"{index}.wav" for index in range(20)]
    with pytest.warns(DeprecationWarning, match="the model is old"):
        proba, kinds = classify(_Model(), paths)
    assert kinds == {1: "speech"}
    assert proba.shape == (20, 2)
    with pytest.warns(DeprecationWarning, match="the model is old"):
        done = classify_files(_Model(), paths, strict=False)
    assert done.not_music == {"1.wav": "speech", "9.wav": "speech", "17.wav": "speech"}


def test_of_many_files_the_first_are_named(capsys):
    note_not_music({f"{index}.wav": "noise" for index in range(30)})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("30 files are plainly not music: 0.wav (noise), ")
    assert "9.wav (noise), and 20 more. Genres said" in line
    assert "10.wav" not in line
