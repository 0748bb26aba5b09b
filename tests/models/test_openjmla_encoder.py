"""OpenJMLA as a scikit-learn estimator, on a small encoder of random weights.

What it shares with MusiCNN is in test_pretrained_encoder.py; numbers of the real size are in
networks/test_jmla_audio_encoder.py.
"""

import os
import pickle
import shutil
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.metrics import log_loss

from genreclass.audio import Clip
from genreclass.exceptions import TrainingPaused, WeightsError, WeightsNotFoundError
from genreclass.fingerprint import fingerprint
from genreclass.models import _held_rows, _pretrained_networks
from genreclass.models._pretrained_networks import _load_jmla, load_jmla
from genreclass.networks import JMLAAudioEncoder, TunedJMLA, jmla_pictures
from genreclass.training import _loop

# Toy clips may be silence or noise.
pytestmark = pytest.mark.filterwarnings("ignore::genreclass.exceptions.NotMusicWarning")


def _same(one, other):
    pairs = zip(
        one.network_.state_dict().values(), other.network_.state_dict().values(), strict=True
    )
    return all(torch.equal(*pair) for pair in pairs)


def _tokens(encoder, samples):
    """Of the frozen encoder, by itself: (n_windows, 936, 8)."""
    network = JMLAAudioEncoder(width=8, n_heads=2, n_layers=2)
    network.load_state_dict(load_file(encoder.weights))
    with torch.inference_mode():
        return network(jmla_pictures(torch.from_numpy(samples))).numpy()


@pytest.fixture
def minute():
    """Seventy-five seconds at 16,000 Hz, three windows, that change as they go on."""
    generator = np.random.default_rng(0)
    swell = np.linspace(0.01, 0.5, 75 * 16000)
    return (swell * generator.normal(size=len(swell))).astype(np.float32)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_embedding_is_pooled_from_tokens_and_averaged_over_windows(make_jmla, minute, pooling):
    encoder = make_jmla(head=None, pooling=pooling)
    tokens = _tokens(encoder, minute)
    assert len(tokens) == 3
    expected = tokens[:, 1:].mean(axis=(0, 1)) if pooling == "mean" else tokens[:, 0].mean(axis=0)
    (row,) = encoder.transform([Clip(minute, 16000)])
    np.testing.assert_allclose(row, expected, atol=1e-5)


def test_names_are_as_many_as_columns(make_jmla, tones):
    encoder = make_jmla(head=None)
    names = encoder.get_feature_names_out()
    assert names.tolist() == [f"openjmla_{number:03}" for number in range(8)]
    assert encoder.transform(tones[0][:1]).shape == (1, 8)


def test_bfloat16_is_close_and_something_else(make_jmla, tones):
    clips = tones[0][:2]
    exact = make_jmla(head=None).transform(clips)
    rough = make_jmla(head=None, precision="bfloat16").transform(clips)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.1


def test_other_weights_and_poolings_are_kept_apart(
    make_jmla, make_tiny_weights, tones, heard, tmp_path, monkeypatch
):
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    clips = tones[0][:1]
    make_jmla(head=None).transform(clips)
    assert sum(heard) == 1
    rows = [
        make_jmla(head=None, **change).transform(clips)
        for change in (
            {"pooling": "cls"},
            {"precision": "bfloat16"},
            {"weights": make_tiny_weights("other.safetensors", seed=1)},
        )
    ]
    assert sum(heard) == 4
    assert len({row.tobytes() for row in rows}) == 3


def test_the_same_weights_by_another_name_are_heard_once(make_jmla, tones, heard, tmp_path):
    encoder = make_jmla(head=None)
    expected = encoder.transform(tones[0])
    n_before = sum(heard)
    torch.save({"state_dict": load_file(encoder.weights)}, tmp_path / "same.pth")
    of_other = make_jmla(head=None, weights=tmp_path / "same.pth").transform(tones[0])
    assert sum(heard) == n_before
    np.testing.assert_array_equal(of_other, expected)


# Weights, where they come from and where they go


