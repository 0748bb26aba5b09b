"""Python objects as JSON values and named tensors: a fixed list of types, both ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from genreclass.exceptions import ModelFileError
from genreclass.features import MelSpectrogram
from genreclass.models import MelCNNClassifier
from genreclass.networks import MelCNN

__all__ = ["decode", "encode"]

_ESTIMATORS = {cls.__name__: cls for cls in (MelCNNClassifier, MelSpectrogram)}
_NETWORKS = {cls.__name__: cls for cls in (MelCNN,)}

# What an estimator may have learned, and the types it must be of.
_ON_TABLES = {"n_features_in_": int, "feature_names_in_": np.ndarray}
_LEARNED: dict[str, dict[str, Any]] = {
    "MelSpectrogram": _ON_TABLES,
    "MelCNNClassifier": {
        **_ON_TABLES,
        "classes_": np.ndarray,
        "mel_": (MelSpectrogram, type(None)),
        "crop_frames_": int,
        "network_": MelCNN,
        "history_": list,
        "best_epoch_": int,
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
    raise TypeError(
        f"{name} is a {type(value).__name__}, which cannot be saved. These can: "
        f"{', '.join(_ESTIMATORS)}; of a Pipeline or search, save the one inside."
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
            return tensors[value["name"]].numpy()
        case "labels":
            kind = object if value["kind"] == "O" else str
            return np.array(decode(value["items"], tensors), dtype=kind)
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
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    tensors[name] = torch.from_numpy(native)
    return {"type": "array", "name": name}


def _encode_estimator(
    estimator: BaseEstimator, tensors: dict[str, torch.Tensor], name: str
) -> dict[str, Any]:
    params = estimator.get_params(deep=False)
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
    check_is_fitted(estimator)
    estimator._check_parameters()
    if isinstance(estimator, MelCNNClassifier):
        _check_classifier(estimator)
    return estimator


def _check_classifier(estimator: MelCNNClassifier) -> None:
    n_classes = estimator.network_.config["n_classes"]
    if estimator.classes_.ndim != 1 or len(set(estimator.classes_.tolist())) != n_classes:
        raise ModelFileError(f"its classes_ are not {n_classes} labels, as its network has them")
    # An hour of frames: a crop is of seconds, and a larger number would ask for memory.
    if not 1 <= estimator.crop_frames_ <= 200_000:
        raise ModelFileError(f"its crop_frames_ is {estimator.crop_frames_}")


def _decode_network(value: dict[str, Any], tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    if value["class"] not in _NETWORKS:
        raise ModelFileError(f"it holds a network of unknown class {value['class']!r}")
    prefix = f"{value['name']}."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    for key, tensor in weights.items():
        if not torch.isfinite(tensor).all() or (key.endswith("running_var") and (tensor < 0).any()):
            raise ModelFileError(f"the weight {key!r} holds NaN, infinity or a value out of range")
    return _NETWORKS[value["class"]].from_weights(decode(value["config"], tensors), weights)
