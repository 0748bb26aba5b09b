"""Where spectrograms are held does not change what is learned from them."""

import logging
import threading

import numpy as np
import pytest
import torch

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.audio import check_clips
from genreclass.features._rows_on_disk import RowsOnDisk
from genreclass.models import _held_rows
from genreclass.models._held_rows import hold_rows
from genreclass.networks import MelCNN
from genreclass.training import SpectrogramCrops, TrainingPlan, TrainingState, train

CPU = torch.device("cpu")
MEL = MelSpectrogram(duration=0.5, n_mels=32)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(_held_rows, "available_memory", lambda: 1000)


def _fit(clips, labels):
    classifier = MelCNNClassifier(
        channels=(4, 8), mel=MEL, crop_s=0.2, max_epochs=3, batch_size=4, patience=3, random_state=0
    )
    return classifier.fit(clips, labels)


def test_what_fits_is_in_memory(tones):
    spectra = hold_rows(check_clips(tones[0], sample_rate=22050), MEL, CPU)
    assert isinstance(spectra, torch.Tensor)
    np.testing.assert_array_equal(spectra.numpy(), MEL.transform(tones[0]))


def test_what_does_not_fit_stays_on_disk(tones, cache, little_memory, caplog):
    with caplog.at_level(logging.INFO):
        spectra = hold_rows(check_clips(tones[0], sample_rate=22050), MEL, CPU)
    assert isinstance(spectra, RowsOnDisk)
    assert "stay on disk" in caplog.text


def test_spectrograms_that_are_given_are_not_copied(tones):
    X = MEL.transform(tones[0])
    assert hold_rows(X, None, CPU).data_ptr() == X.ctypes.data


def test_from_memory_and_from_disk_the_same_is_learned(tones, cache, monkeypatch):
    in_memory = _fit(*tones)
    monkeypatch.setattr(_held_rows, "available_memory", lambda: 1000)
    read = []
    get = RowsOnDisk.__getitem__
    monkeypatch.setattr(RowsOnDisk, "__getitem__", lambda *args: read.append(1) or get(*args))
    on_disk = _fit(*tones)
    assert len(read) > len(tones[0])
    assert on_disk.history_ == in_memory.history_
    for name, weights in in_memory.network_.state_dict().items():
        assert torch.equal(weights, on_disk.network_.state_dict()[name]), name


def test_an_error_in_reading_ahead_comes_through(tones, cache, little_memory, monkeypatch):
    spectra = hold_rows(check_clips(tones[0], sample_rate=22050), MEL, CPU)
    examples = SpectrogramCrops(spectra, np.arange(12) % 2, crop_frames=8, device=CPU)
    assert examples.are_far
    readers = set()

    def fail(self, clip):
        readers.add(threading.current_thread())
        raise OSError("the disk is gone")

    monkeypatch.setattr(RowsOnDisk, "__getitem__", fail)
    generator = torch.Generator().manual_seed(0)
    network = MelCNN(32, 2, channels=(4,), dropout=0.0, generator=generator)
    plan = TrainingPlan(
        max_epochs=1,
        batch_size=4,
        learning_rate=1e-3,
        weight_decay=0.0,
        schedule=None,
        patience=None,
    )
    with pytest.raises(OSError, match="the disk is gone"):
        train(TrainingState(network, plan, n_examples=12, seed=0), examples)
    assert readers
    assert threading.main_thread() not in readers


def test_a_search_reads_each_file_once(tones, cache, tmp_path, monkeypatch):
    import soundfile
    from sklearn.model_selection import GridSearchCV

    from genreclass.audio._check import _File

    clips, labels = tones
    paths = [tmp_path / f"{index}.wav" for index in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        soundfile.write(path, clip, 22050, subtype="FLOAT")
    read = []
    load = _File.load
    monkeypatch.setattr(_File, "load", lambda self, *a, **k: read.append(1) or load(self, *a, **k))
    classifier = MelCNNClassifier(channels=(4,), mel=MEL, crop_s=0.2, max_epochs=1)
    search = GridSearchCV(classifier, {"learning_rate": [1e-3, 1e-2]}, cv=3).fit(paths, labels)
    search.predict(paths)
    assert len(read) == len(paths)
