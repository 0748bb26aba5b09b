"""Figures of merit, against scipy and scikit-learn."""

import inspect
import tracemalloc

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from genreclass.evaluation._metrics import (
    bin_confidence,
    brier_score,
    calibrated_error_range,
    group_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("n_hits", "n_trials"), [(0, 1), (1, 1), (0, 7), (7, 7), (3, 10), (204, 290), (99_990, 100_000)]
)
def test_wilson_interval_is_that_of_scipy(n_hits, n_trials):
    expected = binomtest(n_hits, n_trials).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(n_hits, n_trials), expected, atol=1e-12)


def test_wilson_interval_of_arrays_is_that_of_each_entry():
    low, high = wilson_interval([0, 3], [7, 10])
    np.testing.assert_array_equal([low[1], high[1]], wilson_interval(3, 10))
    np.testing.assert_array_equal([low[0], high[0]], wilson_interval(0, 7))


def test_wilson_interval_without_trials_is_not_a_number():
    low, high = wilson_interval([1, 0], [1, 0])
    assert np.isnan([low[1], high[1]]).all()
    assert np.isfinite([low[0], high[0]]).all()


def test_wilson_interval_takes_the_mean_of_several_classifiers():
    low, high = wilson_interval(2.5, 10)
    assert wilson_interval(2, 10)[0] < low < wilson_interval(3, 10)[0]
    assert wilson_interval(2, 10)[1] < high < wilson_interval(3, 10)[1]


@pytest.mark.parametrize(
    ("n_hits", "n_trials", "message"),
    [
        (5, 3, "got 5 of 3"),
        (-1, 3, "got -1 of 3"),
        (1, 0, "got 1 of 0"),
        ([1, 7.5, 9], 4, "got 7.5 of 4"),
    ],
)
def test_more_hits_than_trials_are_refused(n_hits, n_trials, message):
    with pytest.raises(ValueError, match=f"between 0 and n_trials, {message}") as caught:
        wilson_interval(n_hits, n_trials)
    assert "\n" not in str(caught.value)


def test_confidence_bins_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    # Some exactly on an edge.
    confidence = np.concatenate([generator.random(200), np.linspace(0, 1, 11)])
    correct = generator.random(len(confidence)) < confidence
    bins = bin_confidence(confidence, correct)
    expected = calibration_curve(correct, confidence, n_bins=10, strategy="uniform")
    np.testing.assert_allclose((bins.accuracy, bins.confidence), expected)
    assert bins.counts.sum() == len(confidence)
    np.testing.assert_allclose(bins.edges, np.linspace(0, 1, 11))


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    bins = bin_confidence(np.array([0.0, 0.5, 1.0]), np.array([False, True, True]))
    assert bins.counts.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_an_empty_bin_has_no_accuracy_and_adds_nothing_to_the_error():
    # Two clips at 0.9, one of them right; one at 0.2, wrong: (2 * 0.4 + 1 * 0.2) / 3.
    bins = bin_confidence(np.array([0.9, 0.9, 0.2]), np.array([True, False, False]))
    assert np.isnan(bins.accuracy).sum() == 8
    assert bins.expected_error == pytest.approx(1 / 3)


def test_brier_score_by_hand():
    proba = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    # (0.3^2 + 0.2^2 + 0.1^2 + 1 + 1) / 2
    assert brier_score(np.array([0, 2]), proba) == pytest.approx(1.07)


def test_brier_score_of_many_genres_takes_no_room():
    proba = np.full((3, 4000), 1 / 4000)
    tracemalloc.start()
    brier_score(np.array([0, 1, 2]), proba)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6  # a matrix of genres by genres would take 128 MB


@pytest.mark.skipif(
    "scale_by_half" not in inspect.signature(brier_score_loss).parameters,
    reason="this scikit-learn has no Brier score of several classes",
)
def test_brier_score_is_that_of_scikit_learn():
    generator = np.random.default_rng(0)
    proba = generator.dirichlet(np.ones(4), size=50)
    targets = generator.integers(4, size=50)
    expected = brier_score_loss(targets, proba, labels=[0, 1, 2, 3], scale_by_half=False)
    assert brier_score(targets, proba) == pytest.approx(expected)


def _cluster_variance(correct, groups):
    """Variance of accuracy by the sandwich of an ordinary regression on a constant."""
    design, n_groups = np.ones((len(correct), 1)), groups.max() + 1
    residuals = correct - correct.mean()
    scores = np.stack([design[groups == g].T @ residuals[groups == g] for g in range(n_groups)])
    bread = np.linalg.inv(design.T @ design)
    sandwich = bread @ scores.T @ scores @ bread
    return float(sandwich[0, 0]) * n_groups / (n_groups - 1)


