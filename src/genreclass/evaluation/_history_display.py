"""How a network learned, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from genreclass.evaluation._axes import (
    ACCENT,
    BLUE,
    QUIET,
    legend_size,
    measure_axes,
    open_frame,
    place_legend,
    split_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["TrainingHistoryDisplay"]

_PANELS = {"loss": "Loss", "accuracy": "Accuracy", "learning_rate": "Learning rate"}


class TrainingHistoryDisplay:
    """Learning curves: loss and accuracy of training and validation clips by epoch.

    Create it with :meth:`from_estimator` or :meth:`from_history`. All parameters are stored as
    attributes.

    Parameters
    ----------
    history : list of dict
        One entry an epoch, as `history_` of a fitted network: ``epoch``, ``loss``, ``accuracy``
        and, where there are any, ``val_loss``, ``val_accuracy`` and ``learning_rate``. What is
        missing or NaN leaves a gap.
    best_epoch : int, default=None
        The epoch whose weights were kept.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The curves, by their key in `history`.
    best_epoch_lines_ : list of matplotlib Line2D
        A line at the best epoch in each panel; empty without `best_epoch`.
    ax_ : matplotlib Axes
        Axes of the first panel.
    axes_ : ndarray of shape (n_panels,) of matplotlib Axes
        Axes of all panels.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from genreclass.evaluation import TrainingHistoryDisplay
    >>> history = [
    ...     {"epoch": 1, "loss": 1.1, "accuracy": 0.3, "val_loss": 1.2, "val_accuracy": 0.4},
    ...     {"epoch": 2, "loss": 0.8, "accuracy": 0.6, "val_loss": 1.0, "val_accuracy": 0.5},
    ...     {"epoch": 3, "loss": 0.6, "accuracy": 0.8, "val_loss": 1.1, "val_accuracy": 0.5},
    ... ]
    >>> display = TrainingHistoryDisplay.from_history(history, best_epoch=2)
    >>> sorted(display.lines_)
    ['accuracy', 'loss', 'val_accuracy', 'val_loss']
    """

    lines_: dict[str, Line2D]
    best_epoch_lines_: list[Line2D]
    ax_: Axes
    axes_: np.ndarray
    figure_: Figure

    def __init__(
        self, history: Sequence[dict[str, float]], *, best_epoch: int | None = None
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch

    def plot(self, *, ax: Any = None, panels: str | Sequence[str] = ("loss", "accuracy")) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Where to draw. None makes a figure; a single axes is the panel, where there is one, or
            a frame within which the panels are made, side by side; an array holds an axes for
            each panel.
        panels : str or sequence of str, default=("loss", "accuracy")
            What to draw, of "loss", "accuracy" and "learning_rate".

        Returns
        -------
        TrainingHistoryDisplay
            Itself.
        """
        panels = [panels] if isinstance(panels, str) else list(panels)
        self._check(panels)
        self.axes_ = split_axes(ax, 1, len(panels), figsize=(3.6 * len(panels), 3.2))
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        self.lines_, self.best_epoch_lines_ = {}, []
        for panel, axes in zip(panels, self.axes_, strict=True):
            self._draw_panel(panel, axes)
        # Panels stand in pairs, so that half the width asks for the same size.
        size = legend_size(2 * min(measure_axes(axes)[0] for axes in self.axes_))
        for panel, axes in zip(panels, self.axes_, strict=True):
            open_frame(axes, size)
            axes.set_title(_PANELS[panel], loc="left", size=size + 1)
        if self.best_epoch_lines_ or any(key.startswith("val_") for key in self.lines_):
            # Where accuracy is shown, it leaves room below.
            place_legend(self.axes_[panels.index("accuracy") if "accuracy" in panels else 0], size)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        panels: str | Sequence[str] = ("loss", "accuracy"),
    ) -> Self:
        """Draw how a fitted network learned.

        Parameters
        ----------
        estimator : estimator instance
            A fitted estimator with `history_`, or a Pipeline that ends in one.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in :meth:`plot`.
        panels : str or sequence of str, default=("loss", "accuracy")
            As in :meth:`plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.

        Examples
        --------
        >>> from genreclass import MelCNNClassifier
        >>> from genreclass.datasets import make_clips
        >>> from genreclass.evaluation import TrainingHistoryDisplay
        >>> clips = make_clips(n_clips=4, n_genres=2, random_state=0)
        >>> clf = MelCNNClassifier(channels=(4,), max_epochs=2, random_state=0)
        >>> clf.fit(clips.data, clips.target)
        MelCNNClassifier(...)
        >>> TrainingHistoryDisplay.from_estimator(clf).best_epoch
        2
        """
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise ValueError(
                f"{type(estimator).__name__} has no history_, expected a network trained in "
                "epochs, such as MelCNNClassifier."
            )
        return cls.from_history(
            estimator.history_,
            best_epoch=getattr(estimator, "best_epoch_", None),
            ax=ax,
            panels=panels,
        )

    @classmethod
    def from_history(
        cls,
        history: Sequence[dict[str, float]],
        *,
        best_epoch: int | None = None,
        ax: Any = None,
        panels: str | Sequence[str] = ("loss", "accuracy"),
    ) -> Self:
        """Draw how a network learned, from its history.

        Parameters
        ----------
        history : list of dict
            One entry an epoch, as in the constructor.
        best_epoch : int, default=None
            The epoch whose weights were kept.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in :meth:`plot`.
        panels : str or sequence of str, default=("loss", "accuracy")
            As in :meth:`plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.
        """
        return cls(history, best_epoch=best_epoch).plot(ax=ax, panels=panels)

    def _check(self, panels: list[str]) -> None:
        if not panels or not set(panels) <= set(_PANELS):
            raise ValueError(f"panels must be some of {list(_PANELS)}, got {panels!r}")
        if not len(self.history):
            raise ValueError("history is empty, expected an entry for each epoch trained.")
        for key in ("epoch", *panels):
            if not any(key in entry for entry in self.history):
                raise ValueError(
                    f"history has no {key!r}, got entries with {sorted(self.history[0])}. Pass "
                    "the history_ of a fitted network."
                )
        epochs = [entry["epoch"] for entry in self.history]
        if self.best_epoch is not None and self.best_epoch not in epochs:
            raise ValueError(
                f"best_epoch is {self.best_epoch}, but history has epochs {epochs[0]} to "
                f"{epochs[-1]}. Pass one of them, or None."
            )

    def _draw_panel(self, panel: str, ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        is_curve_of_clips = panel != "learning_rate"
        self._draw_line(panel, ax, "training" if is_curve_of_clips else None, BLUE)
        if any(f"val_{panel}" in entry for entry in self.history):
            self._draw_line(f"val_{panel}", ax, "validation", ACCENT)
        if self.best_epoch is not None:
            line = ax.axvline(
                self.best_epoch,
                color=QUIET,
                linewidth=1,
                linestyle=(0, (1, 2)),
                label=f"best: {self.best_epoch}",
                zorder=1,
            )
            self.best_epoch_lines_.append(line)
        ax.set_xlabel("Epoch")
        epochs = [entry["epoch"] for entry in self.history]
        if len(epochs) > 4:
            ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        else:
            ax.set_xticks(epochs)
        margin = max(0.5, 0.03 * (max(epochs) - min(epochs)))
        ax.set_xlim(min(epochs) - margin, max(epochs) + margin)
        if panel == "accuracy":
            ax.set_ylim(0, 1.02)
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        else:
            curves = [self.lines_[key] for key in (panel, f"val_{panel}") if key in self.lines_]
            highest = np.nanmax([1e-12, *np.concatenate([curve.get_ydata() for curve in curves])])
            ax.set_ylim(0, 1.05 * highest)

    def _draw_line(self, key: str, ax: Axes, label: str | None, colour: str) -> None:
        epochs = [entry["epoch"] for entry in self.history]
        values = np.array([entry.get(key, np.nan) for entry in self.history], dtype=float)
        # A value without neighbours is no line, and would not be seen.
        known = np.pad(np.isfinite(values), 1)
        alone = known[1:-1] & ~known[:-2] & ~known[2:]
        (self.lines_[key],) = ax.plot(
            epochs,
            np.where(np.isfinite(values), values, np.nan),
            color=colour,
            linewidth=1.5,
            marker="o" if alone.any() else None,
            markersize=5,
            markevery=np.flatnonzero(alone).tolist(),
            label=label,
        )
