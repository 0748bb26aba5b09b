"""How many clips each genre has, as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genreclass.evaluation._axes import BLUE, LIGHT_BLUE, QUIET, genre_rows, measure_axes
from genreclass.evaluation._columns import (
    check_classes,
    check_column,
    check_genres,
    check_length,
)
from genreclass.evaluation._names import drawable_names, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

__all__ = ["GenreDistributionDisplay"]


class GenreDistributionDisplay:
    """A bar for each genre: how many clips it has, from how many artists.

    Genres are sorted by their number of clips, the most at the top.

    Create it with :meth:`from_dataset` or :meth:`from_labels`. All parameters are stored as
    attributes.

    Parameters
    ----------
    counts : array-like of shape (n_genres,)
        Number of clips of each genre.
    display_labels : array-like of shape (n_genres,)
        The genres.
    n_artists : array-like of shape (n_genres,), default=None
        Number of artists of each genre.
    n_dropped : array-like of shape (n_genres,), default=None
        Number of clips of each genre that were left out of the data set.

    Attributes
    ----------
    order_ : ndarray of shape (n_genres,), int
        Rows of `counts` as they are drawn, from the top.
    bars_ : matplotlib BarContainer
        Bars of clips.
    artist_bars_ : matplotlib BarContainer, or None
        Thin bars of artists, within those of clips.
    dropped_bars_ : matplotlib BarContainer, or None
        Grey bars of clips left out, behind those of clips.
    text_ : list of matplotlib Text
        The numbers behind the bars, in the order drawn.
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure with the axes.

    Notes
    -----
    A figure of its own suits the number of genres and the length of their names. Given `ax`, text
    adapts to it; make the figure with ``layout="constrained"``, so that matplotlib keeps the
    names within it.

    Examples
    --------
    >>> from genreclass.datasets import load_demo
    >>> from genreclass.evaluation import GenreDistributionDisplay
    >>> display = GenreDistributionDisplay.from_dataset(load_demo())
    >>> display.display_labels.tolist(), display.counts.tolist()
    (['electronic', 'metal', 'rock'], [8, 8, 8])
    """

    order_: np.ndarray
    bars_: BarContainer
    artist_bars_: BarContainer | None
    dropped_bars_: BarContainer | None
    text_: list[Any]
    ax_: Axes
    figure_: Figure

    def __init__(
        self, counts: Any, *, display_labels: Any, n_artists: Any = None, n_dropped: Any = None
    ) -> None:
        self.counts = counts
        self.display_labels = display_labels
        self.n_artists = n_artists
        self.n_dropped = n_dropped

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        GenreDistributionDisplay
            Itself.
        """
        labels = check_classes(self.display_labels, "display_labels")
        counts = self._check_numbers("counts", len(labels))
        artists = self._check_numbers("n_artists", len(labels))
        dropped = self._check_numbers("n_dropped", len(labels))
        # Stable: equal genres stay in the order of the labels.
        self.order_ = np.lexsort([-dropped, -counts])
        counts, artists, dropped = (x[self.order_] for x in (counts, artists, dropped))

        self.ax_, size, thickness = genre_rows(
            labels[self.order_], ax=ax, xlabel=self._describe(counts, artists, dropped)
        )
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        self._draw_bars(counts, artists, dropped, thickness)
        self._draw_numbers(counts, artists, dropped, size)
        return self

    @classmethod
    def from_dataset(cls, bunch: Any, *, ax: Axes | None = None) -> Self:
        """Draw how many clips each genre of a data set has.

        Parameters
        ----------
        bunch : Bunch
            A data set as the loaders return it, with `target`; where it has `groups`, the number
            of artists is drawn, and where it has `dropped`, the clips left out.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        GenreDistributionDisplay
            The display, drawn.
        """
        if not isinstance(bunch, Mapping) or "target" not in bunch:
            raise TypeError(
                f"from_dataset takes a data set with target, got {type(bunch).__name__}. For "
                "labels alone, use from_labels."
            )
        return cls._from_columns(
            bunch["target"], "target", bunch.get("groups"), bunch.get("dropped")
        ).plot(ax=ax)

    @classmethod
    def from_labels(cls, y: Any, *, ax: Axes | None = None) -> Self:
        """Draw how many clips each genre has.

        Parameters
        ----------
        y : array-like of shape (n_clips,)
            The genre of each clip.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        GenreDistributionDisplay
            The display, drawn.

        Examples
        --------
        >>> from genreclass.evaluation import GenreDistributionDisplay
        >>> display = GenreDistributionDisplay.from_labels(["rock", "jazz", "rock"])
        >>> display.counts
        array([1, 2])
        """
        return cls._from_columns(y, "y").plot(ax=ax)

    @classmethod
    def _from_columns(
        cls, target: Any, name: str, groups: Any = None, dropped: Mapping[Any, int] | None = None
    ) -> Self:
        dropped = dropped or {}
        genres = check_genres(target, name).tolist()
        labels = np.unique(check_genres([*genres, *dropped], name)).tolist()
        n_clips = Counter(genres)
        n_artists = None
        if groups is not None:
            groups = check_column(groups, "groups").tolist()
            check_length(groups, "groups", len(genres), of=name)
            pairs = Counter(genre for genre, _ in set(zip(genres, groups, strict=True)))
            n_artists = np.array([pairs[label] for label in labels])
        return cls(
            np.array([n_clips[label] for label in labels]),
            display_labels=check_genres(labels, name),
            n_artists=n_artists,
            n_dropped=np.array([dropped.get(label, 0) for label in labels]) if dropped else None,
        )

    def _check_numbers(self, name: str, n_genres: int) -> np.ndarray:
        value = getattr(self, name)
        numbers = np.zeros(n_genres, dtype=int) if value is None else np.asarray(value)
        if numbers.shape != (n_genres,) or not np.array_equal(numbers, np.abs(numbers).astype(int)):
            raise ValueError(
                f"{name} must hold a whole number for each of the {n_genres} genres, got {value!r}"
            )
        return numbers.astype(int)

    def _describe(self, counts: np.ndarray, artists: np.ndarray, dropped: np.ndarray) -> str:
        unit = "Clips" if self.n_artists is None else "Clips (artists: thin bars)"
        n_clips = _number(int(counts.sum()), "clip")
        text = f"{unit}\n{n_clips} in {_number(int(np.count_nonzero(counts)), 'genre')}"
        return f"{text}\n{dropped.sum():,} left out (grey)" if dropped.any() else text

    def _draw_bars(
        self, counts: np.ndarray, artists: np.ndarray, dropped: np.ndarray, thickness: float
    ) -> None:
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        ax, rows = self.ax_, np.arange(len(counts))
        self.bars_ = ax.barh(rows, counts, height=thickness, color=LIGHT_BLUE)
        self.artist_bars_ = self.dropped_bars_ = None
        if self.n_artists is not None:
            self.artist_bars_ = ax.barh(rows, artists, height=thickness / 3, color=BLUE)
        if dropped.any():
            self.dropped_bars_ = ax.barh(
                rows, dropped, left=counts, height=thickness, color=QUIET, alpha=0.25
            )
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))

    def _describe_row(self, count: int, n_artists: int, n_dropped: int) -> str:
        if not count and n_dropped:
            return f"{n_dropped:,} left out"
        text = f"{count:,}" if self.n_artists is None else f"{count:,} ({n_artists:,})"
        return f"{text}, {n_dropped:,} left out" if n_dropped else text

    def _draw_numbers(
        self, counts: np.ndarray, artists: np.ndarray, dropped: np.ndarray, size: float
    ) -> None:
        texts = [self._describe_row(*row) for row in zip(counts, artists, dropped, strict=True)]
        _, style = drawable_names([])
        ends, gap = counts + dropped, 0.4 * size
        # The axes end where each number has room behind its bar.
        width = measure_axes(self.ax_)[0]
        numbers = np.array([text_width(text, size, style["fontfamily"]) for text in texts])
        rooms = np.maximum(width - numbers - 2 * gap, width / 4)
        self.ax_.set_xlim(0, max(1.0, (ends * width / rooms).max()))
        self.text_ = [
            self.ax_.annotate(
                text,
                (end, row),
                xytext=(gap, 0),
                textcoords="offset points",
                size=size,
                va="center_baseline",
                annotation_clip=False,
                **style,
            )
            for row, (text, end) in enumerate(zip(texts, ends, strict=True))
        ]


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
