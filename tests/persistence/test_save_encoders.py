"""Encoders as files: what they were taught, and not what they were given."""

import json
import zipfile

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genreclass import MusiCNNEncoder, OpenJMLAEncoder, RejectOption, load, save
from genreclass.datasets import make_clips
from genreclass.exceptions import ModelFileError, WeightsError, WeightsNotFoundError
from genreclass.models._pretrained_networks import JMLASize

# Toy clips are bursts in noise: no music.
pytestmark = pytest.mark.filterwarnings("ignore::genreclass.exceptions.NotMusicWarning")


@pytest.fixture(scope="module")
def music():
    clips = make_clips(n_clips=6, n_genres=3, duration=1.0, random_state=0)
    return clips.data, clips.target


@pytest.fixture
def make_jmla(tmp_path, monkeypatch):
    """Makes an OpenJMLAEncoder of two layers of 8 numbers, on random weights in a file."""
    monkeypatch.setattr(OpenJMLAEncoder, "_size", JMLASize(width=8, n_heads=2, n_layers=2))
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: 0.5 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in OpenJMLAEncoder._size.build().state_dict().items()
    }
    save_file(weights, tmp_path / "weights.safetensors")

    def make(**changes):
        settings = {"head": (4,), "max_epochs": 2, "random_state": 0, **changes}
        return OpenJMLAEncoder(weights=tmp_path / "weights.safetensors", **settings)

    return make


def _rewrite(path, change):
    """Change what stands in the JSON of a model file."""
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("genreclass.json"))
        tensors = archive.read("tensors.safetensors")
    change(manifest["estimator"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("genreclass.json", json.dumps(manifest))
        archive.writestr("tensors.safetensors", tensors)


def test_musicnn_under_a_logistic_regression_comes_back(music, tmp_path):
    encoder = MusiCNNEncoder(features="taggram")
    clf = make_pipeline(encoder, StandardScaler(), LogisticRegression()).fit(*music)
    save(clf, tmp_path / "a.genre")
    assert (tmp_path / "a.genre").stat().st_size < 20_000  # the weights are 3 MB
    again = load(tmp_path / "a.genre")
    assert_array_equal(again.predict_proba(music[0]), clf.predict_proba(music[0]))


def test_two_genres_under_a_logistic_regression_come_back(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    clf = LogisticRegression().fit(X, np.where(X[:, 0] > 0, "jazz", "rock"))
    save(clf, tmp_path / "a.genre")
    assert_array_equal(load(tmp_path / "a.genre").predict_proba(X), clf.predict_proba(X))


def test_a_head_on_musicnn_comes_back(music, tmp_path):
    clf = MusiCNNEncoder(head=(8,), max_epochs=2, random_state=0).fit(*music)
    save(clf, tmp_path / "a.genre")
    again = load(tmp_path / "a.genre")
    assert_array_equal(again.predict_proba(music[0]), clf.predict_proba(music[0]))
    assert again.history_ == clf.history_


@pytest.mark.parametrize(
    "changes",
    [
        {"head": None},
        {"head": ()},
        {"unfreeze": 1},
        {"unfreeze": 2, "pooling": "cls", "head": (4, 3)},
        {"unfreeze": 1, "store_weights": True},
    ],
)
def test_openjmla_comes_back(music, make_jmla, tmp_path, changes):
    encoder = make_jmla(**changes).fit(*music)
    save(encoder, tmp_path / "a.genre")
    again = load(tmp_path / "a.genre")
    assert_array_equal(again.transform(music[0]), encoder.transform(music[0]))
    if changes.get("head", ()) is not None:
        assert_array_equal(again.predict_proba(music[0]), encoder.predict_proba(music[0]))


def test_a_file_without_the_frozen_weights_asks_for_them(music, make_jmla, tmp_path):
    save(make_jmla().fit(*music), tmp_path / "a.genre")
    weights = tmp_path / "weights.safetensors"
    save_file({"other": torch.zeros(3)}, weights)
    with pytest.raises(WeightsError, match=r"weights\.safetensors is of another network"):
        load(tmp_path / "a.genre").predict(music[0])
    weights.unlink()
    with pytest.raises(WeightsNotFoundError, match=r"weights\.safetensors does not exist"):
        load(tmp_path / "a.genre").predict(music[0])


def test_stored_weights_need_no_other_file(music, make_jmla, tmp_path):
    clf = make_jmla(store_weights=True).fit(*music)
    expected = clf.predict_proba(music[0])
    save(clf, tmp_path / "a.genre")
    (tmp_path / "weights.safetensors").unlink()
    assert_array_equal(load(tmp_path / "a.genre").predict_proba(music[0]), expected)


@pytest.mark.parametrize(
    ("changes", "tamper", "message"),
    [
        ({}, lambda e: e["learned"].pop("weights_digest_"), "does not say which weights"),
        (
            {},
            lambda e: e["learned"]["network_"]["config"]["items"][2][1].update(items=[1] * 1000),
            "1000 layers, of 6 weights",
        ),
        ({}, lambda e: e["params"].update(unfreeze=1), "its layers are missing"),
        ({}, lambda e: e["learned"]["classes_"]["items"].pop(), "its classes_ are not 3 labels"),
        ({"unfreeze": 1}, lambda e: e["params"].update(pooling="cls"), "not those of the encoder"),
        ({"unfreeze": 1}, lambda e: e["params"].update(unfreeze=2), "not those of the encoder"),
        (
            {"unfreeze": 1},
            lambda e: e["learned"]["network_"]["config"]["items"][2].__setitem__(1, 10**9),
            "layers",
        ),
        (
            {"store_weights": True},
            lambda e: e["learned"].update(weights_digest_="0" * 32),
            "its encoder is another than it says",
        ),
        (
            {"store_weights": True},
            lambda e: e["learned"]["encoder_"]["config"]["items"][2].__setitem__(1, 10**9),
            "layers",
        ),
    ],
)
def test_a_crafted_encoder_is_refused_by_name(music, make_jmla, tmp_path, changes, tamper, message):
    path = tmp_path / "a.genre"
    save(make_jmla(**changes).fit(*music), path)
    _rewrite(path, tamper)
    with pytest.raises(ModelFileError, match=message):
        load(path)


def test_estimators_within_each_other_without_end_are_refused_at_once(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    path = tmp_path / "a.genre"
    clf = LogisticRegression().fit(X, np.where(X[:, 0] > 0, "jazz", "rock"))
    save(RejectOption(RejectOption(clf), reject_label="?"), path)
    assert load(path).predict(X).tolist() == RejectOption(clf).predict(X).tolist()

    def nest(estimator):
        within = dict(estimator)
        for _ in range(200):
            within = {**estimator, "params": {**estimator["params"], "estimator": within}}
        estimator.update(within)

    _rewrite(path, nest)
    with pytest.raises(ModelFileError, match="nested too deep"):
        load(path)