def test_weights_that_were_replaced_after_fit_are_refused_by_name(
    make_jmla, make_tiny_weights, tones
):
    clf, encoder = make_jmla(max_epochs=1).fit(*tones), make_jmla(head=None).fit(tones[0])
    proba = clf.predict_proba(tones[0])
    before = clf.weights.read_bytes()
    make_tiny_weights(seed=1)
    for method in (clf.predict, clf.transform, encoder.transform):
        with pytest.raises(WeightsError, match=r"fitted on other weights than \S*tiny.safetensors"):
            method(tones[0])
    clf.weights.write_bytes(before)
    np.testing.assert_array_equal(clf.predict_proba(tones[0]), proba)
    make_tiny_weights(seed=1)
    assert clf.fit(*tones).predict(tones[0]).shape == (12,)


def test_weights_may_move_and_change_their_format(make_jmla, tones, tmp_path):
    clf = make_jmla(max_epochs=1).fit(*tones)
    expected = clf.predict_proba(tones[0])
    torch.save(load_file(clf.weights), tmp_path / "moved.pth")
    clf.weights.unlink()
    with pytest.raises(WeightsNotFoundError, match=r"tiny.safetensors does not exist"):
        clf.predict(tones[0])
    clf.set_params(weights=tmp_path / "moved.pth")
    np.testing.assert_array_equal(clf.predict_proba(tones[0]), expected)


@pytest.mark.parametrize("unfreeze", [0, 1])
def test_stored_weights_need_no_file(make_jmla, tones, monkeypatch, unfreeze):
    settings = {"max_epochs": 1, "unfreeze": unfreeze}
    clf = make_jmla(store_weights=True, **settings).fit(*tones)
    assert _same(clf, make_jmla(**settings).fit(*tones))
    expected = clf.predict_proba(tones[0])
    stored, small = pickle.dumps(clf), pickle.dumps(make_jmla(**settings).fit(*tones))
    n_bytes = sum(tensor.nbytes for tensor in load_file(clf.weights).values())
    assert len(stored) - len(small) > n_bytes
    clf.weights.unlink()
    _load_jmla.cache_clear()
    again = pickle.loads(stored)
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    np.testing.assert_array_equal(again.predict_proba(tones[0]), expected)
    with pytest.raises(WeightsNotFoundError):
        pickle.loads(small).predict(tones[0])
    with pytest.raises(WeightsNotFoundError):  # a fit takes what is there now
        again.fit(*tones)
    np.testing.assert_array_equal(again.predict_proba(tones[0]), expected)
    assert not hasattr(clone(again), "encoder_")


def test_a_transformer_stores_its_weights_too(make_jmla, tones):
    encoder = make_jmla(head=None, store_weights=True).fit(tones[0])
    expected = encoder.transform(tones[0])
    encoder.weights.unlink()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(tones[0]), expected)


def test_a_fit_keeps_no_weights_of_an_earlier_one(make_jmla, make_tiny_weights, tones):
    clf = make_jmla(max_epochs=1, store_weights=True).fit(*tones)
    make_tiny_weights(seed=1)
    clf.set_params(store_weights=False).fit(*tones)
    assert not hasattr(clf, "encoder_")
    assert clf.weights_digest_ == load_jmla(clf.weights, clf._size).digest


def test_a_relative_path_is_that_of_the_working_folder(make_jmla, make_tiny_weights, monkeypatch):
    path = make_tiny_weights()
    X = [Clip(np.full(16000, 0.1), 16000)]
    expected = make_jmla(head=None).transform(X)
    monkeypatch.chdir(path.parent)
    np.testing.assert_array_equal(make_jmla(head=None, weights=path.name).transform(X), expected)
    (path.parent / "empty").mkdir()
    monkeypatch.chdir(path.parent / "empty")
    with pytest.raises(WeightsNotFoundError, match=r"tiny.safetensors does not exist"):
        make_jmla(head=None, weights=path.name).transform(X)


