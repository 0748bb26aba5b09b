"""genreclass train --run, and genreclass resume."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from genreclass import load
from genreclass.cli._run_folder import RunFolder
from genreclass.datasets import load_folder
from genreclass.training import Checkpoints, _loop

OPTIONS = ("--epochs", "4", "--channels", "4", "--device", "cpu", "--augment")


@contextmanager
def _steps(*, pause_after=0, number=signal.SIGINT):
    """Counts batches, and sends a signal after so many."""
    done = []
    step = _loop._step

    def counted(*args):
        step(*args)
        done.append(1)
        if len(done) == pause_after:
            os.kill(os.getpid(), number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_loop, "_step", counted)
        yield done


@pytest.fixture
def paused(run, music, tmp_path):
    """The folder of a run that was paused after two of its four epochs, of a batch each."""
    folder = tmp_path / "runs" / "mine"
    with _steps(pause_after=2):
        result = run("train", music, "--out", tmp_path / "mine.genre", "--run", folder, *OPTIONS)
    assert result.exit_code == 130
    assert "Paused after" in result.stderr
    assert f"Go on with: genreclass resume {folder}" in result.stderr
    assert not (tmp_path / "mine.genre").exists()
    return folder


def _proba(model, music):
    X, _ = load_folder(music, return_X_y=True)
    return load(model).predict_proba(X)


def test_a_resumed_run_writes_the_model_it_would_have_written(run, music, tmp_path, paused):
    result = run("resume", paused)
    assert result.exit_code == 0, result.stderr
    assert "genreclass predict FILES --model" in result.stdout
    whole = tmp_path / "whole.genre"
    assert run("train", music, "--out", whole, *OPTIONS).exit_code == 0
    assert (_proba(tmp_path / "mine.genre", music) == _proba(whole, music)).all()


def test_resume_computes_only_what_is_left(run, paused):
    with _steps() as done:
        assert run("resume", paused).exit_code == 0
    assert len(done) == 2


def test_the_same_train_goes_on_as_well(run, music, tmp_path, paused):
    out = tmp_path / "mine.genre"
    with _steps() as done:
        result = run("train", music, "--out", out, "--run", paused, *OPTIONS)
    assert result.exit_code == 0
    assert len(done) == 2


def test_a_run_is_paused_more_than_once(run, paused, tmp_path):
    with _steps(pause_after=1, number=signal.SIGTERM):
        assert run("resume", paused).exit_code == 130
    assert run("resume", paused).exit_code == 0
    assert (tmp_path / "mine.genre").exists()


def test_a_process_is_paused_and_goes_on_from_another_folder(music, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    genreclass = [sys.executable, "-m", "genreclass"]
    command = [*genreclass, "train", "MUSIC", "-o", "mine.genre", "--run", "runs/mine"]
    command += [*OPTIONS, "--epochs", "150"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as started:
        for line in started.stderr:
            if line.startswith("Epoch "):
                break
        started.send_signal(signal.SIGINT)
        said = started.stderr.read()
    assert started.returncode == 130, said
    assert "genreclass resume runs/mine" in said
    command = [*genreclass, "resume", "../runs/mine"]
    resumed = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=240)
    assert resumed.returncode == 0, resumed.stderr
    assert "Epoch 150/150" in resumed.stderr
    assert "Epoch 1/150" not in resumed.stderr
    assert (tmp_path / "mine.genre").exists()
    assert list(elsewhere.iterdir()) == []


def test_a_finished_run_says_where_its_model_is(run, paused, tmp_path):
    run("resume", paused)
    result = run("resume", paused)
    assert result.exit_code == 0
    assert "finished" in result.stderr
    assert str(tmp_path / "mine.genre") in result.stderr


def test_a_lost_model_of_a_finished_run_is_written_again(run, paused, tmp_path, music):
    run("resume", paused)
    before = _proba(tmp_path / "mine.genre", music)
    (tmp_path / "mine.genre").unlink()
    with _steps() as done:
        assert run("resume", paused).exit_code == 0
    assert done == []
    assert (_proba(tmp_path / "mine.genre", music) == before).all()


def test_a_model_that_came_meanwhile_is_not_replaced(run, paused, tmp_path):
    (tmp_path / "mine.genre").write_text("another")
    result = run("resume", paused)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert (tmp_path / "mine.genre").read_text() == "another"
    assert run("resume", paused, "--force").exit_code == 0


def test_changed_music_is_named(run, music, paused):
    files = sorted(music.glob("*/*.wav"))
    shutil.copy(files[0], files[0].with_name("zz.wav"))
    shutil.copy(files[1], files[2])
    files[3].unlink()
    files[4].unlink()
    result = run("resume", paused)
    assert result.exit_code == 1
    changed, gone, new = (
        path.relative_to(music).as_posix()
        for path in (files[2], files[3], files[0].with_name("zz.wav"))
    )
    assert f"changed: {changed}, gone: {gone} and 1 more, new: {new}" in result.stderr


def test_music_that_was_put_back_is_gone_on_with(run, music, paused, tmp_path):
    shutil.move(music, tmp_path / "away")
    assert run("resume", paused).exit_code == 1
    shutil.move(tmp_path / "away", music)
    assert run("resume", paused).exit_code == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--epochs", "5"), "--epochs was 4 and is 5"),
        (("--channels", "4,8"), "--channels was 4 and is 4,8"),
        (("--drop", "bells"), "--drop was none and is bells"),
        (("--patience", "2"), "--patience was none and is 2"),
        (("--seed", "1"), "--seed was 0 and is 1"),
    ],
)
def test_a_changed_option_is_named(run, music, tmp_path, paused, option, said):
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, "--run", paused, *OPTIONS, *option)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "genreclass resume" in result.stderr


def test_where_and_how_may_change(run, music, tmp_path, paused):
    out = tmp_path / "other.genre"
    with _steps() as done:
        result = run("train", music, "--out", out, "--run", paused, *OPTIONS, "--device", "auto")
    assert result.exit_code == 0
    assert len(done) == 2
    assert out.exists()


def test_unreadable_files_are_named_after_a_resume_too(run, music, broken, tmp_path):
    folder = tmp_path / "run"
    out = tmp_path / "mine.genre"
    with _steps(pause_after=1):
        assert run("train", music, "--out", out, "--run", folder, *OPTIONS).exit_code == 130
    result = run("resume", folder)
    assert result.exit_code == 3
    assert str(broken) in result.stderr
    assert out.exists()


def test_music_to_validate_on_belongs_to_the_run(run, write_music, music, tmp_path):
    valid = write_music(tmp_path / "VALID", seed=1)
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    options = ("--valid", valid, "--patience", "3", *OPTIONS)
    with _steps(pause_after=1):
        assert run("train", music, "--out", out, "--run", folder, *options).exit_code == 130
    first = next(valid.glob("*/*.wav"))
    first.rename(first.with_name("moved.wav"))
    assert "VALID is not as it was" in run("resume", folder).stderr
    first.with_name("moved.wav").rename(first)
    assert run("resume", folder).exit_code == 0


def test_a_folder_without_a_run_is_named(run, tmp_path, music):
    assert "holds no run" in run("resume", music).stderr
    result = run("resume", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_a_folder_of_other_things_is_not_written_to(run, music, tmp_path):
    before = sorted(music.rglob("*"))
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, "--run", music, *OPTIONS)
    assert result.exit_code == 2
    assert "holds other things" in result.stderr
    assert sorted(music.rglob("*")) == before


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"options": {"epochs": 4}}', '{"options": []}', "\x00"]
)
def test_a_damaged_description_is_named(run, paused, content):
    (paused / "train.json").write_text(content)
    result = run("resume", paused)
    assert result.exit_code == 1
    assert "train.json is damaged" in result.stderr


def test_a_description_with_odd_values_is_named(run, paused):
    held = json.loads((paused / "train.json").read_text())
    held["options"]["epochs"] = "many"
    (paused / "train.json").write_text(json.dumps(held))
    result = run("resume", paused)
    assert result.exit_code == 1
    assert "epochs is 'many'" in result.stderr


def test_two_commands_do_not_train_in_one_folder(run, paused):
    with RunFolder.read(paused).alone():
        result = run("resume", paused)
    assert result.exit_code == 1
    assert "Another command is training" in result.stderr
    assert run("resume", paused).exit_code == 0


def test_a_run_killed_in_its_first_moment_is_begun_again(run, music, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    folder.mkdir()
    (folder / ".0123456789abcdef.tmp").write_bytes(b"{")
    assert run("train", music, "--out", out, "--run", folder, *OPTIONS).exit_code == 0


def test_a_baseline_has_no_run(run, music, tmp_path):
    out, folder = tmp_path / "mine.genre", tmp_path / "run"
    result = run("train", music, "--model", "baseline", "--out", out, "--run", folder)
    assert result.exit_code == 2
    assert "--run" in result.stderr
    assert not folder.exists()


def test_moved_music_is_found_where_it_is_said_to_be(run, music, broken, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    with _steps(pause_after=1):
        assert run("train", music, "--out", out, "--run", folder, *OPTIONS).exit_code == 130
    moved = tmp_path / "elsewhere" / "MUSIC"
    shutil.move(music, moved)
    assert "does not exist" in run("resume", folder).stderr
    with _steps() as done:
        result = run("resume", folder, "--music", moved)
    assert result.exit_code == 3
    assert len(done) == 3
    assert str(moved / broken.relative_to(music)) in result.stderr


def test_the_model_may_be_written_elsewhere(run, paused, tmp_path):
    assert run("resume", paused, "--out", tmp_path / "other.genre").exit_code == 0
    assert (tmp_path / "other.genre").exists()
    assert not (tmp_path / "mine.genre").exists()


def test_music_mended_before_training_began_is_no_change(run, music, broken, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    command = ("train", music, "--out", out, "--run", folder, "--strict", *OPTIONS)
    assert run(*command).exit_code == 1
    broken.unlink()
    assert run(*command).exit_code == 0


def test_the_folder_that_is_meant_is_named(run, paused):
    (inner,) = (path for path in paused.iterdir() if path.is_dir())
    assert f"Did you mean {paused}?" in run("resume", inner).stderr
    assert f"Did you mean {paused}?" in run("resume", paused.parent).stderr
    assert "is a file" in run("resume", paused / "train.json").stderr


def test_a_pause_that_could_not_be_saved_says_so(run, music, tmp_path, monkeypatch):
    def full(self, state):
        raise OSError(28, "No space left on device")

    def full_later(self):  # train.json is there by then
        if training:
            full(self, None)
        write(self)

    training = []
    write = RunFolder.write
    monkeypatch.setattr(RunFolder, "write", full_later)
    monkeypatch.setattr(Checkpoints, "write", lambda *args: training.append(1) or full(*args))
    with _steps(pause_after=2):
        out, folder = tmp_path / "mine.genre", tmp_path / "run"
        result = run("train", music, "--out", out, "--run", folder, *OPTIONS)
    assert result.exit_code == 130
    assert "not saved" in result.stderr
    assert "genreclass resume" in result.stderr


@pytest.mark.parametrize("with_run", [True, False])
def test_a_model_that_cannot_be_written_is_not_lost(run, music, tmp_path, with_run):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["train", music, "--out", gone / "mine.genre", *OPTIONS]
    if with_run:
        command += ["--run", tmp_path / "run"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        step = _loop._step

        def removed(*args):
            step(*args)
            shutil.rmtree(gone, ignore_errors=True)

        patch.setattr(_loop, "_step", removed)
        result = run(*command)
    assert result.exit_code == 1
    assert "--out" in result.stderr
    if with_run:
        assert "genreclass resume" in result.stderr
        assert run("resume", tmp_path / "run", "--out", tmp_path / "mine.genre").exit_code == 0
    else:
        (kept,) = tmp_path.glob("genreclass-*/mine.genre")
        assert str(kept) in result.stderr
        assert set(load(kept).classes_) == {path.name for path in music.iterdir()}
