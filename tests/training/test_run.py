"""Runs in a checkpoint_dir: known again, gone on with, and never lost."""

import json
import logging
import os
import pickle
import shutil
import signal
import threading
import time

import pytest
import torch

from genreclass.exceptions import (
    CheckpointError,
    GenreclassError,
    TrainingDivergedError,
    TrainingPaused,
)
from genreclass.training import CheckpointedRun, Checkpoints, Run, train
from genreclass.training import _run as run_module

PARTS = {"estimator": "Small", "parameters": {"max_epochs": 4}, "clips": ["a", "b"]}


def _open(folder, *, parts=PARTS, minutes=5.0, starts_anew=False):
    return CheckpointedRun(folder, parts, minutes=minutes, starts_anew=starts_anew)


def _train(run, small_run, *, seed=0, then=None):
    """Train, and call `then` with the state whenever it is whole; return state and batches."""
    state = small_run.start(run.recall("seed", seed))
    run.restore(state)
    batches = []

    def after_batch(state):
        if then is not None:
            then(state)
        run.after_batch(state)

    original = small_run.examples.batch
    small_run.examples.batch = lambda *given: batches.append(1) or original(*given)
    try:
        with run.pausable():
            train(state, small_run.examples, validate=small_run.validate, after_batch=after_batch)
    finally:
        small_run.examples.batch = original
    run.finish()
    return state, len(batches) - 1  # one more is looked at when all is done


def _at(epoch, batch, number=signal.SIGINT):
    def then(state):
        if (state.epoch, state.batch) == (epoch, batch):
            os.kill(os.getpid(), number)

    return then


def _assert_equal(state, expected):
    assert state.history == expected.history
    for name, weights in expected.network.state_dict().items():
        assert torch.equal(weights, state.network.state_dict()[name]), name


@pytest.fixture
def whole(small_run):
    state = small_run.start()
    train(state, small_run.examples, validate=small_run.validate)
    return state


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("epoch", "batch"), [(0, 1), (1, 2), (2, 3), (3, 0), (4, 0)]
)  # 3 batches are an epoch: (2, 3) is before and in validation
def test_a_paused_run_goes_on_to_the_last_bit(tmp_path, small_run, whole, epoch, batch, number):
    with _open(tmp_path) as run, pytest.raises(TrainingPaused, match="Training is paused"):
        _train(run, small_run, then=_at(epoch, batch, number))
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    _assert_equal(state, whole)
    assert n_batches == 12 - 3 * epoch - batch


def test_a_pause_in_validation_does_not_wait_for_its_end(tmp_path, small_run, whole):
    calls = []

    def then(state):
        if (state.epoch, state.batch) == (1, 3):
            calls.append(1)
            if len(calls) == 4:  # after the last batch, and after each clip that is validated
                os.kill(os.getpid(), signal.SIGINT)

    with _open(tmp_path) as run, pytest.raises(TrainingPaused, match="epoch 2 of 4, after 3 of 3"):
        _train(run, small_run, then=then)
    assert len(calls) == 4
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    _assert_equal(state, whole)
    assert n_batches == 6


def test_a_run_stopped_by_an_error_goes_on_from_its_last_checkpoint(tmp_path, small_run, whole):
    def then(state):
        if (state.epoch, state.batch) == (2, 2):
            raise RuntimeError

    with _open(tmp_path) as run, pytest.raises(RuntimeError):
        _train(run, small_run, then=then)
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    _assert_equal(state, whole)
    assert n_batches == 6  # from the end of epoch 2 on


def test_within_an_epoch_checkpoints_come_by_the_clock(tmp_path, small_run, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(run_module.time, "monotonic", lambda: now[0])
    written = []
    write = Checkpoints.write
    monkeypatch.setattr(
        Checkpoints,
        "write",
        lambda self, state: written.append((state["epoch"], state["batch"])) or write(self, state),
    )

    def then(state):
        now[0] += 20.0 if state.batch in (1, 2) else 0.0

    with _open(tmp_path, minutes=0.5) as run:
        _train(run, small_run, then=then)
    assert written == [(0, 2), (1, 0), (1, 2), (2, 0), (2, 2), (3, 0), (3, 2), (4, 0)]


def test_a_finished_run_is_taken_from_its_folder(tmp_path, small_run, whole):
    with _open(tmp_path) as run:
        _train(run, small_run)
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 0
    _assert_equal(state, whole)


def test_a_finished_run_of_a_drawn_seed_starts_anew(tmp_path, small_run):
    with _open(tmp_path, starts_anew=True) as run:
        _train(run, small_run, seed=0)
    with _open(tmp_path, starts_anew=True) as run:
        state, n_batches = _train(run, small_run, seed=1)
    assert n_batches == 12
    assert state.seed == 1


def test_a_paused_run_of_a_drawn_seed_keeps_it(tmp_path, small_run, whole):
    with _open(tmp_path, starts_anew=True) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, seed=0, then=_at(2, 1))
    with _open(tmp_path, starts_anew=True) as run:
        state, _ = _train(run, small_run, seed=1)
    _assert_equal(state, whole)


