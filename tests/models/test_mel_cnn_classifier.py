"""The network as a scikit-learn classifier."""

import logging
import pickle

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline

from genreclass import Augmentation, MelCNNClassifier, MelSpectrogram, load, save
from genreclass.audio import Clip
from genreclass.datasets import make_clips
from genreclass.exceptions import AudioReadError
from genreclass.training import count_sounding_frames

MEL = MelSpectrogram(duration=0.5, n_mels=16)


def _read_only(spectra):
    spectra.flags.writeable = False
    return spectra


def _classifier(**changes):
    settings = {
        "channels": (8, 8),
        "mel": MEL,
        "max_epochs": 30,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "crop_s": 0.3,
        "random_state": 0,
    }
    return MelCNNClassifier(**{**settings, **changes})


def test_every_form_of_x_is_learned_and_predicted(tones, as_input):
    clips, labels = tones
    X = as_input(clips)
    clf = _classifier().fit(X, labels)
    assert clf.score(X, labels) == 1.0
    assert clf.predict_proba(X).shape == (12, 2)
    assert clf.transform(X).shape == (12, 16)


def test_genres_of_make_clips_are_told_apart():
    train = make_clips(48, n_genres=8, duration=1.0, random_state=0)
    test = make_clips(48, n_genres=8, duration=1.0, random_state=1)
    mel = MelSpectrogram(duration=1.0)
    clf = _classifier(mel=mel, channels=(16, 32), max_epochs=40, learning_rate=1e-2, crop_s=0.8)
    assert clf.fit(train.data, train.target).score(test.data, test.target) > 0.9


def test_the_same_random_state_gives_the_same_network(tones):
    clips, labels = tones
    first, second, other = (
        _classifier(random_state=seed).fit(clips, labels).predict_proba(clips) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_a_prediction_does_not_depend_on_its_company(tones):
    clips, labels = tones
    clf = _classifier(max_epochs=2).fit(clips, labels)
    together = clf.predict_proba(clips)
    alone = np.concatenate([clf.predict_proba([clip]) for clip in clips])
    np.testing.assert_array_equal(alone, together)


def test_passthrough_in_a_pipeline_equals_mel_inside(tones):
    clips, labels = tones
    ragged = [clip[: len(clip) - 300 * i] for i, clip in enumerate(clips)]
    inside = _classifier().fit(ragged, labels)
    # In a Pipeline frames are taken to be those of MelSpectrogram(), which MEL's are.
    outside = make_pipeline(MEL, _classifier(mel="passthrough")).fit(ragged, labels)
    np.testing.assert_array_equal(inside.predict_proba(ragged), outside.predict_proba(ragged))


def test_extra_rows_are_the_same_in_a_pipeline_in_a_file_and_inside(tones, tmp_path):
    clips, labels = tones
    ragged = [clip[: len(clip) - 300 * index] for index, clip in enumerate(clips)]
    mel = clone(MEL).set_params(extra=("mfcc", "chroma_cqt", "spectral_centroid"))
    inside = _classifier(mel=mel, max_epochs=3).fit(ragged, labels)
    proba = inside.predict_proba(ragged)
    outside = make_pipeline(mel, _classifier(mel="passthrough", max_epochs=3)).fit(ragged, labels)
    np.testing.assert_array_equal(outside.predict_proba(ragged), proba)
    save(inside, tmp_path / "a.genre")
    np.testing.assert_array_equal(load(tmp_path / "a.genre").predict_proba(ragged), proba)


def test_a_louder_copy_is_classified_alike_with_extra_rows_too(tones):
    clips, labels = tones
    mel = clone(MEL).set_params(extra=("mfcc", "rmse", "spectral_contrast"))
    clf = _classifier(mel=mel, max_epochs=3).fit(clips, labels)
    quiet = [clip / 4 for clip in clips]
    np.testing.assert_allclose(clf.predict_proba(quiet), clf.predict_proba(clips), atol=1e-3)


def test_extra_rows_do_not_move_the_end_of_a_clip(tones):
    clips, _ = tones
    padded = [
        np.append(clip[: 4000 + 500 * index], np.zeros(2000)) for index, clip in enumerate(clips)
    ]
    plain = torch.from_numpy(MEL.transform(padded))
    mel = clone(MEL).set_params(extra=("mfcc", "chroma_cqt", "zcr"))
    n_sounding = count_sounding_frames(torch.from_numpy(mel.transform(padded)))
    assert n_sounding.tolist() == count_sounding_frames(plain).tolist()
    assert n_sounding.max() < plain.shape[2]


def test_grid_search_over_the_spectrogram(tones):
    clips, labels = tones
    grid = {"mel__n_mels": [8, 16], "learning_rate": [1e-2, 3e-2]}
    search = GridSearchCV(_classifier(max_epochs=2), grid, cv=2, error_score="raise")
    search.fit(clips, labels)
    network = search.best_estimator_.network_
    assert network.config["n_rows"] == search.best_params_["mel__n_mels"]
    assert MEL.n_mels == 16


def test_augmentation_changes_what_is_learned_and_not_what_is_asked(tones, tmp_path):
    clips, labels = tones
    plain = _classifier(class_weight="balanced").fit(clips, labels)
    augment = Augmentation(equalizer_p=0)
    augmented = _classifier(augment=augment, class_weight="balanced").fit(clips, labels)
    again = _classifier(augment=augment, class_weight="balanced").fit(clips, labels)
    assert augmented.history_ != plain.history_
    assert augmented.history_ == again.history_
    assert all(0 <= entry["accuracy"] <= 1 for entry in augmented.history_)
    proba = augmented.predict_proba(clips)
    np.testing.assert_array_equal(augmented.predict_proba(clips), proba)
    assert augmented.score(clips, labels) > 0.8
    save(augmented, tmp_path / "model.genre")
    loaded = load(tmp_path / "model.genre")
    assert loaded.augment.get_params() == augment.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(clips), proba)


