"""Figures of merit that scikit-learn does not have, or not for several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "CalibrationBins",
    "bin_confidence",
    "brier_score",
    "calibrated_error_range",
    "group_interval",
    "score_genres",
    "wilson_interval",
]

# The 97.5 % quantile of the normal distribution: two-sided 95 %.
_Z = 1.959963984540054
_TAILS = (0.025, 0.975)


def wilson_interval(n_hits: Any, n_trials: Any) -> tuple[Any, Any]:
    """Wilson's 95 % score interval of a share.

    Parameters
    ----------
    n_hits : float or array-like
        Successes; whole for one classifier, a mean over several may not be.
    n_trials : int or array-like
        Trials.

    Returns
    -------
    low, high : float or ndarray
        Between 0 and 1; NaN where there are no trials.

    Raises
    ------
    ValueError
        There are more successes than trials, or fewer than none.

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    Unlike the normal interval it stays between 0 and 1 and has a width at shares of 0 and 1.
    """
    n_hits, n_trials = np.asarray(n_hits, dtype=float), np.asarray(n_trials, dtype=float)
    wrong = (n_hits < 0) | (n_hits > n_trials)
    if wrong.any():
        hits, trials = (np.broadcast_to(x, wrong.shape)[wrong][0] for x in (n_hits, n_trials))
        raise ValueError(f"n_hits must be between 0 and n_trials, got {hits:g} of {trials:g}.")
    n = np.where(n_trials > 0, n_trials, np.nan)
    share = n_hits / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return (low, high) if low.ndim else (float(low), float(high))


def score_genres(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """How well each genre is recognised, from the confusion matrix.

    Parameters
    ----------
    confusion : ndarray of shape (n_genres, n_genres), int
        Clips of a genre (row) taken for a genre (column).

    Returns
    -------
    dict of str to ndarray of shape (n_genres,)
        ``n_clips``, ``recall``, ``precision``, each with the ends of its Wilson interval, as
        ``recall_low`` and ``recall_high``, and ``f1``. NaN where there are no clips to judge by.
    """
    hits, n_clips, n_predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    scores = {"n_clips": n_clips}
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN
        for name, n in (("recall", n_clips), ("precision", n_predicted)):
            scores[name] = hits / n
            scores[f"{name}_low"], scores[f"{name}_high"] = wilson_interval(hits, n)
        scores["f1"] = 2 * hits / (n_clips + n_predicted)
    return scores


def group_interval(correct: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of accuracy where clips of one group are not independent.

    Parameters
    ----------
    correct : ndarray of shape (n_clips,), bool
        Whether each clip was classified rightly.
    groups : ndarray of shape (n_clips,), int
        Number of each clip's group, from 0 on, none left out.

    Returns
    -------
    low, high : float
        Between 0 and 1.

    Notes
    -----
    Wilson's interval at the effective number of clips, the number divided by the design effect of
    L. Kish, "Survey sampling", 1965: C. Franco et al., "Comparative study of confidence intervals
    for proportions in complex sample surveys", 2019, who recommend it. The variance between groups
    is that of a ratio, linearised, times G / (G - 1) for G groups.

    The effective number is at most that of clips, so that the interval is never narrower than
    `wilson_interval`, and at least what groups whose clips are all alike are worth: their number,
    where they are of one size. That is also what it is where all clips are right or all wrong,
    which shows no variance. With few groups of many clips, say under 20, the variance is known
    badly and the interval is too narrow.
    """
    n_clips, accuracy = len(correct), correct.mean()
    sizes, hits = np.bincount(groups), np.bincount(groups, weights=correct)
    n_groups, fewest = len(sizes), n_clips**2 / np.square(sizes).sum()
    if n_groups == 1 or accuracy in (0, 1):
        n_effective = fewest
    else:
        spread = np.square(hits - accuracy * sizes).sum() * n_groups / (n_groups - 1)
        with np.errstate(divide="ignore"):  # all groups of the same accuracy
            n_effective = accuracy * (1 - accuracy) / (spread / n_clips**2)
        n_effective = np.clip(n_effective, fewest, n_clips)
    low, high = wilson_interval(accuracy * n_effective, n_effective)
    return low, high


@dataclass(frozen=True)
class CalibrationBins:
    """Clips sorted by confidence into bins of equal width.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        From 0 to 1. A bin holds confidences above its lower edge up to its upper one.
    counts : ndarray of shape (n_bins,), int
        Clips in each bin.
    confidence : ndarray of shape (n_bins,)
        Their mean confidence; NaN in an empty bin.
    accuracy : ndarray of shape (n_bins,)
        The share of them that is right; NaN in an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean distance of accuracy and confidence over clips."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(self.counts * gaps) / self.counts.sum())


def bin_confidence(
    confidence: np.ndarray, correct: np.ndarray, *, n_bins: int = 10
) -> CalibrationBins:
    """Sort clips by confidence into bins of equal width.

    Parameters
    ----------
    confidence : ndarray of shape (n_clips,)
        Probability of the genre predicted.
    correct : ndarray of shape (n_clips,), bool
        Whether it was the right one.
    n_bins : int, default=10
        Number of bins.

    Returns
    -------
    CalibrationBins

    Notes
    -----
    C. Guo et al., "On calibration of modern neural networks", 2017, equations 2 and 3.
    """
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    bins = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(bins, minlength=n_bins)
    filled = np.where(counts > 0, counts, np.nan)
    return CalibrationBins(
        edges=edges,
        counts=counts,
        confidence=np.bincount(bins, weights=confidence, minlength=n_bins) / filled,
        accuracy=np.bincount(bins, weights=correct, minlength=n_bins) / filled,
    )


def calibrated_error_range(confidence: np.ndarray) -> tuple[float, float]:
    """Expected calibration errors that a perfectly calibrated classifier shows by chance.

    Parameters
    ----------
    confidence : ndarray of shape (n_clips,)
        Probability of the genre predicted.

    Returns
    -------
    low, high : float
        95 % of 1000 draws, from a fixed seed, in which each clip is right with the probability of
        its confidence. Never at 0: in a bin of few clips, accuracy differs from confidence.
    """
    generator = np.random.default_rng(0)
    errors = [
        bin_confidence(confidence, generator.random(len(confidence)) < confidence).expected_error
        for _ in range(1000)
    ]
    low, high = np.quantile(errors, _TAILS)
    return float(low), float(high)


def brier_score(targets: np.ndarray, proba: np.ndarray) -> float:
    """Brier score of several classes: squared distance of the probabilities from the truth.

    Parameters
    ----------
    targets : ndarray of shape (n_clips,), int
        Index of each clip's genre among the columns of `proba`.
    proba : ndarray of shape (n_clips, n_classes)
        Probabilities.

    Returns
    -------
    float
        Between 0 (certain and right) and 2 (certain and wrong), summed over classes and averaged
        over clips, as in G. W. Brier, "Verification of forecasts expressed in terms of
        probability", 1950.
    """
    # The square of p - 1 for the true genre and of p for the others, without a matrix of the truth.
    likelihood = proba[np.arange(len(targets)), targets].astype(float)
    squares = np.einsum("ij,ij->i", proba, proba, dtype=float)
    return float((1 - 2 * likelihood + squares).mean())