def test_downloaded_weights_are_read_once(make_jmla, tones, hub, monkeypatch, tmp_path):
    encoder = make_jmla(head=None)
    expected = encoder.transform(tones[0][:1])
    torch.save({"state_dict": load_file(encoder.weights)}, tmp_path / "epoch_20.pth")
    hub.publish((tmp_path / "epoch_20.pth").read_bytes())
    read, times = _pretrained_networks.read_weights, []
    monkeypatch.setattr(
        _pretrained_networks, "read_weights", lambda *a, **k: times.append(1) or read(*a, **k)
    )
    by_name = make_jmla(head=None, weights="UniMus/OpenJMLA").fit(tones[0][:1])
    np.testing.assert_array_equal(by_name.transform(tones[0][:1]), expected)
    assert len(times) == len(hub.ranges()) == 1


# The last layers are trained, too


def test_unfrozen_layers_learn_and_the_shared_network_does_not(make_jmla, tones):
    clips, labels = tones
    frozen = load_jmla(make_jmla().weights, make_jmla()._size)
    clf = make_jmla(unfreeze=1).fit(clips, labels)
    assert isinstance(clf.network_, TunedJMLA)
    tuned, theirs = clf.network_.layers[0].state_dict(), frozen.network.layers[1].state_dict()
    assert all((tuned[name] != theirs[name]).any() for name in theirs)
    found = {name: tensor.numpy() for name, tensor in frozen.network.state_dict().items()}
    assert fingerprint(found) == frozen.digest
    assert load_jmla(clf.weights, clf._size) is frozen
    assert all(weight.grad is None for weight in frozen.network.parameters())


@pytest.mark.parametrize("unfreeze", [1, 2])
def test_a_tuned_encoder_gives_a_tuned_embedding(make_jmla, tones, unfreeze):
    clips, labels = tones
    clf = make_jmla(unfreeze=unfreeze, max_epochs=15, pooling="cls").fit(clips, labels)
    embeddings = clf.transform(clips)
    assert np.abs(embeddings - make_jmla(head=None, pooling="cls").transform(clips)).max() > 1e-3
    with torch.inference_mode():
        proba = clf.network_.head(torch.from_numpy(embeddings)).double().softmax(1)
    np.testing.assert_allclose(clf.predict_proba(clips), proba, atol=1e-6)
    assert clf.score(clips, labels) == 1.0


def test_untrained_layers_embed_as_the_frozen_ones(make_jmla, tones):
    clips, labels = tones
    clf = make_jmla(unfreeze=2, max_epochs=1, learning_rate=1e-12, weight_decay=0)
    clf.fit(clips, labels)
    frozen = make_jmla(head=None).transform(clips)
    np.testing.assert_allclose(clf.transform(clips), frozen, atol=1e-5)
    np.testing.assert_allclose(clf.network_.head.mean, frozen.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(clf.network_.head.scale, frozen.std(axis=0), atol=1e-5)


def test_tuning_is_deterministic_and_predicts_each_clip_by_itself(make_jmla, tones):
    clips, labels = tones
    one, other = (make_jmla(unfreeze=1, max_epochs=2).fit(clips, labels) for _ in range(2))
    assert _same(one, other)
    together = one.predict_proba(clips)
    alone = np.concatenate([one.predict_proba([clip]) for clip in clips])
    np.testing.assert_array_equal(alone, together)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.predict_proba(clips), together)


def test_frozen_layers_hear_once_however_many_epochs(
    make_jmla, tones, heard, tmp_path, monkeypatch
):
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    make_jmla(unfreeze=1, max_epochs=3).fit(*tones)
    assert sum(heard) == 12
    make_jmla(unfreeze=1, max_epochs=2, learning_rate=1e-4).fit(*tones)
    assert sum(heard) == 12
    make_jmla(unfreeze=2, max_epochs=1).fit(*tones)
    assert sum(heard) == 24


