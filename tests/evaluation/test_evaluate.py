"""From a fitted classifier to a report."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.audio import Clip
from genreclass.datasets import make_clips
from genreclass.evaluation import evaluate


@pytest.fixture(scope="module")
def table():
    """Features and genres of 150 clips, hard enough for mistakes."""
    X, y = make_classification(
        150, n_features=6, n_informative=4, n_classes=3, class_sep=0.8, random_state=0
    )
    return X, np.array(["jazz", "metal", "rock"])[y]


@pytest.fixture(scope="module")
def network():
    clips = make_clips(12, n_genres=2, duration=0.5, random_state=0)
    clf = MelCNNClassifier(channels=(4,), max_epochs=2, random_state=0)
    return clf.fit(clips.data, clips.target), clips.data, clips.target


class _Counting(LogisticRegression):
    """Counts how often it is asked."""

    calls = ()

    def predict(self, X):
        self.calls = (*self.calls, "predict")
        return super().predict(X)

    def predict_proba(self, X):
        self.calls = (*self.calls, "predict_proba")
        return super().predict_proba(X)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LinearSVC(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(LogisticRegression()),
        make_pipeline("passthrough", make_pipeline(StandardScaler(), LinearSVC(random_state=0))),
        GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [0.1, 1.0]}, cv=2),
        make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)),
        CalibratedClassifierCV(LinearSVC(random_state=0), cv=2),
        VotingClassifier([("a", LogisticRegression()), ("b", SVC())]),
        VotingClassifier(
            [("a", LogisticRegression()), ("b", LogisticRegression(C=0.01))], voting="soft"
        ),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_accuracy_is_the_score_of_any_classifier(estimator, table):
    X, y = table
    estimator.fit(X[:100], y[:100])
    report = evaluate(estimator, X[100:], y[100:])
    assert report.accuracy == estimator.score(X[100:], y[100:])
    assert report.accuracy < 1
    np.testing.assert_array_equal(report.predictions["predicted"], estimator.predict(X[100:]))
    if hasattr(estimator, "predict_proba"):
        expected = log_loss(y[100:], estimator.predict_proba(X[100:]), labels=estimator.classes_)
        assert report.log_loss == pytest.approx(expected)
    else:
        assert report.log_loss is None


def test_accuracy_is_the_score_where_labels_are_not_the_most_probable(table):
    X, y = table
    X, y = X[y != "rock"], y[y != "rock"]
    clf = FixedThresholdClassifier(LogisticRegression(), threshold=0.95).fit(X, y)
    assert (clf.predict(X) != clf.classes_[clf.predict_proba(X).argmax(axis=1)]).any()
    report = evaluate(clf, X, y)
    assert report.accuracy == clf.score(X, y)
    likely = report.predictions["confidence"][clf.predict_proba(X).max(axis=1) > 0.95]
    assert (likely > 0.95).all()


def test_the_network_on_sound_in_any_form(tones, as_input):
    clips, labels = tones
    clf = MelCNNClassifier(channels=(4,), max_epochs=2, random_state=0)
    X = as_input(clips)
    report = evaluate(clf.fit(X, labels), X, labels)
    assert report.accuracy == clf.score(X, labels)
    np.testing.assert_allclose(report.predictions["confidence"], clf.predict_proba(X).max(axis=1))


def test_sound_is_decoded_once(network, monkeypatch):
    clf, X, y = network
    calls = []
    predict_windows = MelCNNClassifier._predict_windows
    monkeypatch.setattr(
        MelCNNClassifier,
        "_predict_windows",
        lambda self, X: calls.append(len(X)) or predict_windows(self, X),
    )
    evaluate(clf, X, y)
    assert calls == [len(X)]


def test_steps_before_the_last_run_once(table):
    X, y = table
    passes = []
    counting = FunctionTransformer(lambda X: passes.append(len(X)) or X)
    model = GridSearchCV(
        make_pipeline(StandardScaler(), counting, LogisticRegression()),
        {"logisticregression__C": [1.0]},
        cv=2,
    ).fit(X, y)
    passes.clear()
    evaluate(model, X, y)
    assert passes == [150]


@pytest.mark.parametrize(
    ("wrap", "n_passes"),
    [
        (lambda model: VotingClassifier([("a", model)], voting="soft"), 1),
        (lambda model: CalibratedClassifierCV(model, cv=2, ensemble=True), 2),  # a model a fold
    ],
    ids=["VotingClassifier", "CalibratedClassifierCV"],
)
def test_what_wraps_models_asks_each_of_them_once(table, wrap, n_passes):
    X, y = table
    passes = []
    counting = FunctionTransformer(lambda X: passes.append(len(X)) or X)
    clf = wrap(make_pipeline(counting, LogisticRegression())).fit(X, y)
    passes.clear()
    evaluate(clf, X, y)
    assert passes == [150] * n_passes


class _Contrary(Pipeline):
    """Predicts the first genre whatever its steps say."""

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class _BestOfMany(LogisticRegression):
    """Keeps its best model, and answers otherwise."""

    def fit(self, X, y):
        super().fit(X, y)
        self.best_estimator_ = LogisticRegression(C=1e-9).fit(X, y)
        return self


@pytest.mark.parametrize(
    "estimator",
    [_Contrary([("clf", LogisticRegression())]), _BestOfMany()],
    ids=["Pipeline", "best_estimator_"],
)
def test_a_classifier_that_looks_like_another_is_asked_itself(table, estimator):
    X, y = table
    estimator.fit(X, y)
    report = evaluate(estimator, X, y)
    np.testing.assert_array_equal(report.predictions["predicted"], estimator.predict(X))


class _Plain(ClassifierMixin, BaseEstimator):
    """Knows no more than it has to: no classes_."""

    def fit(self, X, y):
        self.genre_ = y[0]
        return self

    def predict(self, X):
        return np.full(len(X), self.genre_)

    def predict_proba(self, X):
        return np.ones((len(X), 1))


def test_a_classifier_without_classes_has_a_report_of_its_labels(table):
    X, y = table
    report = evaluate(_Plain().fit(X, y), X, y)
    assert report.accuracy == (y == y[0]).mean()
    assert report.log_loss is None
    assert report.unknown_genres == []


def test_a_classifier_of_several_targets_is_refused(table):
    X, y = table
    clf = KNeighborsClassifier().fit(X, np.column_stack([y, y == "jazz"]))
    with pytest.raises(ValueError, match="KNeighborsClassifier was fitted to several targets"):
        evaluate(clf, X, y)
    with pytest.raises(ValueError, match=r"y must hold one label a clip, got shape \(150, 2\)"):
        evaluate(LogisticRegression().fit(X, y), X, np.column_stack([y, y]))


def test_a_search_that_kept_no_model_is_refused(table):
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, refit=False).fit(*table)
    with pytest.raises(ValueError, match="needs predict, which GridSearchCV does not have"):
        evaluate(search, *table)


def test_other_peoples_classifiers_need_no_torch():
    code = (
        "import sys\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from genreclass.evaluation import evaluate\n"
        "X, y = [[0.0], [1.0]], ['a', 'b']\n"
        "print(evaluate(LogisticRegression().fit(X, y), X, y).log_loss, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "False"


def test_a_classifier_whose_rule_is_not_known_is_asked_for_both(table):
    clf = _Counting().fit(*table)
    evaluate(clf, *table)
    assert sorted(clf.calls) == ["predict", "predict_proba"]


def test_spectrograms_in_a_pipeline():
    clips = make_clips(8, n_genres=2, duration=0.5, random_state=0)
    clf = MelCNNClassifier(channels=(4,), mel="passthrough", max_epochs=2, random_state=0)
    model = make_pipeline(MelSpectrogram(n_mels=32), clf).fit(clips.data, clips.target)
    assert evaluate(model, clips.data, clips.target).accuracy == model.score(
        clips.data, clips.target
    )
    spectra = model[0].transform(clips.data)
    report = evaluate(model[-1], spectra, clips.target)
    assert report.predictions["clip"].tolist() == list(range(8))


def test_files_are_named_by_their_paths_and_other_clips_numbered(network, tmp_path):
    clf, X, y = network
    soundfile.write(tmp_path / "a.wav", X[0].samples, X[0].sample_rate)
    mixed = [tmp_path / "a.wav", X[1], X[2].samples, str(tmp_path / "a.wav")]
    report = evaluate(clf, mixed, y[[0, 1, 2, 0]])
    path = str(tmp_path / "a.wav")
    assert report.predictions["clip"].tolist() == [path, 1, 2, path]


def test_a_series_of_paths_is_named_by_them(network, tmp_path):
    clf, X, y = network
    paths = []
    for number, clip in enumerate(X[:3]):
        paths.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(paths[-1], clip.samples, clip.sample_rate)
    report = evaluate(clf, pd.Series(paths, index=[7, 8, 9]), y[:3])
    assert report.predictions["clip"].tolist() == paths


def test_a_generator_of_clips_is_taken(network):
    clf, X, y = network
    assert evaluate(clf, (clip for clip in X), y).n_clips == len(X)


@pytest.mark.parametrize("as_table", [pd.DataFrame, csr_array, np.ndarray.tolist])
def test_tables_of_any_kind(table, as_table):
    X, y = table
    report = evaluate(LogisticRegression().fit(X, y), as_table(X), y)
    assert report.n_clips == 150
    assert report.predictions["clip"].tolist() == list(range(150))


def test_names_of_columns_reach_a_classifier_that_knows_them(table):
    X, y = table
    frame = pd.DataFrame(X, columns=list("abcdef"))
    clf = make_pipeline(StandardScaler().set_output(transform="pandas"), LogisticRegression())
    clf.fit(frame, y)
    assert evaluate(clf, frame, y).accuracy == clf.score(frame, y)


def test_groups_bring_their_interval(table):
    X, y = table
    clf = LogisticRegression().fit(X, y)
    report = evaluate(clf, X, y, groups=np.arange(150) // 3)
    assert report.n_groups == 50
    assert report.group_interval[0] < report.accuracy < report.group_interval[1]
    assert report.predictions["group"].tolist() == (np.arange(150) // 3).tolist()


def test_genres_the_classifier_does_not_know_are_named(table):
    X, y = table
    known = y != "rock"
    clf = LogisticRegression().fit(X[known], y[known])
    report = evaluate(clf, X, y)
    assert report.unknown_genres == ["rock"]
    assert report.accuracy == clf.score(X, y)
    assert np.isfinite([report.log_loss, report.brier_score]).all()


def test_genres_the_classifier_knows_need_not_be_in_y(table):
    X, y = table
    clf = LogisticRegression().fit(X, y)
    report = evaluate(clf, X[y == "jazz"], y[y == "jazz"])
    assert report.genres == ["jazz", "metal", "rock"]
    assert report.balanced_accuracy == report.accuracy
    assert report.per_genre["n_clips"].tolist() == [(y == "jazz").sum(), 0, 0]


def test_labels_may_be_integers(table):
    X, y = table
    codes = np.unique(y, return_inverse=True)[1]
    report = evaluate(LogisticRegression().fit(X, codes), X, pd.Series(codes))
    assert report.genres == [0, 1, 2]


def test_one_clip_is_enough(network):
    clf, X, y = network
    assert evaluate(clf, X[:1], y[:1]).n_clips == 1


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), "must be a fitted classifier, got a LinearRegression"),
        (MelSpectrogram(), "must be a fitted classifier, got a MelSpectrogram"),
        (KMeans(), "must be a fitted classifier, got a KMeans"),
        (make_pipeline(StandardScaler()), "got a Pipeline that ends in a StandardScaler"),
        (make_pipeline("passthrough"), "got a Pipeline that ends in 'passthrough'"),
        (Pipeline([]), "got a Pipeline without steps"),
        (LogisticRegression, r"is the class LogisticRegression. Make one, and fit it"),
        ("mine.genre", "must be a fitted classifier, got a str"),
        (None, "must be a fitted classifier, got a NoneType"),
    ],
)
def test_what_is_no_classifier_is_refused(estimator, message, table):
    with pytest.raises(TypeError, match=message) as caught:
        evaluate(estimator, *table)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        MelCNNClassifier(),
        make_pipeline(MelSpectrogram(), MelCNNClassifier(mel="passthrough")),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_unfitted_classifier_says_so_before_sound_is_read(estimator):
    with pytest.raises(NotFittedError):
        evaluate(estimator, ["no such file.wav"], ["jazz"])


@pytest.mark.parametrize(
    ("X", "y", "groups", "message"),
    [
        ([], [], None, "X holds no clips"),
        (np.empty((0, 4)), [], None, "X holds no clips"),
        ("a.wav", ["jazz"], None, r"got a str. Put clips in a list: \[X\]"),
        (Path("a.wav"), ["jazz"], None, r"Path. Put clips in a list"),
        (Clip(np.zeros(9), 22050), ["jazz"], None, r"got a Clip. Put clips in a list"),
        ({"data": ["a.wav"]}, ["jazz"], None, "got a dict. Pass its clips: X.data"),
        (7, ["jazz"], None, "X must be a sequence of clips, got 7"),
        (["a.wav"], "jazz", None, "y is the string 'jazz'. Put labels in a list"),
        (["a.wav"], [], None, "y is empty"),
        (["a.wav"], ["jazz", "rock"], None, "y has length 2, but X has length 1"),
        (["a.wav"], [None], None, r"y\[0\] is missing"),
        (["a.wav"], ["jazz"], ["a", "b"], "groups has length 2, but X has length 1"),
        (["a.wav"], ["jazz"], "artist", "groups is the string 'artist'"),
        (["a.wav"], ["jazz"], [np.nan], r"groups\[0\] is missing"),
    ],
)
def test_what_does_not_fit_is_refused_before_sound_is_read(network, X, y, groups, message):
    with pytest.raises(ValueError, match=message) as caught:
        evaluate(network[0], X, y, groups=groups)
    assert "\n" not in str(caught.value)


def test_labels_of_another_kind_than_the_classifiers_are_refused(network):
    clf, X, _ = network
    with pytest.raises(ValueError, match="Pass the labels that it was fitted with"):
        evaluate(clf, X, np.zeros(len(X), dtype=int))


def test_probabilities_that_are_not_numbers_are_refused(table):
    class Broken(LogisticRegression):
        def predict_proba(self, X):
            return np.full((len(X), 3), np.nan)

    with pytest.raises(ValueError, match="Probabilities of clip 0"):
        evaluate(Broken().fit(*table), *table)


def test_evaluation_changes_nothing_and_prints_nothing(table, capfd):
    X, y = table
    clf = LogisticRegression().fit(X, y)
    X_before, before = X.copy(), dict(vars(clf))
    evaluate(clf, X, y)
    np.testing.assert_array_equal(X, X_before)
    assert vars(clf) == before
    assert capfd.readouterr() == ("", "")
