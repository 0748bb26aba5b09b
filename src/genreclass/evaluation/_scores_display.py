"""How well each genre is recognised, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from genreclass.evaluation._axes import ACCENT, LIGHT_BLUE, QUIET, genre_rows
from genreclass.evaluation._inputs import check_classifier, check_confusion, count_confusions
from genreclass.evaluation._metrics import score_genres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer, ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["GenreScoresDisplay"]

Score = Literal["recall", "precision", "f1"]


class GenreScoresDisplay:
    """A bar for each genre: how well it is recognised, and how sure one can be of that.

    Genres are sorted by the score, the best at the top. Whiskers are Wilson's 95 % interval; a
    thin line marks the overall accuracy.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`. All parameters are stored
    as attributes.

    Parameters
    ----------
    confusion_matrix : ndarray or DataFrame of shape (n_genres, n_genres)
        Numbers of clips; the true genres are the rows.
    display_labels : array-like of shape (n_genres,), default=None
        The genres. None takes a DataFrame's index, or counts from 0.

    Attributes
    ----------
    order_ : ndarray of shape (n_genres,), int
        Rows of `confusion_matrix` as they are drawn, from the top.
    scores_ : ndarray of shape (n_genres,)
        Scores, in the order drawn; NaN where there are no clips to judge by.
    intervals_ : ndarray of shape (2, n_genres), or None
        Lower and upper ends of their intervals. None for the F1 score, which is no share.
    n_clips_ : ndarray of shape (n_genres,), int
        The number beside each name: the clips of the genre; for precision those predicted as it.
    accuracy_ : float
        Overall accuracy.
    bars_ : matplotlib BarContainer
        The bars.
    errorbar_ : matplotlib ErrorbarContainer, or None
        The whiskers.
    accuracy_line_ : matplotlib Line2D
        The line at the overall accuracy.
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    GenreConfusionDisplay : Which genre is mistaken for which.

    Notes
    -----
    A figure of its own suits the number of genres and the length of their names. Given `ax`, text
    adapts to it; make the figure with ``layout="constrained"``, so that matplotlib keeps the
    names within it.

    Examples
    --------
    >>> from genreclass.evaluation import GenreScoresDisplay
    >>> display = GenreScoresDisplay.from_predictions(
    ...     ["rock", "rock", "metal", "jazz"], ["rock", "metal", "metal", "jazz"]
    ... )
    >>> [str(display.display_labels[row]) for row in display.order_]
    ['jazz', 'metal', 'rock']
    >>> display.scores_
    array([1. , 1. , 0.5])
    """

    order_: np.ndarray
    scores_: np.ndarray
    intervals_: np.ndarray | None
    n_clips_: np.ndarray
    accuracy_: float
    bars_: BarContainer
    errorbar_: ErrorbarContainer | None
    accuracy_line_: Line2D
    ax_: Axes
    figure_: Figure

    def __init__(self, confusion_matrix: np.ndarray, *, display_labels: Any = None) -> None:
        self.confusion_matrix = confusion_matrix
        self.display_labels = display_labels

    def plot(self, *, ax: Axes | None = None, score: Score = "recall") -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        score : {"recall", "precision", "f1"}, default="recall"
            Recall is the share of a genre's clips that is recognised, precision the share of the
            clips predicted as a genre that is of it, and the F1 score their harmonic mean, which
            has no interval.

        Returns
        -------
        GenreScoresDisplay
            Itself.
        """
        if score not in _TITLES:
            raise ValueError(f'score must be "recall", "precision" or "f1", got {score!r}')
        counts, labels = check_confusion(self.confusion_matrix, self.display_labels)
        genres = score_genres(counts)
        scores = genres[score]
        n_clips = counts.sum(axis=0) if score == "precision" else genres["n_clips"]
        # The best at the top, where equal as labelled, and what cannot be judged at the bottom.
        self.order_ = np.argsort(-np.nan_to_num(scores, nan=-1), kind="stable")
        self.scores_, self.n_clips_ = scores[self.order_], n_clips[self.order_]
        self.intervals_ = None
        if score != "f1":
            intervals = np.array([genres[f"{score}_low"], genres[f"{score}_high"]])
            self.intervals_ = intervals[:, self.order_]
        self.accuracy_ = float(np.trace(counts) / counts.sum())

        self.ax_, size, thickness = genre_rows(
            labels[self.order_],
            ax=ax,
            xlabel=(
                f"{_TITLES[score]}\nLine: accuracy, {self.accuracy_:.1%}\n"
                f"Numbers: clips{_KINDS[score]}, {counts.sum():,} in all"
            ),
            suffixes=[f"  {n:,}" for n in self.n_clips_],
        )
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        self._draw_bars(thickness)
        self._note_what_is_undefined(score, size)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        ax: Axes | None = None,
        labels: Any = None,
        score: Score = "recall",
    ) -> Self:
        """Predict clips, and draw how well each genre is recognised.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier, or a Pipeline that ends in one.
        X : sequence of clips, or array-like
            What the estimator takes.
        y : array-like of shape (n_clips,)
            The true genres.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        labels : array-like of shape (n_genres,), default=None
            The genres to show, at least all of `y` and of the predictions, which are the default.
        score : {"recall", "precision", "f1"}, default="recall"
            As in :meth:`plot`.

        Returns
        -------
        GenreScoresDisplay
            The display, drawn.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from genreclass.evaluation import GenreScoresDisplay
        >>> X, y = [[0.0], [1.0], [2.0]], ["jazz", "jazz", "rock"]
        >>> clf = DummyClassifier().fit(X, y)
        >>> GenreScoresDisplay.from_estimator(clf, X, y).scores_
        array([1., 0.])
        """
        check_classifier(estimator)
        y_pred = estimator.predict(X)
        return cls.from_predictions(y, y_pred, ax=ax, labels=labels, score=score)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        ax: Axes | None = None,
        labels: Any = None,
        score: Score = "recall",
    ) -> Self:
        """Draw how well each genre is recognised.

        Parameters
        ----------
        y_true : array-like of shape (n_clips,)
            The true genres.
        y_pred : array-like of shape (n_clips,)
            The predicted ones.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        labels : array-like of shape (n_genres,), default=None
            The genres to show, at least all of `y_true` and `y_pred`, which are the default.
        score : {"recall", "precision", "f1"}, default="recall"
            As in :meth:`plot`.

        Returns
        -------
        GenreScoresDisplay
            The display, drawn.
        """
        counts, labels = count_confusions(y_true, y_pred, labels=labels)
        return cls(counts, display_labels=labels).plot(ax=ax, score=score)

    def _draw_bars(self, thickness: float) -> None:
        from matplotlib import rcParams
        from matplotlib.ticker import PercentFormatter

        ax, rows = self.ax_, np.arange(len(self.scores_))
        self.bars_ = ax.barh(rows, np.nan_to_num(self.scores_), height=thickness, color=LIGHT_BLUE)
        self.errorbar_ = None
        if self.intervals_ is not None:
            # Rounding may put an end of the interval on the wrong side of the score.
            lengths = np.maximum(np.abs(self.intervals_ - self.scores_), 0)
            self.errorbar_ = ax.errorbar(
                self.scores_,
                rows,
                xerr=lengths,
                fmt="none",
                ecolor=rcParams["axes.edgecolor"],
                elinewidth=1,
            )
        self.accuracy_line_ = ax.axvline(self.accuracy_, color=ACCENT, linewidth=1)
        ax.set_xlim(0, 1)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.xaxis.set_major_formatter(PercentFormatter(1))

    def _note_what_is_undefined(self, score: Score, size: float) -> None:
        note = "never predicted" if score == "precision" else "no clips"
        for row in np.flatnonzero(np.isnan(self.scores_)).tolist():
            self.ax_.text(0.01, row, note, size=size, color=QUIET, va="center_baseline")


_TITLES: dict[str, str] = {
    "recall": "Recall and its 95% interval",
    "precision": "Precision and its 95% interval",
    "f1": "F1 score",
}
_KINDS: dict[str, str] = {"recall": "", "precision": " predicted", "f1": ""}
