"""genreclass train."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
import soundfile

from genreclass import Augmentation, load
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


def test_files_are_augmented_where_that_is_asked(run, music, tmp_path):
    models = {}
    for option in ("--augment", "--no-augment"):
        out = tmp_path / f"{option}.genre"
        assert run("train", music, "--out", out, option, *QUICK).exit_code == 0
        models[option] = load(out)
    assert models["--augment"].augment.get_params() == Augmentation().get_params()
    assert models["--no-augment"].augment is None
    assert models["--augment"].history_ != models["--no-augment"].history_


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
    assert "one genre to learn" in result.stderr


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


def test_validation_music_is_measured(run, write_music, music, tmp_path):
    out = tmp_path / "mine.genre"
    valid = write_music(tmp_path / "VALID", n_clips=3, seed=1)
    result = run("train", music, "--out", out, "--valid", valid, "--patience", "1", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "3 files to validate on" in result.stderr
    kept = load(out).history_[load(out).best_epoch_ - 1]
    assert f"epoch {kept['epoch']} is kept" in result.stderr
    assert f"{kept['val_accuracy']:.1%} of the validation files right" in result.stderr


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
    result = run("train", music, "--out", out, "--min-count", "4", *QUICK)
    assert result.exit_code == 0
    assert f"fewer than 4: {genre.name}" in result.stderr
    assert genre.name not in load(out).classes_


def test_files_that_cannot_be_read_do_not_count_for_a_genre(run, music, tmp_path):
    genre = sorted(music.iterdir())[0]
    next(genre.glob("*.wav")).write_text("no music")
    out = tmp_path / "mine.genre"
    assert run("train", music, "--out", out, "--min-count", "4", *QUICK).exit_code == 3
    assert genre.name not in load(out).classes_


def test_a_genre_without_readable_files_is_named(run, music, tmp_path):
    genre = sorted(music.iterdir())[0]
    for path in genre.iterdir():
        path.write_text("no music")
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 3
    assert f"Genres without a readable file: {genre.name}" in result.stderr


def test_validation_music_of_other_genres_is_passed_over_and_named(run, music, tmp_path):
    other = shutil.copytree(music, tmp_path / "OTHER")
    genre = sorted(path.name for path in music.iterdir())[0]
    (other / genre).rename(other / "polka")
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, "--valid", other, "--drop", genre, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "not learned: polka" in result.stderr
    assert "8 files to validate on" in result.stderr


def test_validation_music_without_a_genre_in_common_is_refused_at_once(run, music, tmp_path):
    other = tmp_path / "OTHER"
    shutil.copytree(sorted(music.iterdir())[0], other / "polka")
    result = run("train", music, "--out", tmp_path / "m.genre", "--valid", other, *QUICK)
    assert result.exit_code == 2
    assert "holds none of the genres" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--device", "tpu"),
        ("--learning-rate", "0"),
        ("--learning-rate", "inf"),
        ("--drop", "polka"),
        ("--min-count", "99"),
    ],
)
def test_a_mistake_in_an_option_is_named_before_files_are_read(run, music, tmp_path, options):
    result = run("train", music, "--out", tmp_path / "mine.genre", *options)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "files in" not in result.stderr


def test_patience_needs_files_to_watch(run, tmp_path):
    clips = make_clips(2, n_genres=2, duration=1.0, random_state=0)
    for clip, genre in zip(clips.data, clips.target, strict=True):
        (tmp_path / "m" / genre).mkdir(parents=True)
        soundfile.write(tmp_path / "m" / genre / "a.wav", clip.samples, clip.sample_rate)
    result = run("train", tmp_path / "m", "--out", tmp_path / "a.genre", "--patience", "2", *QUICK)
    assert result.exit_code == 2
    assert "Give --valid, or leave out --patience" in result.stderr


def test_a_model_never_takes_the_place_of_music(run, music, tmp_path):
    song = next(music.glob("*/00.wav"))
    before = song.read_bytes()
    result = run("train", music, "--out", song, "--force", *QUICK)
    assert result.exit_code == 2
    assert "name of an audio file" in result.stderr
    assert song.read_bytes() == before


def test_a_link_to_nowhere_is_named_before_the_work(run, music, tmp_path):
    (tmp_path / "link.genre").symlink_to(tmp_path / "nowhere" / "mine.genre")
    result = run("train", music, "--out", tmp_path / "link.genre", *QUICK)
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_terminal_codes_in_a_folder_name_are_shown_escaped(run, music, tmp_path):
    next(music.iterdir()).rename(music / "ja\x1b[31mzz")
    for options in (("--drop", "nope"), ()):
        result = run("train", music, "--out", tmp_path / "mine.genre", *options, *QUICK)
        assert "\x1b" not in result.output


def test_the_commands_suggested_can_be_pasted(run, music, tmp_path):
    out = tmp_path / "my model.genre"
    result = run("train", music, "--out", out, *QUICK)
    assert f"--model '{out}'" in result.stdout


@pytest.mark.parametrize("channels", ["", "x", "8,,8", "0", "8 16", "9999999"])
def test_channels_must_be_whole_numbers(run, music, tmp_path, channels):
    result = run("train", music, "--out", tmp_path / "m.genre", "--channels", channels)
    assert result.exit_code == 2
    assert "expected whole numbers from 1" in result.stderr


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
