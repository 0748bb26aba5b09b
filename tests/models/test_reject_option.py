"""A classifier that may say that it does not know."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from genreclass import MelCNNClassifier, MelSpectrogram, evaluate, load, save
from genreclass.exceptions import ModelFileError
from genreclass.models import BoostedTreesClassifier, RejectOption

_CHECKED = [
    RejectOption(LogisticRegression(), threshold=0.0),
    RejectOption(LogisticRegression(), reject_label=-9),
]


def _expected_failures(estimator):
    if estimator.reject_label == "unknown":
        return {}
    return {
        "check_classifiers_classes": "has text for classes, which a label of -9 is refused for",
        "check_classifiers_train": "asks for the most probable class, where a rejection is none",
    }


@parametrize_with_checks(_CHECKED, expected_failed_checks=_expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_no_check_is_silently_left_out():
    for estimator in _CHECKED:
        assert len(list(estimator_checks_generator(estimator, mark="skip"))) >= 55


@pytest.fixture(scope="module")
def blobs():
    """Three genres that overlap, as text."""
    X, y = make_blobs(150, centers=[[0, 0], [2, 0], [0, 2]], random_state=0)
    return X, np.array(["a", "bb", "ccc"])[y]


@pytest.fixture(scope="module")
def fitted(blobs):
    return LogisticRegression().fit(*blobs)


def test_it_answers_where_the_highest_probability_reaches_the_threshold(blobs, fitted):
    X, y = blobs
    clf = RejectOption(LogisticRegression(), threshold=0.7).fit(X, y)
    sure = fitted.predict_proba(X).max(axis=1) >= 0.7
    assert 0 < sure.sum() < len(sure)
    predicted = clf.predict(X)
    np.testing.assert_array_equal(predicted[sure], fitted.predict(X)[sure])
    assert set(predicted[~sure]) == {"unknown"}  # longer than any class
    np.testing.assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.classes_.tolist() == ["a", "bb", "ccc"]
    assert clf.n_features_in_ == 2


def test_a_probability_at_the_threshold_is_an_answer():
    class Even(LogisticRegression):
        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    X, y = [[0.0], [1.0]], ["a", "b"]
    assert RejectOption(Even(), threshold=0.5).fit(X, y).predict(X).tolist() == ["a", "a"]
    assert set(RejectOption(Even(), threshold=0.51).fit(X, y).predict(X)) == {"unknown"}


@pytest.mark.parametrize(("threshold", "rejected"), [(0, 0), (0.0, 0), (1.0, 150)])
def test_the_ends_of_the_threshold_answer_all_and_nothing(blobs, fitted, threshold, rejected):
    predicted = RejectOption(fitted, threshold=threshold).predict(blobs[0])
    assert (predicted == "unknown").sum() == rejected


def test_a_fitted_estimator_needs_no_fit(blobs, fitted):
    X, _ = blobs
    clf = RejectOption(fitted, threshold=0.7)
    np.testing.assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.classes_.tolist() == ["a", "bb", "ccc"]
    assert clf.estimator is fitted
    assert not hasattr(clf, "estimator_")


def test_fit_trains_a_copy_and_leaves_the_fitted_estimator_as_it_was(blobs, fitted):
    X, y = blobs
    before = fitted.coef_.copy()
    clf = RejectOption(fitted).fit(X[y != "a"], y[y != "a"])
    assert clf.classes_.tolist() == ["bb", "ccc"]
    np.testing.assert_array_equal(fitted.coef_, before)


def test_a_frozen_estimator_stays_as_it_is_in_a_search(blobs, fitted):
    X, y = blobs
    clf = RejectOption(FrozenEstimator(fitted))
    assert clf.predict(X).tolist() == RejectOption(fitted).predict(X).tolist()
    other = np.roll(y, 1)  # a fit to these would be bad
    search = GridSearchCV(clf, {"threshold": [0.0, 0.9]}, cv=3).fit(X, other)
    np.testing.assert_array_equal(search.best_estimator_.predict_proba(X), fitted.predict_proba(X))


def test_a_label_that_the_classes_type_cannot_hold_is_given_as_it_is(blobs):
    X, y = blobs
    numbers = np.unique(y, return_inverse=True)[1].astype(np.uint8)
    for label in (-1, 256, 1000):
        clf = RejectOption(LogisticRegression(), threshold=1.0, reject_label=label)
        assert set(clf.fit(X, numbers).predict(X)) == {label}


def test_with_a_threshold_of_0_all_is_answered_whatever_the_label(blobs, fitted):
    X, y = blobs
    clf = RejectOption(fitted, threshold=0, reject_label=y[0])
    assert clf.score_answered(X, y) == (1.0, clf.score(X, y))


def test_what_is_not_fitted_is_said_to_be(blobs):
    clf = RejectOption(LogisticRegression())
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError, match="RejectOption"):
            getattr(clf, method)(blobs[0])
    assert not hasattr(clf, "classes_")
    assert not hasattr(clf, "n_features_in_")
    assert not hasattr(clone(RejectOption(LogisticRegression().fit(*blobs))), "classes_")


def test_score_counts_a_rejection_as_wrong_and_score_answered_leaves_it_out(blobs, fitted):
    X, y = blobs
    clf = RejectOption(fitted, threshold=0.7)
    answered = fitted.predict_proba(X).max(axis=1) >= 0.7
    right = answered & (fitted.predict(X) == y)
    assert clf.score(X, y) == pytest.approx(right.sum() / len(y))
    coverage, accuracy = clf.score_answered(X, y)
    assert coverage == pytest.approx(answered.mean())
    assert accuracy == pytest.approx(right.sum() / answered.sum())
    assert accuracy > fitted.score(X, y)


def test_no_answer_at_all_has_no_accuracy(blobs, fitted):
    coverage, accuracy = RejectOption(fitted, threshold=1.0).score_answered(*blobs)
    assert coverage == 0
    assert np.isnan(accuracy)


def test_a_report_shows_rejections_in_a_column_of_their_own(blobs, fitted):
    X, y = blobs
    clf = RejectOption(fitted, threshold=0.7)
    report = evaluate(clf, X, y)
    assert report.accuracy == pytest.approx(clf.score(X, y))
    assert report.confusion["unknown"].sum() == (clf.predict(X) == "unknown").sum()
    assert report.unknown_genres == []


def test_a_clip_that_is_truly_unknown_is_rightly_rejected(blobs, fitted):
    X = blobs[0]
    clf = RejectOption(fitted, threshold=1.0)
    assert clf.score(X, np.full(len(X), "unknown")) == 1


@pytest.mark.parametrize("kind", [int, np.int16, np.uint8, float])
def test_classes_of_numbers_take_a_number(blobs, kind):
    X, y = blobs
    numbers = np.unique(y, return_inverse=True)[1].astype(kind)
    clf = RejectOption(LogisticRegression(), threshold=0.7, reject_label=-1).fit(X, numbers)
    assert set(clf.predict(X)) == {-1, 0, 1, 2}
    assert clf.predict(X).dtype.kind in "if"
    with pytest.raises(ValueError, match=r"'unknown', but the classes are numbers.*Give a number"):
        RejectOption(LogisticRegression()).fit(X, numbers)
    with pytest.raises(ValueError, match="reject_label 1 is one of the classes"):
        RejectOption(LogisticRegression(), reject_label=1).fit(X, numbers)


def test_a_label_that_does_not_go_with_the_classes_is_refused(blobs, fitted):
    X, y = blobs
    with pytest.raises(ValueError, match=r"-1, but the classes are text, such as 'a'"):
        RejectOption(fitted, reject_label=-1).predict(X)
    with pytest.raises(ValueError, match="reject_label 'bb' is one of the classes"):
        RejectOption(LogisticRegression(), reject_label="bb").fit(X, y)
    with pytest.raises(ValueError, match="third truth value"):
        RejectOption(LogisticRegression()).fit(X, y == "a")
    trees = RandomForestClassifier(2).fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="several targets"):
        RejectOption(trees).predict(X)


def test_labels_that_are_objects_stay_so(blobs):
    X, y = blobs
    clf = RejectOption(LogisticRegression(), threshold=0.7).fit(X, y.astype(object))
    assert clf.predict(X).dtype == object
    assert set(clf.predict(X)) == {"a", "bb", "ccc", "unknown"}


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(blobs, threshold):
    with pytest.raises(ValueError, match="threshold"):
        RejectOption(LogisticRegression(), threshold=threshold).fit(*blobs)


@pytest.mark.parametrize("reject_label", [None, True, 0.5])
def test_a_label_that_is_neither_text_nor_number_is_refused(blobs, reject_label):
    with pytest.raises(TypeError, match="reject_label must be text or a whole number"):
        RejectOption(LogisticRegression(), reject_label=reject_label).fit(*blobs)


def test_a_classifier_without_probabilities_is_refused_with_a_way_out(blobs):
    with pytest.raises(TypeError, match=r"got LinearSVC\. .*CalibratedClassifierCV"):
        RejectOption(LinearSVC()).fit(*blobs)
    with pytest.raises(TypeError, match=r"got LogisticRegression\. Make one"):
        RejectOption(LogisticRegression).fit(*blobs)
    clf = RejectOption(CalibratedClassifierCV(LinearSVC(), cv=3)).fit(*blobs)
    assert clf.predict(blobs[0]).shape == (150,)


class _Recorder(LogisticRegression):
    """Remembers what fit was given."""

    def fit(self, X, y, sample_weight=None, groups=None):
        self.given_ = {"sample_weight": sample_weight, "groups": groups}
        return super().fit(X, y, sample_weight)


def test_fit_hands_on_what_it_is_given(blobs):
    groups = np.arange(150) // 3
    clf = RejectOption(_Recorder()).fit(*blobs, groups=groups)
    assert clf.estimator_.given_["groups"] is groups
    with pytest.raises(TypeError, match="colour"):
        RejectOption(_Recorder()).fit(*blobs, colour="red")


def test_metadata_is_routed_to_the_estimator(blobs):
    groups = np.arange(150) // 3
    with sklearn.config_context(enable_metadata_routing=True):
        asks = _Recorder().set_fit_request(groups=True, sample_weight=False)
        clf = RejectOption(asks).fit(*blobs, groups=groups)
        assert clf.estimator_.given_["groups"] is groups
        seen = []
        asks_in_search = RejectOption(_Seeing(seen).set_fit_request(groups=True))
        cross_val_score(asks_in_search, *blobs, params={"groups": groups}, cv=3)
        assert seen == [100, 100, 100]
        with pytest.raises(TypeError, match="unexpected argument"):
            RejectOption(asks).fit(*blobs, colour="red")


class _Seeing(LogisticRegression):
    def __init__(self, seen=None):
        super().__init__()
        self.seen = seen

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y, groups=None):
        self.seen.append(len(groups))
        return super().fit(X, y)


def test_clips_go_through_in_any_form(tones, as_input):
    clips, labels = tones
    X = as_input(clips)
    mel = MelSpectrogram(duration=0.25, n_mels=8)
    inner = MelCNNClassifier(channels=(4,), mel=mel, max_epochs=2, random_state=0)
    clf = RejectOption(inner, threshold=0.6).fit(X, labels, groups=np.arange(12))
    assert clf.predict(X).shape == (12,)
    assert set(clf.predict(X)) <= {"high", "low", "unknown"}
    np.testing.assert_array_equal(clf.predict_proba(X), clf.estimator_.predict_proba(X))


def test_transform_is_there_where_the_estimator_has_it(tones):
    clips, labels = tones
    mel = MelSpectrogram(duration=0.25, n_mels=8)
    inner = MelCNNClassifier(channels=(4,), mel=mel, max_epochs=1, random_state=0)
    clf = RejectOption(inner).set_output(transform="pandas").fit(clips, labels)
    table = clf.transform(clips)
    assert table.columns.tolist() == clf.get_feature_names_out().tolist()
    for name in ("transform", "get_feature_names_out", "set_output"):
        assert not hasattr(RejectOption(LogisticRegression()), name)


def test_tags_are_those_of_the_estimator():
    of_clips = MelCNNClassifier().__sklearn_tags__()
    tags = RejectOption(MelCNNClassifier()).__sklearn_tags__()
    assert tags.input_tags == of_clips.input_tags
    assert tags.estimator_type == "classifier"
    assert (
        RejectOption(RandomForestClassifier()).__sklearn_tags__().target_tags.multi_output is False
    )


def test_parameters_of_the_estimator_are_reached_by_name(blobs):
    pipe = make_pipeline(StandardScaler(), RejectOption(LogisticRegression()))
    pipe.set_params(rejectoption__estimator__C=0.5, rejectoption__threshold=0.9)
    assert pipe.fit(*blobs)[-1].estimator_.C == 0.5


@pytest.mark.parametrize("way", ["fit", "fitted before"])
def test_it_is_saved_and_loaded(blobs, tmp_path, way):
    X, y = blobs
    trees = BoostedTreesClassifier(n_estimators=3, n_jobs=1)
    if way == "fit":
        clf = RejectOption(trees, threshold=0.8, reject_label="?").fit(X, y)
    else:
        clf = RejectOption(trees.fit(X, y), threshold=0.8, reject_label="?")
    save(clf, tmp_path / "a.genre")
    again = load(tmp_path / "a.genre")
    assert repr(again) == repr(clf)
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))
    assert "?" in clf.predict(X)
    assert again.fit(X[y != "a"], y[y != "a"]).classes_.tolist() == ["bb", "ccc"]


def test_one_that_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save(RejectOption(BoostedTreesClassifier()), tmp_path / "a.genre")


def test_a_file_with_a_label_that_does_not_go_with_the_classes_is_refused(blobs, tmp_path):
    clf = RejectOption(BoostedTreesClassifier(n_estimators=2, n_jobs=1)).fit(*blobs)
    save(clf.set_params(reject_label=3), tmp_path / "a.genre")
    with pytest.raises(ModelFileError, match="but the classes are text"):
        load(tmp_path / "a.genre")


def test_a_file_around_no_estimator_is_refused(blobs, tmp_path):
    clf = RejectOption(BoostedTreesClassifier(n_estimators=2, n_jobs=1)).fit(*blobs)
    clf.estimator_ = MelSpectrogram()
    save(clf, tmp_path / "a.genre")
    with pytest.raises(ModelFileError, match="estimator must be a classifier"):
        load(tmp_path / "a.genre")
