"""Importance of features, carried back to the table a model was given."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import VarianceThreshold
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genreclass.evaluation import feature_importance
from genreclass.features import CorrelationFilter
from genreclass.models import BoostedTreesClassifier, make_fma_baseline


@pytest.fixture(scope="module")
def music():
    """Ten independent features, of which each says less of the genre than the one before."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(1500, 10))
    y = np.where(X @ (2.0 ** -np.arange(10)) + 0.1 * generator.normal(size=1500) > 0, "a", "b")
    return X, y


def test_it_ranks_families_as_permutation_does():
    """Features of a family go together, families do not: where the two must agree."""
    generator = np.random.default_rng(0)
    sizes = {"mfcc": 9, "chroma_cens": 6, "tonnetz": 4, "zcr": 2}
    sounds = generator.normal(size=(1500, len(sizes)))
    X = np.repeat(sounds, list(sizes.values()), axis=1)
    X += 0.5 * generator.normal(size=X.shape)
    says = np.array([0.3, 1.0, 0.0, 0.5])  # so that it is not the size of a family that counts
    y = np.where(sounds @ says + 0.1 * generator.normal(size=1500) > 0, "folk", "jazz")
    names = [f"{family}_mean_{i:02}" for family, size in sizes.items() for i in range(size)]

    clf = make_fma_baseline(n_components=4).fit(X[:1000], y[:1000])
    ours = feature_importance(clf, names).groupby("family")["importance"].sum()
    permuted = {}
    for family in sizes:
        columns = [name.startswith(family) for name in names]
        shuffled = X[1000:].copy()
        shuffled[:, columns] = shuffled[generator.permutation(500)][:, columns]
        permuted[family] = clf.score(X[1000:], y[1000:]) - clf.score(shuffled, y[1000:])
    assert ours.idxmax() == "chroma_cens"
    assert spearmanr(ours[list(sizes)], list(permuted.values())).statistic == 1


def test_without_pca_it_ranks_features_as_permutation_does(music):
    X, y = music
    clf = make_fma_baseline().set_params(reducer__pca="passthrough").fit(X[:1000], y[:1000])
    table = feature_importance(clf)
    permuted = permutation_importance(clf, X[1000:], y[1000:], n_repeats=10, random_state=0)
    strongest = [f"x{i}" for i in range(4)]
    assert list(table.index[:4]) == strongest
    assert spearmanr(table.loc[strongest, "importance"], permuted.importances_mean[:4])[0] == 1
    assert_allclose(table["importance"].sum(), 1)


def test_without_pca_it_is_that_of_the_trees(music):
    X, y = music
    for trees in (BoostedTreesClassifier(n_estimators=5), RandomForestClassifier(5)):
        clf = make_pipeline(StandardScaler(), trees).fit(X, y)
        ours = feature_importance(clf).loc[[f"x{i}" for i in range(10)], "importance"]
        assert_allclose(ours, trees.feature_importances_)


def test_a_component_is_divided_by_the_squares_of_its_weights(music):
    X, y = music
    clf = make_pipeline(StandardScaler(), PCA(4), RandomForestClassifier(5, random_state=0))
    clf.fit(X @ np.random.default_rng(1).normal(size=(10, 10)), y)
    ours = feature_importance(clf).loc[[f"x{i}" for i in range(10)], "importance"]
    expected = sum(clf[2].feature_importances_[j] * clf[1].components_[j] ** 2 for j in range(4))
    assert_allclose(ours, expected)


def test_a_dropped_column_gets_nothing_and_names_its_stand_in(music):
    X, y = music
    copies = np.hstack([X, X[:, [2]], np.ones((len(X), 1))])
    names = [f"f{i}" for i in range(12)]
    clf = make_fma_baseline(n_components=None, n_estimators=5).fit(copies, y)
    table = feature_importance(clf, names)
    assert table.loc["f10", "importance"] == 0
    assert table.loc["f10", "stand_in"] == "f2"
    assert table.loc["f2", "stand_in"] == "f2"
    assert table.loc["f11", "stand_in"] is None
    assert table.loc["f11", "importance"] == 0