def test_a_run_of_a_drawn_seed_paused_in_its_last_moment_is_not_lost(tmp_path, small_run, whole):
    with _open(tmp_path, starts_anew=True) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, seed=0, then=_at(4, 0))
    with _open(tmp_path, starts_anew=True) as run:
        state, n_batches = _train(run, small_run, seed=1)
    assert n_batches == 0
    _assert_equal(state, whole)


@pytest.mark.parametrize(
    "change", [{"clips": ["a", "c"]}, {"parameters": {"max_epochs": 5}}, {"groups": ["x", "y"]}]
)
def test_runs_of_other_data_or_parameters_do_not_meet(tmp_path, small_run, change):
    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=_at(2, 0))
    with _open(tmp_path, parts={**PARTS, **change}) as run:
        _, n_batches = _train(run, small_run)
    assert n_batches == 12
    assert len(list(tmp_path.iterdir())) == 2


def test_the_folder_says_what_it_holds(tmp_path, small_run):
    with _open(tmp_path) as run:
        _train(run, small_run)
        described = json.loads((run.folder / "run.json").read_text())
    assert described["finished"] is True
    assert described["of"]["parameters"] == {"max_epochs": "4"}
    assert described["torch"] == torch.__version__


def test_a_damaged_description_costs_nothing(tmp_path, small_run, whole):
    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=_at(2, 0))
    (run.folder / "run.json").write_text('{"fin')
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 6
    _assert_equal(state, whole)


def test_a_run_begun_with_another_version_goes_on_and_says_so(
    tmp_path, small_run, monkeypatch, caplog
):
    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=_at(2, 0))
    monkeypatch.setattr(run_module, "version", lambda name: "99.0")
    with caplog.at_level(logging.WARNING), _open(tmp_path) as run:
        _, n_batches = _train(run, small_run)
    assert n_batches == 6
    assert "goes on with genreclass 99.0" in caplog.text


def test_a_run_finished_with_another_version_is_trained_again(tmp_path, small_run, monkeypatch):
    with _open(tmp_path) as run:
        _train(run, small_run)
    monkeypatch.setattr(run_module, "version", lambda name: "99.0")
    with _open(tmp_path) as run:
        _, n_batches = _train(run, small_run)
    assert n_batches == 12


def _fail_to_write(monkeypatch, *, from_epoch):
    """From that epoch on, the disk is full."""
    write = Checkpoints.write

    def on_full_disk(self, state):
        if state["epoch"] >= from_epoch:
            raise OSError(28, "No space left on device")
        write(self, state)

    monkeypatch.setattr(Checkpoints, "write", on_full_disk)


def test_on_a_full_disk_training_goes_on(tmp_path, small_run, whole, monkeypatch, caplog):
    _fail_to_write(monkeypatch, from_epoch=2)
    with caplog.at_level(logging.WARNING), _open(tmp_path) as run:
        state, _ = _train(run, small_run)
    _assert_equal(state, whole)
    assert "No space left on device" in caplog.text
    assert "it stands after 1 of 4 epochs" in caplog.text


def test_a_pause_on_a_full_disk_says_where_the_run_stands(tmp_path, small_run, whole, monkeypatch):
    with monkeypatch.context() as patch:
        _fail_to_write(patch, from_epoch=2)
        with _open(tmp_path) as run, pytest.raises(TrainingPaused, match="after 1 of 4 epochs"):
            _train(run, small_run, then=_at(3, 1))
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 9
    _assert_equal(state, whole)


@pytest.mark.parametrize("starts_anew", [False, True])
def test_who_comes_second_waits_and_takes_what_was_trained(
    tmp_path, small_run, whole, starts_anew, caplog
):
    began, ended = threading.Event(), []

    def work():
        with _open(tmp_path, starts_anew=starts_anew) as run:
            began.set()
            for _ in range(100):  # until somebody waits
                if "Waiting for another process" in caplog.text:
                    break
                time.sleep(0.05)
            ended.append(_train(run, small_run))

    thread = threading.Thread(target=work)
    with caplog.at_level(logging.WARNING):
        thread.start()
        began.wait()
        with _open(tmp_path, starts_anew=starts_anew) as run:
            thread.join()
            state, n_batches = _train(run, small_run)
    assert "Waiting for another process" in caplog.text
    assert len(ended) == 1
    assert n_batches == (12 if starts_anew else 0)
    _assert_equal(state, whole)


def test_a_run_whose_checkpoints_were_torn_keeps_its_new_ones(tmp_path, small_run, whole):
    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=_at(3, 1))
    for checkpoint in run.folder.glob("checkpoint-*"):
        os.truncate(checkpoint, 100)
    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=_at(1, 1))
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 12 - 4
    _assert_equal(state, whole)


