"""Filter, scaling and components in a row."""

import logging

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


@pytest.mark.parametrize(("n_rows", "n_columns", "n_out"), [(24, 90, 24), (200, 30, 30)])
def test_a_small_table_gets_as_many_components_as_it_holds(table, n_rows, n_columns, n_out, caplog):
    X = table[:n_rows, :n_columns]
    caplog.set_level(logging.INFO, logger="genreclass")
    reducer = make_feature_reducer().fit(X)
    assert reducer[-1].n_components_ == n_out
    assert reducer[-1].n_components == 60
    assert f"{n_out} components instead of 60" in caplog.text
    assert_allclose(reducer.transform(X), make_feature_reducer(None).fit_transform(X), atol=1e-9)
    names = reducer.get_feature_names_out()
    assert names.tolist() == [f"pca{i}" for i in range(n_out)]


def test_a_number_that_fits_is_not_spoken_of(table, caplog):
    caplog.set_level(logging.INFO, logger="genreclass")
    make_feature_reducer(n_components=60).fit(table)
    assert not caplog.text
