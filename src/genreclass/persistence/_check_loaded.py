"""Whether what was loaded belongs together: parameters, learned attributes, their shapes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from genreclass.exceptions import ModelFileError
from genreclass.features import CorrelationFilter, HandcraftedFeatures
from genreclass.features._capped_pca import CappedPCA
from genreclass.models import (
    BoostedTreesClassifier,
    MelCNNClassifier,
    MusiCNNEncoder,
    OpenJMLAEncoder,
    RejectOption,
)
from genreclass.models._pretrained_encoder import PretrainedEncoder
from genreclass.models._pretrained_networks import digest_of_network
from genreclass.networks import TunedJMLA
from genreclass.training import Augmentation

__all__ = ["check_loaded"]


def check_loaded(estimator: BaseEstimator) -> None:
    """Refuse an estimator that `fit` would not have made.

    Raises
    ------
    ModelFileError, ValueError, TypeError or NotFittedError
        Something is missing, out of range, or of another size than what it goes with.
    """
    if isinstance(estimator, Augmentation):  # which has nothing to learn
        estimator.check()
        return
    if isinstance(estimator, Pipeline):
        _check_steps(estimator)
    check_is_fitted(estimator)
    if hasattr(estimator, "_check_parameters"):
        estimator._check_parameters()
    else:
        estimator._validate_params()
    if not isinstance(estimator, Pipeline) and hasattr(estimator, "feature_names_in_"):
        good = np.shape(estimator.feature_names_in_) == (estimator.n_features_in_,)
        _demand(good, "its feature_names_in_ are not as many as its features")
    if type(estimator) in _CHECKS:
        _CHECKS[type(estimator)](estimator)


def _demand(good: Any, fault: str) -> None:
    if not good:
        raise ModelFileError(fault)


def _check_steps(pipeline: Pipeline) -> None:
    """Named steps, each as wide as the one before gives."""
    steps = pipeline.steps
    good = isinstance(steps, list) and steps and pipeline.memory is None
    good = good and all(
        isinstance(step, tuple)
        and len(step) == 2
        and isinstance(step[0], str)
        and (step[1] is None or step[1] == "passthrough" or isinstance(step[1], BaseEstimator))
        for step in steps
    )
    good = good and len({name for name, _ in steps}) == len(steps)
    good = good and all(hasattr(step, "transform") for step in _fitted_steps(pipeline)[:-1])
    _demand(good, "a Pipeline has odd steps")
    for before, after in pairwise(_fitted_steps(pipeline)):
        widths = _width_out(before), _width_in(after)
        _demand(
            None in widths or widths[0] == widths[1],
            f"{type(after).__name__} takes {widths[1]} columns, but {widths[0]} come before it",
        )


def _fitted_steps(pipeline: Pipeline) -> list[BaseEstimator]:
    return [step for _, step in pipeline.steps if isinstance(step, BaseEstimator)]


def _width_in(estimator: BaseEstimator) -> int | None:
    if isinstance(estimator, Pipeline):
        steps = _fitted_steps(estimator)
        return _width_in(steps[0]) if steps else None
    return getattr(estimator, "n_features_in_", None)


def _width_out(estimator: BaseEstimator) -> int | None:
    """Columns that `transform` gives; None where that is not known."""
    if isinstance(estimator, Pipeline):
        steps = _fitted_steps(estimator)
        return _width_out(steps[-1]) if steps else None
    if isinstance(estimator, CorrelationFilter):
        return int(estimator.get_support().sum())
    if isinstance(estimator, (HandcraftedFeatures, PretrainedEncoder)):
        return len(estimator.get_feature_names_out())
    if isinstance(estimator, PCA):
        return len(estimator.components_)
    return estimator.n_features_in_ if isinstance(estimator, StandardScaler) else None


def _check_filter(estimator: CorrelationFilter) -> None:
    stand_in, n_columns = estimator.stand_in_, estimator.n_features_in_
    good = stand_in.shape == (n_columns,) and stand_in.dtype.kind == "i" and stand_in.max() >= 0
    good = good and stand_in.min() >= -1 and stand_in.max() < n_columns
    # A column that stands for another is kept.
    good = good and (stand_in[stand_in[stand_in >= 0]] == stand_in[stand_in >= 0]).all()
    _demand(good, f"its stand_in_ are no columns of {n_columns}")


def _check_scaler(estimator: StandardScaler) -> None:
    for key in ("mean_", "var_", "scale_"):
        _check_numbers(estimator, key, (estimator.n_features_in_,), optional=True)
    scale = estimator.scale_
    _demand(scale is None or (scale > 0).all(), "its scale_ is not above 0")
    _demand(
        (estimator.mean_ is not None or not estimator.with_mean)
        and (scale is not None or not estimator.with_std),
        "its mean_ or scale_ is missing",
    )


def _check_pca(estimator: PCA) -> None:
    n_components, n_columns = estimator.n_components_, estimator.n_features_in_
    _check_numbers(estimator, "components_", (n_components, n_columns))
    _check_numbers(estimator, "mean_", (n_columns,))
    for key in ("explained_variance_", "explained_variance_ratio_", "singular_values_"):
        _check_numbers(estimator, key, (n_components,))


def _check_numbers(
    estimator: BaseEstimator, key: str, shape: tuple[int, ...], *, optional: bool = False
) -> None:
    array = getattr(estimator, key)
    if optional and array is None:
        return
    good = array.shape == shape and array.dtype.kind == "f" and np.isfinite(array).all()
    _demand(good, f"its {key} are not numbers of shape {shape}")


def _check_trees(estimator: BoostedTreesClassifier) -> None:
    from xgboost import Booster

    booster, n_columns = estimator.booster_, estimator.n_features_in_
    _demand(isinstance(booster, Booster), "it holds an odd attribute 'booster_'")
    _demand(booster.num_features() == n_columns, f"its trees are not of {n_columns} columns")
    answer = booster.inplace_predict(np.zeros((1, n_columns), dtype=np.float32))
    _check_classes(estimator, 2 if answer.ndim == 1 else answer.shape[1], "trees have")


def _check_classes(estimator: Any, n_classes: int, owner: str) -> None:
    classes = estimator.classes_
    good = classes.ndim == 1 and len(set(classes.tolist())) == len(classes) == n_classes
    _demand(good, f"its classes_ are not {n_classes} labels, as its {owner} them")


def _check_classifier(estimator: Any) -> None:
    n_classes = estimator.network_.config["n_classes"]
    _check_classes(estimator, n_classes, "network has")
    # An hour of frames: a crop is of seconds, and a larger number would ask for memory.
    if not 1 <= estimator.crop_frames_ <= 200_000:
        raise ModelFileError(f"its crop_frames_ is {estimator.crop_frames_}")


def _check_linear(estimator: LogisticRegression) -> None:
    n_rows, n_columns = len(estimator.classes_), estimator.n_features_in_
    n_rows = 1 if n_rows == 2 else n_rows
    _check_numbers(estimator, "coef_", (n_rows, n_columns))
    _check_numbers(estimator, "intercept_", (n_rows,))
    _check_classes(estimator, len(estimator.classes_), "coefficients have")


def _check_encoder(estimator: Any) -> None:
    good = isinstance(getattr(estimator, "weights_digest_", None), str)
    _demand(good, "it does not say which weights it was fitted on")
    if estimator.head is None:
        return
    good = isinstance(getattr(estimator, "embedding_digest_", None), str)
    _demand(good, "it does not say what its head was fitted on")
    network = estimator.network_
    head = network.head if isinstance(network, TunedJMLA) else network
    config = head.config
    width = len(estimator.get_feature_names_out())
    _demand(config["n_embedding"] == width, f"its head does not take {width} numbers")
    _check_classes(estimator, config["n_classes"], "head has")


def _check_jmla(estimator: Any) -> None:
    _check_encoder(estimator)
    size = estimator._size
    if isinstance(getattr(estimator, "network_", None), TunedJMLA):
        config = estimator.network_.config
        wanted = {"width": size.width, "n_heads": size.n_heads, "n_layers": estimator.unfreeze}
        good = wanted.items() <= config.items() and config["pooling"] == estimator.pooling
        _demand(good, "its layers are not those of the encoder")
    else:
        _demand(not estimator.unfreeze or estimator.head is None, "its layers are missing")
    if hasattr(estimator, "encoder_"):
        _demand(estimator.encoder_.config == vars(size), "its encoder is of another size")
        found = digest_of_network(estimator.encoder_)
        _demand(found == estimator.weights_digest_, "its encoder is another than it says")


def _check_reject_option(estimator: RejectOption) -> None:
    good = isinstance(getattr(estimator, "classes_", None), np.ndarray)
    _demand(good, "a RejectOption holds no classifier")
    estimator._check_label(estimator.classes_)


_CHECKS: dict[type, Callable[[Any], None]] = {
    BoostedTreesClassifier: _check_trees,
    CappedPCA: _check_pca,
    CorrelationFilter: _check_filter,
    LogisticRegression: _check_linear,
    MelCNNClassifier: _check_classifier,
    MusiCNNEncoder: _check_encoder,
    OpenJMLAEncoder: _check_jmla,
    PCA: _check_pca,
    RejectOption: _check_reject_option,
    StandardScaler: _check_scaler,
}