def test_validation_clips_are_not_augmented(tones):
    clips, labels = tones
    classifier = _classifier(augment=Augmentation(), max_epochs=1, schedule="plateau")
    classifier.fit(clips, labels, X_val=clips, y_val=labels)
    asked = classifier.predict_proba(clips)
    assert classifier.history_[0]["val_loss"] == pytest.approx(log_loss(labels, asked), rel=1e-6)


def test_augmentation_takes_spectrograms_and_extra_rows_too(tones):
    clips, labels = tones
    mel = MelSpectrogram(duration=0.5, n_mels=16, extra=("mfcc",))
    augment = Augmentation(pitch_shift_p=0)
    inside = _classifier(mel=mel, augment=augment, max_epochs=2).fit(clips, labels)
    assert inside.network_.config["n_rows"] == mel.n_rows
    spectra = MEL.transform(clips)
    given = _classifier(mel="passthrough", augment=Augmentation(), max_epochs=2)
    assert given.fit(spectra, labels).history_


def test_grid_search_over_the_augmentation(tones):
    clips, labels = tones
    grid = {"augment__mixup_p": [0.0, 1.0]}
    classifier = _classifier(augment=Augmentation(), max_epochs=2)
    search = GridSearchCV(classifier, grid, cv=2, error_score="raise").fit(clips, labels)
    assert search.best_estimator_.augment.mixup_p == search.best_params_["augment__mixup_p"]
    assert classifier.augment.mixup_p is None


