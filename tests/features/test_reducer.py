"""Filter, scaling and components in a row."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from genreclass.features import make_feature_reducer


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 20)) @ generator.normal(size=(20, 90))
    X += generator.normal(size=X.shape)
    return np.hstack([X, X[:, :10] + 1e-3 * generator.normal(size=(200, 10))]) * 7 + 3


def test_components_are_those_of_the_full_decomposition(table):
    out = make_feature_reducer(n_components=12).fit_transform(table)
    # The last ten columns are copies, so that the filter leaves the first ninety.
    scaled = StandardScaler().fit_transform(table[:, :90])
    expected = PCA(12, svd_solver="full").fit_transform(scaled)
    assert_allclose(np.abs(out), np.abs(expected), atol=1e-9)


def test_steps_have_names_that_a_search_can_set(table):
    reducer = make_feature_reducer(n_components=5, threshold=0.9)
    assert list(reducer.named_steps) == ["filter", "scaler", "pca"]
    assert reducer.get_params()["filter__threshold"] == 0.9
    assert reducer.set_params(pca__n_components=7).fit_transform(table).shape == (200, 7)


def test_a_share_of_variance_sets_the_number_of_components(table):
    reducer = make_feature_reducer(n_components=0.8).fit(table)
    shares = reducer[-1].explained_variance_ratio_
    assert shares.sum() >= 0.8 > shares[:-1].sum()


def test_none_keeps_all_components(table):
    assert make_feature_reducer(n_components=None).fit_transform(table).shape == (200, 90)


def test_too_few_columns_are_named_by_scikit_learn(table):
    with pytest.raises(ValueError, match="n_components=60 must be between 0 and"):
        make_feature_reducer().fit(table[:, :30])
