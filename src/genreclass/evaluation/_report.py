"""What a classifier got right and wrong on clips of known genre."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclass.durable import replacing
from genreclass.evaluation._columns import (
    check_classes,
    check_column,
    check_genres,
    check_length,
    check_proba,
    join_genres,
)
from genreclass.evaluation._metrics import (
    bin_confidence,
    brier_score,
    calibrated_error_range,
    group_interval,
    score_genres,
    wilson_interval,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GenreReport"]

# Raised when what the JSON text holds changes its name or meaning.
_FORMAT = 1


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GenreReport:
    """What a classifier got right and wrong on clips of known genre.

    `evaluate` makes one from a fitted classifier, `GenreReport.from_predictions` from labels. It
    reads well when printed and in a notebook. Intervals are pairs ``(low, high)``, shares are
    between 0 and 1, and what is undefined is NaN in a table and None elsewhere.

    Attributes
    ----------
    n_clips : int
        Clips evaluated.
    n_groups : int or None
        Groups they are of; None without groups.
    genres : list
        Genres the classifier knows, genres of the clips and genres predicted, sorted.
    unknown_genres : list
        Genres of the clips that the classifier does not know: all their clips count as wrong.
    accuracy : float
        Share of clips classified rightly.
    interval : tuple of float
        Its 95 % interval, Wilson's, for clips that are independent of each other.
    group_interval : tuple of float or None
        Its 95 % interval where clips of a group are not independent; None without groups.
    balanced_accuracy : float
        Mean recall of the genres that have clips.
    macro_f1 : float
        Mean F1 score of the genres that have clips or were predicted.
    calibration_error : float or None
        Expected calibration error: how far accuracy is from confidence, in 10 bins of equal
        width. None without probabilities, as the next three.
    calibration_error_if_calibrated : tuple of float or None
        Where 95 % of the calibration errors of a perfectly calibrated classifier with the same
        confidences would lie: an error within shows nothing wrong.
    brier_score : float or None
        Squared distance of the probabilities from the truth, from 0 to 2; the less the better.
    log_loss : float or None
        Minus the mean logarithm of the true genre's probability; the less the better.
    per_genre : DataFrame, a row a genre
        ``n_clips``, ``recall``, ``precision``, each with its Wilson interval (``recall_low``,
        ``recall_high``, ``precision_low``, ``precision_high``), and ``f1``. Recall is NaN for a
        genre without clips, precision for one never predicted.
    confusion : DataFrame of shape (n_genres, n_genres)
        Clips of a genre (row) taken for a genre (column).
    confused_pairs : DataFrame, a row a pair, most frequent first
        ``genre``, ``predicted``, ``n_clips``, their ``share`` of the genre's clips, and the list
        of these ``clips``.
    predictions : DataFrame, a row a clip
        ``clip`` (path or index), ``genre``, ``predicted``, ``confidence`` (probability of the
        genre predicted; NaN without probabilities), ``correct`` and, with groups, ``group``.

    See Also
    --------
    evaluate : A report on a fitted classifier.

    Notes
    -----
    `interval` and those of recall and precision are Wilson's score intervals (1927).
    `group_interval` is Wilson's for as many clips as the groups are worth: the number of
    independent clips of which accuracy would vary as much as it does between groups (Kish 1965;
    Franco et al. 2019). It is too narrow for few groups, say under 20, of many clips. Calibration
    error: Guo et al. 2017, of the genre predicted. Balanced accuracy, macro F1 and log loss equal
    scikit-learn's ``balanced_accuracy_score``, ``f1_score(average="macro", zero_division=0)`` and
    ``log_loss``.

    Examples
    --------
    >>> from genreclass.evaluation import GenreReport
    >>> report = GenreReport.from_predictions(
    ...     ["jazz", "jazz", "rock", "rock"],
    ...     ["jazz", "rock", "rock", "rock"],
    ...     clips=["a.wav", "b.wav", "c.wav", "d.wav"],
    ... )
    >>> report
    GenreReport(accuracy=0.750, interval=(0.301, 0.954), n_clips=4, n_genres=2)
    >>> report.confused_pairs
      genre predicted  n_clips  share    clips
    0  jazz      rock        1    0.5  [b.wav]
    """

    n_clips: int
    n_groups: int | None
    genres: list[Any]
    unknown_genres: list[Any]
    accuracy: float
    interval: tuple[float, float]
    group_interval: tuple[float, float] | None
    balanced_accuracy: float
    macro_f1: float
    calibration_error: float | None
    calibration_error_if_calibrated: tuple[float, float] | None
    brier_score: float | None
    log_loss: float | None
    per_genre: pd.DataFrame
    confusion: pd.DataFrame
    confused_pairs: pd.DataFrame
    predictions: pd.DataFrame

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        proba: Any = None,
        classes: Any = None,
        clips: Sequence[Any] | None = None,
        groups: Any = None,
    ) -> GenreReport:
        """Make a report from genres, true and predicted.

        Parameters
        ----------
        y_true : array-like of shape (n_clips,)
            Genres of the clips.
        y_pred : array-like of shape (n_clips,)
            Genres predicted.
        proba : array-like of shape (n_clips, n_classes) or None, default=None
            Probabilities, the columns in the order of `classes`. A genre that has no column has
            a probability of 0.
        classes : array-like of shape (n_classes,) or None, default=None
            Genres the classifier knows; None where that is not known.
        clips : sequence of length n_clips or None, default=None
            Paths or names of the clips; None numbers them from 0 on.
        groups : array-like of shape (n_clips,) or None, default=None
            Artist or track of each clip.

        Returns
        -------
        GenreReport

        Raises
        ------
        ValueError
            There are no clips, lengths differ, a label is missing, some are text and some
            numbers, or a probability is none.
        """
        y_true = check_genres(y_true, "y_true")
        y_pred = check_genres(y_pred, "y_pred")
        n_clips = len(y_true)
        clips = range(n_clips) if clips is None else _check_names(clips)
        check_length(y_pred, "y_pred", n_clips)
        check_length(clips, "clips", n_clips)
        if groups is not None:
            groups = check_column(groups, "groups")
            check_length(groups, "groups", n_clips)
        if classes is not None:
            classes = check_classes(classes, "classes")
        genres, unknown = join_genres(y_true, y_pred, classes)
        if proba is not None:
            if classes is None:
                raise ValueError("proba needs classes, the genre of each of its columns.")
            proba = check_proba(proba, n_clips, classes, name="proba")
            proba = _spread(proba, classes, genres)
        return cls._from_indices(
            np.searchsorted(genres, y_true),
            np.searchsorted(genres, y_pred),
            genres=genres,
            unknown=unknown,
            proba=proba,
            clips=clips,
            groups=groups,
        )

    @classmethod
    def _from_indices(
        cls,
        true: np.ndarray,
        predicted: np.ndarray,
        *,
        genres: np.ndarray,
        unknown: np.ndarray,
        proba: np.ndarray | None,
        clips: Sequence[Any],
        groups: np.ndarray | None,
    ) -> GenreReport:
        """A report from checked input; genres are indices into `genres`, columns of `proba`."""
        correct = true == predicted
        confidence = None if proba is None else proba[np.arange(len(true)), predicted]
        counts = np.bincount(true * len(genres) + predicted, minlength=len(genres) ** 2)
        confusion = counts.reshape(len(genres), len(genres))
        per_genre = _tabulate_genres(confusion, genres)
        predictions = _tabulate_clips(clips, genres[true], genres[predicted], confidence, groups)
        group_numbers = None if groups is None else np.unique(groups, return_inverse=True)[1]
        return cls(
            n_clips=len(true),
            n_groups=None if group_numbers is None else int(group_numbers.max()) + 1,
            genres=genres.tolist(),
            unknown_genres=unknown.tolist(),
            accuracy=float(correct.mean()),
            interval=wilson_interval(correct.sum(), len(correct)),
            group_interval=(
                None if group_numbers is None else group_interval(correct, group_numbers)
            ),
            balanced_accuracy=float(per_genre["recall"].mean()),
            macro_f1=float(per_genre["f1"].mean()),
            calibration_error=(
                None if confidence is None else bin_confidence(confidence, correct).expected_error
            ),
            calibration_error_if_calibrated=(
                None if confidence is None else calibrated_error_range(confidence)
            ),
            brier_score=None if proba is None else brier_score(true, proba),
            log_loss=None if proba is None else _log_loss(true, proba),
            per_genre=per_genre,
            confusion=_tabulate_confusion(confusion, genres),
            confused_pairs=_tabulate_pairs(predictions, per_genre["n_clips"]),
            predictions=predictions,
        )

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The whole report as JSON.

        Parameters
        ----------
        path : str or path-like or None, default=None
            A file to write it to as well; one that is there is replaced.

        Returns
        -------
        str
            An object of the attributes and of ``format``, the version of its layout, now 1.
            Tables are lists of objects, a row each, but ``confusion`` is a list of lists in the
            order of ``genres``. What is undefined is null. Strict JSON, in ASCII.

        Raises
        ------
        OSError
            There is no such folder, or the file cannot be written.

        Examples
        --------
        >>> import json
        >>> from genreclass.evaluation import GenreReport
        >>> report = GenreReport.from_predictions(["jazz", "rock"], ["jazz", "jazz"])
        >>> json.loads(report.to_json())["accuracy"]
        0.5
        """
        content = {
            **vars(self),
            "per_genre": self.per_genre.reset_index().to_dict("records"),
            "confusion": self.confusion.to_numpy().tolist(),
            "confused_pairs": self.confused_pairs.to_dict("records"),
            "predictions": self.predictions.to_dict("records"),
        }
        text = json.dumps({"format": _FORMAT, **_plain(content)}, indent=1, allow_nan=False)
        if path is not None:
            with replacing(path) as file:
                file.write(f"{text}\n".encode("ascii"))
        return text

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"GenreReport(accuracy={self.accuracy:.3f}, interval=({low:.3f}, {high:.3f}), "
            f"n_clips={self.n_clips}, n_genres={len(self.genres)})"
        )

    def __str__(self) -> str:
        from genreclass.evaluation._render import report_as_text

        return report_as_text(self)

    def _repr_html_(self) -> str:
        from genreclass.evaluation._render import report_as_html

        return report_as_html(self)


