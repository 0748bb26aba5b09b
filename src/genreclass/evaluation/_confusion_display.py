"""Which genre is mistaken for which, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from genreclass.evaluation._axes import legend_size, measure_axes, new_axes
from genreclass.evaluation._columns import check_column
from genreclass.evaluation._inputs import check_classifier, check_confusion, count_confusions
from genreclass.evaluation._names import (
    drawable_names,
    fit_names,
    fit_size,
    name_room,
    name_size,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["GenreConfusionDisplay"]

# Largest side of a matrix in a figure of our own, in points: 3000 pixels at 100 dots an inch.
WIDEST_MATRIX = 30 * 72.0


class GenreConfusionDisplay:
    """Confusion matrix in which genres that are mistaken for each other stand side by side.

    Rows are the true genres, columns the predicted ones. A cell is coloured by its share of the
    row, so that a rare genre is seen as well as a common one, and says the number of clips; an
    empty cell is no clip.

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
    im_ : matplotlib AxesImage
        The cells; its array holds shares of the rows, between 0 and 1.
    text_ : ndarray of shape (n_genres, n_genres) of matplotlib Text, or None
        The numbers, in the order drawn, None in an empty cell. None where the cells are too small
        for text.
    ax_ : matplotlib Axes
        Axes with the matrix.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    GenreScoresDisplay : How well each genre is recognised, with intervals.
    sklearn.metrics.ConfusionMatrixDisplay : Confusion matrix of any classifier.

    Notes
    -----
    A figure of its own suits the number of genres and the length of their names. Given `ax`, text
    adapts to it; make the figure with ``layout="constrained"``, so that matplotlib keeps the
    names within it.

    Examples
    --------
    >>> from genreclass.evaluation import GenreConfusionDisplay
    >>> display = GenreConfusionDisplay.from_predictions(
    ...     ["rock", "rock", "metal", "jazz"], ["rock", "metal", "metal", "jazz"]
    ... )
    >>> display.confusion_matrix
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    >>> [str(display.display_labels[row]) for row in display.order_]
    ['jazz', 'metal', 'rock']
    """

    order_: np.ndarray
    im_: AxesImage
    text_: np.ndarray | None
    ax_: Axes
    figure_: Figure

    def __init__(self, confusion_matrix: np.ndarray, *, display_labels: Any = None) -> None:
        self.confusion_matrix = confusion_matrix
        self.display_labels = display_labels

    def plot(
        self,
        *,
        ax: Axes | None = None,
        order: Literal["similarity", "sorted"] | Sequence[Any] = "similarity",
        normalize: Literal["true"] | None = None,
        title: bool = True,
        cmap: str | Colormap = "Blues",
    ) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        order : {"similarity", "sorted"} or array-like of shape (n_genres,), default="similarity"
            "similarity" puts genres that are mistaken for each other side by side; "sorted" keeps
            the order of `display_labels`; or the genres themselves, from the top.
        normalize : {"true"} or None, default=None
            What cells say: None the number of clips, "true" the percentage of the true genre's
            clips. Colours are shares of the true genre's clips in both cases.
        title : bool, default=True
            Whether to write accuracy and number of clips above.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of shares from 0 to 1.

        Returns
        -------
        GenreConfusionDisplay
            Itself.
        """
        if normalize not in (None, "true"):
            raise ValueError(f'normalize must be None or "true", got {normalize!r}')
        counts, labels = check_confusion(self.confusion_matrix, self.display_labels)
        self.order_ = _find_order(order, counts, labels)
        counts = counts[np.ix_(self.order_, self.order_)]
        shares = _row_shares(counts)
        names, text = drawable_names(labels[self.order_])

        if ax is None:
            length = name_room(names, text["fontfamily"])
            # Two lines of a name and a number of three digits fit a cell.
            side = min(max(180.0, 3 * name_size() * len(names)), WIDEST_MATRIX)
            ax = new_axes((side + length + 50) / 72, (side + length + 65) / 72)
        else:
            length = 0.36 * min(measure_axes(ax))
        self.ax_, self.figure_ = ax, ax.figure  # type: ignore[assignment]
        self.im_ = ax.imshow(shares, cmap=cmap, vmin=0, vmax=1, interpolation="nearest")
        self._draw_names(names, length, text)
        if title:
            self._draw_title(counts, normalize)
        self._draw_cells(counts, shares, normalize)
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
        order: Literal["similarity", "sorted"] | Sequence[Any] = "similarity",
        normalize: Literal["true"] | None = None,
        title: bool = True,
        cmap: str | Colormap = "Blues",
    ) -> Self:
        """Predict clips, and draw the confusion matrix.

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
        order, normalize, title, cmap
            As in :meth:`plot`.

        Returns
        -------
        GenreConfusionDisplay
            The display, drawn.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from genreclass.evaluation import GenreConfusionDisplay
        >>> X, y = [[0.0], [1.0], [2.0]], ["jazz", "jazz", "rock"]
        >>> clf = DummyClassifier().fit(X, y)
        >>> GenreConfusionDisplay.from_estimator(clf, X, y).confusion_matrix
        array([[2, 0],
               [1, 0]])
        """
        check_classifier(estimator)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            ax=ax,
            labels=labels,
            order=order,
            normalize=normalize,
            title=title,
            cmap=cmap,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        ax: Axes | None = None,
        labels: Any = None,
        order: Literal["similarity", "sorted"] | Sequence[Any] = "similarity",
        normalize: Literal["true"] | None = None,
        title: bool = True,
        cmap: str | Colormap = "Blues",
    ) -> Self:
        """Draw the confusion matrix of predictions.

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
        order, normalize, title, cmap
            As in :meth:`plot`.

        Returns
        -------
        GenreConfusionDisplay
            The display, drawn.
        """
        counts, labels = count_confusions(y_true, y_pred, labels=labels)
        display = cls(counts, display_labels=labels)
        return display.plot(ax=ax, order=order, normalize=normalize, title=title, cmap=cmap)

    def _draw_names(self, names: list[str], length: float, text: dict[str, Any]) -> None:
        """Genres at both edges, in one size and alike, as large as the cells allow."""
        ax, family, ticks = self.ax_, text["fontfamily"], range(len(names))
        ax.set(xlabel="Predicted genre", ylabel="True genre")
        ax.tick_params(length=0)
        ax.spines[:].set(color="0.7", linewidth=0.6)
        # The first pass finds cells larger than they are, the second makes the names fit them.
        for _ in range(2):
            cell = measure_axes(ax)[0] / len(names)
            texts, size = fit_names(names, length=length, breadth=cell, family=family)
            ax.set_yticks(ticks, texts, **text, size=size)
            if all(text_width(name, size, family) < 0.9 * cell for name in texts):
                ax.set_xticks(ticks, texts, **text, size=size, rotation=0, ma="center")
            else:  # so that a name of two lines begins each at the axis
                ax.set_xticks(ticks, texts, **text, size=size, rotation=90, ma="right")
            for axis in (ax.xaxis, ax.yaxis):
                axis.label.set_fontsize(max(size, min(size + 1, legend_size(cell * len(names)))))

    def _draw_title(self, counts: np.ndarray, normalize: str | None) -> None:
        n_clips = counts.sum()
        title = f"Accuracy {np.trace(counts) / n_clips:.1%}, {n_clips:,} clips"
        if normalize:
            title += "\nCells: % of the true genre"
        _, text = drawable_names([])
        width, height = measure_axes(self.ax_)
        size = fit_size(
            [title],
            width=width,
            height=height,
            family=text["fontfamily"],
            largest=legend_size(width) + 1,
        )
        if size is not None:
            self.ax_.set_title(title, size=size, **text)

    def _draw_cells(self, counts: np.ndarray, shares: np.ndarray, normalize: str | None) -> None:
        _, text = drawable_names([])
        rows, columns = (indices.tolist() for indices in np.nonzero(counts))
        values = [
            _percentage(shares[cell]) if normalize else f"{counts[cell]:,}"
            for cell in zip(rows, columns, strict=True)
        ]
        cell = measure_axes(self.ax_)[0] / len(counts)
        size = fit_size(
            values,
            width=0.7 * cell,
            height=0.8 * cell,
            family=text["fontfamily"],
            largest=float(self.ax_.get_yticklabels()[0].get_fontsize()),
        )
        self.text_ = None
        if size is None:
            return
        self.text_ = np.empty(counts.shape, dtype=object)
        light = _luminance(np.asarray(self.im_.cmap(self.im_.norm(shares)))) > 0.179
        for value, row, column in zip(values, rows, columns, strict=True):
            self.text_[row, column] = self.ax_.text(
                column,
                row,
                value,
                size=size,
                ha="center",
                va="center_baseline",
                color="black" if light[row, column] else "white",
                **text,
            )


