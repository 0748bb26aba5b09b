"""Which features a fitted model goes by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["feature_family", "feature_importance"]

# "mfcc_mean_01" of the FMA table, and "mfcc1_mean" of others, are of the family "mfcc".
_NAME = re.compile(r"(.+?)\d*_(kurtosis|max|mean|median|min|skew|std|var)(_\d+)?")


def feature_importance(estimator: Any, feature_names: Any = None) -> pd.DataFrame:
    """Importance of each feature of the table that a fitted model was given.

    Parameters
    ----------
    estimator : Pipeline or classifier
        Fitted, such as `make_fma_baseline`: trees (`feature_importances_`) or a linear model
        (`coef_`), behind any number of feature selectors, scalers and PCAs. What comes before
        these, as `HandcraftedFeatures`, makes the features. Of a search, the best estimator.
    feature_names : array-like of shape (n_features,), default=None
        Names, where the model was fitted on an array without. None takes those it knows, else x0,
        x1 and so on.

    Returns
    -------
    DataFrame
        A row for each feature, by its name, the most important first:

        importance : float
            Its share; all add up to 1, or are 0 where the model goes by no feature.
        family : str
            What the feature's name says before its statistic: "mfcc" of "mfcc_mean_01".
        stand_in : str or None
            The feature that the model was given in its place; its own name where it was not
            dropped, None where nothing stands for it. Only a CorrelationFilter knows.

    Notes
    -----
    Trees say which share of the loss their splits on each component took away. A component of
    PCA is a weighted sum of features, and the squares of its weights add up to 1: by these, its
    share is divided among them. A dropped feature gets 0, and its share is with its `stand_in`.
    Coefficients of a linear model are carried back through PCA exactly, and their sizes are
    averaged over genres.

    **What it does not say.** It describes the model, not music: no feature makes a genre. Features
    that go together share what they have in common, so one that is low here may do as well alone.
    Of features that do not go together PCA makes components that mix them at will, and their shares
    even out: then sums over families say more than single features do, and a baseline without PCA
    (``set_params(reducer__pca="passthrough")``) more than one with. It sees what the model learned
    by, noise included, where scikit-learn's `permutation_importance`, on clips not learned from,
    sees what it needs. Coefficients compare only where features were scaled to the same spread.

    Examples
    --------
    >>> import numpy as np
    >>> from genreclass import make_fma_baseline
    >>> from genreclass.evaluation import feature_importance
    >>> generator = np.random.default_rng(0)
    >>> sounds = generator.normal(size=(200, 2))
    >>> X = sounds[:, [0, 0, 0, 1, 1]] + 0.5 * generator.normal(size=(200, 5))
    >>> y = np.where(sounds[:, 1] > 0, "jazz", "rock")
    >>> clf = make_fma_baseline(n_components=2, n_estimators=5).fit(X, y)
    >>> names = ["mfcc_mean_01", "mfcc_mean_02", "mfcc_mean_03", "zcr_mean_01", "zcr_std_01"]
    >>> table = feature_importance(clf, names)
    >>> table.groupby("family")["importance"].sum().round(1).to_dict()
    {'mfcc': 0.1, 'zcr': 0.9}
    """
    import pandas as pd

    estimator = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(estimator, "fit"):  # of which scikit-learn would print all
        raise TypeError(
            f"estimator must be a fitted Pipeline or classifier, got a {type(estimator).__name__}. "
            "Numbers that are there already are drawn by "
            "FeatureImportanceDisplay(importance, feature_names=names).plot()."
        )
    check_is_fitted(estimator)
    *steps, model = _flatten(estimator)
    weights, linear = _model_weights(model)
    # Backwards from the model; what is left of `steps` at the end made the features.
    stand_in = np.arange(weights.shape[1])
    while steps and _can_undo(steps[-1]):
        weights, stand_in = _undo(steps.pop(), weights, stand_in, linear=linear)
    shares = np.abs(weights).mean(axis=0)
    shares = shares / (shares.sum() or 1.0)
    names = _feature_names(estimator, steps, feature_names, len(shares))
    table = pd.DataFrame(
        {
            "importance": shares,
            "family": [feature_family(name) for name in names],
            "stand_in": pd.Series(
                [None if place < 0 else names[place] for place in stand_in], dtype=object
            ),
        }
    )
    table.index = pd.Index(names, name="feature")
    return table.sort_values("importance", ascending=False, kind="stable")


def feature_family(name: str) -> str:
    """What a feature's name says before its statistic; the whole name where it has none."""
    match = _NAME.fullmatch(name)
    return match[1] if match else name


def _flatten(estimator: Any) -> list[Any]:
    """The steps of a Pipeline and of those within it, without those that do nothing."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in _flatten(step)]


def _model_weights(model: Any) -> tuple[np.ndarray, bool]:
    """Shares, or coefficients of each genre, (n_rows, n_columns); whether they are the latter."""
    for name in ("feature_importances_", "coef_"):
        weights = getattr(model, name, None)
        if weights is not None:
            return np.atleast_2d(np.asarray(weights, dtype=float)), name == "coef_"
    raise TypeError(
        f"{type(model).__name__} has neither feature_importances_ nor coef_. For any model there "
        "is sklearn.inspection.permutation_importance."
    )


def _can_undo(step: Any) -> bool:
    return isinstance(step, (PCA, SelectorMixin, OneToOneFeatureMixin))


def _undo(
    step: Any, weights: np.ndarray, stand_in: np.ndarray, *, linear: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and stand-ins of the columns that go into a step, from those that come out."""
    if isinstance(step, PCA):
        if linear and step.whiten:
            weights = weights / np.sqrt(step.explained_variance_)
        components = step.components_ if linear else np.square(step.components_)
        return weights @ components, np.arange(step.n_features_in_)
    if not isinstance(step, SelectorMixin):
        return weights, stand_in
    kept = step.get_support(indices=True)
    n_columns = len(step.get_support())
    before = np.zeros((len(weights), n_columns))
    before[:, kept] = weights
    # Columns out, and then those they stand for, as numbers of columns in.
    places = np.full(n_columns, -1)
    places[kept] = np.where(stand_in < 0, -1, kept[stand_in])
    known = getattr(step, "stand_in_", None)
    if known is not None:
        places = np.where(known < 0, -1, places[known])
    return before, places


def _feature_names(
    estimator: Any, steps: list[Any], feature_names: Any, n_features: int
) -> list[str]:
    if feature_names is not None:
        names = [str(name) for name in np.asarray(feature_names, dtype=object).ravel()]
        if len(names) != n_features or len(set(names)) != n_features:
            raise ValueError(
                f"feature_names holds {len(names)} names, {len(set(names))} of them different, but "
                f"the model has {n_features} features. Give each a name of its own."
            )
        return names
    if steps and hasattr(steps[-1], "get_feature_names_out"):
        known = steps[-1].get_feature_names_out()
    else:
        known = None if steps else getattr(estimator, "feature_names_in_", None)
    return [f"x{i}" for i in range(n_features)] if known is None else [str(name) for name in known]
