"""Models as files."""

import json
import os
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from genreclass import MelCNNClassifier, MelSpectrogram, load, save
from genreclass.datasets import make_clips
from genreclass.exceptions import ModelFileError

_PREDICT = """
import sys
import numpy as np
from genreclass import load
from genreclass.datasets import make_clips
clips = make_clips(8, n_genres=2, duration=0.5, random_state=0)
clf = load(sys.argv[1])
np.savez(sys.argv[2], proba=clf.predict_proba(clips.data), labels=clf.predict(clips.data))
"""


@pytest.fixture(scope="module")
def clips():
    return make_clips(8, n_genres=2, duration=0.5, random_state=0)


@pytest.fixture(scope="module")
def clf(clips):
    mel = MelSpectrogram(duration=0.5, n_mels=16)
    clf = MelCNNClassifier(channels=(4, 8), mel=mel, max_epochs=2, random_state=0)
    return clf.fit(clips.data, clips.target)


def test_a_new_process_predicts_the_same(clf, clips, tmp_path):
    save(clf, tmp_path / "a.genre")
    command = [sys.executable, "-c", _PREDICT, tmp_path / "a.genre", tmp_path / "out.npz"]
    subprocess.run(command, check=True)
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_array_equal(out["proba"], clf.predict_proba(clips.data))
        np.testing.assert_array_equal(out["labels"], clf.predict(clips.data))


def test_all_that_was_learned_comes_back(clf, tmp_path):
    save(clf, tmp_path / "a.genre")
    again = load(str(tmp_path / "a.genre"))
    assert repr(again) == repr(clf)
    assert again.history_ == clf.history_
    assert list(again.classes_) == list(clf.classes_)
    assert {k for k in vars(clf) if k.endswith("_")} == {k for k in vars(again) if k.endswith("_")}


@pytest.mark.parametrize(
    "labels", [[3, 7], [True, False], ["b", "ä"], np.array(["x", "y"], object), [1.5, 2.0]]
)
def test_labels_of_any_type_come_back(clips, tmp_path, labels):
    y = np.array(labels)[np.arange(8) % 2]
    if y.dtype.kind == "f":
        y = y.astype(str)
    clf = MelCNNClassifier(channels=(2,), max_epochs=1).fit(clips.data, y)
    save(clf, tmp_path / "a.genre")
    again = load(tmp_path / "a.genre")
    assert again.classes_.dtype == clf.classes_.dtype
    np.testing.assert_array_equal(again.classes_, clf.classes_)


def test_parameters_of_every_type_come_back(clips, tmp_path):
    import torch

    random_state = np.random.RandomState(5)
    clf = MelCNNClassifier(
        channels=[2, 3],
        mel=MelSpectrogram(n_mels=12, f_max=8000.0),
        max_epochs=1,
        class_weight={"drone": 1.0, "techno": 2},
        device=torch.device("cpu"),
        random_state=random_state,
    ).fit(clips.data, clips.target)
    save(clf, tmp_path / "a.genre")
    again = load(tmp_path / "a.genre")
    assert again.channels == [2, 3]
    assert again.class_weight == clf.class_weight
    assert again.device == torch.device("cpu")
    assert again.mel.f_max == 8000.0
    assert again.random_state.randint(10**9) == random_state.randint(10**9)


def test_the_file_holds_no_pickle(clf, tmp_path):
    save(clf, tmp_path / "a.genre")
    with zipfile.ZipFile(tmp_path / "a.genre") as archive:
        assert sorted(archive.namelist()) == ["genreclass.json", "tensors.safetensors"]
        manifest = json.loads(archive.read("genreclass.json"))
    assert manifest["format"] == 1
    assert set(manifest["versions"]) >= {"genreclass", "torch", "scikit-learn"}


def test_a_file_that_is_there_is_replaced_only_by_a_whole_one(clf, tmp_path, monkeypatch):
    path = tmp_path / "a.genre"
    save(clf, path)
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *_: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(OSError, match="28"):
        save(clf, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_permissions_of_any_new_file(clf, tmp_path):
    (tmp_path / "plain").touch()
    save(clf, tmp_path / "a.genre")
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "a.genre")]
    assert modes[0] == modes[1]


def test_an_unfitted_estimator_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        save(MelCNNClassifier(), tmp_path / "a.genre")


def test_a_foreign_type_is_named(tmp_path, clf):
    with pytest.raises(TypeError, match="estimator is a LogisticRegression"):
        save(LogisticRegression().fit([[0], [1]], [0, 1]), tmp_path / "a.genre")
    assert list(tmp_path.iterdir()) == []


def _rewrite(path, change):
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("genreclass.json"))
        tensors = archive.read("tensors.safetensors")
    change(manifest)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("genreclass.json", json.dumps(manifest))
        archive.writestr("tensors.safetensors", tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=2), "format 2.*Upgrade"),
        (lambda m: m["estimator"].update({"class": "Evil"}), "unknown class 'Evil'"),
        (lambda m: m["estimator"].update({"type": "pickle"}), "unknown type 'pickle'"),
        (lambda m: m["estimator"]["params"].update(nonsense=1), "nonsense"),
        (lambda m: m["estimator"]["fitted"].update(__class__=1), "__class__"),
        (lambda m: m["estimator"]["fitted"].update(predict=1), "odd name 'predict'"),
        (lambda m: m["estimator"]["fitted"]["network_"].update({"class": "os"}), "class 'os'"),
        (lambda m: m["estimator"]["fitted"]["network_"].update(name="else"), "damaged"),
        (lambda m: m.clear(), "damaged"),
    ],
)
def test_a_crafted_file_is_refused_by_name(clf, tmp_path, change, message):
    path = tmp_path / "a.genre"
    save(clf, path)
    _rewrite(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("length", [0, 10, 1000, -1])
def test_a_truncated_file_is_refused_by_name(clf, tmp_path, length):
    path = tmp_path / "a.genre"
    save(clf, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelFileError, match=r"a\.genre is no model file .* damaged"):
        load(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.genre"):
        load(tmp_path / "nothing.genre")
