"""Whether a classifier is as often right as it says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge

from genreclass.evaluation import ReliabilityDisplay


def test_points_are_scikit_learns_calibration_curve(predict):
    y_true, y_pred, proba = predict(list("abcdef"), n_clips=60)
    display = ReliabilityDisplay.from_predictions(y_true, proba, classes=list("abcdef"))
    correct = y_true == y_pred
    accuracy, confidence = calibration_curve(correct, proba.max(axis=1), n_bins=10)
    assert_allclose(display.line_.get_xdata(), confidence)
    assert_allclose(display.line_.get_ydata(), accuracy)


def test_whiskers_are_wilsons_intervals(predict):
    y_true, y_pred, proba = predict(list("abc"), n_clips=60)
    display = ReliabilityDisplay.from_predictions(y_true, proba, classes=list("abc"))
    confidence = proba.max(axis=1)
    segments = iter(display.errorbar_.lines[2][0].get_segments())
    for low in np.arange(10) / 10:
        inside = (confidence > low) & (confidence <= low + 0.1)
        if inside.any():
            n_right = int(np.sum(y_true[inside] == y_pred[inside]))
            interval = binomtest(n_right, int(inside.sum())).proportion_ci(method="wilson")
            assert_allclose(next(segments)[:, 1], [interval.low, interval.high])


def test_histogram_counts_clips(predict):
    y_true, _, proba = predict(list("abc"))
    display = ReliabilityDisplay.from_predictions(y_true, proba, classes=list("abc"), n_bins=5)
    expected = np.histogram(proba.max(axis=1), bins=np.linspace(0, 1, 6))[0]
    assert_array_equal([bar.get_height() for bar in display.bars_], expected)
    assert_allclose([bar.get_x() for bar in display.bars_], [0, 0.2, 0.4, 0.6, 0.8], atol=1e-12)


def test_legend_says_the_calibration_error():
    proba = [[0.9, 0.1], [0.1, 0.9], [0.35, 0.65], [0.65, 0.35]]
    display = ReliabilityDisplay.from_predictions(
        ["a", "a", "b", "a"], proba, classes=["a", "b"], name="CNN $1"
    )
    # Two bins of two clips: right 1/2 at 0.9, and 2/2 at 0.65.
    assert_allclose(display.expected_error_, 0.5 * 0.4 + 0.5 * 0.35)
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "CNN $1: ECE 0.375"
    assert not text.get_parse_math()


def test_certain_and_right_is_drawn_in_the_corner():
    display = ReliabilityDisplay.from_predictions([1, 0], np.eye(2)[[1, 0]], classes=[0, 1])
    assert_array_equal(display.line_.get_xydata(), [[1, 1]])
    assert display.expected_error_ == 0
    display.figure_.draw_without_rendering()


def test_one_genre():
    display = ReliabilityDisplay.from_predictions(["a"], [[1.0]], classes=["a"])
    assert display.bins.counts.sum() == 1


def test_genre_the_classifier_does_not_know_is_wrong():
    display = ReliabilityDisplay.from_predictions(
        ["a", "polka"], [[0.95, 0.05], [0.95, 0.05]], classes=["a", "b"]
    )
    assert_allclose(display.bins.accuracy[-1], 0.5)


def test_sums_of_single_precision_may_exceed_one():
    proba = np.array([[1.0000001, 0.0]], dtype=np.float32)
    display = ReliabilityDisplay.from_predictions(["a"], proba, classes=["a", "b"])
    assert display.bins.confidence[-1] == 1


def test_text_can_be_read(predict, paper, assert_legible):
    y_true, _, proba = predict(list("abc"))
    display = ReliabilityDisplay.from_predictions(
        y_true, proba, classes=list("abc"), ax=paper(3.8), name="MelCNNClassifier"
    )
    assert_legible(display.figure_)


def test_a_single_axes_frames_both_panels(predict):
    figure, axes = plt.subplots(1, 2)
    y_true, _, proba = predict(list("abc"))
    display = ReliabilityDisplay.from_predictions(y_true, proba, classes=list("abc"), ax=axes[1])
    frame = axes[1].get_position()
    assert display.axes_.shape == (2,)
    assert display.ax_ is display.axes_[0]
    assert display.figure_ is figure
    for panel in display.axes_:
        box = panel.get_position()
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1 + 1e-9
        assert frame.y0 - 1e-9 <= box.y0 <= box.y1 <= frame.y1 + 1e-9
    with pytest.raises(ValueError, match="array of 2 axes"):
        display.plot(ax=axes[1])


def test_classifiers_are_compared_in_the_same_axes(predict):
    y_true, _, proba = predict(list("abc"))
    first = ReliabilityDisplay.from_predictions(y_true, proba, classes=list("abc"), name="A")
    second = ReliabilityDisplay(first.bins, name="B").plot(ax=first.axes_)
    assert second.ax_ is first.ax_
    assert second.line_.get_color() != first.line_.get_color()
    assert len(second.ax_.get_legend().get_texts()) == 2
    diagonals = [line for line in first.ax_.lines if list(line.get_xdata()) == [0, 1]]
    assert len(diagonals) == 1


def test_from_estimator_asks_for_probabilities():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(40, 2)), np.repeat(["jazz", "rock"], 20)
    clf = LogisticRegression().fit(X, y)
    display = ReliabilityDisplay.from_estimator(clf, X, y)
    assert_allclose(
        np.nansum(display.bins.confidence * display.bins.counts),
        clf.predict_proba(X).max(axis=1).sum(),
    )
    assert "LogisticRegression" in display.ax_.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="needs predict_proba, which Perceptron does not have"):
        ReliabilityDisplay.from_estimator(Perceptron().fit(X, y), X, y)


@pytest.mark.parametrize(
    ("y_true", "proba", "classes", "message"),
    [
        (["a"], [[0.5, 0.5]], ["a"], r"y_proba must have .* \(1, 1\), got shape \(1, 2\)"),
        (["a"], [[1.5, -0.5]], ["a", "b"], "Probabilities of clip 0 must be 0 or more and add up"),
        (["a"], [[0.5, 0.2]], ["a", "b"], "Probabilities of clip 0 must be"),
        (["a"], [[np.nan, 0.5]], ["a", "b"], "Probabilities of clip 0 must be"),
        (["a", "b"], [[0.5, 0.5]], ["a", "b"], r"\(2, 2\), got shape \(1, 2\)"),
        (["a"], [[0.5, 0.5]], ["a", "a"], "classes holds 'a' twice"),
        (["a", None], [[0.5, 0.5]] * 2, ["a", "b"], r"y_true\[1\] is missing"),
        ([0], [[0.5, 0.5]], ["a", "b"], "None of classes is in y_true"),
    ],
)
def test_what_cannot_be_drawn_is_named(y_true, proba, classes, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(y_true, proba, classes=classes)


@pytest.mark.parametrize("n_bins", [0, -1, 2.0, "3", None, True])
def test_bins_are_a_whole_number_from_one(n_bins):
    with pytest.raises(ValueError, match="n_bins must be a whole number of at least 1"):
        ReliabilityDisplay.from_predictions(["a"], [[1.0]], classes=["a"], n_bins=n_bins)
    display = ReliabilityDisplay.from_predictions(["a"], [[1.0]], classes=["a"], n_bins=np.int64(1))
    assert_array_equal(display.bins.counts, [1])


def test_a_name_that_begins_with_an_underscore_is_in_the_legend():
    display = ReliabilityDisplay.from_predictions(["a"], [[1.0]], classes=["a"], name="_x")
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text().strip() == "_x: ECE 0.000"


def test_what_is_no_classifier_is_refused():
    with pytest.raises(TypeError, match="must be a fitted classifier, got a Ridge"):
        ReliabilityDisplay.from_estimator(Ridge(), [[0.0]], ["a"])


def test_as_many_axes_as_panels():
    with pytest.raises(ValueError, match="ax holds 3 axes, expected 2"):
        ReliabilityDisplay.from_predictions(["a"], [[1.0]], classes=["a"], ax=plt.subplots(1, 3)[1])
