"""The baseline on a table of features, from text to text."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.preprocessing import LabelEncoder, StandardScaler
from xgboost import XGBClassifier

from genreclass.audio import Clip
from genreclass.models import make_fma_baseline


@pytest.fixture(scope="module")
def music():
    """A table of 40 columns, ten of them copies, and three genres."""
    generator = np.random.default_rng(0)
    y = np.array(["folk", "jazz", "rock"])[np.arange(240) % 3]
    factors = generator.normal(size=(240, 12)) + 3 * np.eye(12)[np.arange(240) % 3]
    X = factors @ generator.normal(size=(12, 30)) + 0.5 * generator.normal(size=(240, 30))
    X = np.hstack([X, X[:, :10] + 0.01 * generator.normal(size=(240, 10))])
    return pd.DataFrame(X).add_prefix("f").astype(np.float32), y


def test_it_agrees_with_the_recipe_by_hand(music):
    X, y = music
    learned, asked = slice(0, 200), slice(200, None)
    clf = make_fma_baseline(n_components=10).fit(X[learned], y[learned])

    corr = X[learned].corr().abs()
    upper = corr.where(np.triu(np.ones(corr.shape), k=1).astype(bool))
    kept = [column for column in corr if not (upper[column] > 0.95).any()]
    scaler, pca = StandardScaler(), PCA(10, svd_solver="full")
    components = pca.fit_transform(scaler.fit_transform(X[learned][kept].astype(float)))
    trees = XGBClassifier(n_estimators=50, max_bin=32)
    trees.fit(components, LabelEncoder().fit_transform(y[learned]))
    expected = trees.predict_proba(pca.transform(scaler.transform(X[asked][kept].astype(float))))

    assert_array_equal(clf[0][0].get_feature_names_out(), kept)
    # Both PCAs choose the signs of their components, and so on which side of a split a tie falls.
    assert np.abs(clf.predict_proba(X[asked]) - expected).mean() < 0.02


def test_text_goes_all_the_way_through(music):
    X, y = music
    clf = make_fma_baseline(n_components=10, n_estimators=10).fit(X[:200], y[:200])
    assert clf.classes_.tolist() == ["folk", "jazz", "rock"]
    assert set(clf.predict(X)) == set(y)
    assert clf.predict_proba(X[200:]).shape == (40, 3)
    assert clf.score(X[200:], y[200:]) > 0.7  # by chance 0.33


def test_the_defaults_take_a_table_of_few_columns(music):
    X, y = music
    clf = make_fma_baseline(n_estimators=10).fit(X.iloc[:200, :20], y[:200])
    assert clf["reducer"]["pca"].n_components_ == 20
    assert clf.score(X.iloc[200:, :20], y[200:]) > 0.7  # by chance 0.33


@pytest.mark.parametrize(
    "clips",
    [
        ["a.mp3", "b.mp3"],
        (Path("a.mp3"), Path("b.mp3")),
        pd.Series(["a.mp3", "b.mp3"]),
        [Clip(np.zeros(9), 8000), Clip(np.zeros(9), 8000)],
        [np.zeros(9), np.zeros(10)],
        "MUSIC",
    ],
    ids=["paths", "pathlib", "column", "clips", "arrays", "folder"],
)
def test_sound_in_place_of_features_is_told_what_to_put_in_front(music, clips):
    clf = make_fma_baseline(n_components=5, n_estimators=2).fit(*music)
    for give in (lambda: clf.predict(clips), lambda: make_fma_baseline().fit(clips, ["a", "b"])):
        with pytest.raises(ValueError, match=r"put HandcraftedFeatures\(\) in front") as raised:
            give()
        assert "\n" not in str(raised.value)


def test_a_search_sets_every_step_and_runs_in_parallel(music):
    X, y = music
    search = GridSearchCV(
        make_fma_baseline(n_components=5, n_estimators=3, n_jobs=1),
        {"reducer__pca__n_components": [1, 8], "xgb__max_depth": [2], "xgb__learning_rate": [0.3]},
        cv=3,
        n_jobs=2,
    ).fit(X, y)
    assert search.best_params_["reducer__pca__n_components"] == 8
    assert search.best_estimator_.classes_.tolist() == ["folk", "jazz", "rock"]


def test_genres_a_fold_has_not_learned_do_no_harm(music):
    X, y = music
    rare = y.copy()
    rare[:2] = "polka"
    clf = make_fma_baseline(n_components=5, n_estimators=3)
    # Both clips of polka are in the first fold.
    scores = cross_val_score(clf, X, rare, cv=KFold(4), error_score="raise")
    assert scores[0] < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_prediction_does_not_depend_on_the_batch(music, dtype):
    X, y = music
    X = X.to_numpy(dtype)
    clf = make_fma_baseline(n_components=10).fit(X, y)
    one_by_one = np.vstack([clf.predict_proba(X[i : i + 1]) for i in range(len(X))])
    assert_array_equal(clf.predict_proba(X), one_by_one)


def test_two_fits_are_alike_and_parameters_arrive(music):
    X, y = music
    clf = make_fma_baseline(
        n_components=4,
        threshold=0.9,
        n_estimators=7,
        class_weight="balanced",
        n_jobs=1,
        device="cpu",
        random_state=3,
    )
    params = clf.get_params()
    assert params["reducer__filter__threshold"] == 0.9
    assert params["reducer__pca__n_components"] == 4
    expected = {"n_estimators": 7, "class_weight": "balanced", "n_jobs": 1, "random_state": 3}
    assert {name: params[f"xgb__{name}"] for name in expected} == expected
    assert params["xgb__device"] == "cpu"
    assert_allclose(clone(clf).fit(X, y).predict_proba(X), clf.fit(X, y).predict_proba(X), atol=0)


def test_balanced_weights_find_a_rare_genre_more_often(music):
    X, y = music
    rows = (y != "jazz") | (np.arange(240) % 36 == 1)  # 7 clips of jazz
    asked = ~rows
    recalls = [
        (
            make_fma_baseline(n_components=10, class_weight=weight)
            .fit(X[rows], y[rows])
            .predict(X[asked])
            == "jazz"
        ).mean()
        for weight in (None, "balanced")
    ]
    assert recalls[1] > recalls[0]
