"""genreclass train --model musicnn and --model openjmla: heads on pretrained encoders."""

import inspect
import json
import os
import signal

import pytest
import torch
from safetensors.torch import save_file

from genreclass import MelCNNClassifier, MusiCNNEncoder, OpenJMLAEncoder, load
from genreclass.cli import _download
from genreclass.cli._models import load_classifier
from genreclass.cli._train import _DEFAULTS, _HEADS, _Learner
from genreclass.datasets import load_folder
from genreclass.models._musicnn_listener import MusiCNNListener
from genreclass.models._pretrained_networks import JMLASize
from genreclass.training import _loop

QUICK = ("--model", "musicnn", "--head", "8", "--epochs", "2", "--device", "cpu")


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A cache on disk, empty."""
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))


@pytest.fixture
def small(monkeypatch):
    """OpenJMLA's encoder as a small one of two layers; its weights by name."""
    size = JMLASize(width=8, n_heads=2, n_layers=2)
    monkeypatch.setattr(OpenJMLAEncoder, "_size", size)
    generator = torch.Generator().manual_seed(0)
    state = size.build().state_dict()
    return {
        name: 0.3 * torch.randn(tensor.shape, generator=generator) for name, tensor in state.items()
    }


@pytest.fixture
def weights(small, tmp_path):
    """A file of weights for it."""
    path = tmp_path / "small.safetensors"
    save_file(small, path)
    return path


@pytest.fixture
def n_heard(monkeypatch):
    """Counts the clips that go through MusiCNN."""
    heard = []
    hear = MusiCNNListener._hear

    def counted(self, network, inputs):
        heard.extend(inputs)
        return hear(self, network, inputs)

    monkeypatch.setattr(MusiCNNListener, "_hear", counted)
    return lambda: len(heard)


def test_the_model_is_that_of_the_estimator_on_the_middle_thirty_seconds(run, music, tmp_path):
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "12 files in 3 genres" in result.stderr
    assert "Trained 2 epochs" in result.stderr
    X, y = load_folder(music, return_X_y=True)
    expected = MusiCNNEncoder(
        head=(8,), duration=30.0, max_epochs=2, class_weight="balanced", random_state=0
    ).fit(X, y)
    clf = load(out)
    assert (clf.predict_proba(X) == expected.predict_proba(X)).all()
    assert clf.duration == 30.0
    assert clf.verbose == 0


def test_what_is_not_given_is_as_in_the_estimators():
    for learner, estimator in zip(_HEADS, (MusiCNNEncoder, OpenJMLAEncoder), strict=True):
        defaults = inspect.signature(estimator).parameters
        expected = (defaults["max_epochs"].default, defaults["learning_rate"].default)
        assert _DEFAULTS[learner] == expected
    assert _DEFAULTS[_Learner.CNN] == (30, 6e-3)
    assert inspect.signature(OpenJMLAEncoder).parameters["head"].default == (256,)


def test_predict_and_evaluate_take_the_model(run, music, encoder_model):
    result = run("predict", music, "--model", encoder_model, "--json", "--device", "cpu")
    assert result.exit_code == 0
    X, y = load_folder(music, return_X_y=True)
    clf = load(encoder_model).set_params(verbose=0)
    assert [entry["genre"] for entry in json.loads(result.stdout)] == clf.predict(X).tolist()
    result = run("evaluate", encoder_model, music)
    assert f"Accuracy {clf.score(X, y):.1%}" in result.stdout


def test_the_device_is_that_of_the_command(encoder_model):
    assert load_classifier(encoder_model, device="cpu").device == "cpu"
    assert load_classifier(None, device="cpu").device == "cpu"


def test_a_model_of_an_encoder_takes_no_table(run, encoder_model, tmp_path):
    result = run("predict", tmp_path / "features.csv", "--model", encoder_model)
    assert result.exit_code == 2
    assert "was trained on audio" in result.stderr