def test_an_error_after_a_signal_is_a_pause(tmp_path, small_run):
    def then(state):
        if (state.epoch, state.batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGINT)
            raise RuntimeError("at the same time")

    with _open(tmp_path) as run, pytest.raises(TrainingPaused) as pause:
        _train(run, small_run, then=then)
    assert str(pause.value.__cause__) == "at the same time"


def test_a_diverged_run_of_a_drawn_seed_draws_another(tmp_path, small_run):
    def then(state):
        if state.epoch == 2:
            raise TrainingDivergedError

    for starts_anew, seed in ((True, 1), (False, 0)):
        folder = tmp_path / str(starts_anew)
        with pytest.raises(TrainingDivergedError), _open(folder, starts_anew=starts_anew) as run:
            _train(run, small_run, seed=0, then=then)
        with _open(folder, starts_anew=starts_anew) as run:
            state, _ = _train(run, small_run, seed=1)
        assert state.seed == seed


def test_a_run_begins_on_a_full_disk(tmp_path, small_run, whole, monkeypatch, caplog):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "replacing", full)
    with caplog.at_level(logging.WARNING), _open(tmp_path) as run:
        state, _ = _train(run, small_run)
    _assert_equal(state, whole)
    assert "run.json cannot be written (No space left on device)" in caplog.text


def test_a_folder_removed_while_training_is_made_again(tmp_path, small_run, whole):
    def then(state):
        if (state.epoch, state.batch) == (1, 2):
            shutil.rmtree(tmp_path)
        if (state.epoch, state.batch) == (3, 1):
            os.kill(os.getpid(), signal.SIGINT)

    with _open(tmp_path) as run, pytest.raises(TrainingPaused):
        _train(run, small_run, then=then)
    with _open(tmp_path) as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 2
    _assert_equal(state, whole)


def test_a_finished_run_keeps_one_checkpoint(tmp_path, small_run):
    with _open(tmp_path) as run:
        _train(run, small_run)
    assert len(list(run.folder.glob("checkpoint-*"))) == 1


def test_a_checkpoint_copied_from_another_run_is_refused(tmp_path, small_run):
    other = {**PARTS, "clips": ["c"]}
    for parts in (PARTS, other):
        with _open(tmp_path, parts=parts) as run, pytest.raises(TrainingPaused):
            _train(run, small_run, then=_at(2, 0))
    (mine,) = tmp_path.glob(f"{run.folder.name}/checkpoint-000002-*")
    with _open(tmp_path) as run:
        pass
    for checkpoint in run.folder.glob("checkpoint-*"):
        checkpoint.unlink()
    shutil.copy(mine, run.folder)
    with pytest.raises(CheckpointError, match="is of another run"):
        _open(tmp_path).__enter__()


@pytest.mark.parametrize(
    "change",
    [
        {"order": torch.zeros(11, dtype=torch.int64)},
        {"order": torch.arange(10)},
        {"places": torch.zeros(3, dtype=torch.float64)},
        {"epoch": 99},
        {"batch": 99},
        {"history": 3},
        {"network": {}},
    ],
)
def test_a_state_that_cannot_be_is_refused(tmp_path, small_run, change):
    with _open(tmp_path) as run:
        Checkpoints(run.folder).write({**small_run.start().state_dict(), **change})
    with _open(tmp_path) as run, pytest.raises(CheckpointError, match="does not fit this network"):
        run.restore(small_run.start())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match=r"checkpoint_dir: .*file.* cannot be written"):
        _open(tmp_path / "file").__enter__()


@pytest.mark.parametrize("starts_anew", [False, True])
def test_a_signal_after_the_last_batch_stops_what_comes_after(
    tmp_path, small_run, whole, starts_anew, monkeypatch
):
    isfinite = torch.isfinite

    def late(values):  # at the last look at the network
        os.kill(os.getpid(), signal.SIGINT)
        return isfinite(values)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "isfinite", late)
        with _open(tmp_path, starts_anew=starts_anew) as run, pytest.raises(TrainingPaused):
            _train(run, small_run)
    with _open(tmp_path, starts_anew=starts_anew) as run:
        state, n_batches = _train(run, small_run, seed=1)
    assert n_batches == 0
    _assert_equal(state, whole)


def test_a_run_without_a_folder_is_a_plain_one(small_run, whole):
    with Run() as run:
        state, n_batches = _train(run, small_run)
    assert n_batches == 12
    _assert_equal(state, whole)


def test_a_run_without_a_folder_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    with Run().pausable():
        assert signal.getsignal(signal.SIGINT) is before


def test_a_pause_is_no_error_and_can_cross_processes():
    pause = TrainingPaused("paused")
    assert isinstance(pause, KeyboardInterrupt)
    assert not isinstance(pause, (Exception, GenreclassError))
    assert str(pickle.loads(pickle.dumps(pause))) == "paused"
