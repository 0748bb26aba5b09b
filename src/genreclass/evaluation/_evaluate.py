"""Classify clips of known genre with a fitted classifier, and report."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection._search import BaseSearchCV  # it has no public home
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from genreclass.audio import check_sequence
from genreclass.evaluation._columns import check_column, check_length
from genreclass.evaluation._inputs import check_classifier
from genreclass.evaluation._report import GenreReport
from genreclass.exceptions import InvalidClipError

__all__ = ["evaluate"]


def evaluate(estimator: Any, X: Any, y: Any, *, groups: Any = None) -> GenreReport:
    """Report how well a fitted classifier names the genres of clips it has not learnt from.

    Parameters
    ----------
    estimator : classifier
        Fitted: one of this library, of scikit-learn, a Pipeline, a search. Without
        `predict_proba` and `classes_` the report has no figures about probabilities.
    X : sequence of clips, or array-like
        What the classifier predicts from: paths, Clips, arrays, a table of features.
    y : array-like of shape (n_clips,)
        Their genres. A genre that the classifier does not know counts as wrong, and is named.
    groups : array-like of shape (n_clips,) or None, default=None
        Artist or track of each clip. Clips of one artist are alike, so they say less than as
        many clips of different artists; with groups the report has an interval that knows.

    Returns
    -------
    GenreReport
        It prints as text, shows in a notebook, and is written by `to_json`.

    Raises
    ------
    TypeError
        The estimator is no classifier.
    NotFittedError
        It has not been fitted.
    ValueError
        There are no clips, lengths differ, a label is missing, or the estimator was fitted to
        several targets.

    See Also
    --------
    GenreReport.from_predictions : A report on predictions made before.

    Notes
    -----
    The report is about what the classifier's `predict` says, so its accuracy is the classifier's
    `score`. Sound is decoded once where that is possible: the steps of a Pipeline before the
    last are run once, and `predict` itself is not called where it is known to choose the most
    probable genre, as in MelCNNClassifier, CalibratedClassifierCV and a soft VotingClassifier.
    Other classifiers are asked twice, for labels and for probabilities: for some, such as SVC,
    the two may disagree.

    Examples
    --------
    >>> from genreclass import MelCNNClassifier
    >>> from genreclass.datasets import make_clips
    >>> from genreclass.evaluation import evaluate
    >>> clips = make_clips(n_clips=12, n_genres=2, duration=0.5, random_state=0)
    >>> clf = MelCNNClassifier(channels=(8,), max_epochs=2, random_state=0)
    >>> clf.fit(clips.data[:8], clips.target[:8])
    MelCNNClassifier(...)
    >>> report = evaluate(clf, clips.data[8:], clips.target[8:])
    >>> report.n_clips
    4
    """
    check_classifier(estimator)
    check_is_fitted(estimator)
    X = check_sequence(X)
    n_clips = _count(X)
    y = check_column(y, "y")
    check_length(y, "y", n_clips, of="X")
    if groups is not None:
        groups = check_column(groups, "groups")
        check_length(groups, "groups", n_clips, of="X")
    predicted, proba, classes = _predict(estimator, X)
    return GenreReport.from_predictions(
        y, predicted, proba=proba, classes=classes, clips=_names(X), groups=groups
    )


def _count(X: Any) -> int:
    shape = getattr(X, "shape", None)
    n_clips = len(X) if shape is None else shape[0] if shape else 0
    if n_clips == 0:
        raise InvalidClipError("X holds no clips: there is nothing to evaluate.")
    return int(n_clips)


def _predict(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Genres predicted, probabilities and the genres known, where there are any."""
    # The steps of a Pipeline, and the sound, are gone through once for both kinds of answer.
    while isinstance(estimator, BaseSearchCV) or type(estimator) is Pipeline:
        if isinstance(estimator, BaseSearchCV):
            estimator = estimator.best_estimator_
        else:
            X = estimator[:-1].transform(X) if len(estimator) > 1 else X
            estimator = estimator[-1]
    classes = getattr(estimator, "classes_", None)
    if classes is None or not hasattr(estimator, "predict_proba"):
        return estimator.predict(X), None, classes
    proba = np.asarray(estimator.predict_proba(X))
    if _chooses_most_probable(estimator):
        return classes[proba.argmax(axis=1)], proba, classes
    return estimator.predict(X), proba, classes


def _chooses_most_probable(estimator: Any) -> bool:
    """Whether `predict` is known to be the argmax of `predict_proba`, in a subclass as well."""
    # VotingClassifier has predict_proba where it votes softly only.
    rules = [CalibratedClassifierCV.predict, VotingClassifier.predict]
    models = sys.modules.get("genreclass.models")  # not imported, it made no estimator
    if models is not None:
        rules += [models.BoostedTreesClassifier.predict, models.MelCNNClassifier.predict]
    return getattr(type(estimator), "predict", None) in rules


def _names(X: Any) -> list[Any]:
    """Paths of clips that are files, else their numbers."""
    if len(getattr(X, "shape", ())) > 1:
        return list(range(X.shape[0]))
    return [
        os.fsdecode(clip) if isinstance(clip, (str, os.PathLike)) else index
        for index, clip in enumerate(X)
    ]