def test_cross_val_predict_with_paths_keeps_string_labels(tones, tmp_path):
    import soundfile

    clips, labels = tones
    paths = [str(tmp_path / f"{i}.flac") for i in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        soundfile.write(path, clip, 22050)
    predicted = cross_val_predict(_classifier(), paths, labels, cv=3)
    assert (predicted == labels).mean() > 0.8


@pytest.mark.parametrize(
    "meta",
    [
        lambda clf: VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft"),
        lambda clf: StackingClassifier([("a", clf)], LogisticRegression(), cv=2),
        lambda clf: CalibratedClassifierCV(clf, cv=2),
    ],
    ids=["voting", "stacking", "calibrated"],
)
def test_meta_estimators_take_ragged_clips(tones, meta):
    clips, labels = tones
    ragged = [Clip(clip[100 * i :], 22050) for i, clip in enumerate(clips)]
    train, test, y_train, y_test = train_test_split(
        ragged, labels, test_size=4, stratify=labels, random_state=0
    )
    # Stacking and calibration learn from four clips a fold, so not all need be right.
    assert meta(_classifier()).fit(train, y_train).score(test, y_test) >= 0.75


def test_the_embedding_feeds_another_classifier(tones):
    clips, labels = tones
    both = make_pipeline(_classifier().set_output(transform="pandas"), LogisticRegression())
    assert both.fit(clips, labels).score(clips, labels) == 1.0
    names = both[0].transform(clips).columns
    assert list(names[:2]) == ["melcnnclassifier0", "melcnnclassifier1"]


@pytest.mark.parametrize(
    "labels", [[3, 7], [True, False], ["b", "a"], np.array(["x", "y"], object)]
)
def test_labels_of_any_type_come_back(tones, labels):
    clips, _ = tones
    y = np.array(labels)[np.arange(12) % 2]
    clf = _classifier().fit(clips, y)
    assert list(clf.classes_) == sorted(labels)
    np.testing.assert_array_equal(clf.predict(clips), y)


def test_validation_clips_are_watched_and_not_trained_on(tones):
    clips, labels = tones
    alone = _classifier().fit(clips[:8], labels[:8])
    watched = _classifier().fit(clips[:8], labels[:8], X_val=clips[8:], y_val=labels[8:])
    assert "val_loss" not in alone.history_[0]
    assert len(watched.history_) == 30
    assert watched.history_[-1]["val_accuracy"] == 1.0
    np.testing.assert_array_equal(alone.predict_proba(clips), watched.predict_proba(clips))


def test_val_accuracy_and_loss_are_scikit_learn_s(tones):
    from sklearn.metrics import accuracy_score

    clips, labels = tones
    clf = _classifier(max_epochs=3, learning_rate=3e-3)
    clf.fit(clips[:8], labels[:8], X_val=clips[8:], y_val=labels[8:])
    last = clf.history_[-1]
    proba = clf.predict_proba(clips[8:])
    assert last["val_loss"] == pytest.approx(log_loss(labels[8:], proba, labels=clf.classes_))
    assert last["val_accuracy"] == accuracy_score(labels[8:], clf.predict(clips[8:]))


def test_the_fraction_kept_aside_never_shares_a_group(tones, monkeypatch):
    clips, labels = tones
    seen = {}
    from genreclass.models import _fit_network as module

    original = module.split_validation

    def spy(y, groups, **settings):
        seen["split"] = original(y, groups, **settings)
        return seen["split"]

    monkeypatch.setattr(module, "split_validation", spy)
    groups = np.repeat(["a", "b", "c", "d", "e", "f"], 2)
    clf = _classifier(patience=3, validation_fraction=0.3).fit(clips, labels, groups=groups)
    learned, aside = seen["split"]
    assert len(aside) == 4
    assert not set(groups[learned]) & set(groups[aside])
    assert "val_loss" in clf.history_[0]


def test_groups_travel_by_metadata_routing(tones, caplog):
    clips, labels = tones
    groups = np.repeat(np.arange(6), 2)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = _classifier(patience=2, max_epochs=2).set_fit_request(groups=True)
        search = GridSearchCV(clf, {"dropout": [0.0, 0.3]}, cv=GroupKFold(3), error_score="raise")
        with caplog.at_level(logging.INFO, logger="genreclass"):
            search.fit(clips, labels, groups=groups)
            make_pipeline(MEL, clone(clf).set_params(mel="passthrough")).fit(
                clips, labels, groups=groups
            )
    assert "without groups" not in caplog.text


def test_an_ungrouped_inner_split_is_logged(tones, caplog):
    clips, labels = tones
    with caplog.at_level(logging.INFO, logger="genreclass"):
        _classifier(patience=2, max_epochs=2, validation_fraction=0.3).fit(clips, labels)
    assert "without groups" in caplog.text


def test_early_stopping_without_validation_watches_the_training_loss(tones):
    clips, labels = tones
    clf = _classifier(patience=1, validation_fraction=None, max_epochs=200, schedule=None)
    clf.fit(clips, labels)
    assert len(clf.history_) < 200
    assert "val_loss" not in clf.history_[0]


def test_mistakes_are_named_before_anything_is_decoded(tones, monkeypatch):
    clips, labels = tones
    monkeypatch.setattr(MelSpectrogram, "transform", lambda *_: pytest.fail("decoded"))
    for settings, extra in [
        ({"device": "cuda:99"}, {}),
        ({"patience": 1, "validation_fraction": 0.01}, {}),
        ({"patience": 1}, {"groups": ["a"] * 12}),
        ({"class_weight": {"polka": 1}}, {}),
        ({}, {"X_val": clips[:2], "y_val": ["polka", "low"]}),
        ({}, {"X_val": clips[:2], "y_val": labels[:1]}),
    ]:
        with pytest.raises(ValueError, match=r"."):
            _classifier(**settings).fit(clips, labels, **extra)


def test_a_failed_fit_leaves_no_half_a_model(tones):
    clips, labels = tones
    clf = _classifier(max_epochs=1)
    with pytest.raises(AudioReadError):
        clf.fit(["nowhere.wav", *clips[1:]], labels)
    with pytest.raises(NotFittedError):
        clf.predict(clips)
    with pytest.raises(NotFittedError):
        clf.get_feature_names_out()
    clf.fit(clips, labels)
    before = clf.predict_proba(clips)
    with pytest.raises(AudioReadError):
        clf.fit(["nowhere.wav", *clips[1:]], ["x", "y", "z"] * 4)
    np.testing.assert_array_equal(clf.predict_proba(clips), before)
    assert list(clf.classes_) == ["high", "low"]


@pytest.mark.parametrize("change", [lambda S: S[::-1], lambda S: S[..., ::2], _read_only])
def test_spectrograms_of_any_memory_layout_are_taken(tones, change):
    spectra, labels = change(MEL.transform(tones[0])), tones[1]
    clf = _classifier(mel="passthrough", max_epochs=1).fit(spectra, labels)
    expected = clf.predict_proba(spectra.copy())
    np.testing.assert_array_equal(clf.predict_proba(spectra), expected)


def test_clips_and_networks_travel_to_other_processes(tones):
    clips, labels = tones
    grid = {"dropout": [0.0, 0.3]}
    here, there = (
        GridSearchCV(_classifier(max_epochs=2), grid, cv=2, n_jobs=n_jobs, error_score="raise")
        .fit(clips, labels)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(here, there)


def test_short_clips_are_cropped_to_what_sounds(tones):
    clips, labels = tones
    clf = MelCNNClassifier(channels=(2,), max_epochs=1).fit(clips, labels)
    assert clf.crop_frames_ == 1 + len(clips[0]) // 512


def test_the_best_epoch_is_the_one_of_lowest_watched_loss(tones):
    clips, labels = tones
    clf = _classifier(patience=3, validation_fraction=0.3, learning_rate=0.1).fit(clips, labels)
    losses = [entry["val_loss"] for entry in clf.history_]
    assert clf.best_epoch_ == 1 + int(np.argmin(losses))
    assert _classifier(max_epochs=2).fit(clips, labels).best_epoch_ == 2


def test_no_generator_stays_in_a_fitted_network(tones):
    # One of a CUDA device could not be unpickled where there is none.
    clf = _classifier(max_epochs=1).fit(*tones)
    assert clf.network_.dropout.generator is None


def test_balanced_weights_find_the_rare_genre():
    clips = make_clips(60, n_genres=2, duration=0.5, random_state=0)
    rare = [i for i, genre in enumerate(clips.target) if genre == "drone"][:3]
    common = [i for i, genre in enumerate(clips.target) if genre == "techno"]
    index = [*rare, *common]
    X, y = [clips.data[i] for i in index], clips.target[index]
    recall = {}
    for weight in (None, "balanced"):
        clf = _classifier(class_weight=weight, max_epochs=3, learning_rate=1e-2, batch_size=16)
        proba = clf.fit(X, y).predict_proba(X[:3])
        recall[weight] = proba[:, list(clf.classes_).index("drone")].mean()
    assert recall["balanced"] > recall[None] + 0.1


def test_short_long_and_resampled_clips_are_predicted(tones):
    clips, labels = tones
    clf = _classifier().fit(clips, labels)
    time = np.arange(3 * 44100) / 44100
    noise = 0.05 * np.random.default_rng(1).normal(size=len(time))
    long_low = Clip(0.5 * np.sin(2 * np.pi * 200 * time) + noise, 44100)
    assert list(clf.predict([long_low, clips[1][:2000]])) == ["low", "high"]


def test_fitting_changes_neither_parameters_nor_the_given_spectrogram(tones):
    clips, labels = tones
    mel = MelSpectrogram(duration=0.5, n_mels=16)
    clf = _classifier(mel=mel, channels=[8])
    before = {**clf.get_params(), "channels": [8]}
    clf.fit(clips, labels)
    assert clf.get_params() == before
    assert clf.mel is mel
    assert clf.mel_ is not mel


def test_a_default_spectrogram_is_built_in_fit():
    assert MelCNNClassifier().mel is None
    assert "mel__n_mels" not in MelCNNClassifier().get_params()


def test_a_pickled_model_predicts_the_same(tones):
    clips, labels = tones
    clf = _classifier(max_epochs=2).fit(clips, labels)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(clips), clf.predict_proba(clips))


def test_a_model_for_cuda_predicts_without_one(tones, caplog):
    if torch.cuda.is_available():
        pytest.skip("CUDA is available here")
    clips, labels = tones
    clf = _classifier(max_epochs=2).fit(clips, labels)
    expected = clf.predict_proba(clips)
    clf.set_params(device="cuda")  # as if it had been fitted so, elsewhere
    clf.mel_.set_params(device="cuda")
    np.testing.assert_array_equal(clf.predict_proba(clips), expected)
    assert "using the CPU" in caplog.text
    with pytest.raises(ValueError, match='Use device="auto"'):
        clf.fit(clips, labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_and_predicts_what_the_cpu_does(tones, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # or it has ten bits
    clips, labels = tones
    on_gpu = _classifier(device="cuda").fit(clips, labels)
    assert on_gpu.score(clips, labels) == 1.0
    proba = on_gpu.predict_proba(clips)
    again = pickle.loads(pickle.dumps(on_gpu)).set_params(device="cpu")
    np.testing.assert_allclose(again.predict_proba(clips), proba, atol=1e-4)


def test_verbose_shows_a_bar_and_silence_is_the_default(tones, capfd):
    clips, labels = tones
    _classifier(max_epochs=2).fit(clips, labels)
    assert capfd.readouterr() == ("", "")
    _classifier(max_epochs=2, verbose=1).fit(clips, labels)
    out, err = capfd.readouterr()
    assert out == ""
    assert "12/12 clips" in err
    assert "Epoch 2/2: " in err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": ()}, "channels"),
        ({"channels": (4, 0)}, "channels"),
        ({"mel": "pass"}, "mel must be"),
        ({"crop_s": 0}, "crop_s"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"dropout": 1}, "dropout"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"augment": "all"}, "augment must be an Augmentation or None"),
        ({"augment": Augmentation(mixup_p=2)}, "Augmentation: mixup_p"),
        (
            {
                "augment": Augmentation(),
                "mel": MelSpectrogram(duration=0.5, n_mels=16, extra=("mfcc",)),
            },
            "augment.pitch_shift_p=0",
        ),
        ({"schedule": "cosine"}, "schedule"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_a_parameter_out_of_range_is_named(tones, changes, message):
    with pytest.raises(ValueError, match=message):
        _classifier(**changes).fit(*tones)


def test_awkward_input_is_named(tones):
    clips, labels = tones
    with pytest.raises(ValueError, match="1 class"):
        _classifier().fit(clips, ["low"] * 12)
    with pytest.raises(ValueError, match="inconsistent"):
        _classifier().fit(clips, labels[:-1])
    with pytest.raises(AudioReadError, match=r"Clip 1: .*nowhere.wav does not exist"):
        _classifier().fit([clips[0], "nowhere.wav"], labels[:2])
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        _classifier().fit(clips, labels, X_val=clips)
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        _classifier().fit(clips, labels, y_val=labels)
    with pytest.raises(ValueError, match="missing values"):
        _classifier(patience=1).fit(clips, labels, groups=["a", None] * 6)
    with pytest.raises(ValueError, match="'polka', which is not in y"):
        _classifier().fit(clips, labels, X_val=clips[:1], y_val=["polka"])
    with pytest.raises(ValueError, match=r"validation_fraction=0\.01 of 12 clips"):
        _classifier(patience=1, validation_fraction=0.01).fit(clips, labels)
    with pytest.raises(ValueError, match="one group"):
        _classifier(patience=1).fit(clips, labels, groups=["a"] * 12)


def test_spectrograms_of_another_height_or_dimension_are_refused(tones):
    clips, labels = tones
    spectra = MEL.transform(clips)
    clf = _classifier(mel="passthrough", max_epochs=1).fit(spectra, labels)
    with pytest.raises(ValueError, match=r"8 rows.*fitted on 16"):
        clf.predict(spectra[:, :8])
    with pytest.raises(ValueError, match="passthrough"):
        clf.predict(np.stack(clips))
    with pytest.raises(ValueError, match="passthrough"):
        _classifier().fit(spectra, labels)


def test_spectrograms_of_another_width_are_predicted(tones):
    clips, labels = tones
    clf = _classifier(mel="passthrough").fit(MEL.transform(clips), labels)
    for duration in (0.4, 2.0):
        spectra = MelSpectrogram(duration=duration, n_mels=16).transform(clips)
        assert clf.score(spectra, labels) == 1.0