@pytest.mark.parametrize("with_cache", [True, False])
def test_a_broken_file_is_skipped_and_every_other_heard_once(
    request, run, music, broken, tmp_path, with_cache, n_heard
):
    if with_cache:
        request.getfixturevalue("cached")
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 3
    assert "12 files in 3 genres" in result.stderr
    assert str(broken) in result.stderr
    assert n_heard() == 12  # clips of a second are a window each


def test_strict_stops_at_a_broken_file(run, music, broken, tmp_path):
    result = run("train", music, "--out", tmp_path / "mine.genre", "--strict", *QUICK)
    assert result.exit_code == 1
    assert str(broken) in result.stderr


@pytest.mark.usefixtures("hears_silence")
@pytest.mark.parametrize("with_cache", [True, False])
def test_what_is_no_music_is_named_once_and_learned(
    request, run, music, silent, tmp_path, with_cache
):
    if with_cache:
        request.getfixturevalue("cached")
    result = run("train", music, "--out", tmp_path / "mine.genre", *QUICK)
    assert result.exit_code == 0
    assert result.stderr.count("plainly not music") == 1
    assert f"{silent} (silence). Such files are learned from" in " ".join(result.stderr.split())
    assert "13 files in 3 genres" in result.stderr


def test_validation_music_is_heard_as_well(run, write_music, music, tmp_path):
    valid = write_music(tmp_path / "VALID", n_clips=3, seed=1)
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, "--valid", valid, "--patience", "1", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "of the validation files right" in result.stderr


@pytest.mark.parametrize(
    ("model", "options", "named", "advice"),
    [
        ("cnn", ("--head", "8"), "--head:", "--model musicnn or openjmla."),
        ("cnn", ("--weights", "w.pth"), "--weights:", "--model openjmla."),
        ("musicnn", ("--channels", "8", "--augment"), "--channels, --augment:", "--model cnn."),
        ("musicnn", ("--weights", "w.pth"), "--weights:", "--model openjmla."),
        ("openjmla", ("--channels", "8"), "--channels:", "--model cnn."),
        ("baseline", ("--head", "8", "--epochs", "2"), "--epochs, --head:", "musicnn or openjmla."),
        ("baseline", ("--head", "8", "--channels", "8"), "--channels, --head:", "Leave it out."),
    ],
)
def test_options_a_model_has_no_use_for_are_named(
    run, music, tmp_path, model, options, named, advice
):
    result = run("train", music, "--model", model, "--out", tmp_path / "m.genre", *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stderr.rstrip().endswith(advice)


@pytest.mark.parametrize("head", ["", "x", "0", "8,,8", "9999999"])
def test_widths_must_be_whole_numbers(run, music, tmp_path, head):
    options = ("--model", "musicnn", "--head", head)
    result = run("train", music, "--out", tmp_path / "m.genre", *options)
    assert result.exit_code == 2
    assert "--head" in result.stderr
    assert "expected whole numbers from 1" in result.stderr


def test_a_table_is_nothing_to_hear(run, tmp_path):
    options = ("--model", "musicnn", "--out", tmp_path / "m.genre")
    result = run("train", tmp_path / "table.csv", *options)
    assert result.exit_code == 2
    assert "learns from audio" in result.stderr


@pytest.fixture
def paused(run, music, tmp_path):
    """The folder of a run of a head that was paused after one of its two epochs."""
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    step = _loop._step

    def interrupted(*args):
        step(*args)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_loop, "_step", interrupted)
        result = run("train", music, "--out", out, "--run", folder, *QUICK)
    assert result.exit_code == 130
    assert f"Go on with: genreclass resume {folder}" in result.stderr
    return folder


def test_a_resumed_run_writes_the_model_it_would_have_written(run, music, paused, tmp_path):
    assert run("resume", paused).exit_code == 0
    assert run("train", music, "--out", tmp_path / "whole.genre", *QUICK).exit_code == 0
    X, _ = load_folder(music, return_X_y=True)
    resumed, whole = load(tmp_path / "mine.genre"), load(tmp_path / "whole.genre")
    assert (resumed.predict_proba(X) == whole.predict_proba(X)).all()