def test_group_interval_is_wilsons_at_the_effective_number_of_clips():
    generator = np.random.default_rng(0)
    groups = np.sort(generator.integers(40, size=300))
    groups = np.unique(groups, return_inverse=True)[1]
    correct = generator.random(300) < generator.random(groups.max() + 1)[groups]
    accuracy = correct.mean()
    n_effective = accuracy * (1 - accuracy) / _cluster_variance(correct, groups)
    assert 40 < n_effective < 300
    expected = wilson_interval(accuracy * n_effective, n_effective)
    np.testing.assert_allclose(group_interval(correct, groups), expected)


def test_group_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    groups, n_runs = np.repeat(np.arange(16), 2), 1000
    # Groups differ so that clips of one correlate with 0.3, around an accuracy of 0.9.
    accuracies = generator.beta(0.9 * 0.7 / 0.3, 0.1 * 0.7 / 0.3, size=(n_runs, 16))
    correct = generator.random((n_runs, 32)) < accuracies[:, groups]
    intervals = np.array([group_interval(run, groups) for run in correct])
    assert np.mean((intervals[:, 0] <= 0.9) & (intervals[:, 1] >= 0.9)) > 0.92


def test_group_interval_is_never_narrower_than_that_of_independent_clips():
    generator = np.random.default_rng(0)
    for _ in range(200):
        groups = np.unique(generator.integers(8, size=20), return_inverse=True)[1]
        correct = generator.random(20) < generator.random()
        low, high = group_interval(correct, groups)
        wilson_low, wilson_high = wilson_interval(correct.sum(), 20)
        assert high - low >= wilson_high - wilson_low - 1e-12


def test_group_interval_of_single_clips_is_that_of_independent_clips():
    correct = np.arange(300) < 200
    wilson = wilson_interval(200, 300)
    np.testing.assert_allclose(group_interval(correct, np.arange(300)), wilson, atol=1e-4)


def test_group_interval_of_equally_accurate_groups_is_that_of_independent_clips():
    correct = np.tile([True, False], 10)
    interval = group_interval(correct, np.repeat(np.arange(10), 2))
    np.testing.assert_allclose(interval, wilson_interval(10, 20))


def test_group_interval_knows_that_one_large_group_is_one_group():
    groups = np.repeat(np.arange(11), [90, *[1] * 10])
    low, _ = group_interval(np.full(100, True), groups)
    assert low < 0.3


def test_group_interval_is_wider_where_clips_of_a_group_are_alike():
    correct = np.repeat(np.arange(30) < 20, 10)
    low, high = group_interval(correct, np.repeat(np.arange(30), 10))
    wilson_low, wilson_high = wilson_interval(200, 300)
    assert high - low > 2 * (wilson_high - wilson_low)
    np.testing.assert_allclose((low, high), wilson_interval(20, 30))  # each group is worth a clip


def test_group_interval_depends_on_neither_order_nor_numbers_of_groups():
    correct = np.array([True, True, False, True, False, False, True])
    groups = np.array([0, 0, 0, 1, 1, 2, 3])
    order = np.array([3, 6, 0, 2, 5, 1, 4])
    renamed = np.array([2, 3, 1, 0])[groups]
    turned = group_interval(correct[order], renamed[order])
    np.testing.assert_allclose(turned, group_interval(correct, groups))


@pytest.mark.parametrize("right", [True, False])
def test_group_interval_without_spread_counts_groups_as_clips(right):
    interval = group_interval(np.full(12, right), np.repeat(np.arange(4), 3))
    assert interval == wilson_interval(4 if right else 0, 4)


def test_group_interval_of_one_group_is_wide():
    interval = group_interval(np.arange(40) < 20, np.zeros(40, dtype=int))
    np.testing.assert_allclose(interval, wilson_interval(0.5, 1))


def test_range_of_a_calibrated_classifier_holds_95_percent_of_its_errors():
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.2, 1, size=290)
    low, high = calibrated_error_range(confidence)
    errors = np.array(
        [
            bin_confidence(confidence, generator.random(290) < confidence).expected_error
            for _ in range(400)
        ]
    )
    assert 0.91 < np.mean((errors >= low) & (errors <= high)) < 0.99
    assert 0.01 < low < high < 0.1


def test_a_classifier_that_is_always_certain_leaves_no_chance():
    assert calibrated_error_range(np.ones(10)) == (0, 0)
