"""Columns that say what another one says are dropped."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from genreclass.features import CorrelationFilter


def _table(n_rows=300, n_columns=60, seed=0):
    """Columns that go together in all strengths."""
    generator = np.random.default_rng(seed)
    factors = generator.normal(size=(n_rows, 6))
    mixed = factors @ generator.normal(size=(6, n_columns))
    return mixed + generator.exponential(size=n_columns) * generator.normal(size=mixed.shape)


def _keep_with_pandas(X, threshold):
    """The definition, one pair at a time."""
    corr = pd.DataFrame(X).corr().abs()
    kept = []
    for column in corr:
        if not any(corr.loc[other, column] > threshold for other in kept):
            kept.append(column)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_kept_is_what_pandas_correlations_say(threshold, seed):
    X = _table(seed=seed)
    fitted = CorrelationFilter(threshold).fit(X)
    assert_array_equal(fitted.get_support(indices=True), _keep_with_pandas(X, threshold))


def test_a_table_wider_than_a_block_is_compared_across_blocks():
    X = _table(n_rows=40, n_columns=700)
    fitted = CorrelationFilter(0.8).fit(X)
    assert_array_equal(fitted.get_support(indices=True), _keep_with_pandas(X, 0.8))
    assert fitted.get_support().sum() > 256


def test_no_two_kept_columns_correlate_and_each_dropped_one_has_a_stand_in():
    X = _table()
    fitted = CorrelationFilter(0.7).fit(X)
    corr = np.abs(np.corrcoef(X, rowvar=False))
    kept = fitted.get_support(indices=True)
    among = corr[np.ix_(kept, kept)] - np.eye(len(kept))
    assert among.max() <= 0.7
    dropped = np.flatnonzero(~fitted.get_support())
    assert len(dropped) > 10
    stand_ins = fitted.stand_in_[dropped]
    assert set(stand_ins) <= set(kept)
    assert (stand_ins < dropped).all()
    assert (corr[dropped, stand_ins] > 0.7).all()


def test_the_stand_in_is_the_kept_column_that_correlates_most():
    X = _table()
    fitted = CorrelationFilter(0.7).fit(X)
    corr = np.abs(np.corrcoef(X, rowvar=False))
    kept = fitted.get_support(indices=True)
    for column in np.flatnonzero(~fitted.get_support()):
        before = kept[kept < column]
        assert fitted.stand_in_[column] == before[corr[column, before].argmax()]


def test_a_column_like_a_dropped_one_only_is_kept():
    a, b, c = np.linalg.qr(np.random.default_rng(0).normal(size=(100, 4)))[0][:, 1:].T
    chain = np.column_stack([a, 3 * a + b, 3 * a + 3 * b + c])  # each like the next
    corr = np.abs(np.corrcoef(chain, rowvar=False))
    threshold = 0.8
    assert corr[0, 1] > threshold
    assert corr[1, 2] > threshold
    assert corr[0, 2] < threshold
    assert CorrelationFilter(threshold).fit(chain).get_support().tolist() == [True, False, True]


def test_columns_of_opposite_sign_say_the_same():
    X = np.random.default_rng(0).normal(size=(50, 1))
    assert CorrelationFilter().fit(np.hstack([X, -X])).get_support().tolist() == [True, False]


def test_constant_columns_are_dropped_and_nothing_stands_for_them():
    X = np.random.default_rng(0).normal(size=(50, 4))
    X[:, 0], X[:, 2] = 0.1, 0.0
    fitted = CorrelationFilter(1.0).fit(X.astype(np.float32))
    assert fitted.get_support().tolist() == [False, True, False, True]
    assert fitted.stand_in_.tolist() == [-1, 1, -1, 3]


def test_a_table_of_constant_columns_is_refused():
    with pytest.raises(ValueError, match="X has 5 equal rows"):
        CorrelationFilter().fit(np.ones((5, 3)))


def test_a_threshold_of_one_keeps_copies():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert CorrelationFilter(1).fit(np.hstack([X, 2 * X])).get_support().all()


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_scale_and_offset_do_not_matter(scale, offset):
    X = _table()
    expected = CorrelationFilter(0.8).fit(X).get_support()
    assert_array_equal(CorrelationFilter(0.8).fit((X + offset) * scale).get_support(), expected)


def test_names_and_values_of_the_kept_columns_come_out():
    X = pd.DataFrame(_table()).add_prefix("c").astype(np.float32)
    fitted = CorrelationFilter(0.7).set_output(transform="pandas").fit(X)
    out = fitted.transform(X.iloc[5:])
    kept = fitted.get_support(indices=True)
    assert list(out.columns) == [f"c{i}" for i in kept] == list(fitted.get_feature_names_out())
    assert_array_equal(out.index, X.index[5:])
    assert_array_equal(out, X.iloc[5:, kept])


def test_what_comes_out_is_in_double_precision():
    X = _table().astype(np.float32)
    assert CorrelationFilter().fit_transform(X).dtype == np.float64


def test_dropped_columns_come_back_as_zeros():
    X = _table()
    fitted = CorrelationFilter(0.7).fit(X)
    back = fitted.inverse_transform(fitted.transform(X))
    assert_array_equal(back, X * fitted.get_support())


def test_the_table_is_left_as_it_was():
    X = np.asfortranarray(_table())
    before = X.copy()
    CorrelationFilter().fit(X)
    assert_array_equal(X, before)


def test_missing_values_are_refused():
    X = _table()
    X[3, 3] = np.nan
    fault = "X holds NaN in row 3, column {}; rows with such gaps: 1 of 300"
    with pytest.raises(ValueError, match=fault.format(3)):
        CorrelationFilter().fit(X)
    with pytest.raises(ValueError, match=fault.format("c3")):
        CorrelationFilter().fit(pd.DataFrame(X).add_prefix("c"))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "0.95"])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises((ValueError, TypeError), match="threshold"):
        CorrelationFilter(threshold).fit(_table())