def _check_names(clips: Any) -> list[Any]:
    """Names of clips, paths as text."""
    if isinstance(clips, (str, bytes)) or not hasattr(clips, "__len__"):
        raise ValueError(f"clips must be a list of paths or names, one a clip, got {clips!r:.60}.")
    return [os.fsdecode(clip) if isinstance(clip, (bytes, os.PathLike)) else clip for clip in clips]


def _spread(proba: np.ndarray, classes: Any, genres: np.ndarray) -> np.ndarray:
    """Probabilities with a column for each of `genres`."""
    spread = np.zeros((len(proba), len(genres)), dtype=proba.dtype)
    spread[:, np.searchsorted(genres, classes)] = proba
    return spread


def _log_loss(true: np.ndarray, proba: np.ndarray) -> float:
    # Clipped as by scikit-learn, by the precision of the probabilities.
    eps = np.finfo(proba.dtype).eps
    likelihood = np.clip(proba[np.arange(len(true)), true], eps, 1 - eps)
    return float(-np.log(likelihood, dtype=float).mean())


def _tabulate_genres(confusion: np.ndarray, genres: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(score_genres(confusion), index=pd.Index(genres, name="genre"))


def _tabulate_confusion(confusion: np.ndarray, genres: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        confusion,
        index=pd.Index(genres, name="genre"),
        columns=pd.Index(genres, name="predicted"),
    )


def _tabulate_clips(
    clips: Sequence[Any],
    genre: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray | None,
    groups: np.ndarray | None,
) -> pd.DataFrame:
    import pandas as pd

    columns = {
        # Not pandas' own text type: a path may hold bytes that are no valid text.
        "clip": clips if isinstance(clips, range) else pd.Series(clips, dtype=object),
        "genre": genre,
        "predicted": predicted,
        "confidence": np.nan if confidence is None else confidence.astype(float),
        "correct": genre == predicted,
    }
    return pd.DataFrame(columns if groups is None else {**columns, "group": groups})


def _tabulate_pairs(predictions: pd.DataFrame, n_clips: pd.Series) -> pd.DataFrame:
    wrong = predictions[~predictions["correct"]]
    pairs = wrong.groupby(["genre", "predicted"])["clip"].agg(n_clips="size", clips=list)
    pairs = pairs.reset_index()
    pairs["share"] = pairs["n_clips"] / n_clips.reindex(pairs["genre"]).to_numpy()
    pairs = pairs.sort_values(["n_clips", "share"], ascending=False)  # stable
    return pairs[["genre", "predicted", "n_clips", "share", "clips"]].reset_index(drop=True)


def _plain(value: Any) -> Any:
    """A value as JSON knows it: NaN and infinity are null, odd group labels are text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)
