"""XGBoost's trees with labels of any kind."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.utils.class_weight import compute_sample_weight
from xgboost import XGBClassifier

from genreclass.models import BoostedTreesClassifier

_GENRES = np.array(["rock", "folk", "jazz", "pop"])


def _data(n_classes=4, n_samples=300, seed=0):
    X, y = make_classification(
        n_samples, 12, n_informative=6, n_classes=n_classes, flip_y=0.1, random_state=seed
    )
    return X, y


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_probabilities_are_those_of_xgboost_itself(n_classes):
    X, y = _data(n_classes)
    settings = {"n_estimators": 20, "max_depth": 4, "learning_rate": 0.2, "max_bin": 32}
    ours = BoostedTreesClassifier(**settings, reg_lambda=2.0, min_child_weight=3.0).fit(X, y)
    theirs = XGBClassifier(**settings, reg_lambda=2.0, min_child_weight=3.0).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize(
    "labels",
    [_GENRES, _GENRES.astype(object), np.array([3, 70, -5, 12]), np.array([True, False])],
    ids=["text", "objects", "numbers", "booleans"],
)
def test_labels_may_be_of_any_kind(labels):
    X, y = _data(len(labels))
    clf = BoostedTreesClassifier(n_estimators=20).fit(X, labels[y])
    assert_array_equal(clf.classes_, np.unique(labels))
    assert clf.predict(X).dtype == labels.dtype
    assert clf.score(X, labels[y]) > 0.95
    best = clf.classes_[clf.predict_proba(X).argmax(axis=1)]
    assert_array_equal(clf.predict(X), best)


def test_a_fold_may_lack_a_class():
    X, y = _data()
    rows = y != 1
    clf = BoostedTreesClassifier(n_estimators=5).fit(X[rows], y[rows])
    assert clf.classes_.tolist() == [0, 2, 3]
    assert clf.predict_proba(X).shape == (len(X), 3)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"y holds 1 class \(rock\)"):
        BoostedTreesClassifier().fit([[0.0], [1.0]], ["rock", "rock"])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_label_is_named(missing):
    with pytest.raises(ValueError, match=r"y\[2\] is missing, as 1 of 4 labels"):
        BoostedTreesClassifier().fit(np.eye(4), ["rock", "folk", missing, "rock"])


def test_a_gap_among_the_features_is_named():
    X, y = _data()
    table = pd.DataFrame(X).add_prefix("c")
    clf = BoostedTreesClassifier(n_estimators=2).fit(table, y)
    table.loc[[5, 7], "c4"] = np.inf
    for give in (lambda: clf.fit(table, y), lambda: clf.predict(table)):
        with pytest.raises(ValueError, match=r"in row 5, column c4; .*: 2 of 300") as raised:
            give()
        assert "\n" not in str(raised.value)


def test_paths_are_told_what_to_put_in_front():
    with pytest.raises(ValueError, match=r"put HandcraftedFeatures\(\) in front"):
        BoostedTreesClassifier().fit(["a.mp3", "b.mp3"], ["rock", "folk"])


def test_class_weights_are_sample_weights_of_mean_one():
    X, y = _data()
    rows = np.flatnonzero((y != 0) | (np.arange(len(y)) % 10 == 0))
    X, y = X[rows], y[rows]
    weights = compute_sample_weight("balanced", y)
    balanced = BoostedTreesClassifier(n_estimators=10, class_weight="balanced").fit(X, y)
    by_hand = BoostedTreesClassifier(n_estimators=10).fit(X, y, sample_weight=weights)
    assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-6)
    plain = BoostedTreesClassifier(n_estimators=10).fit(X, y)
    assert balanced.predict_proba(X)[:, 0].mean() > 1.2 * plain.predict_proba(X)[:, 0].mean()


def test_only_ratios_of_class_weights_matter():
    X, y = _data(3)
    probas = [
        BoostedTreesClassifier(n_estimators=5, class_weight={0: size, 1: 2 * size, 2: size})
        .fit(X, y)
        .predict_proba(X)
        for size in (1.0, 1024.0)
    ]
    assert_array_equal(*probas)


def test_a_weight_of_two_is_a_row_twice():
    X, y = _data()
    weights = np.random.default_rng(0).integers(1, 3, len(y))
    # Bins for every value: else the quantiles of a repeated row are cut elsewhere.
    settings = {"n_estimators": 10, "max_bin": 512}
    weighted = BoostedTreesClassifier(**settings).fit(X, y, sample_weight=weights)
    repeated = BoostedTreesClassifier(**settings).fit(X.repeat(weights, 0), y.repeat(weights))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)


def test_the_same_seed_gives_the_same_trees():
    X, y = _data()

    def fit(seed):
        clf = BoostedTreesClassifier(n_estimators=5, subsample=0.5, random_state=seed)
        return clf.fit(X, y).predict_proba(X)

    assert_array_equal(fit(0), fit(0))
    assert (fit(0) != fit(1)).any()


def test_a_prediction_does_not_depend_on_the_batch():
    X, y = _data()
    clf = BoostedTreesClassifier(n_estimators=20).fit(X, y)
    whole = clf.predict_proba(X)
    assert_array_equal(whole, np.vstack([clf.predict_proba(X[i : i + 1]) for i in range(len(X))]))
    assert_array_equal(whole, clf.predict_proba(np.asfortranarray(X)))


def test_pickled_trees_predict_the_same():
    X, y = _data()
    clf = BoostedTreesClassifier(n_estimators=5).fit(X, _GENRES[y])
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_importance_is_the_share_of_total_gain():
    X, y = _data()
    clf = BoostedTreesClassifier(n_estimators=10).fit(X, y)
    theirs = XGBClassifier(n_estimators=10, max_bin=32, importance_type="total_gain").fit(X, y)
    assert_allclose(clf.feature_importances_, theirs.feature_importances_, atol=1e-6)
    assert_allclose(clf.feature_importances_.sum(), 1)


def test_trees_that_never_split_have_no_importance():
    clf = BoostedTreesClassifier(n_estimators=2).fit(np.zeros((10, 3)), ["a", "b"] * 5)
    assert clf.feature_importances_.tolist() == [0, 0, 0]
    assert_allclose(clf.predict_proba(np.zeros((1, 3))), 0.5)


def test_names_of_columns_are_checked():
    X, y = _data()
    table = pd.DataFrame(X).add_prefix("c")
    clf = BoostedTreesClassifier(n_estimators=2).fit(table, y)
    assert clf.feature_names_in_.tolist() == list(table.columns)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(table[table.columns[::-1]])


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_estimators": 0},
        {"max_depth": 0},
        {"max_bin": 1},
        {"learning_rate": 0},
        {"subsample": 1.5},
        {"colsample_bytree": 0},
        {"min_child_weight": -1},
        {"reg_lambda": -1},
        {"n_jobs": 0},
        {"device": "tpu"},
        {"class_weight": {0: -1.0}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_parameter_is_named(wrong):
    X, y = _data()
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BoostedTreesClassifier(**wrong).fit(X, y)


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [1.0]])
def test_wrong_weights_of_rows_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight"):
        BoostedTreesClassifier().fit([[0.0], [1.0]], ["a", "b"], sample_weight=weights)
