"""Which features a fitted model goes by, as a picture."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_scalar

from genreclass.evaluation._axes import (
    BLUE,
    LIGHT_BLUE,
    genre_rows,
    measure_axes,
    split_axes,
)
from genreclass.evaluation._columns import check_classes
from genreclass.evaluation._importance import feature_family, feature_importance
from genreclass.evaluation._names import drawable_names, name_room, name_size, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

__all__ = ["FeatureImportanceDisplay"]

# Points: in half of less, names as long as "spectral_bandwidth_median_01" cannot be read.
_SIDE_BY_SIDE = 430.0


class FeatureImportanceDisplay:
    """Bars of importance: of each family of features, and of the strongest single ones.

    Create it with :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    importance : array-like of shape (n_features,)
        Importance of each feature, 0 or more.
    feature_names : array-like of shape (n_features,)
        Their names; what one says before its statistic is its family, "mfcc" of "mfcc_mean_01".

    Attributes
    ----------
    families_ : dict of str to float
        Share of each family, the largest first.
    order_ : ndarray of shape (n_shown,), int
        Places in `importance` of the features drawn, from the top.
    family_bars_ : matplotlib BarContainer, or None
        Bars of families; None where there is one family, or one for each feature, and so no
        panel of them.
    bars_ : matplotlib BarContainer
        Bars of features.
    axes_ : ndarray of matplotlib Axes
        The panels.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure with the panels.

    See Also
    --------
    genreclass.evaluation.feature_importance : The numbers, and what they do not say.

    Examples
    --------
    >>> from genreclass.evaluation import FeatureImportanceDisplay
    >>> names = ["mfcc_mean_01", "mfcc_std_01", "zcr_mean_01"]
    >>> display = FeatureImportanceDisplay([0.5, 0.25, 0.25], feature_names=names).plot()
    >>> display.families_
    {'mfcc': 0.75, 'zcr': 0.25}
    """

    families_: dict[str, float]
    order_: np.ndarray
    family_bars_: BarContainer | None
    bars_: BarContainer
    axes_: np.ndarray
    ax_: Axes
    figure_: Figure

    def __init__(self, importance: Any, *, feature_names: Any) -> None:
        self.importance = importance
        self.feature_names = feature_names

    def plot(self, *, ax: Any = None, max_features: int = 15) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Where to draw. None makes a figure; a single axes is the panel, where there is one, or
            a frame within which the panels are made, side by side or, where it is narrow, one
            above the other; an array holds an axes for each panel.
        max_features : int, default=15
            Features drawn at most, and families.

        Returns
        -------
        FeatureImportanceDisplay
            Itself.
        """
        check_scalar(max_features, "max_features", Integral, min_val=1)
        names, shares = self._check()
        self.families_ = _sum_families(names, shares)
        self.order_ = np.argsort(-shares, kind="stable")[:max_features]
        of_families = list(self.families_.items())[:max_features]
        has_families = 1 < len(self.families_) < len(names)
        shown = [names[self.order_].tolist()]
        if has_families:
            shown.insert(0, [name for name, _ in of_families])
        self.axes_ = _make_panels(ax, shown)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        self.family_bars_ = None
        if has_families:
            self.family_bars_ = _draw_bars(
                self.axes_[0],
                shown[0],
                np.array([share for _, share in of_families]),
                kind="families",
                n_all=len(self.families_),
                color=BLUE,
            )
        self.bars_ = _draw_bars(
            self.axes_[-1],
            shown[-1],
            shares[self.order_],
            kind="features",
            n_all=len(names),
            color=LIGHT_BLUE,
        )
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_names: Any = None,
        ax: Any = None,
        max_features: int = 15,
    ) -> Self:
        """Draw which features a fitted model goes by.

        Parameters
        ----------
        estimator : Pipeline or classifier
            Fitted, as for `feature_importance`.
        feature_names : array-like of shape (n_features,), default=None
            Names, where the model was fitted on an array without.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in :meth:`plot`.
        max_features : int, default=15
            As in :meth:`plot`.

        Returns
        -------
        FeatureImportanceDisplay
            The display, drawn.
        """
        table = feature_importance(estimator, feature_names)
        return cls(table["importance"].to_numpy(), feature_names=table.index.to_numpy()).plot(
            ax=ax, max_features=max_features
        )

    def _check(self) -> tuple[np.ndarray, np.ndarray]:
        """Names, and shares that add up to 1."""
        names = check_classes(self.feature_names, "feature_names")
        values = np.asarray(self.importance, dtype=float)
        if values.shape != names.shape or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(
                f"importance must hold a number, 0 or more, for each of the {len(names)} features, "
                f"got {self.importance!r:.80}"
            )
        return names, values / (values.sum() or 1.0)


def _sum_families(names: np.ndarray, shares: np.ndarray) -> dict[str, float]:
    families: dict[str, float] = {}
    for name, share in zip(names.tolist(), shares.tolist(), strict=True):
        family = feature_family(str(name))
        families[family] = families.get(family, 0.0) + share
    return dict(sorted(families.items(), key=lambda item: -item[1]))


def _make_panels(ax: Any, shown: list[list[Any]]) -> np.ndarray:
    """Axes for each list of names: side by side, or in a narrow frame one above the other."""
    from matplotlib.axes import Axes

    n_panels = len(shown)
    if isinstance(ax, Axes) and n_panels > 1 and measure_axes(ax)[0] < _SIDE_BY_SIDE:
        rows = [len(names) + 4 for names in shown]  # and what stands below the bars
        return split_axes(ax, n_panels, 1, figsize=(0, 0), height_ratios=rows)
    widths, height = [], 0.0
    for names in shown:
        texts, style = drawable_names(names)
        family = style["fontfamily"]
        room = name_room(texts, family)
        broken = max(text_width(text, name_size(), family) for text in texts) > room
        height = max(height, len(names) * name_size() * (3.2 if broken else 2.2))
        widths.append(max(260.0, room / 0.38))  # names take at most 0.4 of a panel
    size = (sum(widths) / 72, (height + 75) / 72)
    return split_axes(ax, 1, n_panels, figsize=size, width_ratios=widths)


def _draw_bars(
    ax: Axes, names: list[Any], shares: np.ndarray, *, kind: str, n_all: int, color: str
) -> BarContainer:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    which = f"All {n_all:,} {kind}" if len(names) == n_all else f"{len(names)} of {n_all:,} {kind}"
    part = f", {shares.sum():.0%} together" if len(names) < n_all else ""
    _, _, thickness = genre_rows(names, ax=ax, xlabel=f"Share of importance\n{which}{part}")
    bars = ax.barh(range(len(names)), shares, height=thickness, color=color)
    ax.set_xlim(0, 1.05 * shares.max() or 1.0)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0 if shares.max() > 0.1 else None))
    return bars
