"""What evaluation starts from: a fitted classifier, or a matrix of confusions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from genreclass.evaluation._columns import check_classes, check_genres, check_length, join_genres

__all__ = ["check_classifier", "check_confusion", "count_confusions"]


def check_classifier(estimator: Any, method: str = "predict") -> None:
    """Refuse what cannot name the genre of a clip.

    Raises
    ------
    TypeError
        The estimator is no classifier.
    ValueError
        It lacks `method`, or was fitted to several targets.
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator is the class {estimator.__name__}. Make one, and fit it: "
            f"{estimator.__name__}().fit(X_train, y_train)."
        )
    if not hasattr(estimator, "__sklearn_tags__") or not is_classifier(estimator):
        raise TypeError(f"estimator must be a fitted classifier, got {_describe(estimator)}.")
    name = type(estimator).__name__
    if not hasattr(estimator, method):
        hint = "Choose another classifier"
        if method == "predict_proba":
            hint = f"Wrap it in scikit-learn's CalibratedClassifierCV, or {hint.lower()}"
        raise ValueError(f"estimator needs {method}, which {name} does not have. {hint}.")
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) and any(isinstance(one, np.ndarray) for one in classes):
        raise ValueError(f"{name} was fitted to several targets, expected one genre a clip.")


def count_confusions(
    y_true: Any, y_pred: Any, *, labels: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Number of clips of each pair of genres, and the genres.

    As scikit-learn's confusion_matrix, but that one genre needs no warning and that `labels`
    leaves no clip out: accuracy is read off the matrix.
    """
    y_true, y_pred = check_genres(y_true, "y_true"), check_genres(y_pred, "y_pred")
    check_length(y_pred, "y_pred", len(y_true))
    found, _ = join_genres(y_true, y_pred)
    labels = found if labels is None else check_classes(labels, "labels")
    place = {label: index for index, label in enumerate(labels.tolist())}
    missing = [label for label in found.tolist() if label not in place]
    if missing:
        raise ValueError(
            f"labels lacks {missing[0]!r}, which is in y_true or y_pred. Add it, or leave its "
            "clips out."
        )
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    rows = [place[label] for label in y_true.tolist()]
    np.add.at(counts, (rows, [place[label] for label in y_pred.tolist()]), 1)
    return counts, labels


def check_confusion(confusion_matrix: Any, display_labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """A matrix of counts and its labels, as arrays that go together."""
    labels = display_labels
    if hasattr(confusion_matrix, "columns"):
        genres = confusion_matrix.index.tolist()
        if set(genres) != set(confusion_matrix.columns):
            raise ValueError(
                "confusion_matrix has other columns than rows, expected the same genres. Or pass "
                "confusion_matrix.to_numpy() and display_labels."
            )
        confusion_matrix = confusion_matrix[genres]  # the columns may have an order of their own
        labels = genres if labels is None else labels
    counts = np.asarray(confusion_matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.sum() > 0:
        raise ValueError(
            f"confusion_matrix has shape {counts.shape} and {counts.sum()} clips, expected a "
            "square of counts with at least one clip."
        )
    if not np.array_equal(counts, np.abs(counts).astype(int)):
        raise ValueError(
            "confusion_matrix must hold numbers of clips, got shares or negative numbers. Pass "
            'the counts; plot(normalize="true") shows percentages.'
        )
    labels = check_classes(range(len(counts)) if labels is None else labels, "display_labels")
    if len(labels) != len(counts):
        raise ValueError(
            f"display_labels holds {len(labels)} genres, expected {len(counts)}, one for each row "
            "of confusion_matrix."
        )
    return counts.astype(int), labels


def _describe(estimator: Any) -> str:
    if not isinstance(estimator, Pipeline):
        return f"a {type(estimator).__name__}"
    if not estimator.steps:
        return "a Pipeline without steps"
    last = estimator.steps[-1][1]
    kind = repr(last) if last is None or isinstance(last, str) else f"a {type(last).__name__}"
    return f"a Pipeline that ends in {kind}"