def test_tuning_learns_from_the_middle_window(make_jmla, minute, heard):
    middle = (len(minute) - 478_720) // 2
    X = [Clip(minute, 16000), Clip(minute[::-1].copy(), 16000)]
    cut = [Clip(clip.samples[middle : middle + 478_720], 16000) for clip in X]
    settings = {"unfreeze": 1, "max_epochs": 1}
    clf = make_jmla(**settings).fit(X, ["a", "b"])
    assert sum(heard) == 2
    assert _same(clf, make_jmla(**settings).fit(cut, ["a", "b"]))
    n_before = sum(heard)
    clf.predict(X)
    assert sum(heard) == n_before + 6  # and predicts from all windows


def test_tuning_is_validated_on_the_clips_it_does_not_learn(make_jmla, tones):
    clips, labels = tones
    clf = make_jmla(unfreeze=1, max_epochs=2)
    clf.fit(clips[:8], labels[:8], X_val=clips[8:], y_val=labels[8:])
    expected = log_loss(labels[8:], clf.predict_proba(clips[8:]))
    assert clf.history_[-1]["val_loss"] == pytest.approx(expected, rel=1e-4)


def test_tokens_that_fit_in_no_memory_train_the_same(make_jmla, tones, monkeypatch):
    settings = {"unfreeze": 1, "max_epochs": 2}
    expected = make_jmla(**settings).fit(*tones)
    monkeypatch.setattr(_held_rows, "available_memory", lambda: 0)
    assert _same(make_jmla(**settings).fit(*tones), expected)


def test_tuning_goes_on_where_it_was_paused(make_jmla, tones, tmp_path, monkeypatch):
    settings = {"unfreeze": 1, "max_epochs": 2}
    expected = make_jmla(**settings).fit(*tones)
    clf = make_jmla(checkpoint_dir=tmp_path / "runs", **settings)
    step, steps = _loop._step, []

    def count_and_interrupt(*args):
        step(*args)
        steps.append(1)
        if len(steps) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(_loop, "_step", count_and_interrupt)
    with pytest.raises(TrainingPaused):
        clf.fit(*tones)
    # The weights are known by what they are, wherever they lie; and storing them is no difference.
    shutil.move(clf.weights, tmp_path / "moved.safetensors")
    clf.set_params(weights=tmp_path / "moved.safetensors", store_weights=True).fit(*tones)
    assert len(steps) == 6
    assert _same(clf, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": 5}, "weights must be 'UniMus/OpenJMLA' or the path of a file, got 5"),
        ({"weights": None}, "weights must be"),
        ({"pooling": "max"}, "pooling must be one of"),
        ({"precision": "auto"}, "precision must be one of"),
        ({"unfreeze": -1}, "unfreeze"),
        ({"unfreeze": 3}, "unfreeze == 3, must be <= 2"),
        ({"unfreeze": 1, "head": None}, "Give a head"),
    ],
)
def test_a_parameter_out_of_range_is_named(make_jmla, tones, heard, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_jmla(**changes).fit(*tones)
    assert "\n" not in str(caught.value)
    assert not heard


def test_weights_of_another_size_are_refused(make_jmla, tones, tmp_path):
    save_file(JMLAAudioEncoder(width=16, n_heads=2, n_layers=2).state_dict(), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w.pth is of another network: 'cls_token' has shape"):
        make_jmla(weights=tmp_path / "w.pth").fit(*tones)


@pytest.mark.parametrize("unfreeze", [0, 1])
def test_another_pooling_than_that_of_fit_is_refused(make_jmla, tones, unfreeze):
    clf = make_jmla(unfreeze=unfreeze, max_epochs=1).fit(*tones)
    with pytest.raises(ValueError, match="was fitted with other parameters"):
        clf.set_params(pooling="cls").predict(tones[0])


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_a_precision_is_one_of_two(make_jmla, tones, precision):
    with pytest.raises(ValueError, match=r"must be one of \('float32', 'bfloat16'\), got"):
        make_jmla(precision=precision).fit(*tones)


def test_a_head_may_be_an_array_where_layers_are_trained_with_it(make_jmla, tones):
    clf = make_jmla(head=np.array([4, 3]), unfreeze=1, max_epochs=1).fit(*tones)
    assert _same(clf, make_jmla(head=(4, 3), unfreeze=1, max_epochs=1).fit(*tones))
