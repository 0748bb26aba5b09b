"""How a network learned."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from genreclass.evaluation import TrainingHistoryDisplay


def _history(n_epochs, validation=True):
    epochs = range(1, n_epochs + 1)
    history = [
        {"epoch": n, "learning_rate": 1e-3 / n, "loss": 2 / n, "accuracy": 1 - 0.9 / n}
        for n in epochs
    ]
    if validation:
        for entry in history:
            entry |= {"val_loss": 0.5 + 2 / entry["epoch"], "val_accuracy": 0.7}
    return history


class _Network(BaseEstimator):
    def fit(self, X, y):
        self.history_, self.best_epoch_ = _history(4), 3
        return self


def test_curves_are_the_history():
    history = _history(12)
    display = TrainingHistoryDisplay.from_history(history, best_epoch=7)
    assert set(display.lines_) == {"loss", "val_loss", "accuracy", "val_accuracy"}
    for key, line in display.lines_.items():
        assert_array_equal(line.get_xdata(), np.arange(1, 13))
        assert_array_equal(line.get_ydata(), [entry[key] for entry in history])
    assert [list(line.get_xdata()) for line in display.best_epoch_lines_] == [[7, 7], [7, 7]]
    labels = [text.get_text() for text in display.axes_[1].get_legend().get_texts()]
    assert labels == ["training", "validation", "best: 7"]


def test_without_validation_or_best_epoch_no_legend_is_needed():
    display = TrainingHistoryDisplay.from_history(_history(5, validation=False))
    assert set(display.lines_) == {"loss", "accuracy"}
    assert display.best_epoch_lines_ == []
    assert all(ax.get_legend() is None for ax in display.axes_)


def test_learning_rate_on_demand():
    history = _history(6)
    display = TrainingHistoryDisplay.from_history(
        history, panels=["learning_rate", "loss", "accuracy"]
    )
    assert len(display.axes_) == 3
    rates = [entry["learning_rate"] for entry in history]
    assert_array_equal(display.lines_["learning_rate"].get_ydata(), rates)
    assert display.ax_.get_title(loc="left") == "Learning rate"


def test_one_epoch_is_seen_as_points():
    display = TrainingHistoryDisplay.from_history(_history(1), best_epoch=1)
    for line in display.lines_.values():
        assert line.get_marker() == "o"
        assert line.get_markevery() == [0]
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["1"]
    display.figure_.draw_without_rendering()


def test_nan_and_missing_values_leave_gaps():
    history = _history(5)
    history[1]["loss"] = float("nan")
    history[3]["loss"] = float("inf")
    del history[4]["val_accuracy"]
    display = TrainingHistoryDisplay.from_history(history)
    assert_array_equal(np.isnan(display.lines_["loss"].get_ydata()), [0, 1, 0, 1, 0])
    assert display.lines_["loss"].get_markevery() == [0, 2, 4]  # each without a neighbour
    assert np.isnan(display.lines_["val_accuracy"].get_ydata()[4])
    display.figure_.draw_without_rendering()


def test_a_history_of_nothing_but_nan_is_drawn():
    history = [{"epoch": 1, "loss": float("nan"), "accuracy": float("nan")}]
    TrainingHistoryDisplay.from_history(history).figure_.draw_without_rendering()


@pytest.mark.parametrize("n_epochs", [1, 3, 60])
def test_text_can_be_read(n_epochs, paper, assert_legible):
    display = TrainingHistoryDisplay.from_history(
        _history(n_epochs), best_epoch=n_epochs, ax=paper(1.8)
    )
    assert_legible(display.figure_)


def test_axes_are_a_frame_or_the_panels():
    figure, axes = plt.subplots(1, 3)
    display = TrainingHistoryDisplay.from_history(_history(3), ax=axes[0])
    assert not axes[0].axison
    assert len(figure.axes) == 5
    display = TrainingHistoryDisplay.from_history(_history(3), ax=axes[1:])
    assert list(display.axes_) == list(axes[1:])
    assert display.figure_ is figure


def test_a_single_panel_is_drawn_into_a_single_axes():
    _, ax = plt.subplots()
    assert TrainingHistoryDisplay.from_history(_history(3), ax=ax, panels="loss").ax_ is ax


def test_from_estimator_takes_a_fitted_network_or_a_pipeline():
    display = TrainingHistoryDisplay.from_estimator(_Network().fit(None, None))
    assert display.history == _history(4)
    assert display.best_epoch == 3
    pipeline = make_pipeline(FunctionTransformer(), _Network()).fit([[0]], [0])
    assert TrainingHistoryDisplay.from_estimator(pipeline).best_epoch == 3


def test_what_has_no_history_is_named():
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(_Network())
    with pytest.raises(ValueError, match="DummyClassifier has no history_"):
        TrainingHistoryDisplay.from_estimator(DummyClassifier().fit([[0]], [0]))


@pytest.mark.parametrize(
    ("history", "options", "message"),
    [
        ([], {}, "history is empty"),
        ([{"epoch": 1, "loss": 1.0}], {}, "history has no 'accuracy'"),
        ([{"loss": 1.0}], {"panels": "loss"}, "history has no 'epoch'"),
        (_history(3), {"best_epoch": 4}, "best_epoch is 4, but history has epochs 1 to 3"),
        (_history(3), {"panels": "val_loss"}, "panels must be some of"),
        (_history(3), {"panels": []}, "panels must be some of"),
        (_history(3), {"ax": [SimpleNamespace()] * 3}, "ax holds 3 axes, expected 2"),
    ],
)
def test_what_cannot_be_drawn_is_named(history, options, message):
    with pytest.raises(ValueError, match=message):
        TrainingHistoryDisplay.from_history(history, **options)


def test_axes_placed_by_hand_cannot_be_divided():
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="pass an array of 2 axes"):
        TrainingHistoryDisplay.from_history(_history(3), ax=ax)
