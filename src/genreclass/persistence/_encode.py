"""Python objects as JSON values and named tensors: a fixed list of types, both ways."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from genreclass.exceptions import ModelFileError
from genreclass.features import CorrelationFilter, HandcraftedFeatures, MelSpectrogram
from genreclass.features._capped_pca import CappedPCA
from genreclass.models import (
    BoostedTreesClassifier,
    MelCNNClassifier,
    MusiCNNEncoder,
    OpenJMLAEncoder,
    RejectOption,
)
from genreclass.networks import ClassifierHead, JMLAAudioEncoder, MelCNN, TunedJMLA
from genreclass.persistence._booster import decode_booster, encode_booster
from genreclass.persistence._check_loaded import check_loaded
from genreclass.training import Augmentation

__all__ = ["decode", "encode"]

_ESTIMATORS = {
    cls.__name__: cls
    for cls in (
        Augmentation,
        BoostedTreesClassifier,
        CappedPCA,
        CorrelationFilter,
        HandcraftedFeatures,
        LogisticRegression,
        MelCNNClassifier,
        MelSpectrogram,
        MusiCNNEncoder,
        OpenJMLAEncoder,
        PCA,
        Pipeline,
        RejectOption,
        StandardScaler,
    )
}

# Parameters that are not saved: memory of a Pipeline, checkpoint_dir of a network.
_FOLDERS = frozenset({"memory", "checkpoint_dir"})
_NETWORKS: dict[str, Any] = {
    cls.__name__: cls for cls in (ClassifierHead, JMLAAudioEncoder, MelCNN, TunedJMLA)
}

# What an estimator may have learned, and the types it must be of.
_ON_TABLES = {"n_features_in_": int, "feature_names_in_": np.ndarray}
_OF_PCA = {
    **_ON_TABLES,
    "components_": np.ndarray,
    "explained_variance_": np.ndarray,
    "explained_variance_ratio_": np.ndarray,
    "singular_values_": np.ndarray,
    "mean_": np.ndarray,
    "n_components_": int,
    "n_samples_": int,
    "noise_variance_": float,
}
_OF_NETWORKS = {
    **_ON_TABLES,
    "classes_": np.ndarray,
    "history_": list,
    "best_epoch_": int,
}
_OF_ENCODERS = {**_OF_NETWORKS, "weights_digest_": str, "embedding_digest_": str}
_LEARNED: dict[str, dict[str, Any]] = {
    "Augmentation": {},
    "BoostedTreesClassifier": {
        **_ON_TABLES,
        "classes_": np.ndarray,
        "booster_": object,  # looked at below, so that XGBoost is imported late
    },
    "CappedPCA": _OF_PCA,
    "CorrelationFilter": {**_ON_TABLES, "stand_in_": np.ndarray},
    "HandcraftedFeatures": _ON_TABLES,
    "MelSpectrogram": _ON_TABLES,
    "LogisticRegression": {
        **_ON_TABLES,
        "classes_": np.ndarray,
        "coef_": np.ndarray,
        "intercept_": np.ndarray,
        "n_iter_": np.ndarray,
    },
    "MelCNNClassifier": {
        **_OF_NETWORKS,
        "mel_": (MelSpectrogram, type(None)),
        "crop_frames_": int,
        "network_": MelCNN,
    },
    "MusiCNNEncoder": {**_OF_ENCODERS, "network_": ClassifierHead},
    "OpenJMLAEncoder": {
        **_OF_ENCODERS,
        "network_": (ClassifierHead, TunedJMLA),
        "encoder_": JMLAAudioEncoder,
    },
    "PCA": _OF_PCA,
    "Pipeline": {},
    "RejectOption": {},  # it is loaded around its fitted estimator
    "StandardScaler": {
        **_ON_TABLES,
        "mean_": (np.ndarray, type(None)),
        "var_": (np.ndarray, type(None)),
        "scale_": (np.ndarray, type(None)),
        "n_samples_seen_": (int, float, np.ndarray),
    },
}


def encode(value: Any, tensors: dict[str, torch.Tensor], name: str) -> Any:
    """A JSON value that stands for `value`; its arrays and weights go into `tensors`.

    JSON's own types stand for themselves; all else is ``{"type": ..., ...}``. `name` is the path
    of `value` in the whole, for tensor names and errors.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, float):
        return {"type": "float", "value": repr(value)}
    if isinstance(value, np.generic):
        return encode(value.item(), tensors, name)
    if isinstance(value, os.PathLike):  # which is not known again as one, nor has to be
        return os.fspath(value)
    if isinstance(value, list):
        return [encode(item, tensors, f"{name}.{i}") for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"type": "tuple", "items": encode(list(value), tensors, name)}
    if isinstance(value, dict):
        items = [[key, item] for key, item in value.items()]
        return {"type": "dict", "items": encode(items, tensors, name)}
    if isinstance(value, torch.device):
        return {"type": "device", "name": str(value)}
    if isinstance(value, np.random.RandomState):
        return {"type": "RandomState", "state": encode(value.get_state(), tensors, name)}
    if isinstance(value, np.ndarray):
        return _encode_array(value, tensors, name)
    if type(value) in _NETWORKS.values():
        for key, tensor in value.state_dict().items():
            tensors[f"{name}.{key}"] = tensor.contiguous()
        config = encode(value.config, tensors, name)
        return {"type": "network", "class": type(value).__name__, "config": config, "name": name}
    if type(value) in _ESTIMATORS.values():
        return _encode_estimator(value, tensors, name)
    xgboost = sys.modules.get("xgboost")
    if xgboost is not None and isinstance(value, xgboost.Booster):
        tensors[name] = encode_booster(value)
        return {"type": "booster", "name": name}
    raise TypeError(
        f"{name} is a {type(value).__name__}, which cannot be saved. These can: "
        f"{', '.join(_ESTIMATORS)}; of a search, save its best_estimator_."
    )


