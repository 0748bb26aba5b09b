"""Training that was interrupted, wherever and however, ends as if it had not been."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="needs a system with signals, forks and file size limits")

LIVES = Path(__file__).parent / "lives.py"

WHOLE = 12  # batches

# Where a life is ended, and the batches it finished before: those of the last checkpoint are not
# computed again, which is written at the end of an epoch, of three batches, and at a pause.
PLACES = {
    "in an epoch": {"finished": 8, "paused": 9, "kept": 6},
    "in validation": {"finished": 6, "paused": 6, "kept": 3},
    "while a checkpoint is written": {"finished": 6, "paused": 7, "kept": 3},
    "before a checkpoint takes its place": {"finished": 6, "paused": 7, "kept": 3},
    "after a checkpoint took its place": {"finished": 6, "paused": 7, "kept": 6},
}


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    """What became of every scenario of lives.py: its lives, the last of which met no trouble."""
    folder = tmp_path_factory.mktemp("lives")
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GENRECLASS_HOME": str(folder / "home"),
        "GENRECLASS_CACHE_GB": "1",
    }
    done = subprocess.run(
        [sys.executable, LIVES, folder],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _assert_ends_as(lives, name, whole):
    *_, last = lives[name]
    (reference,) = lives[whole]
    assert last["ended"] == 0
    assert last["result"] == reference["result"]
    assert not [file for file in last["files"] if file.endswith(".tmp")]


def test_the_reference_is_whole(lives):
    (life,) = lives["fit"]
    assert life["ended"] == 0
    assert life["steps"] == WHOLE
    assert len(life["result"][0]) == 4


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_signal_pauses_and_no_batch_is_computed_twice(lives, signal, place):
    name = f"{signal} {place}"
    first, last = lives[name]
    assert first["ended"] == 130
    assert first["steps"] == PLACES[place]["paused"]
    assert last["steps"] == WHOLE - PLACES[place]["paused"]
    _assert_ends_as(lives, name, "fit")


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_costs_what_came_after_the_last_checkpoint(lives, place):
    name = f"SIGKILL {place}"
    first, last = lives[name]
    assert first["ended"] == -9
    assert first["steps"] == PLACES[place]["finished"]
    assert last["steps"] == WHOLE - PLACES[place]["kept"]
    _assert_ends_as(lives, name, "fit")


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(lives):
    first, _ = lives["SIGKILL while a checkpoint is written"]
    checkpoints = [file for file in first["files"] if file.startswith("checkpoint-")]
    assert [file[:24] for file in checkpoints] == ["checkpoint-000001-000000"]
    assert [file for file in first["files"] if file.endswith(".tmp")]


def test_a_run_is_killed_again_and_again(lives):
    name = "killed again and again"
    assert [life["ended"] for life in lives[name]] == [-9, -9, -9, -9, 0]
    # From batch 0, 3, 6, 9 and, as the last of them got nowhere, 9 again.
    assert [life["steps"] for life in lives[name]] == [4, 3, 3, 1, 3]
    _assert_ends_as(lives, name, "fit")


def test_a_full_disk_does_not_end_training(lives):
    first, last = lives["full disk"]
    assert first["ended"] == 0
    assert first["steps"] == WHOLE
    assert last["steps"] == WHOLE - 6  # what was trained on the full disk left no checkpoint
    assert first["result"] == last["result"]
    _assert_ends_as(lives, "full disk", "fit")


def test_a_kill_on_a_full_disk_costs_what_came_after_it_was_full(lives):
    first, last = lives["killed on a full disk"]
    assert first["ended"] == -9
    assert first["steps"] == 10
    assert last["steps"] == WHOLE - 3
    _assert_ends_as(lives, "killed on a full disk", "fit")


def test_a_truncated_checkpoint_costs_one_epoch(lives):
    name = "newest checkpoint truncated"
    first, second, _ = lives[name]
    assert first["ended"] == -9
    assert second["steps"] == WHOLE - 3
    assert second["result"] == lives["fit"][0]["result"]
    _assert_ends_as(lives, name, "fit")


@pytest.mark.parametrize(
    ("signal", "ended", "finished", "kept"),
    [("SIGINT", 130, 9, 9), ("SIGTERM", 130, 9, 9), ("SIGKILL", -9, 8, 6)],
)
def test_a_head_on_frozen_weights_goes_on_where_it_was(lives, signal, ended, finished, kept):
    first, last = lives[f"{signal} in head"]
    assert (first["ended"], first["steps"]) == (ended, finished)
    assert last["steps"] == WHOLE - kept
    _assert_ends_as(lives, f"{signal} in head", "head")


# Work of several runs, and how many batches it has: 2 candidates in 2 folds and the last fit of a
# search; 3 folds. Each trains on more or fewer clips.
@pytest.mark.parametrize("work", ["search", "cross_val_predict"])
@pytest.mark.parametrize(("signal", "ended"), [("SIGINT", 130), ("SIGTERM", 130), ("SIGKILL", -9)])
def test_work_of_many_runs_goes_on_where_it_was(lives, work, signal, ended):
    (whole,) = lives[work]
    first, last = lives[f"{signal} in {work}"]
    assert first["ended"] == ended
    repeated = first["steps"] + last["steps"] - whole["steps"]
    if signal == "SIGKILL":
        assert first["steps"] == 19
        assert 0 <= repeated < 3  # of the one epoch under way
    else:
        assert first["steps"] == 20
        assert repeated == 0
    _assert_ends_as(lives, f"{signal} in {work}", work)
