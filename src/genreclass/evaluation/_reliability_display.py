"""Whether a classifier is as often right as it says, as a picture."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genreclass.evaluation._axes import (
    ACCENT,
    BLUE,
    GREEN,
    LIGHT_BLUE,
    PURPLE,
    QUIET,
    legend_size,
    measure_axes,
    open_frame,
    place_legend,
    split_axes,
)
from genreclass.evaluation._columns import check_classes, check_genres, check_proba
from genreclass.evaluation._inputs import check_classifier
from genreclass.evaluation._metrics import CalibrationBins, bin_confidence, wilson_interval
from genreclass.evaluation._names import drawable_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer, ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["ReliabilityDisplay"]

_COLOURS = (BLUE, ACCENT, GREEN, PURPLE)


class ReliabilityDisplay:
    """Reliability diagram: how often the predicted genre is right, against its probability.

    Clips are sorted by the probability of the genre predicted into bins of equal width. Each
    point is a bin: its mean probability and the share of its clips that is right, with Wilson's
    95 % interval. Points below the diagonal are overconfident. The histogram below shows how many
    clips a point stands for.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`. All parameters are stored
    as attributes.

    Parameters
    ----------
    bins : CalibrationBins
        Edges, number of clips, mean confidence and accuracy of the bins.
    name : str, default=None
        Name of the classifier in the legend.

    Attributes
    ----------
    expected_error_ : float
        Expected calibration error: mean distance of accuracy and confidence over clips.
    intervals_ : ndarray of shape (2, n_bins)
        Lower and upper ends of the intervals of accuracy; NaN in an empty bin.
    errorbar_ : matplotlib ErrorbarContainer
        Points and whiskers of the bins that hold clips.
    line_ : matplotlib Line2D
        The points.
    bars_ : matplotlib BarContainer
        The histogram.
    ax_ : matplotlib Axes
        Axes with the points.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the points and axes with the histogram.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : Calibration curve of a binary classifier.

    Notes
    -----
    C. Guo et al., "On calibration of modern neural networks", 2017. With few clips the expected
    calibration error of a perfectly calibrated classifier is not zero.

    Examples
    --------
    >>> from genreclass.evaluation import ReliabilityDisplay
    >>> display = ReliabilityDisplay.from_predictions(
    ...     ["jazz", "rock", "rock", "rock"],
    ...     [[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]],
    ...     classes=["jazz", "rock"],
    ... )
    >>> display.expected_error_
    0.15...
    """

    expected_error_: float
    intervals_: np.ndarray
    errorbar_: ErrorbarContainer
    line_: Line2D
    bars_: BarContainer
    ax_: Axes
    axes_: np.ndarray
    figure_: Figure

    def __init__(self, bins: CalibrationBins, *, name: str | None = None) -> None:
        self.bins = bins
        self.name = name

    def plot(self, *, ax: Any = None, name: str | None = None) -> Self:
        """Draw the diagram and the histogram.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of two Axes, default=None
            Where to draw. None makes a figure; a single axes is a frame within which both panels
            are made; two axes are drawn into, so that ``ax=display.axes_`` compares classifiers.
        name : str, default=None
            Name of the classifier in the legend; None takes that of the constructor.

        Returns
        -------
        ReliabilityDisplay
            Itself.
        """
        self.axes_ = split_axes(ax, 2, 1, figsize=(4.6, 5.4), height_ratios=[4, 1])
        self.ax_, histogram = self.axes_
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        n_before = len(self.ax_.get_legend_handles_labels()[1])
        self._draw_points(n_before, self.name if name is None else name)
        self._draw_histogram(histogram, n_before)
        self._finish(histogram)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        ax: Any = None,
        n_bins: int = 10,
        name: str | None = None,
    ) -> Self:
        """Predict clips, and draw how often the predicted genre is right.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier with `predict_proba`, or a Pipeline that ends in one.
        X : sequence of clips, or array-like
            What the estimator takes.
        y : array-like of shape (n_clips,)
            The true genres. The predicted genre of a clip whose genre the estimator does not know
            is wrong.
        ax : matplotlib Axes or array-like of two Axes, default=None
            As in :meth:`plot`.
        n_bins : int, default=10
            Number of bins.
        name : str, default=None
            Name in the legend; None is the name of the estimator's class.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from genreclass.evaluation import ReliabilityDisplay
        >>> X, y = [[0.0], [1.0], [2.0]], ["jazz", "jazz", "rock"]
        >>> clf = DummyClassifier(strategy="prior").fit(X, y)
        >>> ReliabilityDisplay.from_estimator(clf, X, y).bins.counts
        array([0, 0, 0, 0, 0, 0, 3, 0, 0, 0])
        """
        check_classifier(estimator, "predict_proba")
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            ax=ax,
            n_bins=n_bins,
            name=type(estimator).__name__ if name is None else name,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any,
        ax: Any = None,
        n_bins: int = 10,
        name: str | None = None,
    ) -> Self:
        """Draw how often the most probable genre is right.

        Parameters
        ----------
        y_true : array-like of shape (n_clips,)
            The true genres. The predicted genre of a clip whose genre is none of `classes` is
            wrong.
        y_proba : array-like of shape (n_clips, n_genres)
            Probabilities.
        classes : array-like of shape (n_genres,)
            The genres, in the order of the columns of `y_proba`.
        ax : matplotlib Axes or array-like of two Axes, default=None
            As in :meth:`plot`.
        n_bins : int, default=10
            Number of bins.
        name : str, default=None
            Name in the legend.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.
        """
        if isinstance(n_bins, bool) or not isinstance(n_bins, Integral) or n_bins < 1:
            raise ValueError(f"n_bins must be a whole number of at least 1, got {n_bins!r}")
        y_true, classes = check_genres(y_true, "y_true"), check_classes(classes, "classes")
        y_proba = check_proba(y_proba, len(y_true), classes, name="y_proba")
        if not set(y_true.tolist()) & set(classes.tolist()):
            raise ValueError(
                f"None of classes is in y_true, which holds {y_true.tolist()[0]!r}. Pass genres "
                "of one kind."
            )
        correct = classes[y_proba.argmax(axis=1)] == y_true
        # Sums of probabilities in single precision may exceed one a little.
        bins = bin_confidence(np.minimum(y_proba.max(axis=1), 1), correct, n_bins=n_bins)
        return cls(bins, name=name).plot(ax=ax)

    def _draw_points(self, n_before: int, name: str | None) -> None:
        bins, ax = self.bins, self.ax_
        self.expected_error_ = bins.expected_error
        n_right = np.nan_to_num(bins.accuracy) * bins.counts
        self.intervals_ = np.array(wilson_interval(n_right, bins.counts))
        if not n_before:
            ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        filled = bins.counts > 0
        # Rounding may put an end of the interval on the wrong side of the accuracy.
        low, high = self.intervals_[:, filled] - bins.accuracy[filled]
        label = f"ECE {self.expected_error_:.3f}"
        if name is not None:
            label = f"{drawable_names([name])[0][0]}: {label}"
            # matplotlib leaves what begins with an underscore out of legends.
            label = f" {label}" if label.startswith("_") else label
        self.errorbar_ = ax.errorbar(
            bins.confidence[filled],
            bins.accuracy[filled],
            yerr=np.maximum([-low, high], 0),
            color=_COLOURS[n_before % len(_COLOURS)],
            marker="o",
            markersize=5,
            linewidth=1.2,
            elinewidth=1,
            label=label,
            clip_on=False,
        )
        self.line_ = self.errorbar_.lines[0]

    def _draw_histogram(self, ax: Axes, n_before: int) -> None:
        bins = self.bins
        self.bars_ = ax.bar(
            bins.edges[:-1],
            bins.counts,
            width=np.diff(bins.edges),
            align="edge",
            color="none" if n_before else LIGHT_BLUE,
            edgecolor=self.line_.get_color() if n_before else ax.get_facecolor(),
            linewidth=1,
        )

    def _finish(self, histogram: Axes) -> None:
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        ax = self.ax_
        ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="Accuracy")
        histogram.set(xlim=(0, 1), xlabel="Probability of the predicted genre", ylabel="Clips")
        histogram.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        for panel in self.axes_:
            panel.set_xticks(np.linspace(0, 1, 6))
            panel.xaxis.set_major_formatter(PercentFormatter(1))
        ax.set_yticks(np.linspace(0, 1, 6))
        ax.yaxis.set_major_formatter(PercentFormatter(1))
        size = legend_size(measure_axes(ax)[0])
        for panel in self.axes_:
            open_frame(panel, size)
        ax.tick_params(labelbottom=False)
        self.figure_.align_ylabels(self.axes_.tolist())
        place_legend(ax, size)
