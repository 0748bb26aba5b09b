"""The model that comes with the library."""

import importlib.util
import json
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from genreclass import load_pretrained
from genreclass.datasets import load_demo

_TOOL = Path(__file__).parents[2] / "tools" / "train_shipped_model.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("train_shipped_model", _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_knows_the_ten_genres_of_gtzan():
    clf = load_pretrained("gtzan")
    assert clf.classes_.tolist() == [
        "blues",
        "classical",
        "country",
        "disco",
        "hiphop",
        "jazz",
        "metal",
        "pop",
        "reggae",
        "rock",
    ]
    assert clf.duration == 30.0


def test_it_hears_bundled_metal_as_metal():
    demo = load_demo()
    metal = [path for path, genre in zip(demo.data, demo.target, strict=True) if genre == "metal"]
    proba = load_pretrained().predict_proba(metal)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert (load_pretrained().classes_[proba.argmax(axis=1)] == "metal").sum() >= 6


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="There is no model 'fma'; there is gtzan"):
        load_pretrained("fma")


def test_its_file_holds_nothing_of_scikit_learn_whose_versions_differ():
    path = files("genreclass.persistence") / "pretrained" / "gtzan.genre"
    with zipfile.ZipFile(str(path)) as archive:
        estimator = json.loads(archive.read("genreclass.json"))["estimator"]
    assert estimator["class"] == "MusiCNNEncoder"
    assert estimator["learned"]["network_"]["class"] == "ClassifierHead"


def test_the_tool_makes_it_of_the_training_list(tool, shared):
    tracks = tool.read_tracks(shared / "data/gtzan/tables/musicnn_taggrams_train.npz")
    assert len(tracks.names) == 443
    made = tool.make_model(tool.Choice(("mean",), 0.1), 1.0, tracks)
    shipped = load_pretrained("gtzan")
    # Scores over a temperature are probabilities; the one is a number times the other.
    weights, scaled = (clf.network_.layers[0].weight.detach() for clf in (made, shipped))
    temperature = float((weights / scaled).median())
    assert temperature == pytest.approx(0.949, abs=0.001)
    np.testing.assert_allclose(scaled, weights / temperature, atol=2e-5)
    np.testing.assert_allclose(shipped.network_.mean, made.network_.mean, atol=1e-6)


def test_folds_of_the_tool_keep_artists_apart(tool):
    names = ["jazz.00000", "jazz.00001", "rock.00000"]
    artists = tool.read_artists(names)
    assert len(artists) == 3
    assert tool.read_artists(["blues.12345"]).tolist() == ["of blues.12345"]