def decode(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """What `encode` was given."""
    if isinstance(value, list):
        return [decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    match value["type"]:
        case "float":
            return float(value["value"])
        case "tuple":
            return tuple(decode(value["items"], tensors))
        case "dict":
            return dict(decode(value["items"], tensors))
        case "device":
            return torch.device(value["name"])
        case "RandomState":
            random_state = np.random.RandomState()
            random_state.set_state(decode(value["state"], tensors))
            return random_state
        case "array":
            array = tensors[value["name"]].numpy()
            return array.T if value.get("transposed") else array
        case "labels":
            kind = object if value["kind"] == "O" else str
            return np.array(decode(value["items"], tensors), dtype=kind)
        case "booster":
            return decode_booster(tensors[value["name"]])
        case "network":
            return _decode_network(value, tensors)
        case "estimator":
            return _decode_estimator(value, tensors)
    raise ModelFileError(f"it holds an object of unknown type {value['type']!r}")


def _encode_array(array: np.ndarray, tensors: dict[str, torch.Tensor], name: str) -> Any:
    kind = array.dtype.kind
    if kind in "OU":  # labels, which safetensors does not hold
        return {"type": "labels", "kind": kind, "items": encode(array.tolist(), tensors, name)}
    if kind not in "biuf":
        raise TypeError(f"{name} is an array of {array.dtype}, which cannot be saved.")
    # In the order of its memory: BLAS sums other orders in other ways.
    transposed = array.flags.f_contiguous and not array.flags.c_contiguous
    if transposed:
        array = array.T
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    tensors[name] = torch.from_numpy(native)
    return {"type": "array", "name": name} | ({"transposed": True} if transposed else {})


def _encode_estimator(
    estimator: BaseEstimator, tensors: dict[str, torch.Tensor], name: str
) -> dict[str, Any]:
    params = estimator.get_params(deep=False)
    for folder in _FOLDERS & params.keys():
        params[folder] = None  # on this machine, for fits
    if isinstance(estimator, RejectOption):
        params["estimator"] = getattr(estimator, "estimator_", estimator.estimator)
    learned = {k: v for k, v in vars(estimator).items() if k in _LEARNED[type(estimator).__name__]}
    return {
        "type": "estimator",
        "class": type(estimator).__name__,
        "params": {key: encode(item, tensors, f"{name}.{key}") for key, item in params.items()},
        "learned": {key: encode(item, tensors, f"{name}.{key}") for key, item in learned.items()},
        "output": getattr(estimator, "_sklearn_output_config", {}).get("transform"),
    }


def _decode_estimator(value: dict[str, Any], tensors: dict[str, torch.Tensor]) -> BaseEstimator:
    if value["class"] not in _ESTIMATORS:
        raise ModelFileError(f"it holds an estimator of unknown class {value['class']!r}")
    params = {key: decode(item, tensors) for key, item in value["params"].items()}
    estimator = _ESTIMATORS[value["class"]](**params)
    types = _LEARNED[value["class"]]
    for key, item in value["learned"].items():
        learned = decode(item, tensors)
        if key not in types or not isinstance(learned, types[key]):
            raise ModelFileError(f"it holds an odd attribute {key!r}")
        setattr(estimator, key, learned)
    if value["output"] is not None:
        estimator.set_output(transform=value["output"])
    check_loaded(estimator)
    return estimator


def _decode_network(value: dict[str, Any], tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    if value["class"] not in _NETWORKS:
        raise ModelFileError(f"it holds a network of unknown class {value['class']!r}")
    prefix = f"{value['name']}."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    for key, tensor in weights.items():
        if not torch.isfinite(tensor).all() or (key.endswith("running_var") and (tensor < 0).any()):
            raise ModelFileError(f"the weight {key!r} holds NaN, infinity or a value out of range")
    return _NETWORKS[value["class"]].from_weights(decode(value["config"], tensors), weights)