def _row_shares(counts: np.ndarray) -> np.ndarray:
    # A genre without clips is a row of zeros.
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _find_order(order: Any, counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if isinstance(order, str):
        if order == "similarity":
            return _order_by_similarity(_row_shares(counts))
        if order == "sorted":
            return np.arange(len(labels))
        raise ValueError(f'order must be "similarity", "sorted" or the genres, got {order!r}')
    wanted, known = check_column(order, "order").tolist(), labels.tolist()
    if len(wanted) != len(known) or set(wanted) != set(known):
        raise ValueError(f"order must hold each of the {len(known)} genres once, got {wanted!r}")
    return np.array([known.index(label) for label in wanted])


def _order_by_similarity(shares: np.ndarray) -> np.ndarray:
    """Leaves of a tree of genres, near to each other the more they are mistaken.

    Average linkage with optimal leaf ordering: Bar-Joseph, Gifford, Jaakkola, "Fast optimal leaf
    ordering for hierarchical clustering", 2001.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(shares) < 3:
        return np.arange(len(shares))
    ranks = np.arange(len(shares))
    # Where mistakes leave the choice, the order of the labels decides. Not less than a thousandth:
    # scipy orders leaves in single precision.
    tie = 1e-3 * np.abs(ranks[:, np.newaxis] - ranks) / len(ranks)
    pairs = squareform(1 - (shares + shares.T) / 2 + tie, checks=False)
    leaves = leaves_list(linkage(pairs, method="average", optimal_ordering=True))
    # A tree reads the same from both ends; begin nearer the start of the alphabet.
    return leaves if leaves[0] < leaves[-1] else leaves[::-1]


def _percentage(share: float) -> str:
    if 0 < share < 0.005:
        return "<1"
    return ">99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


def _luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance, WCAG 2.1; above 0.179 black has the higher contrast."""
    rgb = colours[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])
