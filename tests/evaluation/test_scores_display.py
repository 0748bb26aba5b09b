"""How well each genre is recognised."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from genreclass.evaluation import GenreScoresDisplay

SCORES = {"recall": recall_score, "precision": precision_score, "f1": f1_score}


def _names(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


@pytest.mark.parametrize("score", SCORES)
def test_bars_are_scikit_learns_scores_and_sorted(predict, genres, score):
    y_true, y_pred, _ = predict(genres)
    display = GenreScoresDisplay.from_predictions(y_true, y_pred, score=score)
    labels = display.display_labels[display.order_]
    expected = SCORES[score](y_true, y_pred, labels=labels, average=None)
    widths = [bar.get_width() for bar in display.bars_]
    assert_allclose(widths, expected)
    assert widths == sorted(widths, reverse=True)
    assert display.ax_.get_ylim() == (len(genres) - 0.5, -0.5)  # the first at the top


@pytest.mark.parametrize(("score", "side"), [("recall", 0), ("precision", 1)])
def test_whiskers_are_wilsons_intervals(predict, score, side):
    y_true, y_pred, _ = predict(list("abcd"))
    display = GenreScoresDisplay.from_predictions(y_true, y_pred, score=score)
    (whiskers,) = display.errorbar_.lines[2]
    for row, segment in enumerate(whiskers.get_segments()):
        genre = display.display_labels[display.order_[row]]
        n_hits = int(np.sum((y_true == genre) & (y_pred == genre)))
        n_clips = int(np.sum((y_true, y_pred)[side] == genre))
        interval = binomtest(n_hits, n_clips).proportion_ci(method="wilson")
        assert_allclose(segment, [[interval.low, row], [interval.high, row]])
        assert_allclose(display.intervals_[:, row], [interval.low, interval.high])
        assert _names(display)[row] == f"{genre}  {n_clips}"


def test_nullable_labels_stay_what_they_are():
    labels = pd.array([7, 3], dtype="Int64")
    assert _names(GenreScoresDisplay.from_predictions(labels, labels)) == ["3  1", "7  1"]


def test_f1_has_no_whiskers(predict):
    display = GenreScoresDisplay.from_predictions(*predict(list("abc"))[:2], score="f1")
    assert display.errorbar_ is None
    assert display.intervals_ is None


def test_line_is_at_the_accuracy(predict):
    y_true, y_pred, _ = predict(list("abcd"))
    display = GenreScoresDisplay.from_predictions(y_true, y_pred)
    assert_allclose(display.accuracy_line_.get_xdata(), accuracy_score(y_true, y_pred))
    assert f"{accuracy_score(y_true, y_pred):.1%}" in display.ax_.get_xlabel()


def test_genre_never_predicted_has_no_precision():
    display = GenreScoresDisplay.from_predictions(
        ["a", "b", "c"], ["b", "b", "c"], score="precision"
    )
    assert _names(display) == ["c  1", "b  2", "a  0"]
    assert_array_equal(display.scores_, [1, 0.5, np.nan])
    (note,) = display.ax_.texts
    assert note.get_text() == "never predicted"
    assert note.get_position()[1] == 2
    display.figure_.draw_without_rendering()


def test_genre_without_clips_has_no_recall():
    display = GenreScoresDisplay.from_predictions(["a"], ["b"])
    assert_array_equal(display.scores_, [0, np.nan])
    assert display.ax_.texts[0].get_text() == "no clips"


def test_genre_absent_from_both_sides_has_no_f1():
    display = GenreScoresDisplay.from_predictions(["a"], ["a"], labels=["a", "b"], score="f1")
    assert_array_equal(display.scores_, [1, np.nan])


def test_one_genre_and_no_wrong_answer():
    display = GenreScoresDisplay.from_predictions(["rock"] * 4, ["rock"] * 4)
    assert_array_equal(display.scores_, [1])
    display.figure_.draw_without_rendering()


def test_names_can_be_read(predict, genres, paper, assert_legible):
    y_true, y_pred, _ = predict(genres)
    display = GenreScoresDisplay.from_predictions(y_true, y_pred, ax=paper())
    assert_legible(display.figure_)
    assert all(name.endswith("  30") for name in _names(display))


def test_names_are_whole_in_a_figure_of_its_own(predict, genres):
    y_true, y_pred, _ = predict(genres)
    display = GenreScoresDisplay.from_predictions(y_true, y_pred)
    shown = [name.replace("\n", " ").removesuffix("  30") for name in _names(display)]
    assert shown == list(display.display_labels[display.order_])


def test_a_stroke_does_not_begin_a_line(long_name):
    display = GenreScoresDisplay.from_predictions([long_name], [long_name])
    assert "\n" in _names(display)[0]
    assert "\n/" not in _names(display)[0]


@pytest.mark.parametrize("layout", [None, "tight", "constrained"])
def test_axes_of_any_figure_are_drawn_into(predict, layout):
    figure, axes = plt.subplots(2, 1, layout=layout)
    display = GenreScoresDisplay.from_predictions(*predict(["jazz", "rock"])[:2], ax=axes[0])
    assert display.figure_ is figure
    figure.draw_without_rendering()


def test_from_estimator_predicts():
    X = np.array([[0.0], [0.1], [1.0], [1.1]])
    clf = LogisticRegression(C=100).fit(X, [5, 5, 8, 8])
    display = GenreScoresDisplay.from_estimator(clf, X, [5, 8, 8, 8])
    assert_allclose(display.scores_, [1, 2 / 3])
    assert _names(display) == ["5  1", "8  3"]


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match='score must be "recall", "precision" or "f1"'):
        GenreScoresDisplay.from_predictions(["a"], ["a"], score="accuracy")
    with pytest.raises(TypeError, match="must be a fitted classifier, got a Ridge"):
        GenreScoresDisplay.from_estimator(Ridge(), [[0.0]], ["a"])
