"""What encoders with pretrained weights have in common, on both of them."""

import copy
import gc
import os
import pickle
import signal
import weakref

import joblib
import numpy as np
import pytest
import sklearn
import soundfile
import torch
from sklearn.base import clone, is_classifier
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from genreclass.audio import Clip, check_clips
from genreclass.exceptions import AudioReadError, NotMusicWarning, TrainingPaused, WeightsError
from genreclass.models import _fit_network, _listener
from genreclass.training import _loop

# Toy clips may be silence or noise.
pytestmark = pytest.mark.filterwarnings("ignore::genreclass.exceptions.NotMusicWarning")

SAMPLE_RATE = 22050


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Call it after `make`: a cache that nothing is in yet."""
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")


@pytest.fixture
def noisy(monkeypatch):
    """Call it with samples at 16,000 Hz: from then on they are taken for noise."""
    noise = []

    def kind(samples):
        return "noise" if any(np.array_equal(samples, one) for one in noise) else None

    monkeypatch.setattr(_listener, "sound_kind", kind)
    return noise.append


def _clips(arrays, sample_rate=SAMPLE_RATE):
    return [Clip(samples, sample_rate) for samples in arrays]


def _same(one, other):
    pairs = zip(
        one.network_.state_dict().values(), other.network_.state_dict().values(), strict=True
    )
    return all(torch.equal(*pair) for pair in pairs)


# Forms of X


def test_every_form_of_x_is_learned_and_predicted(make, tones, as_input):
    clips, labels = tones
    X = as_input(clips)
    clf = make(max_epochs=20).fit(X, labels)
    assert clf.score(X, labels) == 1.0
    assert clf.predict_proba(X).shape == (12, 2)
    assert clf.transform(X).shape == (12, len(clf.get_feature_names_out()))


def test_forms_of_x_may_be_mixed(make, tones, tmp_path):
    samples = tones[0][0]
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    X = [tmp_path / "a.wav", str(tmp_path / "a.wav"), Clip(samples, SAMPLE_RATE), samples]
    rows = make(head=None).fit_transform(X)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, rows[[0] * 4])


def test_bare_arrays_need_a_rate_and_are_resampled_from_it(make, tones):
    samples = tones[0][0]
    encoder = make(head=None)
    declared = encoder.transform([samples])
    np.testing.assert_array_equal(declared, encoder.transform(_clips([samples])))
    assert (make(head=None, sample_rate=16000).transform([samples]) != declared).any()
    for X in ([samples], np.stack(tones[0])):
        with pytest.raises(ValueError, match=r"Clip 0 is a bare array, whose rate nobody says"):
            make(head=None, sample_rate=None).transform(X)
    with pytest.raises(ValueError, match=r"Clip 0 is a bare array, whose rate nobody says"):
        make(sample_rate=None).fit(*tones)


def test_no_clips_are_refused(make, tones):
    clf = make(max_epochs=1).fit(*tones)
    for method in (clf.predict, clf.transform, make(head=None).fit):
        with pytest.raises(ValueError, match="X holds no clips"):
            method([])


# A transformer


def test_a_frame_has_the_names_of_its_columns(make, tones):
    clips, _ = tones
    encoder = make(head=None)
    expected = encoder.transform(clips[:2])
    frame = encoder.set_output(transform="pandas").transform(clips[:2])
    assert frame.columns.tolist() == encoder.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), expected)


def test_a_frame_is_no_hindrance_to_predictions(make, tones):
    clips, labels = tones
    clf = make(max_epochs=2).fit(clips, labels)
    proba = clf.predict_proba(clips)
    clf.set_output(transform="pandas")
    np.testing.assert_array_equal(clf.predict_proba(clips), proba)
    assert clf.fit_transform(clips, labels).shape[0] == 12


def test_without_a_head_it_is_a_transformer_that_needs_no_fit(make, tones):
    clips, _ = tones
    encoder = make(head=None)
    assert not is_classifier(encoder)
    expected = encoder.transform(clips[:2])
    np.testing.assert_array_equal(encoder.fit(clips[:2]).transform(clips[:2]), expected)
    np.testing.assert_array_equal(encoder.fit_transform(clips[:2]), expected)
    for name in ("predict", "predict_proba", "score", "classes_", "network_", "history_"):
        assert not hasattr(encoder, name)


def test_with_a_head_it_is_a_classifier_that_wants_a_fit(make, tones):
    clips, labels = tones
    clf = make(max_epochs=1)
    assert is_classifier(clf)
    for method in (clf.predict, clf.predict_proba, clf.transform):
        with pytest.raises(NotFittedError):
            method(clips)
    with pytest.raises(ValueError, match="requires y"):
        clf.fit(clips)
    np.testing.assert_array_equal(clf.fit_transform(clips, labels), clf.transform(clips))
    np.testing.assert_array_equal(clf.transform(clips), make(head=None).transform(clips))


def test_a_fit_without_a_head_forgets_the_one_with(make, tones):
    clf = make(max_epochs=1).fit(*tones)
    clf.set_params(head=None).fit(tones[0])
    clf.set_params(head=(4,))
    assert not hasattr(clf, "classes_")
    with pytest.raises(NotFittedError):
        clf.predict(tones[0])


def test_it_stands_in_a_pipeline(make, tones):
    clips, labels = tones
    pipeline = make_pipeline(make(head=None), StandardScaler(), LogisticRegression())
    pipeline.fit(_clips(clips), labels)
    assert pipeline.score(_clips(clips), labels) == 1.0
    assert list(pipeline[:-1].get_feature_names_out()) == list(pipeline[0].get_feature_names_out())


# A classifier


@pytest.mark.parametrize("head", [(), (8,), [8, 4], np.array([4])])
def test_a_head_of_any_depth_learns(make, tones, head):
    clips, labels = tones
    clf = make(head=head, max_epochs=20, dropout=0.1).fit(clips, labels)
    widths = [layer.out_features for layer in clf.network_.layers]
    assert widths == [*head, 2]
    assert clf.score(clips, labels) == 1.0
    assert clf.score(clips, labels, sample_weight=np.arange(12)) == 1.0
    assert [entry["epoch"] for entry in clf.history_] == list(range(1, 21))
    assert clf.best_epoch_ == 20


@pytest.mark.parametrize(
    "labels", [[3, 7], [True, False], ["b", "a"], np.array(["x", "y"], object)]
)
def test_labels_of_any_type_come_back(make, tones, labels):
    y = np.array(labels)[np.arange(12) % 2]
    clf = make(head=(), max_epochs=20).fit(tones[0], y)
    assert list(clf.classes_) == sorted(labels)
    np.testing.assert_array_equal(clf.predict(tones[0]), y)


def test_probabilities_are_double_and_sum_to_one(make, tones):
    clips, labels = tones
    proba = make(max_epochs=2).fit(clips, labels).predict_proba(clips)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-15)


def test_the_same_random_state_gives_the_same_head(make, tones):
    clips, labels = tones
    first, second, other = (
        make(random_state=seed).fit(clips, labels).predict_proba(clips) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_the_global_generators_are_left_alone(make, tones):
    of_numpy = check_random_state(None)
    before = torch.random.get_rng_state(), of_numpy.get_state()[1].copy()
    make(max_epochs=1).fit(*tones)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(of_numpy.get_state()[1], before[1])


def test_a_prediction_does_not_depend_on_its_company(make, tones, monkeypatch):
    clips, labels = tones
    clf = make(max_epochs=2).fit(clips, labels)
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    # Of one patch or window, of several, and of more patches than go together.
    X = [clips[0], np.tile(clips[1], 9), clips[2], np.tile(clips[3], 25)]
    together = clf.predict_proba(X)
    alone = np.concatenate([clf.predict_proba([clip]) for clip in X])
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(clf.predict_proba(X[::-1])[::-1], together)


def test_balanced_weights_lift_the_rare_genre(make, tones):
    clips, labels = tones
    rare, common = np.flatnonzero(labels == "low")[:2], np.flatnonzero(labels == "high")
    rows = [*rare, *common]
    X, y = [clips[row] for row in rows], labels[rows]
    share = {}
    for weight in (None, "balanced"):
        clf = make(class_weight=weight, max_epochs=2, learning_rate=1e-3).fit(X, y)
        share[weight] = clf.predict_proba(X)[:, 1].mean()
    assert share["balanced"] > share[None]


def test_validation_clips_are_watched_and_not_trained_on(make, tones):
    clips, labels = tones
    alone = make().fit(clips[:8], labels[:8])
    watched = make().fit(clips[:8], labels[:8], X_val=clips[8:], y_val=labels[8:])
    assert "val_loss" not in alone.history_[0]
    assert _same(alone, watched)
    last, proba = watched.history_[-1], watched.predict_proba(clips[8:])
    assert last["val_loss"] == pytest.approx(log_loss(labels[8:], proba), rel=1e-6)
    assert last["val_accuracy"] == watched.score(clips[8:], labels[8:])


def test_the_fraction_kept_aside_never_shares_a_group(make, tones, monkeypatch):
    clips, labels = tones
    seen = []
    original = _fit_network.split_validation

    def spy(*args, **settings):
        seen.append(original(*args, **settings))
        return seen[-1]

    monkeypatch.setattr(_fit_network, "split_validation", spy)
    groups = np.repeat(["a", "b", "c", "d", "e", "f"], 2)
    clf = make(patience=1, validation_fraction=0.3, max_epochs=50)
    clf.fit(clips, labels, groups=groups)
    ((learned, aside),) = seen
    assert len(aside) == 4
    assert not set(groups[learned]) & set(groups[aside])
    losses = [entry["val_loss"] for entry in clf.history_]
    assert clf.best_epoch_ == 1 + int(np.argmin(losses))


def test_grid_search_over_the_head(make, tones):
    clips, labels = tones
    before = make(max_epochs=2)
    grid = {"head": [(), (4,)], "dropout": [0.0, 0.5]}
    search = GridSearchCV(before, grid, cv=2, error_score="raise").fit(_clips(clips), labels)
    best = search.best_estimator_
    assert len(best.network_.layers) == 1 + len(search.best_params_["head"])
    assert best.network_.config["dropout"] == search.best_params_["dropout"]
    assert not hasattr(before, "network_")


def test_groups_travel_by_metadata_routing(make, tones, caplog):
    clips, labels = tones
    groups = np.repeat(np.arange(6), 2)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make(patience=2, max_epochs=2).set_fit_request(groups=True)
        search = GridSearchCV(clf, {"dropout": [0.3]}, cv=GroupKFold(3), error_score="raise")
        with caplog.at_level("INFO", logger="genreclass"):
            search.fit(clips, labels, groups=groups)
            assert "without groups" not in caplog.text
            make(patience=2, max_epochs=2).fit(clips, labels)
            assert "without groups" in caplog.text


def test_a_clone_has_the_parameters_and_nothing_learned(make, tones):
    clf = make(max_epochs=1, head=[4]).fit(*tones)
    again = clone(clf)
    assert again.get_params() == clf.get_params()
    assert not hasattr(again, "network_")
    assert not hasattr(again, "weights_digest_")


@pytest.mark.parametrize(
    "meta",
    [
        lambda clf: VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft"),
        lambda clf: StackingClassifier([("a", clf)], LogisticRegression(), cv=2),
    ],
    ids=["voting", "stacking"],
)
def test_meta_estimators_take_clips(make, tones, meta):
    clips, labels = tones
    ragged = _clips([clip[100 * i :] for i, clip in enumerate(clips)])
    ensemble = meta(make(head=(), max_epochs=10)).fit(ragged, labels)
    assert ensemble.score(ragged, labels) >= 0.75


def test_cross_val_predict_takes_clips(make, tones):
    clips, labels = tones
    predicted = cross_val_predict(make(head=(), max_epochs=20), _clips(clips), labels, cv=3)
    assert (predicted == labels).mean() > 0.8


# Embeddings are computed once


def test_a_second_fit_with_another_head_hears_nothing(make, tones, own_cache, heard):
    clips, labels = tones
    make().fit(clips, labels)
    assert sum(heard) == 12
    make(learning_rate=1e-2, head=(8,), dropout=0.0, patience=2).fit(clips, labels).predict(clips)
    make(head=None).fit_transform(clips)
    assert sum(heard) == 12


def test_without_a_cache_every_fit_hears_the_clips(make, tones, heard, monkeypatch):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    clf = make().fit(*tones)
    assert sum(heard) == 12  # however many epochs
    clf.predict(tones[0][:3])
    assert sum(heard) == 15


def test_what_is_kept_is_what_is_heard(make, tones, own_cache, monkeypatch):
    clips, _ = tones
    first, kept = (make(head=None).transform(clips) for _ in range(2))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    np.testing.assert_array_equal(kept, first)
    np.testing.assert_array_equal(make(head=None).transform(clips), first)


def test_another_duration_is_heard_anew(make, tones, own_cache, heard):
    clips = tones[0][:2]
    make(head=None).transform(clips)
    make(head=None, duration=0.25).transform(clips)
    assert sum(heard) == 4


# Runs that are gone on with


def test_a_paused_run_ends_as_one_that_was_not(make, tones, tmp_path, monkeypatch):
    expected = make(max_epochs=3).fit(*tones)
    clf = make(max_epochs=3, checkpoint_dir=tmp_path / "runs")
    step, steps = _loop._step, []

    def count_and_interrupt(*args):
        step(*args)
        steps.append(1)
        if len(steps) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(_loop, "_step", count_and_interrupt)
    with pytest.raises(TrainingPaused):
        clf.fit(*tones)
    assert not hasattr(clf, "network_")
    clf.fit(*tones)
    assert len(steps) == 9
    assert _same(clf, expected)
    assert clf.history_ == expected.history_
    make(max_epochs=3, checkpoint_dir=tmp_path / "runs").fit(*tones)
    assert len(steps) == 9


# What is saved


@pytest.mark.parametrize("way", ["pickle", "joblib", "deepcopy"])
def test_a_copy_predicts_the_same(make, tones, tmp_path, way):
    clips, labels = tones
    clf = make(max_epochs=2).fit(clips, labels)
    if way == "pickle":
        again = pickle.loads(pickle.dumps(clf))
    elif way == "joblib":
        joblib.dump(clf, tmp_path / "clf.joblib")
        again = joblib.load(tmp_path / "clf.joblib")
    else:
        again = copy.deepcopy(clf)
    np.testing.assert_array_equal(again.predict_proba(clips), clf.predict_proba(clips))
    assert len(pickle.dumps(clf)) < 30_000


def test_other_weights_than_those_of_fit_are_refused(make, tones):
    clf = make(max_epochs=1).fit(*tones)
    clf.weights_digest_ = "0" * 32
    with pytest.raises(WeightsError, match=r"fitted on other weights than .*expected 000000000000"):
        clf.predict(tones[0])
    encoder = make(head=None).fit(tones[0])
    encoder.weights_digest_ = "0" * 32
    with pytest.raises(WeightsError, match=r"Put the file back, or fit it again\."):
        encoder.transform(tones[0])


def test_a_failed_fit_leaves_no_half_a_model(make, tones):
    clips, labels = tones
    clf = make(max_epochs=1)
    with pytest.raises(AudioReadError, match=r"Clip 0: nowhere.wav does not exist"):
        clf.fit(["nowhere.wav", *clips[1:]], labels)
    with pytest.raises(NotFittedError):
        clf.predict(clips)
    clf.fit(clips, labels)
    before = clf.predict_proba(clips)
    with pytest.raises(AudioReadError):
        clf.fit(["nowhere.wav", *clips[1:]], ["x", "y", "z"] * 4)
    np.testing.assert_array_equal(clf.predict_proba(clips), before)
    assert list(clf.classes_) == ["high", "low"]


# What is not music


def _at_16k(samples):
    (source,) = check_clips(_clips([samples]), sample_rate=None)
    return source.load(16000, duration=None)


def test_a_clip_that_is_not_music_is_named(make, tones, own_cache, noisy, tmp_path):
    clips, _ = tones
    noisy(_at_16k(clips[1]))
    path = tmp_path / "hiss.wav"
    soundfile.write(path, clips[1], SAMPLE_RATE, subtype="FLOAT")
    X = [Clip(clips[0], SAMPLE_RATE), Clip(clips[1], SAMPLE_RATE), clips[2], path]
    for _ in range(2):  # computed, and then kept
        with pytest.warns(NotMusicWarning, match=r"^2 of 4 clips") as caught:
            make(head=None).transform(X)
        (warning,) = [one.message for one in caught]
        assert warning.kinds == {1: "noise", 3: "noise"}
        assert f"clip 1 is noise, clip 3 ({path}) is noise" in str(warning)


def test_a_fit_names_clips_by_their_places_in_x(make, tones, own_cache, noisy):
    clips, labels = tones
    for place in (5, 10):
        noisy(_at_16k(clips[place]))
    clf = make(patience=1, validation_fraction=0.4, max_epochs=2)
    with pytest.warns(NotMusicWarning) as caught:
        clf.fit(clips, labels)
    kinds = {}
    for one in caught:
        kinds |= one.message.kinds
    assert kinds == {5: "noise", 10: "noise"}


# Clips of any length


def test_the_middle_of_a_clip_is_taken(make):
    generator = np.random.default_rng(0)
    long = (0.1 * generator.normal(size=16000 * 9)).astype(np.float32)
    encoder = make(head=None, duration=3.0)
    of_long, of_middle = encoder.transform(_clips([long, long[48000:96000]], 16000))
    np.testing.assert_array_equal(of_long, of_middle)
    whole = make(head=None).transform(_clips([long], 16000))[0]
    assert np.abs(whole - of_middle).max() > 1e-3


@pytest.mark.parametrize("n_samples", [1, 2, 160, 256, 1000])
def test_the_shortest_clips_are_heard(make, n_samples):
    for sample_rate in (16000, 44100):
        X = [Clip(np.full(n_samples, 0.1, dtype=np.float32), sample_rate)]
        assert np.isfinite(make(head=None).transform(X)).all()


# Mistakes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": 4}, "head must be None or hold the width"),
        ({"head": "256"}, "head must be None or hold the width"),
        ({"head": (4, 0)}, "each of head"),
        ({"dropout": 1}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"sample_rate": 0}, "sample_rate must be None or a whole number"),
        ({"sample_rate": 22050.5}, "sample_rate must be None or a whole number"),
        ({"duration": 0}, "duration"),
        ({"duration": -1.0}, "duration"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"schedule": "cosine"}, "schedule"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"checkpoint_dir": 3}, "checkpoint_dir"),
        ({"class_weight": {"low": -1, "high": 1}}, "class_weight"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_a_parameter_out_of_range_is_named_before_anything_is_heard(
    make, tones, heard, changes, message
):
    with pytest.raises(ValueError, match=message) as caught:
        make(**changes).fit(*tones)
    assert "\n" not in str(caught.value)
    assert not heard


def test_awkward_input_is_named(make, tones, heard):
    clips, labels = tones
    for X, y, extra, message in [
        (clips, ["low"] * 12, {}, "1 class"),
        (clips, labels[:-1], {}, "inconsistent"),
        (clips, labels, {"X_val": clips}, "X_val and y_val go together"),
        (clips, labels, {"X_val": clips[:1], "y_val": ["polka"]}, "'polka', which is not in y"),
        (clips[0], labels, {}, r"X is one array"),
        ("song.mp3", labels, {}, r"Put clips in a list"),
    ]:
        with pytest.raises(ValueError, match=message):
            make().fit(X, y, **extra)
    with pytest.raises(ValueError, match="one group"):
        make(patience=1).fit(clips, labels, groups=["a"] * 12)
    assert not heard


def test_verbose_shows_a_bar_and_silence_is_the_default(make, tones, capfd):
    make(max_epochs=2).fit(*tones)
    assert capfd.readouterr() == ("", "")
    make(max_epochs=2, verbose=1).fit(*tones)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Listening" in err
    assert "12/12 clips" in err
    assert "Epoch 2/2: " in err


def test_a_network_is_copied_to_another_device_once_and_stays_where_it_is():
    network, device = torch.nn.Linear(2, 3), torch.device("meta")
    there = _listener.on_device(network, device)
    assert there.weight.device == device
    assert network.weight.device.type == "cpu"
    assert _listener.on_device(network, device) is there
    assert _listener.on_device(network, torch.device("cpu")) is network
    gone = weakref.ref(there)
    del network, there
    gc.collect()
    assert gone() is None


def test_embeddings_are_of_full_precision_wherever_they_are_asked_for(make, tones, monkeypatch):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    encoder = make(head=None)
    expected = encoder.transform(tones[0][:2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(encoder.transform(tones[0][:2]), expected)
