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
from sklearn.naive_bayes import GaussianNB

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
    assert again.classes_.dtype.kind == clf.classes_.dtype.kind
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
    assert manifest["format"] == 2
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


def test_the_output_format_comes_back(clips, tmp_path):
    clf = MelCNNClassifier(channels=(2,), max_epochs=1).set_output(transform="pandas")
    save(clf.fit(clips.data, clips.target), tmp_path / "a.genre")
    assert list(load(tmp_path / "a.genre").transform(clips.data).columns) == [
        f"melcnnclassifier{i}" for i in range(4)
    ]


def test_a_link_stays_a_link(clf, tmp_path):
    (tmp_path / "b.genre").symlink_to("a.genre")
    save(clf, tmp_path / "b.genre")
    assert (tmp_path / "b.genre").is_symlink()
    assert load(tmp_path / "a.genre").classes_.tolist() == clf.classes_.tolist()


def test_a_missing_folder_is_named(clf, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        save(clf, tmp_path / "nowhere" / "a.genre")


def test_an_unfitted_estimator_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        save(MelCNNClassifier(), tmp_path / "a.genre")


def test_a_foreign_type_is_named(tmp_path, clf):
    with pytest.raises(TypeError, match="estimator is a GaussianNB"):
        save(GaussianNB().fit([[0], [1]], [0, 1]), tmp_path / "a.genre")
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
        (lambda m: m.update(format=3), "format 3.*upgrade"),
        (lambda m: m.update(format=1), "format 1.*train it again"),
        (lambda m: m["estimator"].update({"class": "Evil"}), "unknown class 'Evil'"),
        (lambda m: m["estimator"].update({"type": "pickle"}), "unknown type 'pickle'"),
        (lambda m: m["estimator"]["params"].update(nonsense=1), "nonsense"),
        (lambda m: m["estimator"]["learned"].update(__class__=1), "__class__"),
        (lambda m: m["estimator"]["learned"].update(predict=1), "odd attribute 'predict'"),
        (lambda m: m["estimator"]["learned"]["network_"].update({"class": "os"}), "class 'os'"),
        (lambda m: m["estimator"]["learned"]["network_"].update(name="else"), "damaged"),
        (lambda m: m["estimator"]["learned"].update(network_="x"), "odd attribute 'network_'"),
        (lambda m: m["estimator"]["learned"].pop("network_"), "NotFittedError"),
        (lambda m: m["estimator"]["learned"]["network_"].update(config=_config(10**9)), "damaged"),
        (lambda m: m["estimator"]["params"].update(channels={"type": "labels"}), "damaged"),
        (lambda m: m["estimator"]["learned"].update(crop_frames_=0), "crop_frames_ is 0"),
        (lambda m: m["estimator"]["learned"].update(crop_frames_=10**9), "crop_frames_"),
        (lambda m: m["estimator"]["learned"]["classes_"].update(items=["a"]), "not 2 labels"),
        (lambda m: m["estimator"]["params"].update(crop_s=-1), "crop_s"),
        (lambda m: m.update(estimator=[1]), "no estimator"),
        (lambda m: m.update(estimator=5), "no estimator"),
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


def _config(n_channels):
    items = [["n_rows", 16], ["n_classes", 2], ["channels", [n_channels] * 2], ["dropout", 0.3]]
    return {"type": "dict", "items": items}


def test_a_file_with_changed_bytes_is_refused_or_the_same(clf, clips, tmp_path):
    path = tmp_path / "a.genre"
    save(clf, path)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), size=3):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            again = load(path)
        except ModelFileError:
            refused += 1
        else:
            expected = clf.predict_proba(clips.data[:1])
            np.testing.assert_array_equal(again.predict_proba(clips.data[:1]), expected)
    assert refused > 250


@pytest.mark.parametrize("length", [0, 10, 1000, -1])
def test_a_truncated_file_is_refused_by_name(clf, tmp_path, length):
    path = tmp_path / "a.genre"
    save(clf, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelFileError, match=r"a\.genre is no model file .* damaged"):
        load(path)


def test_weights_that_are_no_numbers_are_refused(clf, tmp_path):
    import copy

    import torch

    path = tmp_path / "a.genre"
    for name, value in [("output.weight", np.nan), ("blocks.0.1.running_var", -1.0)]:
        broken = copy.deepcopy(clf)
        with torch.no_grad():
            broken.network_.state_dict()[name].fill_(value)
        save(broken, path)
        with pytest.raises(ModelFileError, match=f"weight '{name}' holds NaN"):
            load(path)


def test_what_is_no_regular_file_is_refused(clf, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(ModelFileError, match="is not a regular file"):
            load(path)
        with pytest.raises(OSError, match="is not a regular file"):
            save(clf, path)
    assert stat.S_ISFIFO(os.stat(tmp_path / "fifo").st_mode)


def test_a_compressed_archive_is_refused(clf, tmp_path):
    path = tmp_path / "a.genre"
    save(clf, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match="is compressed"):
        load(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.genre"):
        load(tmp_path / "nothing.genre")