def test_another_model_or_head_is_another_run(run, music, paused, tmp_path):
    command = ("train", music, "--out", tmp_path / "mine.genre", "--run", paused)
    result = run(*command, *QUICK, "--head", "4")
    assert result.exit_code == 2
    assert "--head was 8 and is 4" in result.stderr
    assert "--model was musicnn and is cnn" in run(*command).stderr


def test_an_interruption_while_files_are_heard_is_a_pause(run, music, tmp_path, monkeypatch):
    def interrupted(self, network, inputs):
        raise KeyboardInterrupt

    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRECLASS_CACHE_GB", "1")
        patch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
        patch.setattr(MusiCNNListener, "_hear", interrupted)
        result = run("train", music, "--out", out, "--run", folder, *QUICK)
    assert result.exit_code == 130
    assert "genreclass resume" in result.stderr
    assert run("resume", folder).exit_code == 0


def test_a_run_of_a_version_without_encoders_is_gone_on_with(run, music, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "mine.genre"
    options = ("--epochs", "1", "--channels", "4", "--device", "cpu")
    assert run("train", music, "--out", out, "--run", folder, *options).exit_code == 0
    held = json.loads((folder / "train.json").read_text())
    for name in ("model", "head", "weights"):
        del held["options"][name]
    (folder / "train.json").write_text(json.dumps(held))
    assert run("resume", folder, "--force").exit_code == 0
    assert isinstance(load(out), MelCNNClassifier)


def test_a_run_of_an_unknown_model_is_named(run, paused):
    held = json.loads((paused / "train.json").read_text())
    held["options"]["model"] = "oracle"
    (paused / "train.json").write_text(json.dumps(held))
    result = run("resume", paused)
    assert result.exit_code == 1
    assert "model is 'oracle'" in result.stderr


JMLA = ("--model", "openjmla", "--epochs", "1", "--device", "cpu")


def test_openjmla_learns_by_weights_in_a_file(run, music, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("train", music, "--out", "mine.genre", "--weights", weights.name, *JMLA)
    assert result.exit_code == 0, result.stderr
    assert f"leave {weights} where it is" in result.stderr
    clf = load("mine.genre")
    assert (clf.weights, clf.head, clf.duration) == (str(weights), (256,), 30.0)
    monkeypatch.chdir(music)
    result = run("predict", next(music.glob("*/00.wav")), "--model", tmp_path / "mine.genre")
    assert result.exit_code == 0, result.stderr


def test_a_wrong_file_of_weights_is_named_before_music_is_looked_at(run, music, tmp_path):
    (tmp_path / "w.pth").write_text("no weights")
    for name, problem in (("w.pth", "is no file of weights"), ("none.pth", "does not exist")):
        options = ("--weights", tmp_path / name, "--model", "openjmla")
        result = run("train", tmp_path / "nowhere", "--out", tmp_path / "m.genre", *options)
        assert result.exit_code == 1
        assert f"{tmp_path / name} {problem}" in result.stderr
        assert result.stderr.count("\n") == 1


def test_without_weights_the_ways_to_them_are_named_before_files_are_read(
    run, music, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    result = run("train", music, "--out", tmp_path / "m.genre", "--model", "openjmla")
    assert result.exit_code == 1
    *_, last = result.stderr.splitlines()
    assert "genreclass download openjmla" in last
    assert "files in" not in result.stderr


def test_weights_that_are_missing_are_downloaded_with_a_word(
    run, hub, small, music, tmp_path, monkeypatch
):
    shapes = {name: tuple(tensor.shape) for name, tensor in small.items()}
    monkeypatch.setattr(_download, "_find_shapes", lambda: shapes)
    torch.save(small, tmp_path / "epoch_20.pth")
    hub.publish((tmp_path / "epoch_20.pth").read_bytes())
    out = tmp_path / "mine.genre"
    result = run("train", music, "--out", out, *JMLA)
    assert result.exit_code == 0, result.stderr
    assert "Licence" in result.stderr.splitlines()[0]
    again = run("predict", music, "--model", out)
    assert again.exit_code == 0
    assert "Licence" not in again.stderr
    assert len(hub.ranges()) == 1
