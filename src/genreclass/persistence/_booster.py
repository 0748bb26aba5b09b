"""XGBoost's trees as UBJSON bytes, and back, every number looked at before XGBoost sees it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from genreclass.exceptions import ModelFileError

if TYPE_CHECKING:
    from xgboost import Booster

__all__ = ["decode_booster", "encode_booster"]

# UBJSON's numbers, all big-endian: https://ubjson.org
_NUMBERS = {
    b"i": ">i1",
    b"U": ">u1",
    b"I": ">i2",
    b"l": ">i4",
    b"L": ">i8",
    b"d": ">f4",
    b"D": ">f8",
}
_DEEPEST = 10  # XGBoost's documents are 7 levels deep

# The arrays of a tree that hold a value for each node, and those of categories, which are empty.
_OF_NODES = {
    "left_children": ">i4",
    "right_children": ">i4",
    "parents": ">i4",
    "split_indices": ">i4",
    "split_conditions": ">f4",
    "split_type": ">u1",
    "default_left": ">u1",
    "base_weights": ">f4",
    "loss_changes": ">f4",
    "sum_hessian": ">f4",
}
_OF_CATEGORIES = {"categories", "categories_nodes", "categories_segments", "categories_sizes"}
_NO_PARENT = 2**31 - 1


def encode_booster(booster: Booster) -> torch.Tensor:
    """The trees as bytes.

    Raises
    ------
    ModelFileError
        They are of a kind, or written by an XGBoost, that `decode_booster` would refuse.
    """
    raw = booster.save_raw("ubj")
    _check_document(_parse(bytes(raw)))
    return torch.frombuffer(raw, dtype=torch.uint8)


def decode_booster(tensor: torch.Tensor) -> Booster:
    """The trees that `encode_booster` was given.

    XGBoost's reader trusts what it reads: a document that points outside itself ends the process.
    So it is given none that was not read and checked here.

    Raises
    ------
    ModelFileError
        The bytes are not such trees.
    """
    from xgboost import Booster

    if tensor.dtype != torch.uint8 or tensor.ndim != 1:
        raise ModelFileError("its trees are no bytes")
    raw = tensor.numpy().tobytes()
    try:
        _check_document(_parse(raw))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelFileError(
            f"its trees are damaged ({type(error).__name__}: {error!s:.100})"
        ) from error
    booster = Booster({"verbosity": 0})
    booster.load_model(bytearray(raw))
    return booster


def _parse(data: bytes) -> Any:
    """A whole UBJSON document: dicts, lists, arrays of one type, text and numbers."""
    value, end = _read_value(data, 0, 0)
    _demand(end == len(data), "bytes are left over")
    return value


def _read_value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    _demand(depth <= _DEEPEST, "it is nested too deep")
    marker, at = data[at : at + 1], at + 1
    if marker in _NUMBERS:
        numbers, at = _read_numbers(data, at, marker, 1)
        return numbers[0].item(), at
    if marker == b"S":
        return _read_text(data, at)
    if marker == b"{":
        return _read_object(data, at, depth)
    _demand(marker == b"[", f"there is no type {marker!r}")
    if data[at : at + 1] == b"$":
        marker = data[at + 1 : at + 2]
        size, at = _read_size(data, at + 2, b"#")
        return _read_numbers(data, at, marker, size)
    size, at = _read_size(data, at, b"#")
    items = []
    for _ in range(size):
        item, at = _read_value(data, at, depth + 1)
        items.append(item)
    return items, at


def _read_object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while data[at : at + 1] != b"}":
        key, at = _read_text(data, at)
        # Another reader might take the other one.
        _demand(key not in found, f"{key!r} is there twice")
        found[key], at = _read_value(data, at, depth + 1)
    return found, at + 1


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _read_size(data, at, b"")
    return data[at : at + size].decode("ascii"), at + size


def _read_size(data: bytes, at: int, mark: bytes) -> tuple[int, int]:
    """A size after its mark, always 64-bit here, of no more than is left (an item is a byte)."""
    mark += b"L"
    _demand(data[at : at + len(mark)] == mark, "a size is missing")
    numbers, at = _read_numbers(data, at + len(mark), b"L", 1)
    size = int(numbers[0])
    _demand(0 <= size <= len(data) - at, f"a size is {size}")
    return size, at


def _read_numbers(data: bytes, at: int, marker: bytes, size: int) -> tuple[np.ndarray, int]:
    kind = np.dtype(_NUMBERS[marker])
    end = at + size * kind.itemsize
    _demand(end <= len(data), "it ends early")
    return np.frombuffer(data, kind, size, at), end


def _check_document(document: Any) -> None:
    """Refuse what points outside itself, and what a BoostedTreesClassifier does not hold."""
    _check_keys(document, {"learner", "version"})
    _check_list(document["version"], 3, 1000)
    learner = document["learner"]
    _check_keys(
        learner,
        {"attributes", "feature_names", "feature_types", "gradient_booster"}
        | {"learner_model_param", "objective"},
    )
    for name in ("attributes", "feature_names", "feature_types"):
        _demand(len(learner[name]) == 0, f"{name} is not empty")
    params = learner["learner_model_param"]
    _check_keys(
        params, {"base_score", "boost_from_average", "num_class", "num_feature", "num_target"}
    )
    n_features, n_classes = int(params["num_feature"]), int(params["num_class"])
    _demand(1 <= n_features < 2**31, f"num_feature is {n_features}")
    _demand(n_classes == 0 or 3 <= n_classes < 2**31, f"num_class is {n_classes}")
    _demand(params["num_target"] == "1", "it has several targets")
    _demand(params["boost_from_average"] in ("0", "1"), "boost_from_average is odd")
    # A list since XGBoost 3.1, a number before.
    base = [float(score) for score in params["base_score"].strip("[]").split(",")]
    _demand(len(base) in (1, n_classes), "base_score is of another size")
    _demand(bool(np.isfinite(base).all()), "base_score is not finite")
    objective: dict[str, Any] = {
        "name": "binary:logistic",
        "reg_loss_param": {"scale_pos_weight": "1"},
    }
    if n_classes:
        objective = {
            "name": "multi:softprob",
            "softmax_multiclass_param": {"num_class": str(n_classes)},
        }
    _demand(learner["objective"] == objective, "its objective is another")
    _check_keys(learner["gradient_booster"], {"model", "name"})
    _demand(learner["gradient_booster"]["name"] == "gbtree", "it is no gbtree")
    _check_model(learner["gradient_booster"]["model"], n_features, max(n_classes, 1))


def _check_model(model: Any, n_features: int, n_groups: int) -> None:
    _check_keys(
        model,
        {"gbtree_model_param", "iteration_indptr", "tree_info", "trees"},
        optional={"cats"},  # since XGBoost 3.1
    )
    if "cats" in model:
        _check_keys(model["cats"], {"enc", "feature_segments", "sorted_idx"})
        _demand(not any(len(part) for part in model["cats"].values()), "it has categories")
    trees = model["trees"]
    _demand(isinstance(trees, list), "trees is no list")
    expected = {"num_parallel_tree": "1", "num_trees": str(len(trees))}
    _demand(model["gbtree_model_param"] == expected, "the number of trees is another")
    _check_list(model["tree_info"], len(trees), n_groups)
    rounds = model["iteration_indptr"]
    _check_list(rounds, len(rounds), len(trees) + 1)
    _demand(rounds[0] == 0 and rounds[-1] == len(trees), "rounds do not span the trees")
    _demand(all(a < b for a, b in pairwise(rounds)), "rounds do not rise")
    for number, tree in enumerate(trees):
        _check_tree(tree, number, n_features)


def _check_tree(tree: Any, number: int, n_features: int) -> None:
    _check_keys(tree, {"id", "tree_param", *_OF_NODES, *_OF_CATEGORIES})
    _demand(tree["id"] == number, "a tree has the number of another")
    params = tree["tree_param"]
    _check_keys(params, {"num_deleted", "num_feature", "num_nodes", "size_leaf_vector"})
    n_nodes = len(tree["left_children"])
    _demand(n_nodes >= 1, "a tree is empty")
    _demand(params["num_nodes"] == str(n_nodes), "the number of nodes is another")
    _demand(params["num_feature"] == str(n_features), "a tree has other features")
    _demand(params["num_deleted"] == "0", "nodes were deleted")
    _demand(params["size_leaf_vector"] in ("0", "1"), "leaves are vectors")
    for name in _OF_CATEGORIES:
        _demand(len(tree[name]) == 0, "it has categories")
    for name, kind in _OF_NODES.items():
        values = tree[name]
        good = isinstance(values, np.ndarray) and values.dtype == kind and len(values) == n_nodes
        _demand(good, f"{name} is of another type or length")
        _demand(bool(np.isfinite(values).all()), f"{name} is not finite")
    left, right, parents = tree["left_children"], tree["right_children"], tree["parents"]
    nodes = np.arange(n_nodes)
    inner = left != -1
    # Children come after their parent, so that no path runs in a circle.
    for children in (left, right):
        _demand(bool(np.all((children == -1) == ~inner)), "a node has one child")
        good = (children[inner] > nodes[inner]) & (children[inner] < n_nodes)
        _demand(bool(good.all()), "a child is outside its tree")
        _demand(bool((parents[children[inner]] == nodes[inner]).all()), "a child is another's")
    _demand(2 * int(inner.sum()) + 1 == n_nodes, "nodes are outside the tree")
    _demand(parents[0] == _NO_PARENT, "the root has a parent")
    split_on = tree["split_indices"]
    _demand(bool(((split_on >= 0) & (split_on < n_features)).all()), "a split has no feature")
    _demand(not tree["split_type"].any(), "a split is by category")
    _demand(bool((tree["default_left"] <= 1).all()), "default_left is odd")


def _check_list(values: Any, size: int, end: int) -> None:
    """A list of `size` whole numbers from 0 to below `end`."""
    good = isinstance(values, list) and len(values) == size
    good = good and all(type(value) is int and 0 <= value < end for value in values)
    _demand(good, "a list is of another length, or its numbers are out of range")


def _check_keys(found: Any, expected: set[str], optional: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    _demand(isinstance(found, dict), "an object is missing")
    odd = sorted((expected ^ set(found)) - optional)
    _demand(not odd, f"{odd[:1]} is missing or unknown")


def _demand(good: bool, fault: str) -> None:
    if not good:
        raise ModelFileError(f"its trees are damaged, or of an unknown XGBoost: {fault}")
