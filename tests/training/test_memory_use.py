"""Training takes no more memory in its fiftieth epoch than in its tenth, and makes do with less."""

import gc
import logging
import subprocess
import sys

import pytest
import torch

from genreclass.training import CheckpointedRun, train

# Prints the memory of the process after each epoch. A batch's graph takes some 10 MB.
FIFTY_EPOCHS = """
import numpy as np
from genreclass import MelCNNClassifier
from genreclass.memory import process_memory
from genreclass.training import CheckpointedRun

after_batch = CheckpointedRun.after_batch

def look(self, state):
    after_batch(self, state)
    if state.batch == 0:
        print(process_memory())

CheckpointedRun.after_batch = look
X = np.random.default_rng(0).normal(size=(20, 64, 200)).astype(np.float32)
classifier = MelCNNClassifier(
    channels=(16, 32), mel="passthrough", max_epochs=50, patience=50, batch_size=8,
    validation_fraction=0.2, checkpoint_dir="runs", checkpoint_minutes=0.0, random_state=0,
)
classifier.fit(X, np.arange(20) % 2)
"""


def test_memory_is_flat_over_fifty_epochs(tmp_path):
    command = [sys.executable, "-c", FIFTY_EPOCHS]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    taken = [int(line) for line in printed.stdout.split()]
    assert len(taken) == 50
    assert max(taken[10:]) - max(taken[:10]) < 20e6


def test_no_tensor_outlives_its_epoch(tmp_path, small_run):
    state = small_run.start(max_epochs=30, patience=30)
    alive = []

    def look(state):
        run.after_batch(state)
        if state.batch == 0 and state.epoch in (10, 30):
            gc.collect()
            alive.append(sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()))

    with CheckpointedRun(tmp_path, {}, minutes=0.0, starts_anew=False) as run:
        train(state, small_run.examples, validate=small_run.validate, after_batch=look)
    assert alive[0] == alive[1]


class _SmallDevice(torch.nn.Module):
    """A network on a device whose memory holds so many examples."""

    def __init__(self, network, holds):
        super().__init__()
        self.network = network
        self.holds = holds
        self.batches = []

    def forward(self, inputs):
        scores = self.network(inputs)  # so that something was drawn before it fails
        if len(inputs) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(inputs))
        return scores


def _on_small_device(small_run, holds, **changes):
    state = small_run.start(schedule=None, patience=None, **changes)
    for block in state.network.modules():
        if isinstance(block, torch.nn.BatchNorm2d):
            block.eval()  # its statistics are those of what goes through together
            block.train = lambda mode=True, block=block: block
    state.network = _SmallDevice(state.network, holds)
    return state


def _mix(inputs, targets, generator):
    """As mixup does, with a share drawn anew for each batch."""
    share = torch.rand(1, generator=generator)
    targets = torch.nn.functional.one_hot(targets, 2).float()
    return torch.lerp(inputs.roll(1, 0), inputs, share), torch.lerp(
        targets.roll(1, 0), targets, share
    )


@pytest.mark.parametrize("augment", [None, _mix])
def test_a_batch_that_does_not_fit_goes_through_in_parts(small_run, caplog, augment):
    whole = _on_small_device(small_run, 100, max_epochs=2, batch_size=11)
    train(whole, small_run.examples, augment=augment)
    state = _on_small_device(small_run, 3, max_epochs=2, batch_size=11)
    with caplog.at_level(logging.WARNING):
        train(state, small_run.examples, augment=augment)
    assert max(state.network.batches) == 3
    assert [entry["batch_size"] for entry in state.history] == [3, 3]
    assert "batch_size" not in whole.history[0]
    assert "batches of 11 go through it in 4 parts" in caplog.text
    for entry, expected in zip(state.history, whole.history, strict=True):
        assert entry["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    for name, weights in whole.network.network.state_dict().items():
        torch.testing.assert_close(state.network.network.state_dict()[name], weights)


def test_one_example_that_does_not_fit_is_an_error(small_run):
    state = _on_small_device(small_run, 0)
    with pytest.raises(torch.OutOfMemoryError):
        train(state, small_run.examples)