def test_a_stand_in_is_followed_through_two_filters(music):
    X, y = music
    tables = np.hstack([np.zeros((len(X), 1)), X, X[:, [2]]])
    clf = make_pipeline(VarianceThreshold(), CorrelationFilter(), RandomForestClassifier(5))
    table = feature_importance(clf.fit(tables, y))
    assert table.loc["x11", "stand_in"] == "x3"
    assert table.loc["x0", "stand_in"] is None


@pytest.mark.parametrize("whiten", [False, True])
def test_coefficients_go_back_through_pca_exactly(music, whiten):
    X, y = music
    X = X @ np.random.default_rng(1).normal(size=(10, 10))
    scaled = StandardScaler().fit_transform(X)
    plain = LogisticRegression(C=1e6, max_iter=1000, tol=1e-8).fit(scaled, y).coef_[0]
    clf = make_pipeline(
        StandardScaler(), PCA(whiten=whiten), LogisticRegression(C=1e6, max_iter=1000, tol=1e-8)
    ).fit(X, y)
    ours = feature_importance(clf).loc[[f"x{i}" for i in range(10)], "importance"]
    assert_allclose(ours, np.abs(plain) / np.abs(plain).sum(), atol=1e-3)


def test_families_are_what_names_say_before_the_statistic(music):
    X, y = music
    names = ["mfcc_mean_01", "mfcc_std_20", "chroma_cens_kurtosis_12", "spectral_contrast_max_07"]
    names += ["zcr_median_01", "mfcc12_var", "chroma_stft_mean", "tempo", "mean", "rmse_min_01"]
    families = ["mfcc", "mfcc", "chroma_cens", "spectral_contrast", "zcr"]
    families += ["mfcc", "chroma_stft", "tempo", "mean", "rmse"]
    table = feature_importance(RandomForestClassifier(2).fit(X, y), names)
    assert table.loc[names, "family"].tolist() == families


def test_names_of_a_table_are_known(music):
    X, y = music
    table = pd.DataFrame(X).add_prefix("mfcc_mean_")
    clf = make_fma_baseline(n_components=3, n_estimators=2).fit(table, y)
    assert set(feature_importance(clf).index) == set(table.columns)


class _Extractor(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = 1
        return self

    def transform(self, X):
        return np.array([[len(x), x.mean(), x.std()] for x in X])

    def get_feature_names_out(self, input_features=None):
        return np.array(["length", "x_mean_01", "x_std_01"])


def test_what_makes_features_of_sound_names_them():
    generator = np.random.default_rng(0)
    clips = [generator.normal(size=100) * (1 + i % 2) for i in range(60)]
    baseline = make_fma_baseline(n_estimators=5).set_params(reducer__pca="passthrough")
    clf = make_pipeline(_Extractor(), baseline)
    table = feature_importance(clf.fit(clips, [i % 2 for i in range(60)]))
    assert table.index[0] == "x_std_01"
    assert table.loc["length", "stand_in"] is None  # constant


def test_of_a_search_it_is_the_best_estimators(music):
    X, y = music
    clf = make_fma_baseline(n_components=5, n_estimators=2, n_jobs=1)
    search = GridSearchCV(clf, {"xgb__max_depth": [1, 2]}, cv=2).fit(X, y)
    pd.testing.assert_frame_equal(
        feature_importance(search), feature_importance(search.best_estimator_)
    )


def test_what_has_no_importance_is_refused(music):
    X, y = music
    with pytest.raises(TypeError, match=r"KNeighborsClassifier has neither .*permutation"):
        feature_importance(make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, y))
    with pytest.raises(NotFittedError):
        feature_importance(make_fma_baseline())


@pytest.mark.parametrize("names", [["a"], ["a"] * 10])
def test_names_that_do_not_fit_are_refused(music, names):
    X, y = music
    with pytest.raises(ValueError, match="1 of them different, but the model has 10 features"):
        feature_importance(RandomForestClassifier(2).fit(X, y), names)
