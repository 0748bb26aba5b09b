"""genreclass info."""

import json

import pyarrow
import torch
import xgboost

import genreclass
from genreclass.weights import OPENJMLA, converted_path


def test_versions_and_device_are_shown(run):
    output = run("info").stdout
    for words in ("genreclass", genreclass.__version__, torch.__version__, "CUDA", "libsndfile"):
        assert words in output


def test_json_is_one_object(run):
    facts = json.loads(run("info", "--json").stdout)
    assert facts["torch"] == torch.__version__
    assert facts["xgboost"] == xgboost.__version__
    assert facts["pyarrow"] == pyarrow.__version__
    assert "pytest" not in facts
    assert facts["device"] in ("cpu", "cuda")
    assert ".mp3" in facts["audio files"]
    assert facts["cache"] is None  # as in all tests


def test_info_shows_which_weights_are_there(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path))
    facts = json.loads(run("info", "--json").stdout)
    assert facts["weights"] == str(tmp_path / "weights")
    assert facts["weights of MusiCNN"] == "come with genreclass"
    assert facts["weights of OpenJMLA"] == "not downloaded: genreclass download openjmla"
    path = converted_path(OPENJMLA)
    path.parent.mkdir()
    path.write_bytes(bytes(3_000_000))
    assert json.loads(run("info", "--json").stdout)["weights of OpenJMLA"] == "downloaded, 3 MB"


def test_info_shows_the_cache(process, tmp_path):
    result = process(
        "info", "--json", GENRECLASS_HOME=str(tmp_path / "mine"), GENRECLASS_CACHE_GB="2"
    )
    facts = json.loads(result.stdout)
    assert facts["cache"] == str(tmp_path / "mine" / "features")
    assert facts["cache takes"] == "0.00 of 2 GB"
