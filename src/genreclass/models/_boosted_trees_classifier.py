"""XGBoost's trees on a table of features, as a scikit-learn classifier of any labels."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from genreclass.dsp import resolve_device
from genreclass.features._check_table import refuse_clips, refuse_gaps
from genreclass.models._targets import encode_targets, make_class_weights

if TYPE_CHECKING:
    from xgboost import Booster

__all__ = ["BoostedTreesClassifier"]


class BoostedTreesClassifier(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees of XGBoost, from a table of features to genre.

    What `xgboost.XGBClassifier` lacks is here: labels may be text or any numbers, a fold may lack
    a class, and `class_weight` is a parameter.

    Parameters
    ----------
    n_estimators : int, default=50
        Rounds of boosting; each grows a tree for every class, or one tree where there are two.
    max_depth : int, default=6
        Depth of a tree.
    learning_rate : float, default=0.3
        Share of each tree's answer that is added, above 0 and at most 1.
    max_bin : int, default=32
        Values that each feature is rounded to, 2 or more. XGBoost's own default, 256, takes three
        times as long, and on components of such features it was no more accurate.
    min_child_weight : float, default=1.0
        Least sum of second derivatives in a leaf: higher is more cautious.
    reg_lambda : float, default=1.0
        L2 penalty on the leaves' values.
    subsample : float, default=1.0
        Share of the rows that each round draws, above 0.
    colsample_bytree : float, default=1.0
        Share of the features that each tree draws, above 0.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; only their ratios matter. Multiplies `sample_weight`.
    device : str or torch.device, default="auto"
        Where to train: "auto" takes CUDA when there is one. Predictions are made on the CPU.
    random_state : int, RandomState or None, default=None
        Of `subsample` and `colsample_bytree`. With both at 1 nothing is drawn.
    n_jobs : int or None, default=None
        Threads. None or -1 is as many as OpenMP gives: all, or fewer where ``OMP_NUM_THREADS``
        or joblib, within a parallel search, says so.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres.
    booster_ : xgboost.Booster
        The trees.
    feature_importances_ : ndarray of shape (n_features,)
        Share of each feature in the loss that all splits together took away.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X had names.

    Notes
    -----
    T. Chen and C. Guestrin, "XGBoost: a scalable tree boosting system", 2016. Values are rounded
    to single precision, which is what XGBoost works in. The prediction of a row does not depend
    on the other rows.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass.models import BoostedTreesClassifier
    >>> X = np.arange(40.0).reshape(-1, 1)
    >>> y = np.where(X[:, 0] < 20, "jazz", "rock")
    >>> BoostedTreesClassifier(n_estimators=5).fit(X, y).predict([[3.0], [33.0]])
    array(['jazz', 'rock'], dtype='<U4')
    """

    booster_: Booster

    def __init__(
        self,
        *,
        n_estimators: int = 50,
        max_depth: int = 6,
        learning_rate: float = 0.3,
        max_bin: int = 32,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.max_bin = max_bin
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.class_weight = class_weight
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> BoostedTreesClassifier:
        """Grow the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,)
            Genres, strings or any labels scikit-learn takes.
        sample_weight : array-like of shape (n_samples,) or None
            Weight of each row in the loss.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            X holds clips or missing values, a label is missing, or all are the same.
        """
        from xgboost import QuantileDMatrix, train

        self._check_parameters()
        device = resolve_device(self.device)
        refuse_clips(X)
        _refuse_missing(y)
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite=False)
        refuse_gaps(X, getattr(self, "feature_names_in_", None))
        classes, targets = encode_targets(y)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        class_weights = make_class_weights(self.class_weight, classes, y)
        if class_weights is not None:
            of_rows = class_weights[targets]
            of_rows = of_rows / of_rows.mean()
            weights = of_rows if weights is None else weights * of_rows
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        n_threads = self._n_threads()
        table = QuantileDMatrix(
            X, label=targets, weight=weights, max_bin=self.max_bin, nthread=n_threads
        )
        booster = train(
            self._make_booster_params(len(classes), seed, n_threads, device),
            table,
            num_boost_round=self.n_estimators,
        )
        # A few trees a row are no work for a GPU, and now the model needs none.
        booster.set_param({"device": "cpu"})
        self.classes_, self.booster_ = classes, booster
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable genre of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels out of `classes_`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each genre for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            In the order of `classes_`.
        """
        check_is_fitted(self)
        refuse_clips(X)
        X = validate_data(
            self, X, dtype=np.float32, order="C", reset=False, ensure_all_finite=False
        )
        refuse_gaps(X, getattr(self, "feature_names_in_", None))
        proba = self.booster_.inplace_predict(X)
        return np.column_stack([1 - proba, proba]) if proba.ndim == 1 else proba

    @property
    def feature_importances_(self) -> np.ndarray:
        check_is_fitted(self)
        gains = np.zeros(self.n_features_in_)
        for name, gain in self.booster_.get_score(importance_type="total_gain").items():
            gains[int(name.removeprefix("f"))] = gain
        return gains / (gains.sum() or 1.0)

    def _make_booster_params(
        self, n_classes: int, seed: int, n_threads: int, device: torch.device
    ) -> dict[str, Any]:
        params = {
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "max_bin": self.max_bin,
            "min_child_weight": self.min_child_weight,
            "reg_lambda": self.reg_lambda,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "device": str(device),
            "seed": seed,
            "nthread": n_threads,
            "verbosity": 0,
        }
        if n_classes == 2:
            return {**params, "objective": "binary:logistic"}
        return {**params, "objective": "multi:softprob", "num_class": n_classes}

    def _n_threads(self) -> int:
        return 0 if self.n_jobs in (None, -1) else int(self.n_jobs)  # 0: XGBoost asks OpenMP

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "booster_")

    def _check_parameters(self) -> None:
        check_scalar(self.n_estimators, "n_estimators", Integral, min_val=1)
        check_scalar(self.max_depth, "max_depth", Integral, min_val=1)
        check_scalar(self.max_bin, "max_bin", Integral, min_val=2)
        for name in ("learning_rate", "subsample", "colsample_bytree"):
            value = getattr(self, name)
            check_scalar(value, name, Real, min_val=0, max_val=1, include_boundaries="right")
        for name in ("min_child_weight", "reg_lambda"):
            value = getattr(self, name)
            check_scalar(value, name, Real, min_val=0, max_val=math.inf, include_boundaries="left")
        if self.n_jobs is not None and self.n_jobs != -1:
            check_scalar(self.n_jobs, "n_jobs", Integral, min_val=1)


def _refuse_missing(y: Any) -> None:
    """Refuse labels that are None or NaN, by the place of the first; raises ValueError."""
    import pandas as pd

    if y is None:  # for which scikit-learn has words
        return
    missing = np.flatnonzero(pd.isna(np.asarray(y, dtype=object)))
    if len(missing):
        raise ValueError(
            f"y[{missing[0]}] is missing, as {len(missing)} of {len(y)} labels are. Give its "
            "genre, or leave the row out."
        )
