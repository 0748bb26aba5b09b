"""A checkpoint is whole, or it is not there."""

import logging
import math
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from genreclass.exceptions import CheckpointError
from genreclass.training import Checkpoints, train
from genreclass.training._checkpoints import _pack, _unpack


def _state(epoch, batch=0, **more):
    weights = torch.full((50,), float(epoch))
    return {"epoch": epoch, "batch": batch, "seed": 0, "weights": weights, **more}


def _same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return (
            type(one) is type(other)
            and len(one) == len(other)
            and all(_same(*pair) for pair in zip(one, other, strict=True))
        )
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, (2.5, None)], 0: {"b": True, "c": "text"}},
        {"tensor": "not one"},
        [float("inf"), -float("inf"), 0.1 + 0.2, 5e-324],
        {"t": torch.arange(6).reshape(2, 3), "e": torch.zeros(0), "s": torch.tensor(3.0)},
        {"t": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor([1, 2], dtype=torch.uint8)},
    ],
)
def test_a_state_comes_back_as_it_was(tmp_path, value):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(0, value=value))
    assert _same(checkpoints.read()["value"], value)


def test_not_a_number_comes_back():
    assert math.isnan(_unpack(_pack(float("nan"), {}), {}))


def test_what_cannot_be_written_is_named():
    with pytest.raises(TypeError, match="a set cannot be part of a checkpoint"):
        _pack({"a": {1}}, {})


def test_the_whole_state_of_a_run_comes_back(tmp_path, small_run):
    state = small_run.start()
    train(state, small_run.examples, validate=small_run.validate)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(state.state_dict())
    assert _same(checkpoints.read(), state.state_dict())


def test_the_newest_is_read_and_the_one_before_is_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for epoch, batch in [(0, 5), (0, 120), (1, 0), (1, 7)]:
        checkpoints.write(_state(epoch, batch))
    assert checkpoints.read()["batch"] == 7
    kept = sorted(path.name[:24] for path in tmp_path.iterdir())
    assert kept == ["checkpoint-000001-000000", "checkpoint-000001-000007"]


def test_files_are_safetensors_with_json(tmp_path):
    Checkpoints(tmp_path).write(_state(3))
    (path,) = tmp_path.iterdir()
    with safe_open(path, framework="pt") as file:
        assert torch.equal(file.get_tensor(next(iter(file.keys()))), torch.full((50,), 3.0))
        assert file.metadata()["state"].startswith('{"dict": [["epoch", 3]')


@pytest.mark.parametrize("damage", ["truncated", "a bit flipped", "empty", "longer"])
def test_a_torn_checkpoint_is_named_and_the_one_before_is_taken(tmp_path, caplog, damage):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(1))
    checkpoints.write(_state(2))
    newest = max(tmp_path.iterdir())
    content = newest.read_bytes()
    flipped = bytearray(content)
    flipped[-20] ^= 1
    damaged = {
        "truncated": content[:-30],
        "a bit flipped": bytes(flipped),
        "empty": b"",
        "longer": content + b"\0",
    }
    newest.write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING):
        assert checkpoints.read()["epoch"] == 1
    assert newest.name in caplog.text
    assert "torn" in caplog.text


def test_where_all_are_torn_there_is_no_state(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(1))
    (path,) = tmp_path.iterdir()
    os.truncate(path, 10)
    assert checkpoints.read() is None


def test_an_empty_folder_has_no_state(tmp_path):
    assert Checkpoints(tmp_path).read() is None


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(1))
    checkpoints.write(_state(2))
    before = sorted(tmp_path.iterdir())

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(_state(3))
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoints.read()["epoch"] == 2


def test_the_leftover_of_a_killed_write_is_removed(tmp_path):
    (tmp_path / ".0123456789abcdef.tmp").write_bytes(b"half a checkp")
    Checkpoints(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-best.safetensors").write_bytes(b"mine")
    checkpoints = Checkpoints(tmp_path)
    for epoch in range(4):
        checkpoints.write(_state(epoch))
    checkpoints.remove()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-best.safetensors", "notes.txt"]


def _rewrite(folder, metadata):
    """Put a whole file with other metadata in the place of the newest."""
    from genreclass.fingerprint import digest_of_file

    newest = max(folder.glob("checkpoint-*"))
    metadata = {"run": folder.name, **metadata}
    save_file({"0": torch.zeros(1)}, folder / "new", metadata=metadata)
    name = f"{newest.name[:25]}{digest_of_file(folder / 'new')}.safetensors"
    (folder / "new").rename(folder / name)
    newest.unlink()
    return name


def test_a_checkpoint_of_a_newer_format_is_named_and_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(1))
    name = _rewrite(tmp_path, {"format": "99", "state": "{}"})
    with pytest.raises(CheckpointError, match=f"{name} is of format '99'"):
        checkpoints.read()
    assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    "text", ["{}", "[", '{"tensor": "7"}', '{"object": 1}', '{"dict": [["epoch", 1]]}', "[" * 10**5]
)
def test_a_checkpoint_of_something_else_is_named(tmp_path, text):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(_state(1))
    name = _rewrite(tmp_path, {"format": "1", "state": text})
    with pytest.raises(CheckpointError, match=f"{name} is no checkpoint of genreclass"):
        checkpoints.read()
