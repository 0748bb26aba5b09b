"""genreclass train."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
import soundfile

from genreclass import load
from genreclass.datasets import load_folder, make_clips

QUICK = ("--epochs", "2", "--channels", "4", "--device", "cpu")


def test_train_writes_a_model_that_predicts(process, music, tmp_path):
    result = process("train", music, "--out", "mine.genre", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "12 files in 3 genres" in result.stderr
    assert "genreclass predict FILES --model mine.genre" in result.stdout
    X, y = load_folder(music, return_X_y=True)
    clf = load(tmp_path / "mine.genre")
    assert set(clf.predict(X)) <= set(y)
    assert clf.channels == (4,)
    assert clf.class_weight == "balanced"


def test_the_same_seed_gives_the_same_model(run, music, tmp_path):
    X, _ = load_folder(music, return_X_y=True)
    proba = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.genre"
        assert run("train", music, "--out", out, "--seed", seed, *QUICK).exit_code == 0
        proba.append(load(out).predict_proba(X))
    assert (proba[0] == proba[1]).all()
    assert (proba[0] != proba[2]).any()


def test_a_broken_file_is_skipped_and_named_at_the_end(run, music, broken, tmp_path):
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 3
    assert "12 files in 3 genres" in result.stderr
    assert str(broken) in result.stderr
    assert (tmp_path / "mine.genre").exists()


def test_strict_stops_at_a_broken_file(run, music, broken, tmp_path):
    result = run("train", music, "--out", tmp_path / "mine.genre", "--strict", *QUICK)
    assert result.exit_code == 1
    assert str(broken) in result.stderr
    assert not (tmp_path / "mine.genre").exists()


def test_files_beside_the_genre_folders_are_named(run, music, tmp_path):
    shutil.copy(next(music.glob("*/00.wav")), music / "stray.wav")
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 3
    assert "stray.wav" in result.stderr


def test_a_model_that_is_there_is_replaced_only_by_force(run, music, tmp_path):
    out = tmp_path / "mine.genre"
    out.write_text("precious")
    result = run("train", music, "--out", out, *QUICK)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert out.read_text() == "precious"
    assert run("train", music, "--out", out, "--force", *QUICK).exit_code == 0
    load(out)


def test_an_out_folder_that_is_missing_is_named_before_the_work(run, music, tmp_path):
    result = run("train", music, "--out", tmp_path / "nowhere" / "mine.genre", *QUICK)
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_a_wrong_folder_is_named(run, tmp_path):
    result = run("train", tmp_path / "MUSICC", "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 1
    assert "MUSICC does not exist" in result.stderr


def test_a_folder_without_music_says_what_was_expected(run, tmp_path):
    result = run("train", tmp_path, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 1
    assert "holds no genre folders with audio files" in result.stderr


def test_one_genre_is_too_few(run, music, tmp_path):
    for genre in sorted(music.iterdir())[1:]:
        shutil.rmtree(genre)
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 1
    assert "one genre only" in result.stderr


def test_one_file_a_genre_is_enough(run, tmp_path):
    clips = make_clips(3, n_genres=3, duration=1.0, random_state=0)
    for clip, genre in zip(clips.data, clips.target, strict=True):
        (tmp_path / "m" / genre).mkdir(parents=True)
        soundfile.write(tmp_path / "m" / genre / "a.wav", clip.samples, clip.sample_rate)
    result = run("train", tmp_path / "m", "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 0, result.stderr


def test_only_broken_files_fail(run, tmp_path):
    for genre in ("jazz", "rock"):
        (tmp_path / "m" / genre).mkdir(parents=True)
        (tmp_path / "m" / genre / "x.mp3").write_text("no music")
    result = run("train", tmp_path / "m", "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 1
    assert "None of the 2 files" in result.stderr
    assert "2 files were skipped" in result.stderr


def test_validation_music_is_measured(run, music, tmp_path):
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, "--valid", music, "--patience", "1", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "of the validation files right" in result.stderr
    assert "val_loss" in load(out).history_[0]


def test_a_genre_can_be_left_out(run, music, tmp_path):
    genre = sorted(path.name for path in music.iterdir())[0]
    out = tmp_path / "mine.genre"
    assert run("train", music, "--out", out, "--drop", genre, *QUICK).exit_code == 0
    assert genre not in load(out).classes_
    assert len(load(out).classes_) == 2


def test_rare_genres_can_be_left_out(run, music, tmp_path):
    genre = sorted(music.iterdir())[0]
    next(genre.glob("*.wav")).unlink()
    out = tmp_path / "mine.genre"
    assert run("train", music, "--out", out, "--min-count", "4", *QUICK).exit_code == 0
    assert genre.name not in load(out).classes_


@pytest.mark.parametrize("channels", ["", "x", "8,,8", "0", "8 16"])
def test_channels_must_be_whole_numbers(run, music, tmp_path, channels):
    result = run("train", music, "--out", tmp_path / "m.genre", "--channels", channels)
    assert result.exit_code == 2
    assert "expected whole numbers above 0" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_says_that_nothing_was_written(music, tmp_path):
    out = tmp_path / "mine.genre"
    child = subprocess.Popen(
        [sys.executable, "-m", "genreclass", "train", music, "--out", out, "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child.stderr.readline()  # the files were counted, training comes next
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    stdout, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "no model was written" in stderr
    assert "Traceback" not in stderr
    assert stdout == ""
    assert list(tmp_path.glob("*.genre")) == []
