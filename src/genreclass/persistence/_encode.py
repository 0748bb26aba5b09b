"""Python objects as JSON values and named tensors: a fixed list of types, both ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from genreclass.exceptions import ModelFileError
from genreclass.features import MelSpectrogram
from genreclass.models import MelCNNClassifier
from genreclass.networks import MelCNN

__all__ = ["decode", "encode"]

_ESTIMATORS = {cls.__name__: cls for cls in (MelCNNClassifier, MelSpectrogram)}
_NETWORKS = {cls.__name__: cls for cls in (MelCNN,)}


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
    raise TypeError(f"{name} is a {type(value).__name__}, which cannot be saved.")


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
            return np.array(decode(value["items"], tensors), dtype=value["dtype"])
        case "network":
            return _decode_network(value, tensors)
        case "estimator":
            return _decode_estimator(value, tensors)
    raise ModelFileError(f"it holds an object of unknown type {value['type']!r}")


def _encode_array(array: np.ndarray, tensors: dict[str, torch.Tensor], name: str) -> Any:
    if array.dtype.kind in "OUS":  # labels, which safetensors does not hold
        dtype = "object" if array.dtype.kind == "O" else array.dtype.str
        return {"type": "labels", "dtype": dtype, "items": encode(array.tolist(), tensors, name)}
    tensors[name] = torch.from_numpy(np.ascontiguousarray(array))
    return {"type": "array", "name": name}


def _encode_estimator(
    estimator: BaseEstimator, tensors: dict[str, torch.Tensor], name: str
) -> dict[str, Any]:
    params = estimator.get_params(deep=False)
    fitted = {key: value for key, value in vars(estimator).items() if key.endswith("_")}
    return {
        "type": "estimator",
        "class": type(estimator).__name__,
        "params": {key: encode(item, tensors, f"{name}.{key}") for key, item in params.items()},
        "fitted": {key: encode(item, tensors, f"{name}.{key}") for key, item in fitted.items()},
    }


def _decode_estimator(value: dict[str, Any], tensors: dict[str, torch.Tensor]) -> BaseEstimator:
    if value["class"] not in _ESTIMATORS:
        raise ModelFileError(f"it holds an estimator of unknown class {value['class']!r}")
    params = {key: decode(item, tensors) for key, item in value["params"].items()}
    estimator = _ESTIMATORS[value["class"]](**params)
    for key, item in value["fitted"].items():
        if not key.endswith("_") or key.startswith("_"):
            raise ModelFileError(f"it holds an attribute of odd name {key!r}")
        setattr(estimator, key, decode(item, tensors))
    return estimator


def _decode_network(value: dict[str, Any], tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    if value["class"] not in _NETWORKS:
        raise ModelFileError(f"it holds a network of unknown class {value['class']!r}")
    network = _NETWORKS[value["class"]](**decode(value["config"], tensors))
    prefix = f"{value['name']}."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    network.load_state_dict(weights)
    return network.eval()
