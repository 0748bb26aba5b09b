"""Axes for pictures of genres: colours, frames, panels, a row for each genre."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclass.evaluation._names import (
    SMALLEST_NAME,
    drawable_names,
    fit_names,
    fit_size,
    name_room,
    name_size,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ACCENT",
    "BLUE",
    "GREEN",
    "LIGHT_BLUE",
    "PURPLE",
    "QUIET",
    "genre_rows",
    "legend_size",
    "measure_axes",
    "new_axes",
    "open_frame",
    "place_legend",
    "split_axes",
]

# Okabe and Ito's palette, which the colour-blind tell apart, and a tint of its blue.
BLUE, ACCENT, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
LIGHT_BLUE = "#9CC7E2"
QUIET = "0.5"  # a grey that is seen on white and on black

# Bars no thicker than this look like bars, in points.
THICKEST_BAR = 22.0


def new_axes(width: float, height: float) -> Axes:
    """Axes in a figure of their own that makes room for its labels; inches."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # type: ignore[union-attr,call-arg]
    return ax


def split_axes(
    ax: Any, n_rows: int, n_columns: int, *, figsize: tuple[float, float], **ratios: Any
) -> np.ndarray:
    """Panels, as scikit-learn's PartialDependenceDisplay takes them.

    None makes a figure; one axes is a frame within which panels are made; an array of axes is
    drawn into. Returns an object array of axes, flat.
    """
    from matplotlib.axes import Axes

    n_panels = n_rows * n_columns
    if ax is None:
        ax = new_axes(*figsize)
    if not isinstance(ax, Axes):
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != n_panels:
            raise ValueError(
                f"ax holds {len(axes)} axes, expected {n_panels}, one a panel; or pass a single "
                "axes, within which the panels are made."
            )
        return axes
    if n_panels == 1:
        return np.array([ax], dtype=object)
    spec = ax.get_subplotspec()
    if spec is None or not ax.axison:
        raise ValueError(
            "ax is already divided or was placed by hand, expected axes of plt.subplots. To draw "
            f"into panels that exist, pass an array of {n_panels} axes (axes_ of another display)."
        )
    ax.set_axis_off()
    if ax.figure.canvas.figure.get_layout_engine() is None:  # which would see to the room between
        ratios |= {"wspace": 0.35, "hspace": 0.15}
    grid = spec.subgridspec(n_rows, n_columns, **ratios)
    panels = [ax.figure.add_subplot(grid[index]) for index in range(n_panels)]
    return np.array(panels, dtype=object)


def measure_axes(ax: Axes) -> tuple[float, float]:
    """Width and height in points, once the figure's layout has made room for what is there."""
    figure = ax.figure.canvas.figure
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    ax.apply_aspect()
    extent = ax.get_window_extent()
    return extent.width * 72 / figure.dpi, extent.height * 72 / figure.dpi


def legend_size(width: float) -> float:
    """Size of what is not a name, in points, in axes of `width` points."""
    # 8 points in a printed column of 3.5 inches, 10 from the width of a notebook's figure on.
    return float(np.clip(5 + width / 75, 6, max(6, name_size())))


def open_frame(ax: Axes, size: float) -> None:
    """Leave the lines that carry a scale, and set their numbers in `size` points."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=size)
    ax.xaxis.label.set_fontsize(size)
    ax.yaxis.label.set_fontsize(size)


def place_legend(ax: Axes, size: float) -> None:
    """A legend where it covers least, on ground that hides the lines behind it."""
    _, text = drawable_names([])
    legend = ax.legend(
        loc="best",
        fontsize=size,
        edgecolor="none",
        framealpha=0.8,
        borderpad=0.2,
        handlelength=1.4,
        handletextpad=0.6,
    )
    for entry in legend.get_texts():
        entry.set(**text)


def genre_rows(
    labels: Iterable[Any],
    *,
    ax: Axes | None,
    xlabel: str,
    suffixes: Sequence[str] | None = None,
) -> tuple[Axes, float, float]:
    """Axes with a row for each genre, the first at the top.

    Returns also the size of their text in points, and the height of a bar in rows.
    """
    names, text = drawable_names(labels)
    family = text["fontfamily"]
    whole = names if suffixes is None else [a + b for a, b in zip(names, suffixes, strict=True)]
    if ax is None:
        length = name_room(whole, family)
        broken = max(text_width(name, name_size(), family) for name in whole) > length
        row = name_size() * (3.2 if broken else 2.2)
        ax = new_axes((length + 260) / 72, (len(names) * row + 60) / 72)
    else:
        length = 0.4 * measure_axes(ax)[0]
    ax.set_ylim(len(names) - 0.5, -0.5)
    # The first pass finds rows higher than they are, the second makes the names fit them.
    for _ in range(2):
        width, height = measure_axes(ax)
        texts, size = fit_names(
            names,
            length=length,
            breadth=height / len(names),
            family=family,
            suffixes=suffixes,
        )
        ax.set_yticks(range(len(names)), texts, **text)
        size_of_rest = max(size, min(legend_size(width), size + 1))
        fitting = fit_size(
            [xlabel], width=width, height=height, family=family, largest=size_of_rest
        )
        ax.set_xlabel(xlabel, **text)
        open_frame(ax, min(size_of_rest, fitting or SMALLEST_NAME))
        ax.tick_params(axis="y", length=0, labelsize=size)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=QUIET, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax, size, min(0.68, THICKEST_BAR * len(names) / height)
