"""A classifier that may say that it does not know."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags, check_scalar, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

__all__ = ["RejectOption"]


def _has(name: str) -> Callable[[Any], bool]:
    """Whether the estimator within has a method; AttributeError where not, as available_if asks."""

    def check(self: RejectOption) -> bool:
        getattr(self._inner(), name)
        return True

    return check


class RejectOption(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that answers only where another one is sure enough.

    Where the highest probability is below `threshold`, `predict` gives `reject_label`; else it
    gives the most probable class. A probability means what it says only where the classifier is
    calibrated, and a clip of no genre the classifier knows may still get a high one.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba`. It may be fitted: then the RejectOption predicts with it as it is,
        and needs no `fit`, which would train a copy anew. Inside a search or a cross-validation,
        which copy and fit, a fitted classifier stays as it is in scikit-learn's FrozenEstimator.
    threshold : float, default=0.5
        Least probability of an answer, 0 to 1. With 0 all is answered. Below 1 / n_classes, too.
    reject_label : str or int, default="unknown"
        What `predict` gives instead of a class: text where the classes are text, a number where
        they are numbers, and none of them.

    Attributes
    ----------
    estimator_ : classifier
        The copy that `fit` trained. There is none where `estimator` itself predicts.
    classes_ : ndarray of shape (n_classes,)
        The classes of the estimator. `reject_label` is not among them.
    n_features_in_ : int
        Number of features, where the estimator knows it.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where the estimator knows them.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : Makes probabilities mean what they say.

    Notes
    -----
    The rule is that of C. K. Chow, "On optimum recognition error and reject tradeoff", 1970:
    where probabilities are right and a rejection costs as much as the share `d` of an error, the
    best threshold is 1 - d.

    `score` is plain accuracy, as scikit-learn has it: a rejection counts as wrong, unless the true
    label is `reject_label`, which says that the clip is of none of the classes. Scores of
    scikit-learn and `genreclass.evaluate` take `reject_label` for one more class, that is never
    predicted rightly: accuracy is the same, while means over classes, such as macro F1, are lower.
    `score_answered` is about the clips that were answered.

    The most probable class is what `predict` of nearly all classifiers gives. In some, such as
    SVC, the two may disagree. A VotingClassifier shows what it holds numbers in place of text, and
    then a number is wanted for `reject_label`.

    Examples
    --------
    >>> from genreclass import MelCNNClassifier, RejectOption
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=12, n_genres=2, duration=0.5, random_state=0)
    >>> clf = MelCNNClassifier(channels=(8,), max_epochs=2, random_state=0)
    >>> clf.fit(clips.data, clips.target)
    MelCNNClassifier(...)
    >>> RejectOption(clf, threshold=0.99).predict(clips.data[:3]).tolist()
    ['unknown', 'unknown', 'unknown']
    """

    estimator_: Any

    def __init__(
        self, estimator: Any, *, threshold: float = 0.5, reject_label: str | int = "unknown"
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.reject_label = reject_label

    def fit(self, X: Any, y: Any, **fit_params: Any) -> RejectOption:
        """Train a copy of the estimator.

        Parameters
        ----------
        X : sequence of clips, or array-like
            What the estimator takes.
        y : array-like of shape (n_samples,)
            Genres.
        **fit_params : dict
            Such as `groups` and `sample_weight`, for `fit` of the estimator: all of them, or what
            it requested where scikit-learn's metadata routing is enabled.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            `reject_label` does not go with the labels, or is one of them.
        TypeError
            The estimator has no probabilities.
        """
        self._check_parameters()
        if y is not None:  # for which the estimator has words
            self._check_label(np.asarray(y).ravel())  # before training, which may take hours
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable genre of each clip, or `reject_label`.

        Parameters
        ----------
        X : sequence of clips, or array-like
            What the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels out of `classes_`, and `reject_label`.
        """
        self._check_parameters()
        proba, classes = np.asarray(self.predict_proba(X)), self.classes_
        self._check_label(classes)
        labels = classes[proba.argmax(axis=1)]
        if self.threshold == 0:
            return labels
        # As an array, for a type that holds both: a bare number would be made one of the labels'.
        return np.where(proba.max(axis=1) < self.threshold, np.asarray(self.reject_label), labels)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each genre for each clip, as the estimator gives it.

        Parameters
        ----------
        X : sequence of clips, or array-like
            What the estimator takes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self._inner().predict_proba(X)

    def score_answered(self, X: Any, y: Any) -> tuple[float, float]:
        """Share of the clips that are answered, and accuracy on these.

        Parameters
        ----------
        X : sequence of clips, or array-like
            What the estimator takes.
        y : array-like of shape (n_samples,)
            Their genres.

        Returns
        -------
        coverage : float
            Share of the clips whose prediction is not `reject_label`.
        accuracy : float
            Share of these that is right; NaN where there are none.

        Notes
        -----
        R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification",
        2010, whose selective risk is 1 - accuracy.
        """
        predicted, y = self.predict(X), np.asarray(y).ravel()
        check_consistent_length(predicted, y)
        answered = np.ones(len(y), bool) if self.threshold == 0 else predicted != self.reject_label
        if not answered.any():
            return 0.0, float("nan")
        return float(answered.mean()), float((predicted == y)[answered].mean())

    @available_if(_has("transform"))
    def transform(self, X: Any) -> Any:
        """What the estimator's own `transform` gives.

        Parameters
        ----------
        X : sequence of clips, or array-like
            What the estimator takes.

        Returns
        -------
        ndarray or DataFrame
            As `set_output` says.
        """
        check_is_fitted(self)
        return self._inner().transform(X)

    @available_if(_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            As the estimator takes them.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        return self._inner().get_feature_names_out(input_features)

    @available_if(_has("set_output"))
    def set_output(self, *, transform: Any = None) -> RejectOption:
        """Choose what `transform` gives, in the estimator itself.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            As in scikit-learn; None changes nothing.

        Returns
        -------
        self
        """
        for estimator in (self.estimator, getattr(self, "estimator_", None)):
            if estimator is not None:
                estimator.set_output(transform=transform)
        return self

    @property
    def classes_(self) -> np.ndarray:
        return self._learned("classes_")

    @property
    def n_features_in_(self) -> int:
        return self._learned("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        return self._learned("feature_names_in_")

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata goes where, for scikit-learn.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def _inner(self) -> Any:
        """The estimator that predicts: the copy that `fit` trained, or the one that was given."""
        return getattr(self, "estimator_", self.estimator)

    def _learned(self, name: str) -> Any:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"RejectOption has no {name} before fit.")
        return getattr(self._inner(), name)

    def _check_parameters(self) -> None:
        check_scalar(self.threshold, "threshold", Real)
        if not 0 <= self.threshold <= 1:  # nor NaN, which check_scalar lets through
            raise ValueError(f"threshold must be between 0 and 1, got {self.threshold}.")
        if isinstance(self.reject_label, bool) or not isinstance(
            self.reject_label, (str, Integral)
        ):
            raise TypeError(
                f"reject_label must be text or a whole number, got {self.reject_label!r}."
            )
        if isinstance(self.estimator, type) or not hasattr(self._inner(), "predict_proba"):
            name = getattr(self.estimator, "__name__", type(self.estimator).__name__)
            raise TypeError(
                f"estimator must be a classifier with predict_proba, got {name}. Make one, or wrap "
                "it in scikit-learn's CalibratedClassifierCV."
            )

    def _check_label(self, labels: Any) -> None:
        """Refuse a `reject_label` that is one of the labels, or of another kind."""
        if self.threshold == 0 or not len(labels):  # nothing is rejected
            return
        if not isinstance(labels, np.ndarray) or labels.dtype.kind == "b":
            raise ValueError(
                "RejectOption needs one label a clip, text or numbers: there is no third truth "
                "value, nor one label for several targets."
            )
        of_text = [isinstance(label, str) for label in labels.tolist()]
        if any(of_text) != all(of_text):  # which no classifier takes
            return
        if all(of_text) != isinstance(self.reject_label, str):
            kinds = ("text", "Give text") if all(of_text) else ("numbers", "Give a number")
            raise ValueError(
                f"reject_label is {self.reject_label!r}, but the classes are {kinds[0]}, such as "
                f"{labels.tolist()[0]!r:.40}. {kinds[1]} that is none of them."
            )
        if self.reject_label in labels.tolist():
            raise ValueError(
                f"reject_label {self.reject_label!r} is one of the classes. Choose another label."
            )

    def __sklearn_is_fitted__(self) -> bool:
        try:
            check_is_fitted(self._inner())
        except (NotFittedError, TypeError):  # a TypeError: it is no estimator
            return False
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = get_tags(self.estimator)
        tags.array_api_support = False
        tags.target_tags.multi_output = False
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags
